"""``narratives init``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def init(
    directory: Annotated[Path, typer.Argument(help="Where your labels are to lie; made where it is not there.")],
    flat: Annotated[bool, typer.Option("--flat", help="Narratives without themes above them.")] = False,
) -> None:
    """Lay out a codebook (taxonomy.yaml) and an empty label file, with comments, to be filled in.

    Nothing that is there already is overwritten.
    """
    from classifier.corpus.scaffold import lay_out

    out = Console(soft_wrap=True, highlight=False)
    for path in lay_out(directory, flat=flat):
        out.print(f"wrote {path}", markup=False)
    out.print(f"{directory / 'README.md'} says what each column holds", markup=False)
    out.print(
        f"next: write your narratives into taxonomy.yaml, then narratives labels import FILE --labels {directory}",
        markup=False,
    )
