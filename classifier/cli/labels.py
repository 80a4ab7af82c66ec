"""``narratives labels ...``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from classifier.cli import labels_doubt, labels_export, labels_import, labels_suggest, review
from classifier.cli.console import table_console
from classifier.errors import MissingExtra

app = typer.Typer(help="Look after labelled sentences.", no_args_is_help=True)


app.command("import")(labels_import.import_)
app.command("export")(labels_export.export)


@app.callback()
def callback() -> None:
    """Look after labelled sentences."""


@app.command("check")
def check(
    labels: Annotated[Path, typer.Argument(help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    seeds: Annotated[Path, typer.Option("--seeds", help="Directory of the articles, to check offsets.")] = Path(
        "seeds"
    ),
) -> None:
    """Check schema, ids, offsets, unknown narratives, near-duplicates and conflicts; print the distribution.

    The exit code is 1 where anything is wrong.
    """
    try:
        from classifier.corpus.checks import check_corpus, distribution, remarks
        from classifier.corpus.files import read_labels
        from classifier.taxonomy import load_taxonomy
    except ImportError as error:
        raise MissingExtra("Checking labels", "train") from error
    taxonomy = load_taxonomy(labels / "taxonomy.yaml")
    rows = read_labels(labels)
    problems = check_corpus(rows, taxonomy, seeds=seeds if seeds.is_dir() else None)
    out = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        out.print(f"{problem.place}: {problem.message}", markup=False)
    counts = distribution(rows, taxonomy)
    columns = sorted({key for row in counts.values() for key in row if key.startswith("language ")})
    columns = ["rows", *columns, "asserted", "attributed", "rejected"]
    table = Table(title=f"{len(rows)} sentences")
    table.add_column("narrative")
    for column in columns:
        table.add_column(column, justify="right")
    for narrative, row in counts.items():
        table.add_row(narrative, *[str(row.get(column, 0)) for column in columns])
    table_console().print(table)
    for remark in remarks(rows, taxonomy):
        out.print(remark, markup=False)
    if problems:
        out.print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        raise typer.Exit(1)
    out.print("no problem found")


app.command("review")(review.review)
app.command("doubt")(labels_doubt.doubt)
app.command("suggest")(labels_suggest.suggest)
