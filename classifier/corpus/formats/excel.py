"""Excel workbooks (.xlsx), streamed both ways."""

from __future__ import annotations

import datetime
import itertools
import lzma
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from classifier.corpus.files import COLUMNS, row_fields
from classifier.corpus.formats.columns import Columns, as_text, record_rows
from classifier.corpus.formats.foreign import BadRow, ForeignRow, Format, Reading, Writing, first_line
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.errors import CorpusError, MissingExtra

MAX_UNPACKED = 2 << 30
"""Bytes that a workbook may unpack to: a full sheet of sentences is some 300 MB."""

MAX_STRINGS = 768 << 20
"""Bytes of the workbook's table of strings, which is held in memory."""

MAX_CELL = 32_767
"""Characters that a cell can hold."""

MAX_ROWS = 1_048_576

_BATCH = 1_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK = 1 << 20
_MAX_PENDING = 64 << 20
_MAX_FORMULAS = 100_000

# What zipfile says of damage; RuntimeError is its word for a password and for methods that it does not know.
_BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
    OSError,
)

# What XML cannot hold (and the carriage return, which it changes) stands in a cell as _x000D_, and a text that looks
# like that has its underscore written so (ECMA-376, part 1, 22.9.2.19, ST_Xstring).
_unwritable = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_written = re.compile("_x([0-9A-Fa-f]{4})_")
_merged = re.compile(rb'<mergeCell\s+ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_not_computed = re.compile(
    rb'<c\s+r="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of one sheet; ``row`` is the sheet's own number. Formulas are read as the values stored with them."""
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise MissingExtra("Reading Excel files", "excel") from error
    _check_archive(path)
    broken = (*_BROKEN_ARCHIVE, InvalidFileException, KeyError, TypeError, AttributeError, IndexError, SyntaxError)
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                # Extensions that openpyxl does not know hold no cells.
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except broken as error:
            raise CorpusError(f"{path}: not a workbook that can be read: {first_line(error)}") from error
        try:
            sheet, start, columns = _choose_sheet(book, path, reading)
            yield from _records(path, sheet, start, columns)
        except broken as error:
            raise CorpusError(f"{path}: the workbook is broken: {first_line(error)}") from error
        finally:
            book.close()


def _check_archive(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(8) == _OLE:
            raise CorpusError(
                f"{path}: an old .xls workbook, or one with a password; save it as .xlsx without a password"
            )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _BROKEN_ARCHIVE as error:
        raise CorpusError(
            f"{path}: not an .xlsx workbook ({first_line(error)}); save it as .xlsx or CSV, or name --format"
        ) from error
    unpacked = sum(member.file_size for member in members)
    strings = sum(member.file_size for member in members if member.filename.endswith("sharedStrings.xml"))
    if unpacked > MAX_UNPACKED or strings > MAX_STRINGS:
        raise CorpusError(
            f"{path}: unpacks to {unpacked:,} bytes, {MAX_UNPACKED:,} are allowed "
            f"({MAX_STRINGS:,} for its table of strings); save it as CSV"
        )


def _choose_sheet(book: Any, path: Path, reading: Reading) -> tuple[Any, int, Columns]:
    """The sheet, the number of the row after its header, and its columns."""
    sheets = list(book.worksheets)
    names = ", ".join(repr(sheet.title) for sheet in sheets)
    if reading.sheet:
        chosen = [sheet for sheet in sheets if sheet.title == reading.sheet]
        if not chosen:
            raise CorpusError(f"{path}: --sheet: no sheet {reading.sheet!r}; there are {names or 'none'}")
        sheets = chosen
    fitting: list[tuple[Any, int, Columns]] = []
    reasons: list[CorpusError] = []
    for sheet in sheets:
        sheet.reset_dimensions()
        place = f"{path}, sheet {sheet.title!r}"
        for number, cells in itertools.islice(enumerate(_rows(sheet), 1), 1_000):
            if any(value not in (None, "") for value in cells):
                header = ["" if value is None else as_text(_unescape(value)) for value in cells]
                try:
                    fitting.append((sheet, number, Columns(header, reading, f"{place}, row {number}")))
                except CorpusError as error:
                    reasons.append(error)
                break
        else:
            reasons.append(CorpusError(f"{place}: the sheet is empty"))
    if not fitting:
        if len(sheets) == 1:
            raise reasons[0]
        raise CorpusError(f"{path}: no sheet of {names} has a column for text and one for labels: {reasons[0]}")
    if len(fitting) > 1:
        fit = ", ".join(repr(sheet.title) for sheet, _, _ in fitting)
        raise CorpusError(f"{path}: several sheets hold texts and labels: {fit}; choose one with --sheet")
    if len(sheets) > 1:
        reading.tell(f"{path}: sheet {fitting[0][0].title!r} is read, of {names}")
    return fitting[0]


def _records(path: Path, sheet: Any, start: int, columns: Columns) -> Iterator[ForeignRow | BadRow]:
    source = f"{path}, sheet {sheet.title!r}"
    merged, formulas = _scan(path, sheet)
    rows = _rows(sheet)
    header = ["" if value is None else as_text(_unescape(value)) for value in _nth(rows, start)]
    above: dict[tuple[int, int], object] = {}
    used = [(header.index(name), name) for name in columns.used]
    for number, cells in enumerate(rows, start + 1):
        if number > MAX_ROWS:
            raise CorpusError(f"{source}: names row {number:,}, a sheet has {MAX_ROWS:,}; the workbook is broken")
        values = [_unescape(value) for value in cells[: len(header)]]
        values += [None] * (len(header) - len(values))
        for column, first in merged.get(number, ()):
            # What spans several rows stands in the first of them and is meant for all.
            if number == first:
                above[column, first] = values[column] if column < len(values) else None
            elif column < len(values):
                values[column] = above.get((column, first))
        if all(value in (None, "") for value in values):
            continue
        reason = next((r for at, name in used if (r := _unusable(values[at], name, (number, at) in formulas))), None)
        if reason is not None:
            yield BadRow(source, number, reason)
            continue
        record = dict(zip(header, values, strict=True))
        yield from record_rows(record, columns, source, number, from_spreadsheet=True)


class _ErrorValue(str):
    """What a formula gave that failed, such as #REF!."""

    __slots__ = ()


def _unusable(value: object, column: str, not_computed: bool) -> str | None:
    if isinstance(value, _ErrorValue):
        return f"{column!r} holds Excel's error {value}"
    if not_computed and value in (None, ""):
        return f"{column!r} is a formula without a stored value; open the workbook in Excel and save it"
    if isinstance(value, datetime.timedelta):
        return f"{column!r} holds a time span, where a text is needed"
    return None


def _rows(sheet: Any) -> Iterator[Sequence[object]]:
    """Values row by row, with errors marked; openpyxl's remarks on single cells are for nobody."""
    rows = sheet.iter_rows()
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = list(itertools.islice(rows, _BATCH))
        if not batch:
            return
        for cells in batch:
            yield [_ErrorValue(cell.value) if cell.data_type == "e" else cell.value for cell in cells]


def _nth(rows: Iterator[Sequence[object]], n: int) -> Sequence[object]:
    return next(itertools.islice(rows, n - 1, None))


def _unescape(value: object) -> Any:
    if isinstance(value, _ErrorValue) or not isinstance(value, str) or "_x" not in value:
        return value
    return _written.sub(lambda found: chr(int(found[1], 16)), value)


def _scan(path: Path, sheet: Any) -> tuple[dict[int, list[tuple[int, int]]], set[tuple[int, int]]]:
    """Merged cells, and formulas without a stored value: openpyxl tells neither where it streams.

    Returns
    -------
    merged : dict
        Row -> (column from 0, first row) of each cell merged over several rows that crosses it.
    formulas : set
        (row, column from 0).
    """
    from openpyxl.utils import column_index_from_string

    merged: dict[int, list[tuple[int, int]]] = {}
    formulas: set[tuple[int, int]] = set()
    n_cells = 0
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path) as file:
        pending = b""
        while chunk := file.read(_CHUNK):
            pending += chunk
            cut = pending.rfind(b"</row>")
            if cut < 0 and len(pending) < _MAX_PENDING:
                continue
            # Merged cells follow the last row, so they are all in the last piece.
            for found in _not_computed.finditer(pending, 0, max(cut, 0)):
                if len(formulas) < _MAX_FORMULAS:
                    formulas.add((int(found[2]), column_index_from_string(found[1].decode()) - 1))
            pending = pending[cut:] if cut >= 0 else b""
        for ref in _merged.finditer(pending):
            left, right = (column_index_from_string(ref[k].decode()) - 1 for k in (1, 3))
            first, last = int(ref[2]), min(int(ref[4]), MAX_ROWS)
            if first == last:
                # Merged within its row: the value stands where it is looked for.
                continue
            for row in range(first, last + 1):
                for column in range(left, min(right, left + 50) + 1):
                    n_cells += 1
                    if n_cells > 5 * MAX_ROWS:
                        raise CorpusError(f"{path}: too many merged cells; unmerge them or save the sheet as CSV")
                    # Only the first column shows the value.
                    if column == left:
                        merged.setdefault(row, []).append((column, first))
    return merged, formulas


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """All fields, one sheet, every cell a text: no formula is ever written.

    Raises
    ------
    CorpusError
        A text longer than a cell, or more rows than a sheet holds.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
    except ImportError as error:
        raise MissingExtra("Writing Excel files", "excel") from error
    book = Workbook(write_only=True)
    sheet = book.create_sheet("labels")
    sheet.freeze_panes = "A2"

    def cells(values: Iterable[str]) -> list[Any]:
        made = [WriteOnlyCell(sheet, value=value) if value else None for value in values]
        for cell in made:
            if cell is not None:
                cell.data_type = "s"
        return made

    with new_file(path) as aside:
        sheet.append(cells(COLUMNS))
        try:
            for number, row in enumerate(rows, 2):
                if number > MAX_ROWS:
                    raise CorpusError(f"{path}: a sheet holds {MAX_ROWS - 1:,} rows; write CSV, JSONL or Parquet")
                sheet.append(cells(_fields(row)))
        except BaseException:
            # Otherwise the sheet stays in the temporary directory.
            sheet.close()
            sheet._writer.cleanup()
            raise
        book.save(aside)


def _fields(row: LabelledSentence) -> Iterator[str]:
    for name, field in zip(COLUMNS, row_fields(row), strict=True):
        escaped = _unwritable.sub(lambda found: f"_x{ord(found[0]):04X}_", field)
        if len(escaped) > MAX_CELL:
            raise CorpusError(
                f"{row.place}: {name} has {len(escaped):,} characters, an Excel cell holds {MAX_CELL:,}; "
                "write CSV, JSONL or Parquet"
            )
        yield escaped


FORMAT = Format("excel", read, write)
