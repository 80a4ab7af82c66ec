"""``narratives models diff``"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifier.batch.readers import BadRecord, read_records
from classifier.cli.console import table_console
from classifier.cli.reading_view import harmless
from classifier.durable import write_file
from classifier.errors import InputError
from classifier.model.answer import TextItem
from classifier.model.comparing import Flip, ModelComparison, compare_models
from classifier.model.golden import golden_texts
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import PUBLIC_KEY_ENVIRONMENT, load_named
from classifier.training.diff_page import cut, names, quoted, shown, summary_lines, write_diff
from classifier.training.report_html import to_html

SHOWN_CHARACTERS = 160
"""Longer texts are cut in the terminal."""

SHOWN_TERMS = 4


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A version, or the path of a model directory.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", help="File of texts; may be given several times. Without: golden texts, LABELS/test."),
    ] = None,
    column: Annotated[str, typer.Option("--column", help="Column that holds the text.")] = "text",
    html: Annotated[Path | None, typer.Option("--html", help="HTML file that takes the comparison.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many flips are told; all are counted.")] = 20,
    models: Annotated[Path, typer.Option("--models", help="Directory with the versions.")] = Path("models"),
    labels: Annotated[Path, typer.Option("--labels", help="Directory whose test sets are taken.")] = Path("labels"),
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", envvar=PUBLIC_KEY_ENVIRONMENT, help="Take models only if signed for its keys."),
    ] = None,
) -> None:
    """Tell which texts two models decide otherwise, and which n-grams explain it.

    The exit code is 0 whatever is found, and 1 where records were skipped.
    """
    one, other = (load_named(models, name, public_key=public_key) for name in (a, b))
    skipped: list[BadRecord] = []
    if texts:
        found = compare_models(one, other, _records(texts, column, skipped), n_flips=limit)
        sources = ", ".join(texts)
    else:
        files = _test_files(labels)
        golden = _golden(one, other)
        found = compare_models(one, other, chain(golden, _records(files, "text", skipped)), n_flips=limit)
        sources = f"{len(golden)} golden texts" + (f", {labels / 'test'}" if files else "")
    if not found.n_texts:
        raise InputError(f"there is no text to compare the models on in {sources}; name others with --texts FILE")
    if html is not None:
        write_file(html, to_html(write_diff(found, sources)))
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    for bad in skipped:
        errors.print(f"skipped: {bad.file}, row {bad.row}: {bad.message}", markup=False)
    if as_json:
        typer.echo(json.dumps({"texts": sources, **found.to_dict()}, ensure_ascii=True, indent=1))
    else:
        _tell(found, sources)
        if html is not None:
            Console(soft_wrap=True, highlight=False).print(f"wrote {html}", markup=False)
    if skipped:
        raise typer.Exit(1)


def _golden(one: NarrativeModel, other: NarrativeModel) -> list[tuple[str, TextItem]]:
    """The golden texts of both, each once."""
    found: dict[str, str] = {}
    for model in (one, other):
        for i, text in enumerate(golden_texts(model), 1):
            found.setdefault(text, f"{model.identity.version}, golden text {i}")
    return [(place, TextItem(text)) for text, place in found.items()]


def _test_files(labels: Path) -> list[str]:
    test = labels / "test"
    return [str(path) for pattern in ("*.csv", "neutral/*/*.txt") for path in sorted(test.glob(pattern))]


def _records(files: list[str], column: str, skipped: list[BadRecord]) -> Iterator[tuple[str, TextItem]]:
    for file in files:
        for record in read_records(file, column=column):
            if isinstance(record, BadRecord):
                skipped.append(record)
            else:
                yield f"{record.file}, row {record.row}", record.item


def _tell(found: ModelComparison, sources: str) -> None:
    out = Console(soft_wrap=True, highlight=False)
    for line in summary_lines(found, sources):
        out.print(Text(harmless(line)))
    if found.same:
        return
    a, b = (harmless(name) for name in names(found))
    tables = table_console()
    if found.parameters:
        tables.print(_table(f"parameters|{a}|{b}", [(n, shown(x), shown(y)) for n, x, y in found.parameters]))
    moved = [n for n in found.narratives if n.gained or n.lost or n.other]
    if moved:
        narratives = [
            (
                *(n.id, str(n.yes[0]), str(n.yes[1]), str(n.gained), str(n.lost), str(n.other)),
                *(f"{n.mean_change:+.3f}", f"{n.threshold[0]:.3f}", f"{n.threshold[1]:.3f}"),
            )
            for n in moved
        ]
        heads = (
            f"narrative|yes, {a}|yes, {b}|yes gained|yes lost|unsure or no|mean change|threshold, {a}|threshold, {b}"
        )
        tables.print(_table(heads, narratives))
        if len(moved) < len(found.narratives):
            out.print(f"{len(found.narratives) - len(moved)} other narratives: no decision flipped")
    if found.features:
        features = [
            (
                f.narrative,
                quoted(f.feature),
                f.kind,
                f"{f.mean_change:+.4f}",
                f"{f.weight[0]:+.2f}",
                f"{f.weight[1]:+.2f}",
            )
            for f in found.features[:10]
        ]
        tables.print(_table(f"narrative|n-gram|kind|mean change of logit|weight, {a}|weight, {b}", features, left=3))
    if found.flips:
        flips = [(cut(f.text, SHOWN_CHARACTERS), f.narrative, _decisions(f), _because(f)) for f in found.flips]
        tables.print(_table(f"text|narrative|{a} -> {b}|because", flips, left=4, lines=True))
        if found.n_flips > len(found.flips):
            out.print(f"{found.n_flips - len(found.flips):,} more flips: --limit, --json or --html tells them")


def _decisions(flip: Flip) -> str:
    sides = [f"{s.decision} {s.probability:.2f}{f', {s.reason}' if s.reason else ''}" for s in (flip.a, flip.b)]
    return f"{' -> '.join(sides)}\nlogit {flip.b.logit - flip.a.logit:+.2f}"


def _because(flip: Flip) -> str:
    """The largest changes, and what is left, so that they sum to that of the logit."""
    told = [f"{term.change:+.2f} {quoted(term.feature)}" for term in flip.terms[:SHOWN_TERMS]]
    rest = flip.rest + sum(term.change for term in flip.terms[SHOWN_TERMS:])
    n_rest = flip.n_rest + len(flip.terms[SHOWN_TERMS:])
    told += [f"{rest:+.2f} {n_rest} other n-grams"] if n_rest else []
    told.append(f"{flip.bias:+.2f} bias")
    told += [f"{flip.length:+.2f} length"] if flip.length else []
    return "\n".join(told)


def _table(headings: str, rows: Iterable[Sequence[str]], *, left: int = 1, lines: bool = False) -> Table:
    table = Table(show_lines=lines)
    for i, heading in enumerate(headings.split("|")):
        table.add_column(Text(heading), justify="left" if i < left else "right")
    for row in rows:
        table.add_row(*(Text("\n".join(harmless(line) for line in cell.split("\n"))) for cell in row))
    return table
