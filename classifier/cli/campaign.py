"""``narratives campaign``"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from classifier.batch.readers import BadRecord, Columns, Reading, Record, Tally, read_all
from classifier.batch.times import find_zone, to_utc
from classifier.cli.reading_view import harmless
from classifier.errors import InputError, MissingExtra
from classifier.model.versions import load_model

if TYPE_CHECKING:
    from classifier.campaigns.findings import Findings, Post

_SHOWN = 20
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

NO_TIME = "no time"
NO_SOURCE = "no source"
BROKEN = "could not be read"
OUTSIDE = "outside --from and --until"


class Tlp(StrEnum):
    """Traffic light of a STIX bundle."""

    clear = "clear"
    green = "green"
    amber = "amber"
    amber_strict = "amber+strict"
    red = "red"


def campaign(
    sources: Annotated[
        list[str], typer.Argument(help="Files or folders: Telegram's result.json, 4CAT's CSV, feeds, pages, tables.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to write into.")],
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
    format: Annotated[str, typer.Option("--format", help="auto, text, table, telegram, 4cat, feed or html.")] = "auto",
    column: Annotated[
        str, typer.Option("--text-column", "--column", help="Column of a table that holds the text.")
    ] = "text",
    time: Annotated[str, typer.Option("--time-column", help="Column with the time; 'time' where there is one.")] = "",
    source: Annotated[
        str, typer.Option("--source-column", help="Column with who published it; 'source' where there is one.")
    ] = "",
    url: Annotated[str, typer.Option("--url-column", help="Column with the address; 'url' where there is one.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="Time zone of times that name none.")] = "UTC",
    begin: Annotated[str, typer.Option("--from", help="Only posts from then on, such as 2026-03-01.")] = "",
    until: Annotated[str, typer.Option("--until", help="Only posts before then.")] = "",
    step: Annotated[str, typer.Option("--bin", help="Step of time: 30m, 6h, 1d, 1w; chosen by itself without.")] = "",
    narratives: Annotated[
        str, typer.Option("--narratives", help="Show only these, such as russophobia,inevitable-war.")
    ] = "",
    labelled: Annotated[
        Path | None, typer.Option("--labelled", help="Label file: a random sample of these posts, for error rates.")
    ] = None,
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Same posts, same number: same.")] = 0,
    title: Annotated[str, typer.Option("--title", help="Heading of the page and name of the STIX report.")] = "",
    html: Annotated[bool, typer.Option("--html/--no-html", help="Write campaign.html.")] = True,
    csv: Annotated[bool, typer.Option("--csv/--no-csv", help="Write the tables.")] = True,
    stix: Annotated[bool, typer.Option("--stix/--no-stix", help="Write campaign.stix.json.")] = True,
    texts: Annotated[bool, typer.Option("--texts/--no-texts", help="Show the posts' texts.")] = True,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Number the sources; leave addresses and files out.")
    ] = False,
    tlp: Annotated[Tlp | None, typer.Option("--tlp", help="Traffic light of the STIX objects.")] = None,
) -> None:
    """Narratives over time and sources: how often, in which bursts, who said it first, who echoed it, in which voice.

    Writes one HTML page, CSV tables and a STIX bundle. Posts without time or source are left out and counted; the exit
    code is then 1, as where a record cannot be read.
    """
    try:
        from classifier.campaigns.choosing import only
        from classifier.campaigns.inquiry import inquire
        from classifier.campaigns.labelled import rates_from_labels
        from classifier.campaigns.outputs import write_outputs
        from classifier.campaigns.privacy import with_pseudonyms, without_texts
        from classifier.campaigns.wording import period
    except ImportError as error:
        raise MissingExtra("Looking for campaigns", "campaign") from error
    if not (html or csv or stix):
        raise InputError("nothing would be written; leave one of --no-html, --no-csv and --no-stix out")
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    time_zone = find_zone(zone)
    between = _time("--from", begin, time_zone), _time("--until", until, time_zone)
    bin = _step(step)
    loaded = load_model(model)
    chosen = [name.strip() for name in narratives.split(",") if name.strip()]
    for name in chosen:
        if name not in loaded.ids:
            raise InputError(f"{name!r} is no narrative of this model; allowed are {', '.join(loaded.ids)}")
    reading = Reading(format, Columns(column, time, source, url), time_zone)
    tally = Tally()
    posts, skipped = _posts(read_all(sources, reading, tally), between, errors)
    skipped = skipped + tally.skipped
    for told, counts in (("left out", skipped), ("note", tally.remarks)):
        for reason, n in counts.most_common():
            errors.print(f"{told}: {reason}: {n:,}", markup=False)
    if not posts:
        raise InputError("no post is left that has a text, a time and a source; see --time-column and --source-column")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task("starting", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(task, description=stage, completed=share)

        rates = None if labelled is None else rates_from_labels(labelled, posts, loaded, tell)
        findings = inquire(
            posts, loaded, bin=bin, rates=rates, random_state=random_state, skipped=skipped, progress=tell
        )
        findings = only(findings, chosen) if chosen else findings
        findings = findings if texts else without_texts(findings)
        findings = with_pseudonyms(findings) if pseudonyms else findings
        tell("writing", 1.0)
        written, earlier = write_outputs(
            findings,
            output,
            title=title or f"Narratives, {period(findings)}",
            # What was typed names files, and these may name sources.
            command="narratives campaign --pseudonyms ..." if pseudonyms else shlex.join(["narratives", *sys.argv[1:]]),
            html=html,
            csv=csv,
            stix=stix,
            tlp=None if tlp is None else tlp.value,
        )
    for path in written:
        errors.print(f"wrote {path}", markup=False)
    for path in earlier:
        errors.print(f"note: {path} is of an earlier run", markup=False)
    _tell(findings)
    if skipped[NO_TIME] or skipped[NO_SOURCE] or skipped[BROKEN]:
        raise typer.Exit(1)


def _posts(
    records: Iterable[Record | BadRecord], between: tuple[datetime | None, datetime | None], errors: Console
) -> tuple[list[Post], Counter[str]]:
    """Posts with time and source, and how many records were left out, by reason."""
    from classifier.campaigns.findings import Post

    begin, until = between
    posts: list[Post] = []
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    for record in records:
        if isinstance(record, BadRecord):
            skipped[BROKEN] += 1
            if skipped[BROKEN] <= _SHOWN:
                place = f"{record.file}, row {record.row}" if record.row else record.file
                errors.print(f"skipped: {place}: {record.message}", markup=False)
        elif record.time is None:
            skipped[NO_TIME] += 1
        elif not record.source:
            skipped[NO_SOURCE] += 1
        elif (begin and record.time < begin) or (until and record.time >= until):
            skipped[OUTSIDE] += 1
        else:
            place = f"{record.file}:{record.row}"
            # Ids of several files may be the same; where a record stands is not.
            name = record.item.id if record.item.id and record.item.id not in seen else place
            if name in seen:
                skipped["the same file twice"] += 1
                continue
            seen.add(name)
            posts.append(Post(name, record.item.text, record.time, record.source, record.url, record.file, record.row))
    return posts, skipped


def _time(option: str, value: str, zone: tzinfo) -> datetime | None:
    if not value:
        return None
    try:
        return to_utc(value, zone).time.astimezone(UTC)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from error


def _step(value: str) -> timedelta | None:
    if not value:
        return None
    found = re.fullmatch(r"(\d{1,6})([mhdw])", value)
    if not found:
        raise InputError(f"--bin: {value!r} is no step of time; write a number and m, h, d or w, such as 30m or 6h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _tell(findings: Findings) -> None:
    from classifier.campaigns.wording import counted, told_burst, told_shift

    out = Console(soft_wrap=True, highlight=False)
    n_sources = len({tagged.post.source for tagged in findings.posts})
    out.print(
        f"{counted(len(findings.posts), 'post')} from {counted(n_sources, 'source')}: "
        f"{counted(len(findings.bursts), 'burst')}, {counted(len(findings.clusters), 'cluster')}, "
        f"{counted(len(findings.shifts), 'voice shift')}"
    )
    lines = [(b.narrative, told_burst(b)) for b in findings.bursts[:10]]
    lines += [(s.narrative, told_shift(s)) for s in findings.shifts[:10]]
    for narrative, told in lines:
        out.print(harmless(f"- {findings.names.get(narrative, narrative)}: {told}"), markup=False)
