"""Posts from any source as one plain table, written aside and renamed, in bounded memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from classifier.batch.records import BadRecord, Record
from classifier.durable import new_file
from classifier.errors import InputError, MissingExtra

COLUMNS = ("id", "text", "time", "source", "url", "author", "forwarded_from", "language", "file", "row")
"""``time`` is in UTC: a timestamp in Parquet, ISO 8601 elsewhere. What is not known is null, or empty in CSV."""

ENDINGS = (".parquet", ".jsonl", ".csv")
_BATCH = 5_000

Row = dict[str, Any]
Write = Callable[[Row], None]


def write_posts(
    records: Iterable[Record | BadRecord], target: Path, tell_bad: Callable[[BadRecord], None], *, replace: bool = False
) -> int:
    """Write records as a table; the kind is told by the name's ending. Returns how many rows it has.

    A record without an id gets one: "file/row". Records that are bad, or that a table cannot hold, go to ``tell_bad``.

    Raises
    ------
    InputError
        The ending is none of :data:`ENDINGS`.
    FileExistsError
        ``target`` is there, and ``replace`` is false.
    """
    kind = target.suffix.lower()
    if kind not in ENDINGS:
        raise InputError(f"{target}: {kind or 'no ending'} is not written; allowed are {', '.join(ENDINGS)}")
    opened = {".parquet": _parquet, ".jsonl": _jsonl, ".csv": _csv}[kind]
    count = 0
    with new_file(target, replace=replace) as aside, opened(aside) as write:
        for row in rows(records, tell_bad):
            write(row)
            count += 1
    return count


def rows(records: Iterable[Record | BadRecord], tell_bad: Callable[[BadRecord], None]) -> Iterator[Row]:
    """The rows of the table, with :data:`COLUMNS`; ``time`` is a datetime."""
    for record in records:
        if isinstance(record, BadRecord):
            tell_bad(record)
            continue
        row = {
            "id": record.item.id or f"{record.file}/{record.row}",
            "text": record.item.text,
            "time": record.time,
            "source": record.source,
            "url": record.url,
            "author": record.extra.get("author"),
            "forwarded_from": record.extra.get("forwarded_from"),
            "language": record.item.language,
            "file": record.file,
            "row": record.row,
        }
        try:
            "\n".join(value for value in row.values() if isinstance(value, str)).encode("utf-8")
        except UnicodeEncodeError:
            tell_bad(BadRecord(record.file, record.row, "holds half a character (a lone surrogate)"))
            continue
        yield row


def json_line(row: Row) -> bytes:
    """A row as a JSON line."""
    time = row["time"]
    return json.dumps(row | {"time": time and time.isoformat()}, ensure_ascii=False).encode("utf-8") + b"\n"


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("wb") as stream:
        yield lambda row: _write(stream, json_line(row))


def _write(stream: IO[bytes], line: bytes) -> None:
    stream.write(line)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        yield lambda row: writer.writerow(
            [row[name].isoformat() if name == "time" and row[name] else row[name] for name in COLUMNS]
        )


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("Writing Parquet", "batch") from error
    kinds = {"time": pyarrow.timestamp("us", "UTC"), "row": pyarrow.int64()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    pending: list[Row] = []
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(pending, schema=schema))
            pending.clear()

        def write(row: Row) -> None:
            pending.append(row)
            if len(pending) >= _BATCH:
                flush()

        yield write
        if pending:
            flush()
