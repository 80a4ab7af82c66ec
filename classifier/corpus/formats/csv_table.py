"""CSV: comma, semicolon, tab or bar, in any encoding, streamed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from classifier.corpus.files import COLUMNS, row_fields
from classifier.corpus.formats.columns import Columns, record_rows
from classifier.corpus.formats.encodings import check_encoding, find_encoding
from classifier.corpus.formats.foreign import MAX_TEXT, BadRow, ForeignRow, Format, Reading, Writing
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.errors import CorpusError

DELIMITERS = (",", ";", "\t", "|")

# A spreadsheet takes a cell that begins so for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
# The apostrophes before it keep what was written with one of its own apart.
_formula = re.compile(r"'*[=+\-@\t\r]")
_escaped = re.compile(r"'+[=+\-@\t\r]")
_control = re.compile("[\x00-\x08\x0e-\x1f]")
_undecodable = re.compile("[\udc80-\udcff]")


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of a CSV file; ``row`` is the line on which one begins."""
    if reading.encoding:
        encoding, guessed = check_encoding(reading.encoding), False
    else:
        encoding, guessed = find_encoding(path)
    if guessed and encoding != "utf-8":
        reading.tell(f"{path}: read as {encoding}, which is a guess; name another with --encoding")
    csv.field_size_limit(MAX_TEXT)
    # UTF-16 cannot keep what does not decode; a replacement character marks it instead.
    errors = "replace" if _is_wide(encoding) else "surrogateescape"
    with path.open("rb") as binary, io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="") as file:
        # UTF-16 of a named byte order keeps its mark.
        first = file.readline(MAX_TEXT).removeprefix("\ufeff")
        # Excel's own line for the delimiter.
        told = re.fullmatch(r'"?sep=(.)"?\r?\n?', first, re.IGNORECASE)
        skipped = 1 if told else 0
        if told:
            first = file.readline(MAX_TEXT)
        if not first:
            raise CorpusError(f"{path}: the file is empty")
        if _control.search(first):
            raise CorpusError(
                f"{path}: no text file: its first line holds control characters; name a CSV file, or --format"
            )
        delimiter = reading.delimiter or (told[1] if told else find_delimiter(first))
        if len(delimiter) != 1:
            raise CorpusError(f"{delimiter!r} is no delimiter; give one character")
        yield from _records(path, reading, encoding, delimiter, _chain(first, file), skipped)


def _records(
    path: Path, reading: Reading, encoding: str, delimiter: str, lines: Iterator[str], skipped: int
) -> Iterator[ForeignRow | BadRow]:
    source = str(path)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    columns: Columns | None = None
    while True:
        begin = skipped + reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            end = skipped + reader.line_num
            if columns is None:
                raise CorpusError(f"{source}, row {begin}: not valid CSV: {error}") from error
            rows = f"rows {begin} to {end}" if end > begin else "the row"
            yield BadRow(source, begin, f"{_csv_reason(error)}; {rows} cannot be read")
            continue
        if not any(field.strip() for field in fields):
            continue
        if columns is None:
            header = [unescape(field) for field in fields]
            columns = Columns(header, reading, f"{source}, row {begin}")
            continue
        if len(fields) != len(header):
            if len(fields) < len(header) or any(field.strip() for field in fields[len(header) :]):
                yield BadRow(
                    source,
                    begin,
                    f"{len(fields)} fields, but the header has {len(header)}; "
                    f"quote texts that hold {'tabs' if delimiter == chr(9) else repr(delimiter)}",
                )
                continue
            fields = fields[: len(header)]
        record = dict(zip(header, map(unescape, fields), strict=True))
        undecodable = next((name for name in columns.used if _broken(record[name], encoding)), None)
        if undecodable is not None:
            yield BadRow(source, begin, f"{undecodable!r} holds bytes that are not {encoding}; name another --encoding")
            continue
        yield from record_rows(record, columns, source, begin, from_spreadsheet=True)


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def find_delimiter(header: str) -> str:
    """The delimiter that cuts the header into most fields; a comma where there is one column."""

    def fields(delimiter: str) -> int:
        return len(next(csv.reader([header], delimiter=delimiter), []))

    return max(DELIMITERS, key=fields)


def _csv_reason(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"a field is longer than {MAX_TEXT:,} characters; is a quotation mark missing?"
    if "unexpected end of data" in str(error):
        return "a quotation mark is opened and never closed"
    return f"not valid CSV: {error}"


def _broken(value: str, encoding: str) -> bool:
    return "\ufffd" in value if _is_wide(encoding) else _undecodable.search(value) is not None


def _is_wide(encoding: str) -> bool:
    return encoding.startswith(("utf-16", "utf-32"))


def unescape(field: str) -> str:
    """The inverse of :func:`no_formula`."""
    return field[1:] if _escaped.match(field) else field


def no_formula(field: str) -> str:
    """A field that a spreadsheet takes for a text: what it would compute gets an apostrophe before it."""
    return "'" + field if _formula.match(field) else field


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """All fields, one row a line. With ``excel``: a byte order mark, and no cell that a spreadsheet would compute."""
    escaped = _formula if writing.excel else _escaped
    with (
        new_file(path) as aside,
        aside.open("w", encoding="utf-8-sig" if writing.excel else "utf-8", newline="") as file,
    ):
        writer = csv.writer(file, delimiter=writing.delimiter, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(["'" + field if escaped.match(field) else field for field in row_fields(row)])


FORMAT = Format("csv", read, write)
