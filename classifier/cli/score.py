"""``narratives score``"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from classifier.batch.readers import BadRecord, Columns, Reading, Record, Tally, read_records
from classifier.batch.units import score_record
from classifier.cli.left_out import print_left_out
from classifier.cli.reading_view import print_reading_view
from classifier.errors import InputError
from classifier.model.answer import TextItem
from classifier.model.versions import load_model


class Unit(StrEnum):
    """What one output row is."""

    text = "text"
    paragraph = "paragraph"
    sentence = "sentence"


class Format(StrEnum):
    """How to print."""

    auto = "auto"
    view = "view"
    jsonl = "jsonl"


def score(
    files: Annotated[
        list[str] | None, typer.Argument(help=".txt, .jsonl, .csv, .parquet files, or - for stdin.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Score this text instead of files.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
    column: Annotated[str, typer.Option("--column", help="Column that holds the text.")] = "text",
    unit: Annotated[Unit, typer.Option("--unit", help="What one output row is.")] = Unit.text,
    explain: Annotated[int, typer.Option("--explain", min=0, help="n-grams of evidence a label; 0 for none.")] = 5,
    all_labels: Annotated[bool, typer.Option("--all", help='Labels decided "no" too.')] = False,
    detect_language: Annotated[bool, typer.Option("--detect-language", help="Identify the language.")] = False,
    output: Annotated[
        Format, typer.Option("--format", help="A reading view, JSON lines, or (auto) a view in a terminal only.")
    ] = Format.auto,
) -> None:
    """Score texts: a coloured reading view in a terminal, JSON lines elsewhere.

    A record that cannot be taken is reported and skipped; the exit code is then 1.
    """
    if bool(files) == (text is not None):
        raise InputError("give files (or - for standard input), or --text, and not both")
    loaded = load_model(model)
    view = output is Format.view or (output is Format.auto and sys.stdout.isatty())
    if view and unit is not Unit.text:
        raise InputError("--format view shows whole texts; leave --unit out, or take --format jsonl")
    if view and all_labels:
        raise InputError("--format view shows what was decided; leave --all out, or take --format jsonl")
    console = Console(soft_wrap=False)
    errors = Console(stderr=True, soft_wrap=True)
    bad, tally = 0, Tally()
    for record in _with_progress(_records(files, text, column, tally), show=not view):
        if isinstance(record, BadRecord):
            bad += 1
            errors.print(f"skipped: {record.file}, row {record.row}: {record.message}", markup=False, highlight=False)
            continue
        if view:
            print_reading_view(console, loaded, record, explain=explain or None, detect_language=detect_language)
            continue
        for row in score_record(
            loaded,
            record,
            unit=unit.value,
            explain=explain or None,
            all=all_labels,
            detect_language=detect_language,
        ):
            # UTF-8 whatever the terminal's encoding; a lone surrogate becomes its JSON escape.
            line = json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace")
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
    print_left_out(errors, tally)
    if bad:
        errors.print(f"{bad} record{'s' if bad > 1 else ''} skipped", highlight=False)
        raise typer.Exit(1)


def _records(files: list[str] | None, text: str | None, column: str, tally: Tally) -> Iterator[Record | BadRecord]:
    if text is not None:
        yield Record("--text", 1, TextItem(text)) if text.strip() else BadRecord("--text", 1, "the text is empty")
    for file in files or []:
        try:
            yield from read_records(file, reading=Reading(columns=Columns(column)), tally=tally)
        except InputError as error:
            yield BadRecord(file, 0, str(error).removeprefix(f"{file}: "))


def _with_progress(records: Iterable[Record | BadRecord], *, show: bool) -> Iterator[Record | BadRecord]:
    # Standard output may be the same terminal; a bar would then cut into the rows.
    if not show or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from records
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("scored", total=None)
        for record in records:
            yield record
            progress.advance(task)
