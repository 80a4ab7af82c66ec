"""``narratives convert``"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from classifier.batch.posts_table import json_line, rows, write_posts
from classifier.batch.readers import BadRecord, Columns, Reading, Tally, read_all
from classifier.batch.sources.registry import check_format
from classifier.batch.times import find_zone
from classifier.cli.left_out import print_left_out
from classifier.errors import InputError

_SHOWN = 20


def convert(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files or folders: Telegram's result.json, 4CAT's CSV, feeds, saved pages, tables."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=".parquet, .jsonl or .csv; JSON lines are printed without.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="auto, text, table, telegram, 4cat, feed or html.")] = "auto",
    column: Annotated[
        str, typer.Option("--column", "--text-column", help="Column of a table that holds the text.")
    ] = "text",
    time: Annotated[str, typer.Option("--time-column", help="Column with the time; 'time' where there is one.")] = "",
    source: Annotated[
        str, typer.Option("--source-column", help="Column with who published it; 'source' where there is one.")
    ] = "",
    url: Annotated[str, typer.Option("--url-column", help="Column with the address; 'url' where there is one.")] = "",
    author: Annotated[
        str, typer.Option("--author-column", help="Column with the author; 'author' where there is one.")
    ] = "",
    zone: Annotated[
        str, typer.Option("--zone", help="Time zone of times that name none, such as Europe/Moscow.")
    ] = "UTC",
    replace: Annotated[bool, typer.Option("--replace", help="Write over the output where it is there.")] = False,
) -> None:
    """Turn exports, feeds, saved pages and tables into one table of posts with time and source.

    A record that cannot be taken is reported and skipped; the exit code is then 1. Nothing is fetched.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    check_format(format)
    if output is not None and output.exists() and not replace:
        raise InputError(f"{output}: is there already; take another name, or --replace")
    reading = Reading(format, Columns(column, time, source, url, author), find_zone(zone))
    tally = Tally()
    bad = 0

    def tell_bad(record: BadRecord) -> None:
        nonlocal bad
        bad += 1
        if bad <= _SHOWN:
            place = f"{record.file}, row {record.row}" if record.row else record.file
            errors.print(f"skipped: {place}: {record.message}", markup=False)

    records = read_all(sources, reading, tally)
    if output is None:
        for row in rows(records, tell_bad):
            sys.stdout.buffer.write(json_line(row))
        sys.stdout.buffer.flush()
    else:
        count = write_posts(records, output, tell_bad, replace=replace)
        errors.print(f"wrote {output}: {count:,} posts", markup=False)
    print_left_out(errors, tally)
    if bad:
        errors.print(f"{bad:,} record{'s' if bad > 1 else ''} skipped")
        raise typer.Exit(1)
