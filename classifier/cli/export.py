"""``narratives export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classifier.errors import MissingExtra
from classifier.model.versions import load_model


def export(
    joblib: Annotated[Path, typer.Option("--joblib", help="File to write.")],
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
) -> None:
    """Write the model as one scikit-learn pipeline of stock classes (without voices).

    A joblib file is a pickle: load it only where you trust it, with the same scikit-learn version.
    """
    try:
        from classifier.training.export import export_joblib
    except ImportError as error:
        raise MissingExtra("Exporting", "train") from error
    export_joblib(load_model(model), joblib)
    typer.echo(f"wrote {joblib}")
