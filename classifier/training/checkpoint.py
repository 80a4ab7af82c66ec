"""Finished stages of a training, kept on disk, so that a killed one goes on where it was.

They lie in ``MODELS/.training-<key>/``, one directory a stage, written aside and renamed: a stage is there whole or not
at all. A stage holds ``.npy`` arrays and ``stage.json``, which names their hashes; nothing is unpickled, and a stage
that is not what its hashes say counts as missing. The key is a digest of everything that the stages depend on, so
another corpus, other options or other code find nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.durable import publish_directory, write_file
from classifier.errors import TrainingError
from classifier.model.store import dump_array, dump_json
from classifier.training.fingerprint import digest_of

PREFIX = ".training-"
"""Directories of checkpoints begin so: with a dot, so that none is taken for a version."""

KEPT_SECONDS = 7 * 24 * 3600.0
"""Checkpoints that nobody has added to for so long are removed by the next training in that directory."""

STAGE = "stage.json"
LOCK = "lock"

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Stage:
    """What a finished stage left: arrays by name, and JSON."""

    arrays: Arrays
    facts: Mapping[str, Any]


class Checkpoints:
    """The finished stages of one training. Without a directory nothing is kept."""

    def __init__(self, directory: Path | None = None, tell: Callable[[str], None] = lambda line: None) -> None:
        self.directory = directory
        self._tell = tell

    def load(self, stage: str) -> Stage | None:
        """A stage as it was saved, or None; one that is damaged is told in one line, and removed."""
        if self.directory is None or not (self.directory / stage).exists():
            return None
        try:
            return _read_stage(self.directory / stage)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._tell(f"{self.directory / stage}: damaged ({error}); it is made anew")
            shutil.rmtree(self.directory / stage, ignore_errors=True)
            return None

    def save(self, stage: str, arrays: Arrays, facts: Mapping[str, Any] | None = None) -> None:
        """Keep a finished stage.

        Raises
        ------
        OSError
            It cannot be written; names the file.
        """
        if self.directory is None:
            return
        files = {f"{name}.npy": dump_array(array) for name, array in arrays.items()}
        entries = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        # Another process that was as far has written the same.
        with suppress(FileExistsError):
            publish_directory(
                self.directory / stage, {**files, STAGE: dump_json({"facts": dict(facts or {}), "files": entries})}
            )

    def discard(self) -> None:
        """Forget every stage: the training is finished, or cannot be."""
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)


def _read_stage(path: Path) -> Stage:
    entries = json.loads((path / STAGE).read_bytes())
    arrays = {}
    for name, expected in entries["files"].items():
        data = (path / Path(name).name).read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise ValueError(f"{name} is not what was written")
        arrays[name.removesuffix(".npy")] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return Stage(arrays, dict(entries["facts"]))


@contextmanager
def open_checkpoints(
    models: Path, depends_on: object, *, fresh: bool = False, tell: Callable[[str], None] = lambda line: None
) -> Iterator[Checkpoints]:
    """The checkpoints of the training that depends on this (JSON), for one process at a time.

    Where nothing was saved in the end, nothing is left behind.

    Parameters
    ----------
    fresh : bool
        Forget what an earlier run finished.

    Raises
    ------
    TrainingError
        Another process is at the same training; the message says which.
    """
    directory = models / (PREFIX + digest_of(depends_on).removeprefix("sha256:")[:16])
    there = models.is_dir()
    descriptor = _lock(directory)
    try:
        if fresh:
            for path in directory.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
        _remove_old(models, directory)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        write_file(directory / "holder.json", dump_json(holder))
        yield Checkpoints(directory, tell)
    finally:
        if directory.is_dir() and not any(path.is_dir() for path in directory.iterdir()):
            shutil.rmtree(directory, ignore_errors=True)
        if not there:
            with suppress(OSError):  # a version is in it
                models.rmdir()
        if descriptor is not None:
            os.close(descriptor)


def _lock(directory: Path) -> int | None:
    """Keep others out until the process ends, however it ends; where the system cannot, stages are written whole
    anyway."""
    try:
        import fcntl
    except ImportError:
        directory.mkdir(parents=True, exist_ok=True)
        return None
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise TrainingError(
            f"{directory}: {_holder(directory)} is at the same training; wait for it, or end it"
        ) from None
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _holder(directory: Path) -> str:
    try:
        holder = json.loads((directory / "holder.json").read_bytes())
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _remove_old(models: Path, mine: Path) -> None:
    for path in models.glob(f"{PREFIX}*"):
        with suppress(OSError, TrainingError):
            if path == mine or path.is_symlink() or time.time() - path.stat().st_mtime < KEPT_SECONDS:
                continue
            descriptor = _lock(path)
            shutil.rmtree(path)
            if descriptor is not None:
                os.close(descriptor)
