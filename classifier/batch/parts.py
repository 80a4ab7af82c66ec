"""From an input file to parts of bounded size, and from a part to rows.

The same file always gives the same parts. A Parquet file is cut between rows and JSON lines are cut at line ends, so
that whoever scores a part reads it from the file; CSV and compressed files cannot be entered in the middle, so one
reader goes through them and hands each part's bytes along.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any

from classifier.batch.inputs import InputFile, cloud_errors, is_local, open_address
from classifier.errors import InputError
from classifier.text.languages import LANGUAGE_CODE

PART_BYTES = 8_000_000
PART_ROWS = 100_000
_BLOCK = 1 << 16
MAX_SLICES = 16
"""Parts of one row group of Parquet: each is read from the group's beginning, so many of them would cost too much."""

ROWS_AT_ONCE = 4_096
BYTES_AT_ONCE = 8_000_000
_BOM = b"\xef\xbb\xbf"
RECORD = "record"
"""The column that holds a line as it stood, where there are no columns to keep it in."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one call scores: rows of one file, in order.

    ``begin`` and ``end`` count bytes (JSON lines) or rows (Parquet; ``groups`` has row group, first row in it and
    number of rows). ``data`` are whole records of a file that cannot be entered in the middle, ``header`` is a CSV
    file's first record. ``last`` is true for a file's last part; ``weight`` is about how many of the file's bytes it
    covers.
    """

    index: int
    last: bool
    weight: int
    begin: int = 0
    end: int = 0
    groups: tuple[tuple[int, int, int], ...] = ()
    header: bytes = b""
    data: bytes | None = None


@dataclass(slots=True)
class Rows:
    """Some rows: their texts, and what must be kept of them.

    ``texts`` has "" for a row that has none, and ``errors`` (by place) says why. ``batch`` are the columns, a pyarrow
    RecordBatch; where it is None, ``raw`` are the records as they stand in the file, without their line ends.
    """

    texts: list[str] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    batch: Any = None


def split_file(file: InputFile, *, column: str, taken: Collection[str]) -> Iterator[Part]:
    """Cut a file into parts, one at a time.

    Parameters
    ----------
    column : str
        The column that holds the text.
    taken : collection of str
        Names of answer columns, which the file's columns must not bear.

    Raises
    ------
    InputError
        The file is not what its name says, has no such column or one of another kind, or a column's name is taken.
    OSError
        It cannot be read.
    """
    parts = _parquet_parts(file, column, taken) if file.format == "parquet" else _text_parts(file, column, taken)
    # One part is held back, so that the last one can be told.
    before: Part | None = None
    with cloud_errors(file.address):
        for part in parts:
            if before is not None:
                yield before
            before = part
    if before is not None:
        yield replace(before, last=True)


def read_part(
    file: InputFile, part: Part, *, column: str, taken: Collection[str], as_it_stands: bool
) -> Iterator[Rows]:
    """The rows of a part, some thousand at a time.

    Parameters
    ----------
    as_it_stands : bool
        Lines of text formats are wanted as they stand (``raw``), else as columns (``batch``).

    Raises
    ------
    InputError, OSError
        As for :func:`split_file`.
    """
    with cloud_errors(file.address):
        if file.format == "parquet":
            yield from _parquet_rows(file, part, column)
        elif file.format == "csv":
            yield from _csv_rows(file, part, column, as_it_stands)
        else:
            yield from _jsonl_rows(file, part, column, taken, as_it_stands)


def check_names(file: InputFile, names: Collection[str], column: str, taken: Collection[str]) -> None:
    """Raise InputError where a file lacks the text's column or has one that the answers need."""
    if column not in names:
        there = ", ".join(names) or "none"
        raise InputError(f"{file.address}: no column {column!r}; columns are {there}: choose one with --column")
    clash = [name for name in names if name in taken]
    if clash:
        raise InputError(
            f"{file.address}: has a column {clash[0]!r}, as the answers do; give the answers' columns other names with "
            "--prefix, such as --prefix narratives_"
        )


@contextmanager
def open_input(file: InputFile) -> Iterator[IO[bytes]]:
    """The bytes of an input file, decompressed."""
    fs, path = open_address(file.address)
    with fs.open(path, "rb") as raw:
        if file.compression == ".gz":
            with gzip.open(raw) as gzipped:
                yield gzipped  # type: ignore[misc]
        elif file.compression == ".bz2":
            with bz2.open(raw) as stream:
                yield stream
        elif file.compression == ".zst":
            import pyarrow

            with pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, "r"), "zstd") as stream:
                yield io.BufferedReader(_Readable(stream))
        else:
            yield raw


class _Readable(io.RawIOBase):
    """pyarrow's stream as one that io can buffer."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _text_parts(file: InputFile, column: str, taken: Collection[str]) -> Iterator[Part]:
    if file.format == "jsonl" and not file.compression:
        yield from _line_ranges(file)
        return
    try:
        with open_input(file) as stream:
            weigh = _Weigher(file)
            if file.format == "csv":
                pieces = _csv_pieces(file, stream, column, taken)
            else:
                pieces = ((b"", data) for data in _lines(stream))
            for index, (header, data) in enumerate(pieces):
                yield Part(index, False, weigh(len(data)), header=header, data=data)
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        if file.compression and not getattr(error, "errno", None):
            raise InputError(f"{file.address}: not a whole {file.compression} file: {error}") from error
        raise


class _Weigher:
    """How many bytes of a file some of its decompressed bytes stand for: known only when it has been read."""

    def __init__(self, file: InputFile) -> None:
        self._left = file.size
        self._ratio = 0.25 if file.compression else 1.0

    def __call__(self, n_bytes: int) -> int:
        weight = min(self._left, int(n_bytes * self._ratio))
        self._left -= weight
        return weight


def _line_ranges(file: InputFile) -> Iterator[Part]:
    fs, path = open_address(file.address)
    begin = index = 0
    while begin < file.size or index == 0:
        end = min(file.size, begin + PART_BYTES)
        at = end - 1
        # To the end of the line that the boundary stands in, which may be right there.
        while end < file.size:
            block = fs.cat_file(path, start=at, end=min(file.size, at + _BLOCK))
            found = block.find(b"\n")
            at += found + 1 if found >= 0 else len(block)
            if found >= 0 or at >= file.size or not block:
                end = max(at, end)
                break
        yield Part(index, False, end - begin, begin, end)
        begin, index = end, index + 1


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    first = True
    while (data := stream.read(PART_BYTES)) or first:
        first = False
        yield data if data.endswith(b"\n") else data + stream.readline()


def _jsonl_rows(file: InputFile, part: Part, column: str, taken: Collection[str], as_it_stands: bool) -> Iterator[Rows]:
    data = part.data
    if data is None:
        fs, path = open_address(file.address)
        data = fs.cat_file(path, start=part.begin, end=part.end) if part.end else b""
        if len(data) != part.end - part.begin:
            raise InputError(f"{file.address}: became shorter while it was being read; run again")
    if part.index == 0:
        data = data.removeprefix(_BOM)
    lines = [line for line in data.split(b"\n") if line and not line.isspace()]
    del data
    for some in _some(lines) if lines else iter([[]]):
        rows = Rows()
        for i, line in enumerate(some):
            _take_line(file, rows, i, line.strip(), column, taken)
        if not as_it_stands:
            rows.batch = _record_batch(rows, column)
        yield rows


def _take_line(file: InputFile, rows: Rows, i: int, line: bytes, column: str, taken: Collection[str]) -> None:
    text: Any = ""
    language: Any = None
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        rows.errors[i] = f"not valid JSON: {error}"
        line = _wrapped(RECORD, line.decode("utf-8", "backslashreplace"))
    else:
        if isinstance(value, str):
            value = {column: value}
            line = _wrapped(column, value[column])
        if not isinstance(value, dict):
            rows.errors[i] = f"an object or a text is needed, {type(value).__name__} found"
            line = _wrapped(RECORD, line.decode("utf-8"))
        else:
            if not value.keys().isdisjoint(taken):
                check_names(file, [column, *value], column, taken)
            text = value.get(column)
            language = value.get("language") or None
            text, language = _checked(rows, i, text, language, column)
    rows.texts.append(text)
    rows.languages.append(language)
    rows.raw.append(line)


def _wrapped(name: str, value: str) -> bytes:
    return json.dumps({name: value}).encode()


def _checked(rows: Rows, i: int, text: Any, language: Any, column: str) -> tuple[str, str | None]:
    """A text that can be scored and its language, else "" and a word on why in ``rows.errors``."""
    if not isinstance(text, str):
        rows.errors[i] = f"{column!r} is missing or no text"
    elif not text.strip():
        rows.errors[i] = f"{column!r} is empty"
    elif language is not None and not (isinstance(language, str) and LANGUAGE_CODE.fullmatch(language)):
        rows.errors[i] = f"language {language!r} is no ISO 639 code, such as 'ru'"
    else:
        return text, language
    return "", None


def _record_batch(rows: Rows, column: str) -> Any:
    import pyarrow as pa

    texts = [None if i in rows.errors else text for i, text in enumerate(rows.texts)]
    try:
        kept = pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        # Parquet holds no lone surrogates; the line keeps them as JSON escapes.
        kept = pa.array(
            [t if t is None else t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in texts],
            pa.large_string(),
        )
    records = pa.array([line.decode("utf-8", "backslashreplace") for line in rows.raw], pa.large_string())
    return pa.RecordBatch.from_arrays([kept, records], names=[column, RECORD])


def _some(items: list[bytes]) -> Iterator[list[bytes]]:
    """So many that neither their number nor their bytes are too many."""
    begin = n_bytes = 0
    for i, item in enumerate(items):
        if i > begin and (i - begin == ROWS_AT_ONCE or n_bytes + len(item) > BYTES_AT_ONCE):
            yield items[begin:i]
            begin, n_bytes = i, 0
        n_bytes += len(item)
    if begin < len(items):
        yield items[begin:]


# CSV is read as Latin-1, in which a character is a byte, so that places are known. What structures it is ASCII.


class _CsvReader:
    """Records of a CSV file: its cells, and where it ends."""

    def __init__(self, stream: IO[bytes]) -> None:
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self.consumed = 0
        self._reader = csv.reader(self._fed(io.TextIOWrapper(stream, encoding="latin-1", newline="")), strict=True)

    def _fed(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self.consumed += len(line)
            yield line

    def __iter__(self) -> Iterator[list[str]]:
        return self._reader


class _Kept(io.RawIOBase):
    """A stream that remembers what has been read from it until that is taken."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._kept += data
        return len(data)

    def take(self, n_bytes: int) -> bytes:
        data = bytes(self._kept[:n_bytes])
        del self._kept[:n_bytes]
        return data


def _csv_pieces(
    file: InputFile, stream: IO[bytes], column: str, taken: Collection[str]
) -> Iterator[tuple[bytes, bytes]]:
    kept = _Kept(stream)
    buffered = io.BufferedReader(kept, 1 << 20)
    reader = _CsvReader(buffered)
    if buffered.peek(3).startswith(_BOM):
        reader.consumed = len(buffered.read(3))
    header = b""
    n_read = at = n_rows = n_pieces = 0
    try:
        for cells in reader:
            n_read += 1
            if not header:
                if cells:
                    check_names(file, _names(cells), column, taken)
                    header = kept.take(reader.consumed).lstrip(b"\r\n")
                    at = reader.consumed
                continue
            n_rows += 1
            if reader.consumed - at >= PART_BYTES or n_rows == PART_ROWS:
                yield header, kept.take(reader.consumed - at)
                at, n_rows, n_pieces = reader.consumed, 0, n_pieces + 1
    except csv.Error as error:
        raise InputError(f"{file.address}: record {n_read + 1} is not valid CSV: {error}") from None
    if not header:
        check_names(file, [], column, taken)
    if reader.consumed > at or not n_pieces:
        yield header, kept.take(reader.consumed - at)


def _names(cells: list[str]) -> list[str]:
    return [cell.encode("latin-1").decode("utf-8", "replace") for cell in cells]


def _csv_rows(file: InputFile, part: Part, column: str, as_it_stands: bool) -> Iterator[Rows]:
    data = part.data or b""
    names = _names(next(cells for cells in _CsvReader(io.BytesIO(part.header.removeprefix(_BOM))) if cells))
    place = {name: i for i, name in enumerate(names)}
    if not as_it_stands and len(place) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{file.address}: has two columns {twice!r}; give each a name of its own")
    reader = _CsvReader(io.BytesIO(data))
    at = 0
    rows = Rows()
    table: list[list[str]] = []
    n_bytes = 0
    for cells in reader:
        raw = data[at : reader.consumed]
        at = reader.consumed
        if not cells:
            continue
        raw = _take_record(rows, len(rows.texts), cells, raw, names, place, column)
        n_bytes += len(raw)
        rows.raw.append(raw)
        if not as_it_stands:
            table.append(cells)
        if len(rows.texts) == ROWS_AT_ONCE or n_bytes > BYTES_AT_ONCE:
            yield _with_table(rows, table, names, as_it_stands)
            rows, table, n_bytes = Rows(), [], 0
    if rows.texts or at == 0:
        yield _with_table(rows, table, names, as_it_stands)


def _take_record(
    rows: Rows, i: int, cells: list[str], raw: bytes, names: list[str], place: dict[str, int], column: str
) -> bytes:
    """Add a record's text to ``rows``; returns the record with as many cells as there are columns, unended."""
    raw = raw.rstrip(b"\r\n")
    text: str = ""
    language: str | None = None
    if len(cells) > len(names):
        rows.errors[i] = f"{len(cells)} cells where the header has {len(names)}: quote cells that hold commas"
        raw = csv_record(cells[: len(names)]).encode("latin-1")
    else:
        raw += b"," * (len(names) - len(cells))
        cells += [""] * (len(names) - len(cells))
        try:
            text = cells[place[column]].encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            rows.errors[i] = f"{column!r} is not UTF-8; save the file as 'CSV UTF-8'"
        else:
            language = (cells[place["language"]] or None) if "language" in place else None
            text, language = _checked(rows, i, text, language, column)
    rows.texts.append(text)
    rows.languages.append(language)
    return raw


def csv_record(cells: Iterable[str]) -> str:
    """Cells as a record of CSV, without a line end."""
    out = io.StringIO()
    # With another line end, or none, Python 3.11 leaves "\r" and "\n" in cells bare.
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()[:-2]


def _with_table(rows: Rows, table: list[list[str]], names: list[str], as_it_stands: bool) -> Rows:
    if not as_it_stands:
        import pyarrow as pa

        columns = [
            pa.array([cells[i].encode("latin-1").decode("utf-8", "replace") for cells in table], pa.large_string())
            for i in range(len(names))
        ]
        rows.batch = pa.RecordBatch.from_arrays(columns, names=names)
    return rows


@contextmanager
def _open_parquet(file: InputFile) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    fs, path = open_address(file.address)
    local = is_local(fs)
    # Only what is asked for is fetched from elsewhere, in as few requests as can be.
    with fs.open(path, "rb", **({} if local else {"cache_type": "none"})) as stream:
        try:
            source = parquet.ParquetFile(path if local else stream, pre_buffer=not local)
        except (pa.ArrowException, OSError) as error:
            if getattr(error, "errno", None):
                raise
            raise InputError(f"{file.address}: not a Parquet file: {error}") from error
        with source:
            yield source


def _parquet_parts(file: InputFile, column: str, taken: Collection[str]) -> Iterator[Part]:
    import pyarrow as pa

    with _open_parquet(file) as source:
        schema, metadata = source.schema_arrow, source.metadata
        check_names(file, schema.names, column, taken)
        if len(set(schema.names)) < len(schema.names):
            twice = next(name for name in schema.names if schema.names.count(name) > 1)
            raise InputError(f"{file.address}: has two columns {twice!r}; give each a name of its own")
        kind = schema.field(column).type
        if not _is_text(pa, kind):
            raise InputError(f"{file.address}: column {column!r} is {kind}, a text is needed: choose one with --column")
        sizes = [
            (metadata.row_group(i).num_rows, max(1, metadata.row_group(i).total_byte_size))
            for i in range(metadata.num_row_groups)
        ]
        n_rows, n_index, begin = metadata.num_rows, 0, 0
        open_groups: list[tuple[int, int, int]] = []
        open_rows = open_bytes = 0

        def closed() -> Part:
            weight = file.size * open_rows // max(1, n_rows)
            return Part(n_index, False, weight, begin, begin + open_rows, tuple(open_groups))

        for group, (rows, n_bytes) in enumerate(sizes):
            n_slices = max(1, min(MAX_SLICES, max(-(-rows // PART_ROWS), -(-n_bytes // (4 * PART_BYTES))), rows))
            for i in range(n_slices):
                first, end = rows * i // n_slices, rows * (i + 1) // n_slices
                if open_rows and (
                    open_rows + end - first > PART_ROWS or open_bytes + n_bytes // n_slices > 4 * PART_BYTES
                ):
                    yield closed()
                    n_index, begin = n_index + 1, begin + open_rows
                    open_groups, open_rows, open_bytes = [], 0, 0
                open_groups.append((group, first, end - first))
                open_rows += end - first
                open_bytes += n_bytes // n_slices
        yield closed()


def _is_text(pa: Any, kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _parquet_rows(file: InputFile, part: Part, column: str) -> Iterator[Rows]:
    import pyarrow as pa

    with _open_parquet(file) as source:
        try:
            for group, first, n_rows in part.groups:
                told = source.metadata.row_group(group)
                size = max(1, told.total_byte_size // max(1, told.num_rows))
                n_at_once = min(ROWS_AT_ONCE, max(16, BYTES_AT_ONCE // size))
                at = 0
                for batch in source.iter_batches(batch_size=n_at_once, row_groups=[group], use_threads=False):
                    skip, keep = max(0, first - at), min(batch.num_rows, first + n_rows - at)
                    at += batch.num_rows
                    if keep > skip:
                        yield _parquet_batch(batch.slice(skip, keep - skip), column)
                    if at >= first + n_rows:
                        break
            if not any(n_rows for _, _, n_rows in part.groups):
                yield _parquet_batch(pa.RecordBatch.from_pylist([], schema=source.schema_arrow), column)
        except (pa.ArrowException, OSError) as error:
            if getattr(error, "errno", None):
                raise
            raise InputError(f"{file.address}: the file is broken: {error}") from error


def _parquet_batch(batch: Any, column: str) -> Rows:
    rows = Rows(batch=batch)
    texts = _texts(batch.column(column), rows)
    languages = [None] * len(texts)
    if "language" in batch.schema.names:
        languages = [value or None for value in _texts(batch.column("language"), rows)]
    for i, (text, language) in enumerate(zip(texts, languages, strict=True)):
        if i in rows.errors:
            text, language = "", None
        elif not text or language is not None or text.isspace():
            text, language = _checked(rows, i, text, language, column)
        rows.texts.append(text)
        rows.languages.append(language)
    return rows


def _texts(values: Any, rows: Rows) -> list[Any]:
    import pyarrow as pa

    try:
        texts: list[Any] = (
            values.to_numpy(zero_copy_only=False).tolist() if _is_text(pa, values.type) else values.to_pylist()
        )
        return texts
    except (UnicodeDecodeError, pa.ArrowException):
        found = []
        for i in range(len(values)):
            try:
                found.append(values[i].as_py())
            except UnicodeDecodeError:
                rows.errors[i] = "holds bytes that are not UTF-8"
                found.append(None)
        return found
