"""``docs/tutorial.md`` is typed line by line, and what it shows is what comes.

``python -m tests.test_tutorial`` writes the outputs anew after a change that was meant.
"""

import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
PORT = "8000"

SKIPPED = "..."
"""A line of its own stands for any lines; within a line, for anything."""

MAY_FIND_FAULT = ("narratives labels import", "narratives labels check")
"""Commands whose exit code 1 means that rows are at fault, as some are on purpose."""

TOLERANCE = 0.02
"""Figures with a decimal point may differ by so much between platforms; whole numbers may not."""

_number = re.compile(r"\d+\.\d+")


class Reader:
    """Somebody who follows the page in a directory of his own."""

    def __init__(self, home: Path) -> None:
        shutil.copytree(ROOT / "docs" / "tutorial", home / "climate")
        self.cwd = home / "climate"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        programs = home / "bin"
        programs.mkdir()
        (programs / "narratives").write_text(f'#!/bin/sh\nexec {sys.executable} -m classifier.cli.app "$@"\n')
        (programs / "narratives").chmod(0o755)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NARRATIVES_") and k != "COLUMNS"}
        self._environment = environment | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        self._service: subprocess.Popen[bytes] | None = None

    def type(self, command: str) -> str:
        """What a command prints on standard output."""
        typed = command.replace(PORT, self._port)
        if typed.endswith("&"):
            self._start(typed.removesuffix("&"))
            return ""
        done = subprocess.run(typed, shell=True, cwd=self.cwd, env=self._environment, capture_output=True, timeout=120)
        told = done.stderr.decode()
        assert done.returncode == 0 or (done.returncode == 1 and command.startswith(MAY_FIND_FAULT)), told
        assert "Traceback" not in told, told
        return done.stdout.decode().replace(self._port, PORT)

    def _start(self, command: str) -> None:
        self._service = subprocess.Popen(
            f"exec {command}", shell=True, cwd=self.cwd, env=self._environment, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=5).close()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the service does not answer")

    def decide(self, decisions: dict[str, str]) -> None:
        """Fill in the list of doubts, as in a spreadsheet."""
        path = self.cwd / "doubts.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file))
        assert decisions.keys() <= {record["id"] for record in records}
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]), delimiter=";")
            writer.writeheader()
            for record in records:
                writer.writerow(record | {"decision": decisions.get(record["id"], "")})

    def close(self) -> None:
        if self._service is not None:
            self._service.terminate()
            self._service.wait(30)


def steps(page: str):
    """(place in the page, what to do, what is shown): a command with its output, or a table of decisions."""
    pattern = r"```console\n(?P<block>.*?)```|\| id \| decision \|\n\|---\|---\|\n(?P<table>(?:\|.*\|\n)+)"
    for found in re.finditer(pattern, page, re.S):
        if found["table"]:
            yield None, dict(re.findall(r"\| (\S+) \| (\S+) \|", found["table"])), ""
            continue
        for typed in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", found["block"], re.M):
            start = found.start("block")
            yield (start + typed.start(2), start + typed.end(2)), typed[1], typed[2]


def same(shown: str, came: str) -> bool:
    """Whether an output is as shown: spaces, rules of tables and digests aside, decimals about the same."""
    pattern, numbers = "", []
    for line in _plain(shown):
        numbers += _number.findall(line)
        parts = map(re.escape, _number.split(line))
        escaped = r"(\d+\.\d+)".join(parts).replace(re.escape(SKIPPED), ".*") + "\n"
        pattern += r"(?:.*\n)*" if line == SKIPPED else escaped
    found = re.fullmatch(pattern, "".join(f"{line}\n" for line in _plain(came)))
    if found is None:
        return False
    return all(abs(float(a) - float(b)) <= TOLERANCE for a, b in zip(numbers, found.groups(), strict=True))


def _plain(text: str) -> list[str]:
    lines = (re.sub("[─━┏┳┓┡╇┩├┼┤└┴┘┃│]+", " ", line) for line in text.splitlines())
    return [" ".join(re.sub("sha256:[0-9a-f]+", "sha256:", line).split()) for line in lines if line.strip()]


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path)
    yield reader
    reader.close()


def test_the_page_can_be_followed(reader):
    for _, what, shown in steps(PAGE.read_text(encoding="utf-8")):
        if isinstance(what, dict):
            reader.decide(what)
            continue
        came = reader.type(what)
        assert same(shown, came), f"$ {what}\n{came}\nis not what {PAGE.name} shows (python -m tests.test_tutorial)"
    assert (reader.cwd / "models" / "CURRENT").read_text().strip() == "v1"


@pytest.mark.parametrize(
    ("shown", "came", "expected"),
    [
        ("F1 0.70 of 3\n", "F1 0.71 of 3\n", True),
        ("F1 0.70 of 3\n", "F1 0.75 of 3\n", False),
        ("F1 0.70 of 3\n", "F1 0.70 of 4\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("{a ... d}\n", "{a b c d}\n", True),
        ("┃ a ┃ 1.0 ┃\n", "│ a    │ 1.0    │\n", True),
        ("(sha256:0a)\n", "(sha256:ff)\n", True),
    ],
)
def test_outputs_are_compared(shown, came, expected):
    assert same(shown, came) is expected


def test_the_texts_of_the_tutorial_are_in_no_label_file_of_ours():
    from classifier.corpus.files import read_labels

    with (ROOT / "docs" / "tutorial" / "climate.csv").open(encoding="utf-8-sig", newline="") as file:
        texts = {record["Sentence"] for record in csv.DictReader(file, delimiter=";")}
    assert len(texts) > 400
    assert not texts & {row.text for row in read_labels(ROOT / "labels")}


def _shorten(shown: str, came: str) -> str:
    """The new output with the lines left out that were left out before."""
    lines = shown.splitlines()
    if SKIPPED not in lines:
        return came
    head, tail = lines.index(SKIPPED), len(lines) - lines.index(SKIPPED) - 1
    new = came.splitlines()
    return "".join(f"{line}\n" for line in [*new[:head], SKIPPED, *new[len(new) - tail :]])


def renew(home: Path) -> None:
    """Follow the page and put in what came."""
    page = PAGE.read_text(encoding="utf-8")
    reader, changes = Reader(home), []
    try:
        for place, what, shown in steps(page):
            if isinstance(what, dict):
                reader.decide(what)
                continue
            came = reader.type(what)
            if not same(shown, came):
                changes.append((place, "".join(f"{x.rstrip()}\n" for x in _shorten(shown, came).splitlines())))
    finally:
        reader.close()
    for (begin, end), text in reversed(changes):
        page = page[:begin] + text + page[end:]
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        renew(Path(scratch))
