"""Runs that are stopped and go on: nothing lost, nothing double, and the same bytes in the end."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from classifier import InputError, load_model
from classifier.batch import parts
from classifier.batch.local import run_locally
from classifier.batch.tasks import Run, ScorePart, Worker
from classifier.batch.writing import Store
from tests.batch.made_files import answer_of, begun, files_in, posts, read_rows, score_all, write_rows
from tests.conftest import ROOT

NAMES = ("a.parquet", "deep/b.jsonl", "deep/c.csv.gz", "d.jsonl.zst")


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 700)
    monkeypatch.setattr(parts, "PART_ROWS", 9)


@pytest.fixture
def inputs(tmp_path):
    for i, name in enumerate(NAMES):
        write_rows(tmp_path / "in" / name, posts(30 + i))
    return tmp_path / "in"


class Killed(BaseException):
    """What a test ends a run with."""


def test_a_run_that_ends_at_any_write_goes_on_to_the_same_bytes(
    small_model, inputs, tmp_path, small_parts, monkeypatch
):
    score_all(small_model, [inputs], tmp_path / "whole")
    expected = files_in(tmp_path / "whole")
    assert set(expected) == set(NAMES)
    left = [0]
    put, writer = Store.put, Store.writer

    def counted(method):
        def call(self, name, *given):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return method(self, name, *given)

        return call

    monkeypatch.setattr(Store, "put", counted(put))
    monkeypatch.setattr(Store, "writer", counted(writer))
    stops = 0
    for n_writes in [*range(1, 8), 3, 1, 5, 2, *range(9, 40)]:
        left[0] = n_writes
        try:
            run = score_all(small_model, [inputs], tmp_path / "out")
        except Killed:
            stops += 1
            assert all(data == expected[name] for name, data in files_in(tmp_path / "out").items())
        else:
            break
    assert stops > 5
    assert not run.failed
    assert run.totals.counts.rows == sum(30 + i for i in range(len(NAMES)))
    assert files_in(tmp_path / "out") == expected
    assert not (tmp_path / "out" / "_parts").exists()
    assert run.totals.bytes_done == run.totals.bytes


PROGRAM = """
import sys
from classifier import load_model
from classifier.batch import parts
from classifier.batch.local import run_locally
from classifier.batch.scoring import Options
from classifier.batch.tasks import begin_run
if __name__ == "__main__":
    parts.PART_BYTES, parts.PART_ROWS = 2_000, 25
    run = begin_run([sys.argv[2]], sys.argv[3], load_model(sys.argv[1]), Options())
    run_locally(run, jobs=2, observe=lambda _: None)
    print(run.totals.counts.rows, run.totals.counts_kept.rows, run.failed)
"""


def test_killed_process_groups_leave_what_the_next_run_goes_on_with(small_models, small_model, tmp_path):
    draw = random.Random(20)
    for name in NAMES:
        write_rows(tmp_path / "in" / name, posts(1_000), row_group_size=100)
    (tmp_path / "run.py").write_text(PROGRAM)
    command = [sys.executable, tmp_path / "run.py", small_models, tmp_path / "in", tmp_path / "out"]

    def seen():
        return sum(path.suffix in (".part", ".json") for path in (tmp_path / "out").rglob("*"))

    kept = 0
    for _ in range(3):
        before = seen()
        process = subprocess.Popen(command, start_new_session=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while seen() <= before + 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(draw.random() / 20)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    rows, kept, failed = done.stdout.split(maxsplit=2)
    assert (int(rows), failed) == (4_000, "{}\n")
    assert int(kept) > 0
    score_all(small_model, [tmp_path / "in"], tmp_path / "whole")
    # Parts are cut otherwise there, so that rows are compared.
    for name in NAMES:
        assert read_rows(tmp_path / "out" / name) == read_rows(tmp_path / "whole" / name)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.parquet",
        "d.jsonl.zst",
        "deep",
        "_receipts",
        "_state.json",
    }


def test_changed_inputs_are_scored_again_and_no_others(small_model, inputs, tmp_path, small_parts):
    first = score_all(small_model, [inputs], tmp_path / "out")
    again = score_all(small_model, [inputs], tmp_path / "out")
    assert (again.totals.files_kept, again.totals.counts) == (4, first.totals.counts)
    write_rows(inputs / "a.parquet", posts(12, begin=100))
    os.utime(inputs / "a.parquet", ns=(0, 1))
    (tmp_path / "out" / "deep" / "b.jsonl").unlink()
    times = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in NAMES if name != "deep/b.jsonl"}
    run = score_all(small_model, [inputs], tmp_path / "out")
    assert run.totals.files_kept == 2
    changed = [name for name, time in times.items() if (tmp_path / "out" / name).stat().st_mtime_ns != time]
    assert changed == ["a.parquet"]
    rows = posts(12, begin=100)
    assert read_rows(tmp_path / "out" / "a.parquet") == [row | answer_of(small_model, row["text"]) for row in rows]
    assert len(read_rows(tmp_path / "out" / "deep" / "b.jsonl")) == 31


def test_an_input_that_changes_meanwhile_is_no_answer(small_model, inputs, tmp_path):
    run = begun(small_model, [inputs / "a.parquet"], tmp_path / "out")
    worker = Worker(run.job)
    (task,) = run.tasks()
    os.utime(inputs / "a.parquet", ns=(0, 1))
    run.done(worker.carry_out(task))
    assert "changed while it was being scored" in run.failed["a.parquet"]
    assert not (tmp_path / "out" / "a.parquet").exists()


def test_another_model_or_other_options_are_refused(two_models, inputs, tmp_path):
    one, two = load_model(two_models / "v1"), load_model(two_models / "v2")
    score_all(one, [inputs], tmp_path / "out")
    with pytest.raises(InputError) as refused:
        begun(two, [inputs], tmp_path / "out")
    assert one.identity.digest in str(refused.value)
    assert two.identity.digest in str(refused.value)
    assert "--fresh" in str(refused.value)
    with pytest.raises(InputError, match=r"format None \(now 'csv'\).*--fresh"):
        begun(one, [inputs], tmp_path / "out", format="csv")
    (tmp_path / "out" / "mine.txt").write_text("kept")
    run = score_all(two, [inputs], tmp_path / "out", fresh=True, format="csv")
    assert not run.failed
    assert sorted(files_in(tmp_path / "out")) == ["a.csv", "d.csv", "deep/b.csv", "deep/c.csv.gz", "mine.txt"]
    assert read_rows(tmp_path / "out" / "a.csv")[0]["model"] == two.identity.digest


def test_nothing_of_others_is_written_over(small_model, inputs, tmp_path):
    with pytest.raises(InputError, match="itself; choose another directory"):
        begun(small_model, [inputs / "a.parquet"], inputs)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.parquet").write_bytes(b"mine")
    with pytest.raises(InputError, match="is there already, and no run has written it"):
        begun(small_model, [inputs], tmp_path / "out")
    assert files_in(tmp_path / "out") == {"a.parquet": b"mine"}
    (tmp_path / "out" / "a.parquet").unlink()
    (tmp_path / "out" / "_state.json").write_text("{")
    with pytest.raises(InputError, match="is not what a run writes"):
        begun(small_model, [inputs], tmp_path / "out")


def test_two_runs_do_not_write_at_once(tmp_path):
    with Store(str(tmp_path)).alone(), pytest.raises(InputError, match="another run"), Store(str(tmp_path)).alone():
        pass


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("bad.parquet", b"not that", "not a Parquet file"),
        ("bad.csv", b'text\n"open', "record 2 is not valid CSV"),
        ("bad.csv", b"", "no column 'text'; columns are none"),
        ("bad.csv", b"a,b\n1,2\n", "columns are a, b: choose one with --column"),
        ("bad.csv", b"text,model\n1,2\n", "has a column 'model', as the answers do.*--prefix"),
        ("bad.jsonl", b'{"text": "War.", "labels": 1}', "has a column 'labels', as the answers do.*--prefix"),
        ("bad.jsonl.gz", b"\x1f\x8bnot that", "not a whole .gz file"),
        ("bad.jsonl.zst", b"not that", "not a whole .zst file"),
        ("bad.csv.bz2", b"not that", "not a whole .bz2 file"),
    ],
)
def test_a_bad_file_is_told_and_the_others_go_on(small_model, inputs, tmp_path, name, data, told):
    import re

    (inputs / name).write_bytes(data)
    run = score_all(small_model, [inputs], tmp_path / "out")
    assert list(run.failed) == [name]
    assert re.search(told, run.failed[name])
    assert set(files_in(tmp_path / "out")) == set(NAMES)
    assert run.totals.bytes_done == run.totals.bytes


def test_truncated_files_are_not_taken_for_whole_ones(small_model, tmp_path):
    for name in ("a.jsonl.gz", "a.csv.zst", "a.csv.bz2", "a.parquet"):
        path = write_rows(tmp_path / "in" / name, posts(2_000))
        path.write_bytes(path.read_bytes()[:-20])
    run = score_all(small_model, [tmp_path / "in"], tmp_path / "out")
    assert len(run.failed) == 4
    assert not files_in(tmp_path / "out")


def test_empty_files_stay_empty(small_model, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b"")
    (tmp_path / "in" / "b.csv").write_bytes(b"\r\nid,text\r\n")
    parquet.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "in" / "c.parquet")
    run = score_all(small_model, [tmp_path / "in"], tmp_path / "out")
    assert not run.failed
    assert [read_rows(tmp_path / "out" / name) for name in ("a.jsonl", "b.csv", "c.parquet")] == [[], [], []]
    assert parquet.read_schema(tmp_path / "out" / "c.parquet").names[:2] == ["text", "narratives"]


def test_addresses_in_and_out(small_model, inputs, small_parts):
    """An object store: nothing is renamed there."""
    base = f"memory://{uuid.uuid4().hex}"
    fs, path = fsspec.core.url_to_fs(base)
    fs.put(str(inputs), f"{path}/in", recursive=True)
    run = begun(small_model, [f"{base}/in"], f"{base}/out")
    run_locally(run, jobs=2, observe=lambda _: None)
    assert not run.failed
    lines = fs.cat_file(f"{path}/out/deep/b.jsonl").decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(i) for i in range(31)]
    beside = {name.removeprefix(f"{path}/out/").split("/")[0] for name in fs.find(f"{path}/out")}
    assert beside == {"a.parquet", "d.jsonl.zst", "deep", "_receipts", "_state.json"}
    again = begun(small_model, [f"{base}/in"], f"{base}/out")
    assert list(again.tasks()) == []


class Elsewhere(LocalFileSystem):
    """A file system that is neither this machine's own nor an object store, whose library has errors of its own."""

    protocol = "elsewhere"
    moved: ClassVar[list[str]] = []
    broken = False

    @classmethod
    def _strip_protocol(cls, path):
        return str(path).removeprefix("elsewhere://").rstrip("/")

    def unstrip_protocol(self, name):
        return f"elsewhere://{name}"

    def mv(self, path1, path2, **given):
        self.moved.append(path2)
        Path(path1).replace(path2)

    def cat_file(self, path, **given):
        if Elsewhere.broken:
            raise RuntimeError("the cloud is gone")
        return super().cat_file(path, **given)


def test_other_remote_files_are_moved_when_whole_and_errors_are_told(small_model, inputs, tmp_path, small_parts):
    fsspec.register_implementation("elsewhere", Elsewhere, clobber=True)
    out = tmp_path / "out"
    run = score_all(small_model, [f"elsewhere://{inputs}"], f"elsewhere://{out}")
    assert not run.failed
    score_all(small_model, [inputs], tmp_path / "whole")
    assert files_in(out) == files_in(tmp_path / "whole")
    assert {str(out / name) for name in NAMES} <= set(Elsewhere.moved)
    Elsewhere.broken = True
    try:
        run = score_all(small_model, [f"elsewhere://{inputs}/deep/b.jsonl"], str(tmp_path / "again"))
        assert "deep/b.jsonl: RuntimeError: the cloud is gone" in run.failed["b.jsonl"]
        with pytest.raises(InputError, match="the cloud is gone"):
            begun(small_model, [inputs], f"elsewhere://{out}")
    finally:
        Elsewhere.broken = False


def test_a_killed_process_loses_nothing(small_model, inputs, tmp_path, small_parts):
    import multiprocessing

    killed = []

    def observe(run: Run) -> None:
        if len(killed) < 2 and run.totals.counts.rows > 20 * len(killed):
            for child in multiprocessing.active_children()[:1]:
                child.kill()
                killed.append(child.pid)

    run = begun(small_model, [inputs], tmp_path / "out")
    run_locally(run, jobs=2, observe=observe)
    assert not run.failed
    assert len(killed) == 2
    score_all(small_model, [inputs], tmp_path / "whole")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "whole")


class Poison:
    """Ends the process that receives it, as a lack of memory does."""

    def __reduce__(self):
        return os._exit, (7,)


def test_a_task_that_ends_every_process_is_given_up_and_the_others_go_on(small_model, inputs, tmp_path, monkeypatch):
    run = begun(small_model, [inputs], tmp_path / "out")
    tasks = Run.tasks

    def poisoned(self):
        for task in tasks(self):
            yield ScorePart(task.file, Poison()) if task.file.name == "a.parquet" else task

    monkeypatch.setattr(Run, "tasks", poisoned)
    run_locally(run, jobs=1, observe=lambda _: None)
    assert "was ended 3 times, the last time with exit code 7; where memory ran out" in run.failed["a.parquet"]
    assert sorted(files_in(tmp_path / "out")) == sorted(set(NAMES) - {"a.parquet"})


def test_processes_check_the_digest(two_models, inputs, tmp_path):
    from dataclasses import replace

    run = begun(load_model(two_models / "v1"), [inputs], tmp_path / "out")
    run.job = replace(run.job, model=str(two_models / "v2"))
    with pytest.raises(Exception, match="was it replaced"):
        run_locally(run, jobs=1, observe=lambda _: None)
