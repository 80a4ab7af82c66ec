"""Where outputs are written: a directory of this machine or a cloud address, every file whole or not at all.

On this machine files are written aside, synced and renamed. An object store shows an object when all of it has been
put; on other remote file systems (SFTP, HDFS, ...) a file is written under another name and moved.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from classifier.batch.inputs import Compression, Format, cloud_errors, is_local, open_address, split_name
from classifier.batch.parquet_joining import MAGIC, FooterJoiner, split_parquet
from classifier.durable import sync_directory, write_file
from classifier.errors import InputError

PARTS = "_parts"
RECEIPTS = "_receipts"

_WHOLE_OBJECTS = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "r2", "memory"))


class Store:
    """The output directory; names are paths below it, with "/"."""

    def __init__(self, out: str) -> None:
        self.address = out
        self.fs, self._root = open_address(out)
        self.local = is_local(self.fs)
        protocol = self.fs.protocol
        self._whole = bool(_WHOLE_OBJECTS & {protocol} if isinstance(protocol, str) else _WHOLE_OBJECTS & set(protocol))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs on this machine out of the directory for a while.

        Raises
        ------
        InputError
            Another one is at work there.
        """
        try:
            import fcntl
        except ImportError:
            fcntl = None  # type: ignore[assignment]
        if not self.local or fcntl is None:
            yield
            return
        Path(self._root).mkdir(parents=True, exist_ok=True)
        # The directory itself is locked, so that no file is left; the lock ends with the process.
        descriptor = os.open(self._root, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{self.address}: another run is writing there; wait for it, or end it") from None
            except OSError:
                pass  # a file system without locks
            yield
        finally:
            os.close(descriptor)

    def path(self, name: str) -> str:
        """A name as the file system knows it."""
        return posixpath.join(self._root, name)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        try:
            with cloud_errors(self.address):
                data: bytes = Path(self.path(name)).read_bytes() if self.local else self.fs.cat_file(self.path(name))
        except FileNotFoundError:
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        """Write a file, or replace it, in one step."""
        if self.local:
            write_file(self.path(name), data, aside=self._aside())
            return
        with self.writer(name) as sink:
            sink.write(data)

    @contextmanager
    def writer(self, name: str) -> Iterator[IO[bytes]]:
        """Write a file piece by piece; it is there when the block is left without an error."""
        target = self.path(name)
        if self.local:
            aside = self._aside()
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=aside)
            try:
                with os.fdopen(descriptor, "wb") as sink:
                    yield sink
                    sink.flush()
                    os.fsync(sink.fileno())
                Path(temporary).chmod(0o644)
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            sync_directory(Path(target).parent)
            return
        with cloud_errors(self.address):
            yield from self._write_remote(name, target)

    def _write_remote(self, name: str, target: str) -> Iterator[IO[bytes]]:
        place = target if self._whole else self.path(f"{PARTS}/aside/{hashlib.sha256(name.encode()).hexdigest()}")
        self.fs.makedirs(posixpath.dirname(place), exist_ok=True)
        remote = self.fs.open(place, "wb")
        try:
            yield remote
        except BaseException:
            if hasattr(remote, "discard"):
                remote.discard()
            raise
        remote.close()
        if not self._whole:
            self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
            self.fs.mv(place, target)

    def size(self, name: str) -> int | None:
        """How many bytes a file has, None where there is none."""
        try:
            if self.local:
                return os.stat(self.path(name)).st_size  # noqa: PTH116 - one call for each of perhaps a million files
            with cloud_errors(self.address):
                return int(self.fs.info(self.path(name))["size"])
        except FileNotFoundError:
            return None

    def list(self, name: str) -> list[str]:
        """Names of the files in a folder; none where there is no such folder."""
        try:
            with cloud_errors(self.address):
                self.fs.invalidate_cache(self.path(name))
                found = self.fs.ls(self.path(name), detail=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(info["name"]) for info in found if info["type"] == "file")

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        if self.local:
            path = Path(self.path(name))
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            return
        try:
            with cloud_errors(self.address):
                self.fs.rm(self.path(name), recursive=True)
        except FileNotFoundError:
            return

    def _aside(self) -> Path:
        # Below _parts, so that what a killed process leaves is removed with it.
        aside = Path(self.path(f"{PARTS}/aside"))
        aside.mkdir(parents=True, exist_ok=True)
        return aside


def join_parts(store: Store, name: str, parts: Sequence[str | bytes], format: Format) -> tuple[str, int]:
    """Put parts together into the file ``name``; returns its SHA-256 and its size.

    Parameters
    ----------
    parts : sequence of str or bytes
        Names of files in the store, or their content, in order.
    """
    compression: Compression = split_name(name)[2]
    with store.writer(name) as raw:
        sink = _Hashed(raw)
        if format == "parquet":
            _join_parquet(store, parts, sink)
        elif compression == ".zst":
            import pyarrow

            with pyarrow.CompressedOutputStream(pyarrow.PythonFile(sink, "w"), "zstd") as compressed:
                for part in parts:
                    compressed.write(_content(store, part))
        else:
            for part in parts:
                sink.write(_content(store, part))
    return sink.hash.hexdigest(), sink.n_bytes


def _join_parquet(store: Store, parts: Sequence[str | bytes], sink: _Hashed) -> None:
    if len(parts) == 1:
        sink.write(_content(store, parts[0]))
        return
    joiner = FooterJoiner()
    sink.write(MAGIC)
    for part in parts:
        data = _content(store, part)
        begin, end, footer = split_parquet(data)
        joiner.add(footer, end - begin)
        sink.write(memoryview(data)[begin:end])
    sink.write(joiner.footer())


def _content(store: Store, part: str | bytes) -> bytes:
    if isinstance(part, bytes):
        return part
    data = store.read(part)
    if data is None:
        raise InputError(f"{store.path(part)}: was there and is gone; run again")
    return data


class _Hashed:
    """A sink that knows the SHA-256 of what was written to it."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self.hash = hashlib.sha256()
        self.n_bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self.n_bytes += len(data)
        self._sink.write(data)
        return len(data)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        """Left to whoever opened the sink."""
