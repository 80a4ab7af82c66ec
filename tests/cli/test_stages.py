"""What a training tells while it runs, and how it is stopped."""

import io
import re
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from classifier.cli.stages import Stages, run_interruptibly
from tests.training.invented import write_corpus

NARRATIVES = [sys.executable, "-m", "classifier.cli.app"]


@pytest.fixture
def labels(tmp_path):
    return write_corpus(tmp_path / "labels")


def test_in_a_log_every_stage_is_one_line(labels, tmp_path):
    command = [*NARRATIVES, "train", "--labels", labels, "--models", tmp_path / "models", "--folds", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "reading labels",
        "finding near-duplicates",
        "counting n-grams",
        "cross-validating",
        "fitting on all sentences",
        "figures",
        "calibrating",
        "measuring on test sets",
        "writing",
        "comparing with the current model",
        "done",
    ]
    assert "wrote" in done.stdout


def test_in_a_terminal_a_bar_says_how_far_it_is(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    seen = []
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), console=console)
    stages = Stages(console, bar)

    def tell(stage, share):
        stages.progress(stage, share)
        (task,) = bar.tasks
        seen.append((task.description, task.completed, task.fields["left"]))

    tell("cross-validating (0 of 5 folds done)", 0.0)
    now = 1.0
    tell("cross-validating (2 of 5 folds done)", 0.4)  # taken over: they took no time
    now = 1.0
    tell("fitting", 0.0)
    tell("cross-validating (0 of 4 folds done)", 0.0)
    now = 31.0
    tell("cross-validating (1 of 4 folds done)", 0.25)
    now = 61.0
    tell("cross-validating (2 of 4 folds done)", 0.5)
    stages.tell("resumed: [2] of 5")
    assert seen[0] == ("cross-validating (0 of 5 folds done)", 0.0, "")
    assert seen[-2:] == [
        ("cross-validating (1 of 4 folds done)", 0.25, "about 2 min left"),
        ("cross-validating (2 of 4 folds done)", 0.5, "about 60 s left"),
    ]
    assert "resumed: [2] of 5" in out.getvalue()


def test_ctrl_c_ends_it_with_one_line_that_says_how_to_go_on(labels, tmp_path):
    models = tmp_path / "models"
    command = [*NARRATIVES, "train", "--labels", labels, "--models", models, "--folds", "20", "--jobs", "1"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(3_000):
        if any(models.glob(".training-*/fold-*")) or running.poll() is not None:
            break
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    assert (running.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert last == "stopped; run the same command again, and it goes on from the last finished stage"
    assert "Traceback" not in err
    assert not (models / "CURRENT").exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert re.search(r"^resumed: \d+ of 20 folds were done$", done.stderr, re.M)
    assert sorted(path.name for path in models.iterdir()) == [".out-of-fold", "CURRENT", "v1"]


def test_work_in_a_thread_gives_back_what_it_gives_or_raises():
    assert run_interruptibly(lambda: 3) == 3

    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_interruptibly(fail)
