"""``narratives labels doubt``"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifier.cli.console import table_console
from classifier.cli.fitting_options import Cache, Jobs
from classifier.cli.reading_view import harmless
from classifier.cli.review import current_user
from classifier.cli.stages import show_stages
from classifier.errors import InputError, MissingExtra

SHOWN = 20
"""Rows of the table in the terminal."""


def doubt(
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file that takes the list, with a column to decide in.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows listed, the most doubtful first.")] = 200,
    label: Annotated[str, typer.Option("--label", help="Only doubts about this narrative.")] = "",
    apply: Annotated[
        Path | None, typer.Option("--apply", help="Carry out the decisions of such a list, and look for nothing.")
    ] = None,
    reviewer: Annotated[str | None, typer.Option("--reviewer", help="Your name, kept with new labels.")] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, help="Folds of the cross-validation.")] = 5,
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Deals the folds.")] = 0,
    jobs: Jobs = None,
    cache: Cache = None,
) -> None:
    """List labelled rows worth a second look; carry out what was decided about them.

    Doubts come from grouped cross-validation, confident learning, near-duplicates with other labels, and annotators
    who differ. In the list's column "decision" write keep, drop, none, or the narratives that the row carries.
    """
    try:
        from classifier.review.second_look import apply_decisions, write_doubts
    except ImportError as error:
        raise MissingExtra("Doubting labels", "train") from error
    out = Console(soft_wrap=True, highlight=False)
    if apply is not None:
        if output is not None or label:
            raise InputError("--apply looks for nothing: leave --output and --label out")
        done = apply_decisions(apply, labels, reviewer=reviewer or current_user())
        for outcome in done:
            out.print(Text(harmless(f"{outcome.kind}: {outcome.id}: {outcome.message}")))
        counts = Counter(outcome.kind for outcome in done)
        out.print(", ".join(f"{n} {kind}" for kind, n in counts.items()) or "no decision in the list")
        if counts["relabelled"] or counts["dropped"]:
            out.print("next: narratives labels check, then narratives train")
        if counts["left"]:
            raise typer.Exit(1)
        return
    from classifier.corpus.files import read_labels
    from classifier.review.label_doubts import find_doubts
    from classifier.taxonomy import load_taxonomy
    from classifier.training.crossval import Options, available_cores
    from classifier.training.fold_cache import open_cache

    if output is not None and output.exists():
        raise InputError(f"{output}: there already, and may hold decisions; name another file with --output")
    if output is not None and output.suffix == ".csv" and output.resolve().parent == labels.resolve():
        raise InputError(f"{output}: would be read as labels there; let it lie in another directory")
    taxonomy = load_taxonomy(labels / "taxonomy.yaml")
    rows = read_labels(labels)
    options = Options(n_folds=folds, random_state=random_state, n_jobs=jobs or available_cores())
    with show_stages() as stages, open_cache(cache) as kept:
        found = find_doubts(rows, taxonomy, options, label=label, cache=kept, progress=stages.progress)
    listed = found.rows[:limit]
    if output is not None:
        write_doubts(output, listed)
    if listed:
        table = Table(title=f"{len(found.rows):,} of {found.n_rows:,} rows are doubtful")
        for column in ("score", "id", "doubted", "labels", "model", "text"):
            table.add_column(column, justify="right" if column == "score" else "left")
        for entry in listed[:SHOWN]:
            fields = (
                entry.row.id,
                " ".join(entry.narratives),
                " ".join(entry.row.labels) or "none",
                "held out" if entry.model is None else " ".join(entry.model) or "none",
                entry.row.text[:100],
            )
            table.add_row(f"{entry.score:.3f}", *(Text(harmless(field)) for field in fields))
        table_console().print(table)
        kinds = Counter(kind for entry in found.rows for kind in {doubt.kind for doubt in entry.doubts})
        out.print("rows by reason: " + ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items())))
    else:
        out.print("no row is doubtful")
    if found.n_kept:
        out.print(f"{found.n_kept:,} more were looked at before, and kept")
    if output is not None:
        out.print(f"wrote {output}: {len(listed):,} rows; fill in 'decision', then --apply {output}", markup=False)
    elif listed:
        out.print("-o FILE.csv writes the list to decide in")
