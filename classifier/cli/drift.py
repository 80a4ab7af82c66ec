"""``narratives drift``"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifier.batch.readers import BadRecord, read_records
from classifier.cli.console import table_console
from classifier.cli.reading_view import harmless
from classifier.durable import write_file
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model

if TYPE_CHECKING:
    from classifier.training.drift import Batch, Drift


def drift(
    old: Annotated[str, typer.Argument(help="Earlier texts, or answers of narratives score (JSON lines).")],
    new: Annotated[str, typer.Argument(help="Later ones.")],
    text_column: Annotated[str, typer.Option("--text-column", help="Column that holds the text.")] = "text",
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="HTML file that takes the comparison.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Compare two batches of texts: scores, words, familiarity; say whether retraining is due, and why.

    The exit code is 0 whatever is found, and 1 where records were skipped.
    """
    try:
        from classifier.training.drift import compare, to_plain
        from classifier.training.drift_page import VERDICTS, drift_page
    except ImportError as error:
        raise MissingExtra("Comparing batches", "train") from error
    loaded = load_model(model)
    skipped: list[BadRecord] = []
    found = compare(
        _batch(old, loaded, text_column, skipped), _batch(new, loaded, text_column, skipped), random_state=random_state
    )
    if html is not None:
        write_file(html, drift_page(found, old, new))
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    for bad in skipped:
        errors.print(f"skipped: {bad.file}, row {bad.row}: {bad.message}", markup=False)
    if as_json:
        typer.echo(json.dumps(to_plain(found), ensure_ascii=True, indent=1))
    else:
        _tell(found, VERDICTS[found.verdict])
    if skipped:
        raise typer.Exit(1)


def _batch(file: str, model: NarrativeModel, column: str, skipped: list[BadRecord]) -> Batch:
    from classifier.training.drift_batches import batch_of_answers, batch_of_texts

    if _holds_answers(file):
        return batch_of_answers(_answers(file), model, file)

    def items() -> Iterator[TextItem]:
        for record in read_records(file, column=column):
            if isinstance(record, BadRecord):
                skipped.append(record)
            else:
                yield record.item

    return batch_of_texts(items(), model)


def _holds_answers(file: str) -> bool:
    """Whether the first line is an answer of ``narratives score``."""
    path = Path(file)
    if path.suffix.lower() not in (".jsonl", ".ndjson") or not path.is_file():
        return False
    with path.open("rb") as stream:
        try:
            first = json.loads(stream.readline())
        except (ValueError, RecursionError):
            return False
    return isinstance(first, dict) and "text_sha256" in first


def _answers(file: str) -> Iterator[dict[str, Any]]:
    with Path(file).open("rb") as stream:
        for row, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(f"{file}, row {row}: not valid JSON: {error}") from error


def _tell(found: Drift, verdict: str) -> None:
    out = Console(soft_wrap=True, highlight=False)
    table = Table(title=f"texts tagged: {found.n_old:,} old, {found.n_new:,} new")
    for name in ("narrative", "old", "new", "difference, 95 %", "adjusted p", "stability index"):
        table.add_column(name, justify="left" if name == "narrative" else "right")
    for entry in found.narratives:
        change = entry.prevalence
        table.add_row(
            entry.id,
            f"{change.old:.1%}",
            f"{change.new:.1%}",
            f"{change.low:+.1%} to {change.high:+.1%}",
            "" if entry.p_adjusted is None else f"{entry.p_adjusted:.2g}",
            "" if entry.psi is None else f"{entry.psi:.2f}",
        )
    table_console().print(table)
    for told, words in (
        ("new words", [w.word for w in found.words if w.z > 0]),
        ("words gone", [w.word for w in found.words if w.z < 0]),
    ):
        if words:
            out.print(Text(harmless(f"{told}: {', '.join(words)}")))
    out.print(Text(verdict, style="bold"))
    for reason in found.reasons:
        out.print(Text(harmless(f"- {reason}")))
    if found.verdict in ("look", "retrain"):
        out.print("next: narratives labels suggest picks texts of the new batch to label")
