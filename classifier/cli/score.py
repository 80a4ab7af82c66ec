"""``narratives score``"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from classifier.batch.cluster import run_on_cluster
from classifier.batch.inputs import Format as FileFormat
from classifier.batch.local import run_locally
from classifier.batch.readers import BadRecord, Columns, Reading, Record, Tally, read_records
from classifier.batch.scoring import Options
from classifier.batch.units import score_record
from classifier.cli.left_out import print_left_out
from classifier.cli.reading_view import print_reading_view
from classifier.cli.score_files import score_files
from classifier.errors import InputError
from classifier.model.answer import TextItem
from classifier.model.versions import load_model


class Unit(StrEnum):
    """What one output row is."""

    text = "text"
    paragraph = "paragraph"
    sentence = "sentence"


class Engine(StrEnum):
    """Who scores whole files."""

    local = "local"
    ray = "ray"


class Format(StrEnum):
    """How to print."""

    auto = "auto"
    view = "view"
    jsonl = "jsonl"
    parquet = "parquet"
    csv = "csv"


def score(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help=".txt, .jsonl, .csv, .parquet files, others that 'narratives convert' reads, or - for stdin. With -o "
            "tables only, but also .gz, .zst, .bz2, folders, globs and cloud addresses."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Score this text instead of files.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
    column: Annotated[str, typer.Option("--column", help="Column that holds the text.")] = "text",
    unit: Annotated[Unit, typer.Option("--unit", help="What one output row is.")] = Unit.text,
    explain: Annotated[
        int | None, typer.Option("--explain", min=0, help="n-grams of evidence a label, 5 by default; 0 for none.")
    ] = None,
    all_labels: Annotated[bool, typer.Option("--all", help='Labels decided "no" too.')] = False,
    detect_language: Annotated[bool, typer.Option("--detect-language", help="Identify the language.")] = False,
    output: Annotated[
        Format,
        typer.Option(
            "--format",
            help="view, jsonl, or (auto) a view in a terminal only. With -o parquet, jsonl, csv, or (auto) as read.",
        ),
    ] = Format.auto,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Score whole files into this directory; the same command goes on.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="With -o: processes; a core each by default.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option("--engine", help="With -o: this machine, or a Ray cluster (docs/cluster.md).")
    ] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option("--address", help="With --engine ray: HOST:PORT of the head; the cluster of this machine else."),
    ] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="With -o: stands before the answers' column names.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="With -o: forget what a run has begun there.")] = False,
) -> None:
    """Score texts: a coloured reading view in a terminal, JSON lines elsewhere; with -o files into files.

    A record that cannot be taken is reported and skipped; the exit code is then 1. With -o it keeps its row, and a
    column says why.
    """
    if out is not None:
        _refuse_with_out(files, text, unit, explain, detect_language, output)
        if address is not None and engine is not Engine.ray:
            raise InputError("--address names a Ray cluster; take --engine ray with it")
        score_files(
            files or [],
            out,
            load_model(model),
            Options(column, "sentence" if unit is Unit.sentence else "text", all_labels, prefix),
            format=_FORMATS.get(output),
            fresh=fresh,
            jobs=jobs,
            engine=partial(run_on_cluster, address=address) if engine is Engine.ray else run_locally,
        )
        return
    only_files = {"--jobs": jobs, "--prefix": prefix, "--fresh": fresh, "--address": address}
    only_files["--engine"] = engine is not Engine.local
    for name, given in only_files.items():
        if given:
            raise InputError(f"{name} is for files that are scored into a directory; name it with -o")
    if output in (Format.parquet, Format.csv):
        raise InputError(f"--format {output.value} writes files; name a directory for them with -o")
    n_evidence = (5 if explain is None else explain) or None
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
            print_reading_view(console, loaded, record, explain=n_evidence, detect_language=detect_language)
            continue
        for row in score_record(
            loaded,
            record,
            unit=unit.value,
            explain=n_evidence,
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


_FORMATS: dict[Format, FileFormat] = {Format.parquet: "parquet", Format.jsonl: "jsonl", Format.csv: "csv"}


def _refuse_with_out(
    files: list[str] | None, text: str | None, unit: Unit, explain: int | None, detect_language: bool, output: Format
) -> None:
    if text is not None or "-" in (files or []):
        raise InputError("-o scores files into files; leave it out for --text and for standard input")
    if not files:
        raise InputError("-o needs files, folders, globs or addresses to score")
    if unit is Unit.paragraph:
        raise InputError("-o knows the units text and sentence; leave -o out for paragraphs")
    if explain:
        raise InputError(
            "-o writes no evidence; score the rows that matter without -o, they give the same figures with evidence"
        )
    if detect_language:
        raise InputError("-o identifies no languages; leave --detect-language out")
    if output is Format.view:
        raise InputError("--format view is for reading; with -o take parquet, jsonl or csv, or leave --format out")


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
