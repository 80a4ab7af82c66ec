"""One change of the label files at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier.errors import CorpusError


@contextmanager
def alone(labels: Path) -> Iterator[None]:
    """Keep a second run out while label files are read and written (where the system can)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    import os

    try:
        descriptor = os.open(labels, os.O_RDONLY)
    except OSError as error:
        raise CorpusError(f"{labels}: cannot be opened: {error.strerror}; name the directory of the labels") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
