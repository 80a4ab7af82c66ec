"""Writing files so that a killed process leaves the old state or the new, never something between.

Everything is written aside in the same directory, synced, and renamed over its target. ``tempfile`` and ``shutil`` are
imported where something is written: a process that only scores starts without them.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"
"""Names that begin so are leftovers of a killed process and may be removed: :func:`remove_leftovers`."""

LEFTOVER_SECONDS = 24 * 3600.0
"""Younger ones may belong to a process that is writing right now, here or on another machine of a shared disk."""


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """A full disk is told by writing and syncing without saying what was written; say it."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def write_file(path: str | Path, content: bytes | str, *, aside: Path | None = None) -> None:
    """Replace ``path`` by ``content`` (text is written as UTF-8) in one step.

    ``aside`` is where the new content is written first, on the same file system; beside ``path`` by default.
    """
    import tempfile

    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=aside or path.parent)
    try:
        with _naming(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def publish_directory(target: str | Path, files: dict[str, bytes]) -> Path:
    """Create the directory ``target`` holding ``files``, whole or not at all.

    Raises
    ------
    FileExistsError
        ``target`` is there already.
    """
    import shutil
    import tempfile

    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=target.parent))
    try:
        for name, data in files.items():
            with _naming(target / name), (aside / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        aside.chmod(0o755)
        sync_directory(aside)
        _refuse(target)
        try:
            aside.rename(target)
        except OSError:
            _refuse(target)  # another process was quicker
            raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    sync_directory(target.parent)
    return target


@contextmanager
def new_file(target: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a path to write to; afterwards ``target`` is there, whole, or (after an error) as it was before.

    Raises
    ------
    FileExistsError
        ``target`` is there already, and ``replace`` is false; it is left as it is.
    """
    import tempfile

    target = Path(target)
    if not replace:
        _refuse(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=target.parent)
    os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        _sync_file(aside)
        if replace:
            aside.replace(target)
            sync_directory(target.parent)
            return
        try:
            # A link, unlike a rename, never replaces what another process has put there meanwhile.
            os.link(aside, target)
        except FileExistsError:
            _refuse(target)
            raise
        except OSError:
            # A file system without links.
            _refuse(target)
            aside.rename(target)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(target.parent)


@contextmanager
def new_directory(target: str | Path) -> Iterator[Path]:
    """The same as :func:`new_file` for a directory."""
    import shutil
    import tempfile

    target = Path(target)
    _refuse(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=target.parent))
    try:
        yield aside
        for path in sorted(aside.rglob("*")):
            if path.is_dir():
                sync_directory(path)
            else:
                _sync_file(path)
        aside.chmod(0o755)
        sync_directory(aside)
        _refuse(target)
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    sync_directory(target.parent)


def _refuse(target: Path) -> None:
    if target.exists():
        raise FileExistsError(errno.EEXIST, "is there already", str(target))


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(directory: str | Path, *, older_than: float = LEFTOVER_SECONDS) -> list[str]:
    """Remove what killed processes left in ``directory``, and return the names.

    Only files and directories that this module names (:data:`TEMPORARY_PREFIX`) and that nobody has written to for
    ``older_than`` seconds; links are left alone, and so is what cannot be removed.
    """
    import shutil

    removed = []
    with os.scandir(directory) as entries:
        for entry in list(entries):
            if not entry.name.startswith(TEMPORARY_PREFIX):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
                if time.time() - found.st_mtime < older_than:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(entry.path)
                elif stat.S_ISREG(found.st_mode):
                    Path(entry.path).unlink()
                else:
                    continue
            except OSError:
                continue
            removed.append(entry.name)
    return removed


def sync_directory(path: Path) -> None:
    """Make renames inside ``path`` survive a power cut (where the system can sync a directory)."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
