"""``narratives score ... -o out/``, run as a user runs it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from classifier.cli.app import app
from tests.batch.made_files import answer_of, files_in, posts, read_rows, write_rows
from tests.cli.test_cli import narratives


def test_folders_and_globs_are_scored_and_the_same_command_goes_on(small_models, small_model, tmp_path):
    rows = posts(20)
    write_rows(tmp_path / "in" / "deep" / "a.parquet", rows)
    write_rows(tmp_path / "more" / "b.csv.gz", [{"id": "1", "text": ""}, *rows])
    command = ["score", "in", "more/*.gz", "-o", "out", "--model", small_models, "--jobs", "1"]
    done = narratives(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    told = done.stderr.decode()
    assert "2 of 2 files: 41 rows in" in told
    assert "1 of all rows hold nothing to score (column error)" in told
    expected = [row | answer_of(small_model, row["text"]) for row in rows]
    assert read_rows(tmp_path / "out" / "deep" / "a.parquet") == expected
    assert read_rows(tmp_path / "out" / "b.csv.gz")[1:] == expected
    done = narratives(*command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"nothing to do: 2 files, 41 rows are scored already\n")
    (tmp_path / "in" / "bad.parquet").write_bytes(b"no")
    done = narratives(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert b"not scored: " in done.stderr
    assert b"bad.parquet: not a Parquet file" in done.stderr
    assert b"2 of 3 files" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_how_to_go_on(small_models, tmp_path, number, code):
    for i in range(40):
        write_rows(tmp_path / "in" / f"{i}.jsonl", posts(3_000))
    command = ["score", "in", "-o", "out", "--model", small_models]
    process = subprocess.Popen(
        [sys.executable, "-m", "classifier.cli.app", *map(str, command)],
        cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "out").glob("*.jsonl"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.terminate()
    told = process.communicate(timeout=60)[1].decode()
    assert process.returncode == code
    assert told.startswith("stopped: ")
    assert "the same command goes on from there" in told
    assert told.count("\n") == 1
    assert 2 <= len(files_in(tmp_path / "out")) < 40


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--text", "War.", "-o", "out"], "-o scores files into files"),
        (["-", "-o", "out"], "-o scores files into files"),
        (["-o", "out"], "-o needs files"),
        (["a.csv", "-o", "out", "--unit", "paragraph"], "units text and sentence"),
        (["a.csv", "-o", "out", "--explain", "3"], "-o writes no evidence"),
        (["a.csv", "-o", "out", "--detect-language"], "-o identifies no languages"),
        (["a.csv", "-o", "out", "--format", "view"], "with -o take parquet, jsonl or csv"),
        (["a.csv", "--format", "parquet"], "name a directory for them with -o"),
        (["a.csv", "--jobs", "2"], "--jobs is for files that are scored into a directory"),
        (["a.csv", "--fresh"], "--fresh is for files"),
        (["a.csv", "--prefix", "x"], "--prefix is for files"),
        (["absent", "-o", "out"], "absent: no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(small_models, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["score", *arguments, "--model", str(small_models)])
    assert told in str(done.exception)
    assert not (tmp_path / "out" / "_state.json").exists()
