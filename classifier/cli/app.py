"""The command ``narratives``: its groups, and how errors are told."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from classifier.cli import (
    campaign,
    convert,
    drift,
    evaluate,
    export,
    init,
    keys,
    labels,
    models,
    report,
    score,
    serve,
    train,
    verify,
)
from classifier.cli.reading_view import harmless
from classifier.errors import NarrativesError

app = typer.Typer(
    help="Tag propaganda narratives in texts, and train the model that does it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("init")(init.init)
app.command("score")(score.score)
app.command("convert")(convert.convert)
app.command("campaign")(campaign.campaign)
app.command("train")(train.train)
app.command("drift")(drift.drift)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(labels.app, name="labels")
app.add_typer(models.app, name="models")


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(version("narrative-classifier"))
        raise typer.Exit


@app.callback()
def callback(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Tag propaganda narratives in texts, and train the model that does it."""


def main() -> None:
    """Run the command line; errors raised on purpose become one line and exit code 2."""
    # Texts may hold lone surrogates, and a terminal may not know every character.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except NarrativesError as error:
        _tell(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _tell(f"{place}{error.strerror or error}")


def _tell(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(harmless(message))}", highlight=False)
    sys.exit(2)


if __name__ == "__main__":
    main()
