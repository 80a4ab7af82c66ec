"""From arguments (files, folders, globs, cloud addresses) to the list of input files and the names of their outputs."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from classifier.errors import InputError, MissingExtra, NarrativesError

Format = Literal["parquet", "jsonl", "csv"]
Compression = Literal["", ".gz", ".zst", ".bz2"]

FORMATS: Mapping[str, Format] = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
COMPRESSIONS: tuple[Compression, ...] = (".gz", ".zst", ".bz2")
STATE = "_state.json"
"""A folder that holds one was written by a run; nothing in it is taken as input."""

_GLOB = frozenset("*?[")
_STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation", "mtime", "LastModified", "updated")
"""What file systems call that which changes with a file's content; the first that is there is taken."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to score.

    ``address`` opens it, ``name`` is what its output is called below the output directory ("2024/05/a.jsonl.gz"),
    ``size`` counts bytes, and ``stamp`` changes when the file does.
    """

    address: str
    name: str
    format: Format
    compression: Compression
    size: int
    stamp: str


def open_address(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address and the path in it.

    Raises
    ------
    MissingExtra
        fsspec is not installed.
    InputError
        No such kind of address, or its package is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("Scoring whole files", "batch") from error
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise InputError(f"{address}: {error}") from error
    except ValueError as error:
        raise InputError(f"{address}: no file system for such an address: {error}") from error
    return found


@contextmanager
def cloud_errors(address: str) -> Iterator[None]:
    """Libraries for clouds raise errors of their own trees: they become InputError, which names the address."""
    try:
        yield
    except (NarrativesError, OSError, MemoryError):
        raise
    except Exception as error:
        if is_local(open_address(address)[0]):
            raise
        raise InputError(f"{address}: {type(error).__name__}: {error}") from error


def is_local(fs: Any) -> bool:
    """Is this file system the machine's own?"""
    protocol = fs.protocol
    return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


def lives_in_one_process(address: str) -> bool:
    """Can other processes not see what lies there?"""
    return address.startswith("memory://")


def split_name(name: str) -> tuple[str, str, Compression]:
    """A name, its ending, and the ending of its compression: ``("a", ".csv", ".gz")``."""
    compression: Compression = ""
    stem = name
    for known in COMPRESSIONS:
        if name.lower().endswith(known):
            compression, stem = known, name[: -len(known)]
    base, ending = posixpath.splitext(stem)
    return base, ending, compression


def find_inputs(arguments: Iterable[str], out: str, *, format: Format | None = None) -> list[InputFile]:
    """All files to score, in the order of the arguments, those of a folder or glob by name.

    A file keeps its path below the folder, or below that part of a glob that names no pattern. In folders, names that
    begin with ``_`` or ``.`` and files of other kinds are passed over, and so is what lies in ``out`` or in another
    run's output.

    Parameters
    ----------
    out : str
        Address of the output directory.
    format : {"parquet", "jsonl", "csv"}, optional
        What outputs are written in; as the input by default.

    Raises
    ------
    InputError
        Nothing is there, a file is of another kind, or two have the same output.
    """
    out_fs, out_path = open_address(out)
    out_full = out_fs.unstrip_protocol(out_path).rstrip("/")
    files: list[InputFile] = []
    taken: dict[str, str] = {}
    n_in_out = 0
    for argument in arguments:
        for file in _found(argument, out_full, format):
            if file is None:
                n_in_out += 1
                continue
            if file.name in taken:
                if taken[file.name] == file.address:
                    continue
                raise InputError(
                    f"{taken[file.name]} and {file.address} would both be written to {file.name}; give the folder "
                    "above them (its paths are kept), or score them into two directories"
                )
            taken[file.name] = file.address
            files.append(file)
    if not files and n_in_out:
        raise InputError(f"all that is to be scored lies in {out} itself; choose another directory for -o")
    if not files:
        raise InputError(
            f"nothing to score in {', '.join(arguments) or 'nothing'}: give files that end in {_allowed()}"
        )
    return files


def read_stamp(fs: Any, info: Mapping[str, Any]) -> str:
    """What changes when a file does: its size and its etag, generation or time."""
    changing = next((info[key] for key in _STAMPS if info.get(key) is not None), info.get("created"))
    if is_local(fs):
        import os

        changing = os.stat(info["name"]).st_mtime_ns  # noqa: PTH116 - what fsspec gives is rounded
    told = json.dumps([info.get("size"), str(changing)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def current_stamp(file: InputFile) -> str:
    """The stamp of a file as it is now; empty where it is gone."""
    fs, path = open_address(file.address)
    try:
        fs.invalidate_cache(path)
        return read_stamp(fs, fs.info(path))
    except FileNotFoundError:
        return ""


def _found(argument: str, out: str, format: Format | None) -> Iterator[InputFile | None]:
    try:
        with cloud_errors(argument):
            yield from _listed(argument, out, format)
    except FileNotFoundError as error:
        raise InputError(f"{argument}: no such file, folder or address") from error


def _listed(argument: str, out: str, format: Format | None) -> Iterator[InputFile | None]:
    fs, path = open_address(argument)
    if any(character in _GLOB for character in path) and not fs.exists(path):
        root = path[: min(path.find(character) for character in _GLOB if character in path)].rpartition("/")[0]
        there = sorted(name for name, info in fs.glob(path, detail=True).items() if info["type"] == "file")
        chosen = [name for name in there if _kind(name) is not None]
    elif fs.isdir(path):
        root = path.rstrip("/")
        chosen = list(_walk(fs, root, out))
    else:
        root = path.rpartition("/")[0]
        chosen = [path]
        if _kind(path) is None and fs.exists(path):
            raise InputError(
                f"{argument}: not read into -o; allowed are {_allowed()}; make a table with 'narratives convert'"
            )
    for name in chosen:
        full = fs.unstrip_protocol(name)
        if full.startswith(out + "/"):
            yield None
            continue
        yield _file(fs, name, root, format)


def _walk(fs: Any, root: str, out: str) -> Iterator[str]:
    entries = sorted(fs.ls(root, detail=True), key=lambda info: info["name"])
    names = [info["name"].rstrip("/") for info in entries]
    if any(posixpath.basename(name) == STATE for name in names):
        return
    for name, info in zip(names, entries, strict=True):
        if posixpath.basename(name).startswith(("_", ".")):
            continue
        if info["type"] == "directory":
            if name != root:
                yield from _walk(fs, name, out)
        elif _kind(name) is not None:
            yield name


def _kind(name: str) -> tuple[Format, Compression] | None:
    _, ending, compression = split_name(name)
    format = FORMATS.get(ending.lower())
    return None if format is None or (format == "parquet" and compression) else (format, compression)


def _file(fs: Any, path: str, root: str, format: Format | None) -> InputFile:
    kind = _kind(path)
    if kind is None:
        raise FileNotFoundError(path)
    info = fs.info(path)
    name = path[len(root) :].lstrip("/") if root else path.lstrip("/")
    if format is not None and format != kind[0]:
        name = f"{split_name(name)[0]}.{format}"
    address = path if is_local(fs) else fs.unstrip_protocol(path)
    return InputFile(address, name, *kind, int(info["size"] or 0), read_stamp(fs, info))


def _allowed() -> str:
    return f"{', '.join(FORMATS)} (all but .parquet also with {', '.join(COMPRESSIONS)})"
