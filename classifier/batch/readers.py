"""Records from files: .txt (the file is one text), .jsonl, .csv and .parquet (a row is one text).

A bad record is yielded as a :class:`BadRecord`, so that one of them never stops the rest.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem
from classifier.text.languages import LANGUAGE_CODE

SUFFIXES = (".txt", ".jsonl", ".ndjson", ".csv", ".parquet")
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Record:
    """One text and where it stands: ``row`` counts from 1, in a .txt file it is always 1."""

    file: str
    row: int
    item: TextItem


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be taken, and why."""

    file: str
    row: int
    message: str


def read_records(file: str, *, column: str = "text", stdin: BinaryIO | None = None) -> Iterator[Record | BadRecord]:
    """Yield the records of one file; ``"-"`` reads one text from standard input.

    In rows, ``column`` holds the text; ``id`` and ``language`` are used where they are there.

    Raises
    ------
    InputError
        The file cannot be read at all: missing, of an unknown kind, or without the column.
    """
    if file == STDIN:
        yield _whole(file, (stdin or sys.stdin.buffer).read())
        return
    path = Path(file)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise InputError(f"{file}: {kind or 'no ending'} is not read; allowed are {', '.join(SUFFIXES)} and '-'")
    if not path.is_file():
        raise InputError(f"{file}: no such file")
    try:
        if kind == ".txt":
            yield _whole(file, path.read_bytes())
        elif kind == ".csv":
            yield from _csv(file, path, column)
        elif kind == ".parquet":
            yield from _parquet(file, path, column)
        else:
            yield from _jsonl(file, path, column)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error


def _whole(file: str, data: bytes) -> Record | BadRecord:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadRecord(file, 1, f"byte {error.start} is not UTF-8; save the file as UTF-8")
    if not text.strip():
        return BadRecord(file, 1, "the text is empty")
    return Record(file, 1, TextItem(text))


def _row(file: str, row: int, value: object, column: str) -> Record | BadRecord:
    if isinstance(value, str):
        value = {column: value}
    if not isinstance(value, dict):
        return BadRecord(file, row, f"an object or a text is needed, {type(value).__name__} found")
    text = value.get(column)
    if not isinstance(text, str):
        return BadRecord(file, row, f"{column!r} is missing or no text")
    if not text.strip():
        return BadRecord(file, row, f"{column!r} is empty")
    identifier, language = value.get("id"), value.get("language") or None
    if language is not None and not (isinstance(language, str) and LANGUAGE_CODE.fullmatch(language)):
        return BadRecord(file, row, f"language {language!r} is no ISO 639 code, such as 'ru'")
    return Record(file, row, TextItem(text, None if identifier is None else str(identifier), language))


def _jsonl(file: str, path: Path, column: str) -> Iterator[Record | BadRecord]:
    with path.open("rb") as stream:
        for row, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8-sig" if row == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                yield BadRecord(file, row, f"not valid JSON: {error}")
                continue
            yield _row(file, row, value, column)


def _csv(file: str, path: Path, column: str) -> Iterator[Record | BadRecord]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with io.TextIOWrapper(path.open("rb"), encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        if column not in (reader.fieldnames or []):
            there = ", ".join(reader.fieldnames or []) or "none"
            raise InputError(f"{file}: no column {column!r}; columns are {there}: choose one with --column")
        row = 0
        try:
            for row, record in enumerate(reader, 1):
                text = record.get(column) or ""
                if any("\udc80" <= character <= "\udcff" for character in text):
                    yield BadRecord(file, row, f"{column!r} is not UTF-8; save the file as 'CSV UTF-8'")
                    continue
                yield _row(file, row, record, column)
        except csv.Error as error:
            yield BadRecord(file, row + 1, f"not valid CSV: {error}; the rows after it are not read")


def _parquet(file: str, path: Path, column: str) -> Iterator[Record | BadRecord]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("Reading Parquet", "parquet") from error
    try:
        source = parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise InputError(f"{file}: not a Parquet file: {error}") from error
    names = source.schema_arrow.names
    if column not in names:
        raise InputError(f"{file}: no column {column!r}; columns are {', '.join(names)}: choose one with --column")
    wanted = [name for name in dict.fromkeys((column, "id", "language")) if name in names]
    row = 0
    try:
        for batch in source.iter_batches(batch_size=1_000, columns=wanted):
            for i in range(batch.num_rows):
                row += 1
                try:
                    record = {name: batch.column(name)[i].as_py() for name in wanted}
                except UnicodeDecodeError:
                    yield BadRecord(file, row, "holds bytes that are not UTF-8")
                    continue
                yield _row(file, row, record, column)
    except pyarrow.ArrowException as error:
        yield BadRecord(file, row + 1, f"the file is broken: {error}; the rows after it are not read")
