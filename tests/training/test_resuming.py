"""A training that is stopped, killed, or out of disk goes on where it was, and gives the same bytes."""

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

from classifier import TrainingError
from classifier.corpus.files import read_labels, write_labels
from classifier.model.versions import list_versions, next_version
from classifier.training import train as training
from classifier.training.checkpoint import KEPT_SECONDS, Checkpoints, open_checkpoints
from classifier.training.crossval import Options
from classifier.training.train import train
from tests.training.invented import write_corpus

OPTIONS = Options(n_folds=3, C_grid=(2.0, 16.0), n_jobs=1)


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("resuming") / "labels")


@pytest.fixture(scope="module")
def clean(labels, tmp_path_factory):
    """The digest of a training that nothing disturbed."""
    return train(labels, tmp_path_factory.mktemp("clean"), options=OPTIONS).model.identity.digest


@pytest.fixture
def stopped(labels, tmp_path, monkeypatch):
    """A models directory where a training was stopped with everything fitted."""

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_write", stop)
        with pytest.raises(KeyboardInterrupt):
            train(labels, tmp_path, options=OPTIONS)
    (kept,) = tmp_path.glob(".training-*")
    assert {p.name for p in kept.iterdir() if p.is_dir()} == {"fold-0", "fold-1", "fold-2", "fit"}
    return tmp_path


def test_killed_anywhere_it_goes_on_and_writes_the_same_bytes(labels, tmp_path):
    program = Path(__file__).with_name("killed_trainings.py")
    done = subprocess.run([sys.executable, program, labels, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    undisturbed, *killed, through = map(json.loads, done.stdout.splitlines())
    assert len(killed) >= 5
    assert through["ends"] == [0, 0], "the last was to sync fewer files than it was to be killed at"
    for run in killed:
        assert run["ends"] == [-9, 0], run["killed_at"]
        assert "CURRENT" not in run["left"]
        assert run["whole"] == [name for name in run["left"] if not name.startswith(".")], "no half version"
        there = {name for name in run["there"] if not name.startswith(".tmp-")}
        # Killed in the moment between writing a version and noting that: it is written once more.
        assert there - {"v2"} == {".out-of-fold", "CURRENT", "v1"}
        assert run["manifest"] == undisturbed["manifest"], run["killed_at"]
    told = [line for run in killed for line in run["told"]]
    assert "resumed: 1 of 3 folds were done" in told
    assert any(line.endswith("v1 was written") for line in told), "killed between writing and promoting"


def test_neither_jobs_nor_threads_of_the_linear_algebra_change_a_byte(labels, clean, tmp_path):
    for n_jobs, n_threads in ((2, 2), (1, 1), (3, 1)):
        with threadpoolctl.threadpool_limits(n_threads, user_api="blas"):
            trained = train(labels, tmp_path, options=replace(OPTIONS, n_jobs=n_jobs))
            assert all(
                library["num_threads"] == n_threads
                for library in threadpoolctl.threadpool_info()
                if library["user_api"] == "blas"
            ), "left as it was found"
        assert trained.model.identity.digest == clean


def test_it_goes_on_whatever_the_jobs_the_name_and_the_version(stopped, labels, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("fitted again")

    told = []
    with monkeypatch.context() as patch:
        for name in ("fit_rows", "fit_narratives"):
            patch.setattr(f"classifier.training.crossval.{name}", never)
        patch.setattr(training, "fit_rows", never)
        trained = train(
            labels, stopped, version="summer", name="other", options=replace(OPTIONS, n_jobs=2), tell=told.append
        )
    assert told == ["resumed: 3 of 3 folds were done", "resumed: the fit on all sentences was done"]
    assert sorted(p.name for p in stopped.iterdir()) == [".out-of-fold", "CURRENT", "summer"]
    assert trained.model.identity.name == "other"


@pytest.mark.parametrize("change", ["labels", "split", "codebook", "unfamiliar", "options", "code"])
def test_anything_else_starts_anew(change, stopped, labels, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other") / "labels"
    write_corpus(other)
    rows = read_labels(labels)
    if change == "labels":
        write_labels(other / "rows.csv", rows[1:])
    elif change == "split":
        write_labels(other / "rows.csv", [replace(rows[0], split="dev"), *rows[1:]])
    elif change == "codebook":
        (other / "taxonomy.yaml").write_text((labels / "taxonomy.yaml").read_text().replace('"."', '"More."'))
    elif change == "unfamiliar":
        (other / "unfamiliar").mkdir()
        (other / "unfamiliar" / "a.csv").write_text("language,text\nde,Wir wissen davon heute noch nichts\n")
    elif change == "code":
        monkeypatch.setattr(training, "fingerprint", lambda: {"code": "other"})
    told = []
    options = replace(OPTIONS, random_state=1) if change == "options" else OPTIONS
    train(other, stopped, options=options, tell=told.append)
    assert told == []
    assert len(list(stopped.glob(".training-*"))) == 1, "the other training can still go on"


def test_what_is_damaged_is_told_and_fitted_again(stopped, labels, clean):
    (kept,) = stopped.glob(".training-*")
    array = kept / "fold-1" / "logits.npy"
    data = bytearray(array.read_bytes())
    data[-1] ^= 1
    array.write_bytes(data)
    (kept / "fit" / "stage.json").write_bytes(b"{")
    (kept / "fold-2" / "voices.npy").unlink()
    told = []
    trained = train(labels, stopped, options=OPTIONS, tell=told.append)
    assert [line.split(": ")[0].rsplit("/", 1)[-1] for line in told] == ["fold-1", "fold-2", "resumed", "fit"]
    assert "logits.npy is not what was written" in told[0]
    assert told[2] == "resumed: 1 of 3 folds were done"
    assert trained.model.identity.digest == clean


def test_fresh_takes_nothing_over(stopped, labels, clean):
    told = []
    trained = train(labels, stopped, options=OPTIONS, fresh=True, tell=told.append)
    assert told == []
    assert trained.model.identity.digest == clean
    assert not list(stopped.glob(".training-*"))


def test_of_two_at_once_the_second_is_told_who_is_at_it(stopped, labels, monkeypatch):
    def busy(*args):
        with pytest.raises(TrainingError, match=rf"process {os.getpid()} on \S+, since 20.* is at the same training"):
            train(labels, stopped, options=OPTIONS)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_write", busy)
        with pytest.raises(KeyboardInterrupt):
            train(labels, stopped, options=OPTIONS)
    train(labels, stopped, options=OPTIONS)
    assert list_versions(stopped) == ["v1"]


def test_a_name_that_was_taken_meanwhile(stopped, labels, clean):
    def take(stage, share):
        if stage == "writing":
            (stopped / "v1").mkdir(exist_ok=True)
            (stopped / "v1" / "theirs").touch()

    with pytest.raises(TrainingError, match="v1 is there already; name another version"):
        train(labels, stopped, version="v1", options=OPTIONS, progress=take)
    told = []
    trained = train(labels, stopped, options=OPTIONS, progress=take, tell=told.append)
    assert trained.path.name == "v2"
    assert trained.model.identity.digest == clean
    assert len(told) == 2, "the work was not lost"
    assert [p.name for p in (stopped / "v1").iterdir()] == ["theirs"]


@pytest.mark.parametrize("n", [1, 3, 9, 15, 20, 28])
def test_a_full_disk_names_the_file_and_loses_nothing(n, labels, clean, tmp_path, monkeypatch):
    (tmp_path / "CURRENT").write_text("v0\n")
    sync, count = os.fsync, 0

    def full(descriptor):
        nonlocal count
        count += 1
        if count >= n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left") as caught:
            train(labels, tmp_path, options=OPTIONS)
    assert str(caught.value.filename).startswith(str(tmp_path))
    assert (tmp_path / "CURRENT").read_text() == "v0\n"
    assert {p.name for p in tmp_path.iterdir() if not p.name.startswith(".training-")} == {"CURRENT"}
    assert not list(tmp_path.rglob(".tmp-*"))
    assert train(labels, tmp_path, options=OPTIONS).model.identity.digest == clean


def test_checkpoints_are_no_versions_and_go_after_a_week(stopped, labels):
    assert list_versions(stopped) == []
    assert next_version(stopped) == "v1"
    (kept,) = stopped.glob(".training-*")
    (young := stopped / ".training-young").mkdir()
    (stopped / ".training-elsewhere").symlink_to(labels)
    week_ago = time.time() - KEPT_SECONDS - 60
    os.utime(kept, (week_ago, week_ago))
    with open_checkpoints(stopped, "something else") as other:
        other.save("x", {"a": np.arange(3)}, {"b": 1})
        stage = other.load("x")
    assert (stage.arrays["a"].tolist(), stage.facts) == ([0, 1, 2], {"b": 1})
    assert not kept.exists()
    assert young.exists()
    assert (labels / "rows.csv").exists()


def test_nothing_is_left_of_what_kept_nothing(tmp_path):
    with open_checkpoints(tmp_path / "models", 1):
        pass
    assert list(tmp_path.iterdir()) == []
    nothing = Checkpoints()
    nothing.save("x", {})
    assert nothing.load("x") is None
    nothing.discard()
