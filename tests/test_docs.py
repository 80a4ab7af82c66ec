"""Documentation runs: Python blocks are executed, console lines are typed, names and files that it mentions exist."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]


# Typed in one directory, in order: tests/test_tutorial.py.
TUTORIAL = ROOT / "docs" / "tutorial.md"


def blocks(kind):
    for page in PAGES:
        if page == TUTORIAL:
            continue
        for number, block in enumerate(re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)):
            yield pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("block", list(blocks("python")))
def test_python_blocks_run(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(block, "documentation", "exec"), {})


@pytest.mark.parametrize("block", list(blocks("console")))
def test_console_lines_work(block, tmp_path):
    for line in block.splitlines():
        command = line.removeprefix("$ ")
        assert command != line, line
        command = command.replace("narratives ", f"{sys.executable} -m classifier.cli.app ", 1)
        command = command.replace("answers.jsonl", str(tmp_path / "answers.jsonl"))
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_readme_shows_what_the_service_answers(shipped):
    (shown,) = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    answer = json.loads(shown.replace("...", ""))
    (text,) = re.findall(r"""-d '\{"text": "(.*?)"\}'""", (ROOT / "README.md").read_text(encoding="utf-8"))
    expected = shipped.score([text], explain=1).to_dict()
    assert answer["model"] == expected["model"]
    told = {d["id"]: d for d in answer["results"][0]["labels"]}
    for label in expected["results"][0]["labels"]:
        assert told[label["id"]]["probability"] == pytest.approx(label["probability"], abs=5e-4)
        assert told[label["id"]]["decision"] == label["decision"]
        assert told[label["id"]]["voice"]["attributed"] == pytest.approx(label["voice"]["attributed"], abs=5e-4)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_pages_name_are_there(page):
    for name in re.findall(
        r"`((?:classifier|service|docs|labels|tests|models|seeds|benchmarks)/[\w./-]+)`", page.read_text()
    ):
        if "*" in name or "<" in name or name.startswith("models/v2"):
            continue
        assert (ROOT / name).exists(), name


def test_every_command_is_in_the_readme_or_the_docs():
    import typer.main

    from classifier.cli.app import app

    # The reference lists them all, by themselves.
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "reference.md")
    for name, command in typer.main.get_command(app).commands.items():
        names = [f"narratives {name} {sub}" for sub in getattr(command, "commands", {})] or [f"narratives {name}"]
        for full in names:
            assert full in told, full


def anchors(page):
    """What GitHub makes of the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_and_anchors_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert page.name == "README.md" or f"]({page.name}" in index, page.name
