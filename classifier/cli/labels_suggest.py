"""``narratives labels suggest``"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console

from classifier.batch.readers import BadRecord, read_records
from classifier.durable import new_file
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem
from classifier.model.versions import load_model

if TYPE_CHECKING:
    from classifier.review.suggesting import Suggestions

COLUMNS = ("id", "text", "language", "narratives", "group", "suggestion", "probability", "why")


def suggest(
    files: Annotated[list[str], typer.Argument(help=".txt, .jsonl, .csv, .parquet files, or - for stdin.")],
    n: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many to suggest.")] = 100,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="What is labelled already; labels/ where it is there.")
    ] = None,
    models: Annotated[Path | None, typer.Option("--models", help="Model or models directory.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file to annotate in; else standard output.")
    ] = None,
    column: Annotated[str, typer.Option("--column", help="Column that holds the text.")] = "text",
    language: Annotated[str, typer.Option("--language", help="ISO 639 code of texts that name none.")] = "",
    audit: Annotated[float, typer.Option("--audit", min=0, max=1, help="Share that is drawn at random.")] = 0.1,
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Draws the audit's share.")] = 0,
) -> None:
    """Rank unlabelled texts for annotation: doubtful and diverse ones, rare narratives, and a random share.

    Texts are cut into what the model labels. Replace the "?" in "narratives" (empty: none of them) and give the file
    to narratives labels import, which passes over rows with a "?". The exit code is 1 where a record was skipped.
    """
    try:
        from classifier.corpus.files import read_labels
        from classifier.corpus.held_out import read_held_out
        from classifier.review.suggesting import suggest as run
    except ImportError as error:
        raise MissingExtra("Suggesting texts", "train") from error
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    if output is not None and output.exists():
        raise InputError(f"{output}: there already, and may be annotated; name another file with --output")
    known: list[str] = []
    if labels is None and not Path("labels").is_dir():
        errors.print("no directory of labels (--labels): nothing is left out as known")
    else:
        directory = labels or Path("labels")
        known = [row.text for row in read_labels(directory)]
        known += [text for _, text in read_held_out(directory)]
    model = load_model(models)
    bad = 0

    def items() -> Iterator[TextItem]:
        nonlocal bad
        for file in files:
            for record in read_records(file, column=column):
                if isinstance(record, BadRecord):
                    bad += 1
                    told = f"skipped: {record.file}, row {record.row}: {record.message}"
                    errors.print(told, markup=False)
                    continue
                item = record.item
                yield TextItem(item.text, item.id, item.language or language or None)

    found = run(items(), model, known, n=n, audit_share=audit, random_state=random_state)
    if output is None:
        _write(sys.stdout, found)
    else:
        with new_file(output) as aside, aside.open("w", encoding="utf-8-sig", newline="") as file:
            _write(file, found)
    counts = Counter(entry.concern for entry in found.chosen)
    told = ", ".join(f"{counts[concern]} {concern}" for concern in ("doubt", "rare", "audit") if counts[concern])
    errors.print(f"{len(found.chosen)} of {found.n_seen:,} {model.unit}s suggested{f': {told}' if told else ''}")
    errors.print(
        f"left out: {found.n_known:,} labelled or held out already, or near-duplicates of such; "
        f"{found.n_unfit:,} too short or long; {found.n_unfamiliar:,} unfamiliar ones have the audit only"
    )
    if bad:
        errors.print(f"{bad} record{'s' if bad > 1 else ''} skipped")
        raise typer.Exit(1)


def _write(file: TextIO, found: Suggestions) -> None:
    from classifier.corpus.formats.csv_table import no_formula
    from classifier.corpus.sentence import UNLABELLED

    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in found.chosen:
        fields = (
            entry.id,
            entry.text,
            entry.language or "",
            UNLABELLED,
            entry.group,
            entry.narrative,
            f"{entry.probability:.4f}",
            entry.concern,
        )
        writer.writerow(map(no_formula, fields))
