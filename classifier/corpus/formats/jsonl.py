"""JSON: an object a line, or one list of objects."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from classifier.corpus.formats.columns import Columns, holds_spans, record_rows
from classifier.corpus.formats.foreign import (
    BadRow,
    BadValue,
    ForeignRow,
    Format,
    OffsetUnit,
    Reading,
    Writing,
    plain_values,
)
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.errors import CorpusError

_SNIFFED = 1_000


def read(path: Path, reading: Reading, offsets: OffsetUnit = "codepoint") -> Iterator[ForeignRow | BadRow]:
    """Rows of a JSON file; ``row`` is the line, or the object's place in the list."""
    source = str(path)
    yield from records_to_rows(source, read_records(path), reading, offsets)


def records_to_rows(
    source: str,
    records: Iterator[tuple[int, Mapping[str, object]] | BadRow],
    reading: Reading,
    offsets: OffsetUnit = "codepoint",
) -> Iterator[ForeignRow | BadRow]:
    """Rows of objects whose keys may differ from one to the next."""
    first = list(itertools.islice(records, _SNIFFED))
    names = list(dict.fromkeys(key for item in first if not isinstance(item, BadRow) for key in item[1]))
    if not names:
        for item in first:
            if isinstance(item, BadRow):
                yield item
        if not first:
            raise CorpusError(f"{source}: there are no records in it")
        return
    columns = Columns(names, reading, source)
    with_spans = any(holds_spans(item[1], columns) for item in first if not isinstance(item, BadRow))
    for item in itertools.chain(first, records):
        if isinstance(item, BadRow):
            yield item
            continue
        row, record = item
        missing = [name for name in columns.labels if name not in record]
        if len(missing) == len(columns.labels):
            yield BadRow(source, row, f"no {missing[0]!r} here, which holds the labels; write an empty list for none")
            continue
        yield from record_rows(record, columns, source, row, with_spans=with_spans, offsets=offsets)


def read_records(path: Path) -> Iterator[tuple[int, Mapping[str, object]] | BadRow]:
    """(row, object) of a file of JSON lines or of one JSON list."""
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CorpusError(f"{path}: UTF-16; JSON is UTF-8: save it so and try again")
    if head.startswith(b"["):
        yield from _read_list(path)
    else:
        yield from _read_lines(path)


def _read_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]] | BadRow]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = load(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except BadValue as error:
                yield BadRow(str(path), number, str(error))
                continue
            yield _checked(value, str(path), number)


def _read_list(path: Path) -> Iterator[tuple[int, Mapping[str, object]] | BadRow]:
    for number, value in enumerate(load_list(path), 1):
        yield _checked(value, str(path), number)


def load_list(path: Path) -> list[object]:
    """The list that a file holds. Raises :class:`CorpusError`."""
    try:
        value = load(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except BadValue as error:
        raise CorpusError(f"{path}: {error}") from error
    if not isinstance(value, list):
        raise CorpusError(f"{path}: a list of objects is needed, {type(value).__name__} found")
    return value


def load(data: bytes) -> object:
    """One JSON value. Raises :class:`BadValue`."""
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise BadValue("nested too deeply") from error
    except ValueError as error:
        raise BadValue(f"not valid JSON: {error}") from error


def _checked(value: object, source: str, row: int) -> tuple[int, Mapping[str, object]] | BadRow:
    if isinstance(value, dict):
        return row, value
    return BadRow(source, row, f"an object is needed, {type(value).__name__} found")


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """All fields, an object a line."""
    with new_file(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(plain_values(row), ensure_ascii=False) + "\n")


FORMAT = Format("jsonl", read, write)
