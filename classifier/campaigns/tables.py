"""Findings as CSV files: one a kind of finding, plain column names, times in ISO 8601 (UTC), lags in seconds.

Like ``labels export --excel``: a byte order mark, and an apostrophe before what a spreadsheet would compute.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from classifier.campaigns.findings import Findings, PrevalencePoint
from classifier.corpus.formats.csv_table import no_formula
from classifier.durable import new_file

BETWEEN = "; "
"""Between several values in one cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """One file: its columns, and the rows that findings give."""

    file: str
    columns: tuple[str, ...]
    rows: Callable[[Findings], Iterator[Sequence[Any]]]


def write_tables(findings: Findings, directory: Path) -> list[Path]:
    """Write every table into ``directory``; each file is replaced in one step."""
    return [_write(directory / table.file, table.columns, table.rows(findings)) for table in TABLES]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    # Half surrogate pairs cannot be written as UTF-8.
    with (
        new_file(path, replace=True) as aside,
        aside.open("w", encoding="utf-8-sig", errors="replace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(value) for value in row])
    return path


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str):
        return no_formula(value)
    if isinstance(value, tuple):
        return no_formula(BETWEEN.join(value))
    return value


def iso(time: datetime) -> str:
    """ISO 8601 with "Z": every time of findings is in UTC."""
    return time.isoformat().replace("+00:00", "Z")


def _points(points: Iterable[PrevalencePoint], names: dict[str, str]) -> Iterator[Sequence[Any]]:
    for p in points:
        s = p.share
        yield (
            *(p.narrative, names.get(p.narrative, ""), p.source, p.begin, p.end),
            *(s.n_posts, s.n_tagged, s.raw, s.share, s.low, s.high),
        )


_POINT_COLUMNS = (
    *("narrative", "name", "source", "begin", "end"),
    *("n_posts", "n_tagged", "raw_share", "adjusted_share", "low", "high"),
)


def _bursts(found: Findings) -> Iterator[Sequence[Any]]:
    for b in found.bursts:
        yield (
            *(b.narrative, found.names.get(b.narrative, ""), b.begin, b.end, b.n_posts, b.expected, b.p_value),
            *(b.sources, b.first_post, b.cluster),
        )


def _clusters(found: Findings) -> Iterator[Sequence[Any]]:
    for c in found.clusters:
        first, last = c.echoes[0], c.echoes[-1]
        yield (
            *(c.id, c.kind, c.narratives, len(c.echoes), len(c.sources), c.sources),
            *(first.post, first.source, first.time, last.time, last.lag.total_seconds(), c.summary),
        )


def _echoes(found: Findings) -> Iterator[Sequence[Any]]:
    for c in found.clusters:
        for order, e in enumerate(c.echoes, 1):
            yield (
                *(c.id, order, e.post, e.source, e.time, e.lag.total_seconds()),
                *(e.how, e.similarity, e.nearest, e.voice, e.again),
            )


def _voices(found: Findings) -> Iterator[Sequence[Any]]:
    for v in found.voices:
        counts = (v.counts.get(voice, 0) for voice in ("asserted", "attributed", "rejected"))
        yield (v.narrative, found.names.get(v.narrative, ""), v.begin, v.end, *counts)


def _shifts(found: Findings) -> Iterator[Sequence[Any]]:
    for s in found.shifts:
        yield (
            *(s.narrative, found.names.get(s.narrative, ""), s.voice, s.at, s.before, s.after),
            *(s.n_before, s.n_after, s.difference, s.low, s.high, s.p_value),
        )


def _error_rates(found: Findings) -> Iterator[Sequence[Any]]:
    for e in found.error_rates:
        yield (
            *(e.narrative, found.names.get(e.narrative, ""), e.unit),
            *(e.true_positive_rate, *e.true_positive_interval),
            *(e.false_positive_rate, *e.false_positive_interval, e.basis),
        )


def _posts(found: Findings) -> Iterator[Sequence[Any]]:
    for tagged in found.posts:
        p = tagged.post
        narratives = tuple(tag.narrative for tag in tagged.tags if tag.decision == "yes")
        yield (
            *(p.id, p.time, p.source, p.url, p.file, p.row),
            *(tagged.n_sentences, tagged.familiar, narratives, p.text),
        )


def _tags(found: Findings) -> Iterator[Sequence[Any]]:
    for tagged in found.posts:
        for tag in tagged.tags:
            yield (tagged.post.id, tag.narrative, tag.probability, tag.decision, tag.voice, tag.begin, tag.end)


TABLES = (
    Table("prevalence.csv", _POINT_COLUMNS, lambda f: _points(f.prevalence, dict(f.names))),
    Table("sources.csv", _POINT_COLUMNS, lambda f: _points(f.overall, dict(f.names))),
    Table(
        "bursts.csv",
        (
            *("narrative", "name", "begin", "end", "n_posts", "expected", "p_value"),
            *("sources", "first_post", "cluster"),
        ),
        _bursts,
    ),
    Table(
        "clusters.csv",
        (
            *("cluster", "kind", "narratives", "n_posts", "n_sources", "sources"),
            *("first_post", "first_source", "first_time", "last_time", "span_seconds", "summary"),
        ),
        _clusters,
    ),
    Table(
        "echoes.csv",
        (
            "cluster",
            "order",
            "post",
            "source",
            "time",
            "lag_seconds",
            "how",
            "similarity",
            "nearest_post",
            "voice",
            "again",
        ),
        _echoes,
    ),
    Table(
        "pairs.csv",
        ("leader", "follower", "n_clusters", "median_lag_seconds"),
        lambda f: ((p.leader, p.follower, p.n_clusters, p.median_lag.total_seconds()) for p in f.pairs),
    ),
    Table("voices.csv", ("narrative", "name", "begin", "end", "asserted", "attributed", "rejected"), _voices),
    Table(
        "shifts.csv",
        (
            *("narrative", "name", "voice", "at", "share_before", "share_after"),
            *("n_before", "n_after", "difference", "low", "high", "p_value"),
        ),
        _shifts,
    ),
    Table(
        "error_rates.csv",
        (
            *("narrative", "name", "unit", "true_positive_rate", "true_positive_low", "true_positive_high"),
            *("false_positive_rate", "false_positive_low", "false_positive_high", "basis"),
        ),
        _error_rates,
    ),
    Table(
        "posts.csv",
        ("post", "time", "source", "url", "file", "row", "n_sentences", "familiar", "narratives", "text"),
        _posts,
    ),
    Table("tags.csv", ("post", "narrative", "probability", "decision", "voice", "begin", "end"), _tags),
)
"""The files in the order in which they are written."""
