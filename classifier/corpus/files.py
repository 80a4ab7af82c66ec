"""``labels/*.csv``: plain UTF-8, one row a sentence."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from classifier.corpus.sentence import ORIGINS, UNLABELLED, LabelledSentence
from classifier.durable import write_file
from classifier.errors import CorpusError
from classifier.taxonomy import VOICES

COLUMNS = (
    "id",
    "text",
    "language",
    "narratives",
    "origin",
    "file",
    "begin",
    "end",
    "group",
    "annotators",
    "register",
    "note",
    "split",
    "date",
    "outlet",
)
"""The columns in the order in which they are written; the first four are required."""

REQUIRED = COLUMNS[:4]

SPARSE = frozenset({"split", "date", "outlet"})
"""Columns that are written only where some row fills them."""


def read_labels(path: str | Path) -> list[LabelledSentence]:
    """Read one label file, or all ``*.csv`` of a directory in name order.

    Raises
    ------
    CorpusError
        Nothing there, not UTF-8, a missing or unknown column, or a field that does not parse; names file and row.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.csv"))
        if not files:
            raise CorpusError(f"{path}: no label files (*.csv) here; see labels/README.md for their columns")
        return [row for file in files for row in _read_file(file)]
    return _read_file(path)


def _read_file(path: Path) -> list[LabelledSentence]:
    try:
        data = path.read_bytes()
        data.decode("utf-8")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}, row {row}: byte {error.start} is not UTF-8; save the file as 'CSV UTF-8' and try again"
        ) from error
    csv.field_size_limit(sys.maxsize)
    # Decoded line by line: a million rows as one text would be held several times over.
    reader = csv.DictReader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), strict=True)
    begin = 1
    try:
        header = reader.fieldnames or []
        for column in REQUIRED:
            if column not in header:
                raise CorpusError(f"{path}, row 1: {_no_column(column, data)}")
        if len(set(header)) < len(header):
            raise CorpusError(f"{path}, row 1: a column stands twice in {', '.join(header)}")
        for column in header:
            if column not in COLUMNS:
                raise CorpusError(f"{path}, row 1: unknown column {column!r}; allowed are {', '.join(COLUMNS)}")
        rows = []
        begin = reader.line_num + 1
        for record in reader:
            # Spreadsheets leave rows of empty cells at the end.
            if any(record.values()):
                rows.append(_parse(record, path, reader.line_num))
            begin = reader.line_num + 1
        return rows
    except csv.Error as error:
        told = "a quotation mark is opened here and never closed" if "end of data" in str(error) else str(error)
        raise CorpusError(f"{path}, row {begin}: not valid CSV: {told}") from error


def _no_column(column: str, data: bytes) -> str:
    first = data.partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
    if first.startswith(b"sep=") or any(first.count(other) > first.count(b",") for other in (b";", b"\t", b"|")):
        return (
            "a label file is separated by commas and begins with the names of its columns; save it so, or let "
            "narratives labels import take it as it is"
        )
    return f"no column {column!r}; needed are {', '.join(REQUIRED)}"


def _parse(record: Mapping[str | None, str | None], path: Path, row: int) -> LabelledSentence:
    at = f"{path}, row {row}"
    if None in record or None in record.values():
        raise CorpusError(f"{at}: the number of fields differs from the header; quote texts that hold commas")
    value = {str(key): str(field) for key, field in record.items()}
    origin = value.get("origin") or "written"
    if origin not in ORIGINS:
        raise CorpusError(f"{at}: origin {origin!r} is none of {', '.join(ORIGINS)}")
    if not value["id"]:
        raise CorpusError(f"{at}: id is empty; give every sentence an id of its own")
    return LabelledSentence(
        id=value["id"],
        text=value["text"],
        language=value["language"],
        labels=parse_narratives(value["narratives"], at),
        origin=origin,
        file=value.get("file", ""),
        begin=_offset(value.get("begin", ""), "begin", at),
        end=_offset(value.get("end", ""), "end", at),
        group=value.get("group", ""),
        annotators=tuple(name for name in value.get("annotators", "").split(";") if name),
        register=value.get("register", ""),
        note=value.get("note", ""),
        split=value.get("split", ""),
        date=_date(value.get("date", ""), at),
        outlet=value.get("outlet", ""),
        source=str(path),
        row=row,
    )


def parse_narratives(value: str, at: str) -> dict[str, str | None]:
    """``"russophobia:attributed;information-war"`` to a mapping; a voice may be left out. Empty means none."""
    labels: dict[str, str | None] = {}
    for part in value.split(";"):
        if not part.strip():
            continue
        narrative, _, voice = (piece.strip() for piece in part.partition(":"))
        if narrative == UNLABELLED:
            raise CorpusError(
                f"{at}: {UNLABELLED!r} means not labelled yet; write narratives, nothing where it carries none of "
                "them, or take the row out"
            )
        if voice and voice not in VOICES:
            raise CorpusError(f"{at}: voice {voice!r} of {narrative!r} is none of {', '.join(VOICES)}")
        if narrative in labels:
            raise CorpusError(f"{at}: narrative {narrative!r} stands twice in one row")
        labels[narrative] = voice or None
    return labels


def format_narratives(labels: Mapping[str, str | None]) -> str:
    """The inverse of :func:`parse_narratives`."""
    return ";".join(f"{narrative}:{voice}" if voice else narrative for narrative, voice in labels.items())


def _offset(value: str, column: str, at: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise CorpusError(f"{at}: {column} {value!r} is not a whole number of code points")
    return int(value)


def _date(value: str, at: str) -> str:
    if value and not is_date(value):
        raise CorpusError(f"{at}: date {value!r} is no day; write it as 2025-06-28, or leave it empty")
    return value


def is_date(value: str) -> bool:
    """Whether this is a day of the calendar, as ISO 8601 writes it: ``2025-06-28``."""
    try:
        return datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def write_labels(path: str | Path, rows: Iterable[LabelledSentence]) -> None:
    """Write one label file in one step; :func:`read_labels` reads equal rows back."""
    rows = list(rows)
    columns = [c for c in COLUMNS if c not in SPARSE or any(getattr(row, c) for row in rows)]
    write_file(path, header_line(columns) + "".join(row_line(row, columns) for row in rows))


def header_line(columns: Sequence[str] = COLUMNS) -> str:
    """The first line of a label file."""
    return ",".join(columns) + "\n"


def row_line(row: LabelledSentence, columns: Sequence[str] = COLUMNS) -> str:
    """One row of a label file that has these of :data:`COLUMNS`."""
    fields = dict(zip(COLUMNS, row_fields(row), strict=True))
    return ",".join(_quote(fields[column]) for column in columns) + "\n"


def row_fields(row: LabelledSentence) -> tuple[str, ...]:
    """The fields of a row as text, in the order of :data:`COLUMNS`."""
    return (
        row.id,
        row.text,
        row.language,
        format_narratives(row.labels),
        row.origin,
        row.file,
        "" if row.begin is None else str(row.begin),
        "" if row.end is None else str(row.end),
        row.group,
        ";".join(row.annotators),
        row.register,
        row.note,
        row.split,
        row.date,
        row.outlet,
    )


def _quote(field: str) -> str:
    # csv.writer leaves a lone carriage return unquoted where lines end with a line feed, and reading then loses it.
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def corpus_digest(rows: Sequence[LabelledSentence]) -> str:
    """SHA-256 over what training sees of the rows, in order."""
    digest = hashlib.sha256()
    for row in rows:
        seen = [row.id, row.text, row.language, dict(row.labels), row.origin, row.file, row.group]
        digest.update(json.dumps(seen, ensure_ascii=True, sort_keys=True).encode("ascii") + b"\n")
    return "sha256:" + digest.hexdigest()
