"""Trainings that are killed at a moment of one's choice, run as a program by test_resuming.

    python killed_trainings.py LABELS DIRECTORY

A training syncs every file that it writes. For each sync the training is killed at (SIGKILL, in a child of its own) the
same training is run again; a JSON line tells what was left and what came of it.
"""

import json
import os
import signal
import sys
from pathlib import Path

from classifier.model.versions import list_versions
from classifier.training.crossval import Options
from classifier.training.train import train

OPTIONS = Options(n_folds=3, C_grid=(2.0, 16.0), n_jobs=2)


def child(work):
    """What a child's end was: its exit code, or minus the signal."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a child ends here, whatever happens
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_at(n):
    sync, count = os.fsync, 0

    def fsync(descriptor):
        nonlocal count
        count += 1
        if count == n:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync


def main():
    labels, place = Path(sys.argv[1]), Path(sys.argv[2])
    for n in range(0, 1_000, 7):
        models = place / str(n)
        lines = place / f"{n}.txt"

        def run(tell, models=models):
            train(labels, models, options=OPTIONS, tell=tell)

        def killed(n=n, run=run):
            die_at(n)
            run(lambda line: None)

        def again(lines=lines, run=run):
            told = []
            run(told.append)
            lines.write_text("\n".join(told))

        first = child(killed) if n else -signal.SIGKILL
        left = sorted(p.name for p in models.iterdir()) if models.is_dir() else []
        whole = list_versions(models)
        second = child(again) if first else first
        files = {p.name: p.read_bytes().hex() for p in (models / "v1").iterdir()}
        report = {
            "killed_at": n,
            "ends": [first, second],
            "left": left,
            "whole": whole,
            "there": sorted(p.name for p in models.iterdir()),
            "told": lines.read_text().splitlines() if lines.exists() else [],
            "manifest": files["manifest.json"],
        }
        print(json.dumps(report), flush=True)
        if n and not first:
            break


if __name__ == "__main__":
    main()
