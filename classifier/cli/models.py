"""``narratives models ...``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from classifier.cli.console import table_console
from classifier.cli.models_diff import diff
from classifier.errors import ModelError, ModelUnsigned
from classifier.model import versions
from classifier.model.golden import check_golden
from classifier.model.signature import SIGNATURE, make_keys
from classifier.model.store import scoring_bytes

app = typer.Typer(help="Look after model versions.", no_args_is_help=True)
app.command("diff")(diff)

Models = Annotated[Path, typer.Option("--models", help="Directory with the versions.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key",
        envvar=versions.PUBLIC_KEY_ENVIRONMENT,
        help="Ed25519 public keys (PEM): take a version only if it is signed for one of them.",
    ),
]
Version = Annotated[str, typer.Argument(help="A version's name, such as v2.")]
OneVersion = Annotated[str | None, typer.Argument(help="A version's name, such as v2; else the one that answers.")]
DEFAULT = Path("models")


@app.callback()
def callback() -> None:
    """Look after model versions."""


@app.command("list")
def list_models(models: Models = DEFAULT, public_key: PublicKey = None) -> None:
    """List the versions; a star marks the one that answers."""
    table = Table()
    for heading in ("", "version", "digest", "sentences", "micro F1 (cross-validation)", "signature"):
        table.add_column(heading)
    try:
        current = versions.current_version(models)
    except ModelError:
        current = ""
    for version in versions.list_versions(models):
        try:
            model = versions.load_directory(models / version, public_key=public_key)
        except ModelError as error:
            fault = "unsigned" if isinstance(error, ModelUnsigned) else "broken"
            table.add_row("*" if version == current else "", version, f"{fault}: {error}", "", "", "")
            continue
        signed = (models / version / SIGNATURE).is_file()
        micro = model.report.get("cross_validation", {}).get("all", {}).get("micro", {})
        table.add_row(
            "*" if version == current else "",
            version,
            model.identity.digest[:19],
            str(model.manifest["training_data"]["n_sentences"]),
            f"{micro['f1']:.3f}" if micro else "",
            "good" if public_key else "not looked at" if signed else "none",
        )
    table_console().print(table)


@app.command("show")
def show(version: OneVersion = None, models: Models = DEFAULT) -> None:
    """Print the card of a version (the current one by default)."""
    name = version or versions.current_version(models)
    versions.load_directory(models / name)
    typer.echo((models / name / "README.md").read_text(encoding="utf-8"))


@app.command("verify")
def verify(version: OneVersion = None, models: Models = DEFAULT, public_key: PublicKey = None) -> None:
    """Check every hash, shape and value of a version, its signature where keys are given, and its golden texts."""
    name = version or versions.current_version(models)
    model = versions.load_directory(models / name, public_key=public_key)
    check_golden(model, model.golden)
    size = scoring_bytes(model.manifest)
    signed = ", signature good" if public_key else ""
    typer.echo(
        f"{models / name}: whole, {model.identity.digest}, {size / 1e6:.2f} MB for scoring, golden texts pass{signed}"
    )


@app.command("promote")
def promote(version: Version, models: Models = DEFAULT, public_key: PublicKey = None) -> None:
    """Let a version answer from now on, after checking it."""
    versions.promote(models, version, public_key=public_key)
    typer.echo(f"{models / versions.CURRENT} names {version}")


@app.command("rollback")
def rollback(models: Models = DEFAULT, public_key: PublicKey = None) -> None:
    """Let the version answer again that answered before; once more goes one further back."""
    version = versions.rollback(models, public_key=public_key)
    typer.echo(f"{models / versions.CURRENT} names {version}")


@app.command("keygen")
def keygen(
    private: Annotated[Path, typer.Argument(help="New file for the private key; only you can read it.")],
    public: Annotated[Path, typer.Argument(help="New file for the public key; services are given this one.")],
) -> None:
    """Make a pair of Ed25519 keys to sign models with."""
    make_keys(private, public)
    typer.echo(f"{private}: keep it to yourself; {public}: NARRATIVES_PUBLIC_KEY={public} lets a service ask for it")


@app.command("sign")
def sign(
    version: Version,
    key: Annotated[Path, typer.Option("--key", help="Ed25519 private key (PEM).")],
    models: Models = DEFAULT,
) -> None:
    """Sign a version's manifest, after checking that the version is whole."""
    path = versions.sign(models, version, key)
    typer.echo(f"wrote {path}")
