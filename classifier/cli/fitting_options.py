"""Options of every command that fits models, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="Folds fitted side by side, in threads; by default as many as there are cores. Changes no figure.",
    ),
]

Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="NARRATIVES_CACHE",
        help="Directory that keeps near-duplicates, counts and vectors for the next run. It holds pickled data, so it "
        "must be yours alone.",
    ),
]
