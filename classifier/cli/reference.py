"""The reference of the command line, written from the commands' own help.

``python -m classifier.cli.reference`` writes ``docs/reference.md`` anew; a test holds the two against each other.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main
from typer.core import TyperArgument, TyperGroup, TyperOption

from classifier.durable import write_file
from classifier.model.versions import ENVIRONMENT, PUBLIC_KEY_ENVIRONMENT

NAME = "narratives"
PAGE = Path("docs") / "reference.md"

_HEAD = f"""\
# Reference: every command and option

Written by `python -m classifier.cli.reference` from what `{NAME} COMMAND --help` says; change it there. What to use for
which task: `docs/README.md`.

| exit code | what |
|---|---|
| 0 | done |
| 1 | done, but something was left out or found wrong: it is told, and the command's text below says what |
| 2 | not done: an option, a file or a model cannot be used; one line on standard error says why, nothing was changed |

Tables and rows go to standard output, progress and remarks to standard error. Every command has `--help`.

| variable of the environment | what |
|---|---|
| `{ENVIRONMENT}` | model or models directory, where no option names one |
| `{PUBLIC_KEY_ENVIRONMENT}` | public keys: a model that is not signed for one of them is refused (`docs/models.md`) |
| `NARRATIVES_ENGINE` | `python` leaves the compiled code aside; the answers are the same |

The service is set by others: `docs/http.md`.
"""

_NAMES = {"int": "whole number", "float": "number", "str": "text", "Path": "path"}


def reference() -> str:
    """The page: Markdown, the same on every terminal."""
    from classifier.cli.app import app

    return "\n".join([_HEAD, *_sections(typer.main.get_command(app), NAME)])


def commands(command: Any, name: str = NAME) -> Iterator[tuple[str, Any]]:
    """Full name and command of everything that can be typed, groups before their members."""
    yield name, command
    if isinstance(command, TyperGroup):
        for member, inner in command.commands.items():
            yield from commands(inner, f"{name} {member}")


def _sections(root: Any, name: str) -> Iterator[str]:
    for full, command in commands(root, name):
        yield f"## {full}\n"
        for paragraph in (command.help or "").split("\n\n"):
            yield f"{' '.join(paragraph.split())}\n"
        if isinstance(command, TyperGroup):
            members = [f"{full} {member}" for member in command.commands]
            yield "".join(f"- [{member}](#{member.replace(' ', '-')})\n" for member in members)
        else:
            yield f"```\n{_usage(full, command.params)}\n```\n"
        if command.params:
            rows = [_row(param) for param in command.params if not param.hidden]
            yield "| | takes | by default | what |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _usage(full: str, params: list[Any]) -> str:
    parts = [full]
    for param in params:
        if isinstance(param, TyperArgument):
            shown = _argument(param)
            parts.append(shown if param.required else f"[{shown}]")
    if any(isinstance(param, TyperOption) for param in params):
        parts.append("[OPTIONS]")
    return " ".join(parts)


def _argument(param: TyperArgument) -> str:
    return (param.name or "").upper() + ("..." if param.nargs == -1 else "")


def _row(param: Any) -> str:
    if isinstance(param, TyperArgument):
        names = f"`{_argument(param)}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    what = " ".join((param.help or "").split())
    if param.envvar:
        what += f" Environment: `{param.envvar}`."
    return f"| {names} | {_takes(param)} | {_default(param)} | {what.replace('|', chr(92) + '|')} |"


def _takes(param: Any) -> str:
    if getattr(param, "is_flag", False):
        return "nothing"
    kind = param.type_descriptor.annotation
    listed = get_origin(kind) is list
    if listed:
        (kind,) = get_args(kind)
    if get_origin(kind) is Literal:
        told = ", ".join(f"`{choice}`" for choice in get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        told = ", ".join(f"`{choice.value}`" for choice in kind)
    else:
        told = _NAMES.get(kind.__name__, kind.__name__)
    low, high = param.min, param.max
    if low is not None and high is not None:
        told += f", {low:g} to {high:g}"
    elif low is not None:
        told += f", {low:g} or more"
    elif high is not None:
        told += f", {high:g} or less"
    return told + ("; may be given several times" if listed and isinstance(param, TyperOption) else "")


def _default(param: Any) -> str:
    if param.required:
        return "required"
    value = param.default
    if isinstance(value, bool) and param.secondary_opts:
        return f"`{param.opts[0] if value else param.secondary_opts[0]}`"
    if value is None or value is False or value == "":
        return ""
    listed = value if isinstance(value, list | tuple) else [value]
    return ", ".join(f"`{item.value if isinstance(item, enum.Enum) else item}`" for item in listed)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    write_file(target, reference())
    typer.echo(f"wrote {target}")
