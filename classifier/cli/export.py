"""``narratives export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classifier.errors import InputError, MissingExtra
from classifier.model.versions import load_model


def export(
    joblib: Annotated[Path | None, typer.Option("--joblib", help="File to write: a scikit-learn pipeline.")] = None,
    card: Annotated[
        Path | None, typer.Option("--card", help="New directory for the card with Hugging Face's header.")
    ] = None,
    license: Annotated[str, typer.Option("--license", help="For the card: an identifier such as cc-by-4.0.")] = "",
    model: Annotated[Path | None, typer.Option("--model", help="Model or models directory.")] = None,
) -> None:
    """Write the model as one scikit-learn pipeline of stock classes (without voices), or its card for the Hub.

    A joblib file is a pickle: load it only where you trust it, with the same scikit-learn version.
    """
    if joblib is None and card is None:
        raise InputError("nothing to export; give --joblib FILE, --card DIRECTORY or both")
    if license and not card:
        raise InputError("--license goes into the card; give --card DIRECTORY too")
    if card is not None and card.exists():
        raise InputError(f"{card}: there already, and stays as it is; name another directory")
    try:
        from classifier.training.export import export_joblib
        from classifier.training.hub_card import export_card
    except ImportError as error:
        raise MissingExtra("Exporting", "train") from error
    loaded = load_model(model)
    if joblib is not None:
        export_joblib(loaded, joblib)
        typer.echo(f"wrote {joblib}")
    if card is not None:
        typer.echo(f"wrote {export_card(loaded, card, license=license)}")
