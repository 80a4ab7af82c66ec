"""``narratives labels export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from classifier.errors import MissingExtra


def export(
    destination: Annotated[Path, typer.Argument(help="The file or folder to make; it must not be there.")],
    format: Annotated[
        str, typer.Option(help="csv, excel, jsonl, parquet, label-studio, doccano, huggingface or semeval.")
    ],
    labels: Annotated[
        Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv, or one label file.")
    ] = Path("labels"),
    excel: Annotated[
        bool, typer.Option("--excel", help="CSV that Excel opens well: a byte order mark, and no cell that computes.")
    ] = False,
    delimiter: Annotated[str, typer.Option(help="Between the fields of a CSV file.")] = ",",
) -> None:
    """Write labels as another tool's file. What is imported from it again is the same, but for losses that are told."""
    try:
        from classifier.corpus.exporting import export_labels
    except ImportError as error:
        raise MissingExtra("Exporting labels", "train") from error
    done = export_labels(labels, destination, format, excel=excel, delimiter=delimiter.replace("\\t", "\t"))
    out = Console(soft_wrap=True, highlight=False)
    for name, count in done.lost.items():
        if count:
            out.print(f"lost: {name} of {count:,} rows; {format} has no place for it", markup=False)
    out.print(f"wrote {done.path}: {done.n_rows:,} rows", markup=False)
