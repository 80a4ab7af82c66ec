"""Records from files: .txt (the file is one text), .jsonl, .csv and .parquet (a row is one text), and what
:mod:`classifier.batch.sources` reads.

A bad record is yielded as a :class:`BadRecord`, so that one of them never stops the rest.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from classifier.batch.records import BadRecord, Columns, Reading, Record, Tally
from classifier.batch.sources.four_cat import FIELDS, four_cat_record, is_four_cat
from classifier.batch.sources.registry import SUFFIXES, expand, find_reader, format_of
from classifier.batch.times import to_utc
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem
from classifier.text.languages import LANGUAGE_CODE

__all__ = ["STDIN", "SUFFIXES", "BadRecord", "Columns", "Reading", "Record", "Tally", "read_all", "read_records"]

STDIN = "-"

_not_utf8 = re.compile("[\udc80-\udcff]")


def read_records(
    file: str,
    *,
    column: str = "text",
    stdin: BinaryIO | None = None,
    reading: Reading | None = None,
    tally: Tally | None = None,
) -> Iterator[Record | BadRecord]:
    """Yield the records of one file; ``"-"`` reads one text from standard input.

    Parameters
    ----------
    column : str
        Which column of a table holds the text, where ``reading`` is not given. ``id`` and ``language`` are used where
        they are there.
    reading : Reading, optional
        The format, the columns, the time zone.
    tally : Tally, optional
        Takes what is left out on purpose (messages without text, ...) and what is assumed, by reason.

    Raises
    ------
    InputError
        The file cannot be read at all: missing, of an unknown kind, or without the column.
    MissingExtra
        What it needs is not installed.
    """
    reading = reading or Reading(columns=Columns(text=column))
    tally = tally if tally is not None else Tally()
    if file == STDIN:
        yield _whole(file, (stdin or sys.stdin.buffer).read())
        return
    path = Path(file)
    format = format_of(file, path, reading.format)
    if not path.is_file():
        raise InputError(f"{file}: no such file")
    try:
        if format == "text":
            yield _whole(file, path.read_bytes())
        elif (reader := find_reader(path, format)) is not None:
            yield from reader(file, path, reading, tally)
        elif path.suffix.lower() == ".csv":
            yield from _csv(file, path, reading, tally)
        elif path.suffix.lower() == ".parquet":
            yield from _parquet(file, path, reading, tally)
        else:
            yield from _jsonl(file, path, reading, tally)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error


def read_all(
    sources: Iterable[str], reading: Reading | None = None, tally: Tally | None = None
) -> Iterator[Record | BadRecord]:
    """Yield the records of files and folders in turn; a file that cannot be read is a bad record with row 0."""
    for file in expand(sources):
        try:
            yield from read_records(file, reading=reading, tally=tally)
        except InputError as error:
            yield BadRecord(file, 0, str(error).removeprefix(f"{file}: "))


def _whole(file: str, data: bytes) -> Record | BadRecord:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return BadRecord(file, 1, f"byte {error.start} is not UTF-8; save the file as UTF-8")
    if not text.strip():
        return BadRecord(file, 1, "the text is empty")
    return Record(file, 1, TextItem(text))


def _row(file: str, row: int, value: object, reading: Reading, tally: Tally) -> Record | BadRecord:
    column = reading.columns.text
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
    item = TextItem(text, None if identifier is None else str(identifier), language)
    names, time = reading.columns, None
    stamp = value.get(names.time or "time")
    if stamp not in (None, ""):
        try:
            moment = to_utc(stamp, reading.zone)
            time = moment.time
            if not moment.zoned:
                tally.remarks[f"time without a zone, taken as {reading.zone}"] += 1
        except ValueError as error:
            if names.time:
                return BadRecord(file, row, f"{names.time!r}: {error}")
            tally.remarks["time that is not understood, left out"] += 1
    extra = {"author": _told(value, names.author or "author"), "forwarded_from": _told(value, "forwarded_from")}
    return Record(
        file,
        row,
        item,
        time=time,
        source=_told(value, names.source or "source") or None,
        url=_told(value, names.url or "url") or None,
        extra={key: told for key, told in extra.items() if told},
    )


def _told(value: dict[str, Any], name: str) -> str:
    told = value.get(name)
    if not isinstance(told, (str, int)) or isinstance(told, bool):
        return ""
    return _not_utf8.sub("\ufffd", str(told).strip())


def _check_columns(file: str, reading: Reading, there: list[str]) -> None:
    names = reading.columns
    for option, name in zip(
        ("--column", "--time-column", "--source-column", "--url-column", "--author-column"),
        (names.text, names.time, names.source, names.url, names.author),
        strict=True,
    ):
        if name and name not in there:
            told = ", ".join(there) or "none"
            raise InputError(f"{file}: no column {name!r}; columns are {told}: choose one with {option}")


def _jsonl(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    with path.open("rb") as stream:
        for row, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8-sig" if row == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                yield BadRecord(file, row, f"not valid JSON: {error}")
                continue
            yield _row(file, row, value, reading, tally)


def _csv(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    column = reading.columns.text
    with io.TextIOWrapper(path.open("rb"), encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        there = list(reader.fieldnames or [])
        # Where the column that is asked for is missing, 4CAT's own are no risk.
        from_4cat = reading.format == "4cat" or (
            reading.format == "auto" and column not in there and column == Columns().text and is_four_cat(there)
        )
        if from_4cat and not is_four_cat(there):
            raise InputError(f"{file}: no CSV of 4CAT: it has id, thread_id, timestamp and body; leave out --format")
        if not from_4cat:
            _check_columns(file, reading, there)
        fields = FIELDS if from_4cat else (column,)
        row = 0
        try:
            for row, record in enumerate(reader, 1):
                broken = next((name for name in fields if _not_utf8.search(record.get(name) or "")), None)
                if broken is not None:
                    yield BadRecord(file, row, f"{broken!r} is not UTF-8; save the file as 'CSV UTF-8'")
                elif not from_4cat:
                    yield _row(file, row, record, reading, tally)
                elif (taken := four_cat_record(file, row, record, reading, tally)) is not None:
                    yield taken
        except csv.Error as error:
            yield BadRecord(file, row + 1, f"not valid CSV: {error}; the rows after it are not read")


def _parquet(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
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
    _check_columns(file, reading, names)
    defaults = ("id", "language", "time", "source", "url", "author", "forwarded_from")
    wanted = [name for name in dict.fromkeys((*reading.columns.named(), *defaults)) if name in names]
    row = 0
    try:
        for batch in source.iter_batches(batch_size=1_000, columns=wanted):
            columns = {name: _whole_microseconds(batch.column(name)) for name in wanted}
            for i in range(batch.num_rows):
                row += 1
                try:
                    record = {name: column[i].as_py() for name, column in columns.items()}
                except UnicodeDecodeError:
                    yield BadRecord(file, row, "holds bytes that are not UTF-8")
                    continue
                except (ValueError, OverflowError) as error:
                    yield BadRecord(file, row, f"a time is out of range: {error}")
                    continue
                yield _row(file, row, record, reading, tally)
    except pyarrow.ArrowException as error:
        yield BadRecord(file, row + 1, f"the file is broken: {error}; the rows after it are not read")


def _whole_microseconds(column: Any) -> Any:
    """Times in nanoseconds, as pandas writes them, as Python knows times."""
    import pyarrow

    if not pyarrow.types.is_timestamp(column.type) or column.type.unit != "ns":
        return column
    return column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
