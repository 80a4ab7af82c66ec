"""``docs/reference.md`` is what the command line says of itself."""

import os
import subprocess
import sys

import pytest
import typer.main

from classifier.cli.app import app
from classifier.cli.reference import PAGE, commands, reference

EVERYTHING = dict(commands(typer.main.get_command(app)))


def test_the_page_on_disk_is_what_the_commands_say_now(root):
    there = (root / PAGE).read_text(encoding="utf-8")
    assert there == reference(), "out of date: python -m classifier.cli.reference writes it anew"


def test_the_page_does_not_depend_on_the_terminal(tmp_path):
    environment = {**os.environ, "COLUMNS": "30", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "classifier.cli.reference", str(tmp_path / "narrow.md")]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert (tmp_path / "narrow.md").read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_command_and_option_has_a_help_text(name):
    command = EVERYTHING[name]
    assert (command.help or "").strip(), name
    for param in command.params:
        assert (param.help or "").strip(), f"{name} {param.opts[0]}"


def test_every_command_and_option_stands_on_the_page():
    page = reference()
    for name, command in EVERYTHING.items():
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        for param in command.params:
            shown = [param.name.upper()] if not param.opts[0].startswith("-") else [*param.opts, *param.secondary_opts]
            assert all(f"`{option}" in section for option in shown), f"{name} {shown}"
