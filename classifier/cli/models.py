"""``narratives models ...``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from classifier.cli.console import table_console
from classifier.errors import ModelError
from classifier.model import versions
from classifier.model.golden import check_golden
from classifier.model.store import scoring_bytes

app = typer.Typer(help="Look after model versions.", no_args_is_help=True)

Models = Annotated[Path, typer.Option("--models", help="Directory with the versions.")]
DEFAULT = Path("models")


@app.callback()
def callback() -> None:
    """Look after model versions."""


@app.command("list")
def list_models(models: Models = DEFAULT) -> None:
    """List the versions; a star marks the one that answers."""
    table = Table()
    for heading in ("", "version", "digest", "sentences", "micro F1 (cross-validation)"):
        table.add_column(heading)
    try:
        current = versions.current_version(models)
    except ModelError:
        current = ""
    for version in versions.list_versions(models):
        try:
            model = versions.load_directory(models / version)
        except ModelError as error:
            table.add_row("", version, f"broken: {error}", "", "")
            continue
        micro = model.report.get("cross_validation", {}).get("all", {}).get("micro", {})
        table.add_row(
            "*" if version == current else "",
            version,
            model.identity.digest[:19],
            str(model.manifest["training_data"]["n_sentences"]),
            f"{micro['f1']:.3f}" if micro else "",
        )
    table_console().print(table)


@app.command("show")
def show(version: Annotated[str | None, typer.Argument()] = None, models: Models = DEFAULT) -> None:
    """Print the card of a version (the current one by default)."""
    name = version or versions.current_version(models)
    versions.load_directory(models / name)
    typer.echo((models / name / "README.md").read_text(encoding="utf-8"))


@app.command("verify")
def verify(version: Annotated[str | None, typer.Argument()] = None, models: Models = DEFAULT) -> None:
    """Check every hash, shape and value of a version, and score its golden texts."""
    name = version or versions.current_version(models)
    model = versions.load_directory(models / name)
    check_golden(model, model.golden)
    size = scoring_bytes(model.manifest)
    typer.echo(f"{models / name}: whole, {model.identity.digest}, {size / 1e6:.2f} MB for scoring, golden texts pass")


@app.command("promote")
def promote(version: Annotated[str, typer.Argument()], models: Models = DEFAULT) -> None:
    """Let a version answer from now on, after checking it."""
    versions.promote(models, version)
    typer.echo(f"{models / versions.CURRENT} names {version}")
