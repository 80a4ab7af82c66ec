"""``narratives keys ...``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from classifier.cli.console import table_console
from classifier.keys import SCOPES, add_key, read_keys, revoke_key

app = typer.Typer(help="Keys of the service.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--file", envvar="NARRATIVES_KEYS_FILE", help="Where their hashes are kept.")]
DEFAULT = Path("narratives-keys.json")


@app.callback()
def callback() -> None:
    """Keys of the service: only their hashes are kept."""


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is; stands in the log.")],
    scope: Annotated[list[str], typer.Option("--scope", help=f"What it may do: {', '.join(SCOPES)}.")] = ["score"],  # noqa: B006
    file: File = DEFAULT,
) -> None:
    """Make a key and print it, once: it is kept nowhere."""
    typer.echo(add_key(file, name, scope))


@app.command("list")
def show(file: File = DEFAULT) -> None:
    """Who has a key, and for what."""
    table = Table("id", "name", "scopes", "created")
    for key in read_keys(file).values():
        table.add_row(key.id, key.name, ", ".join(key.scopes), key.created)
    table_console().print(table)


@app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="Id or name.")], file: File = DEFAULT) -> None:
    """Take a key back; a running service follows within seconds."""
    gone = revoke_key(file, key)
    typer.echo(f"revoked {gone.name} ({gone.id})")
