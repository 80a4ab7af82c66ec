"""From rows and their answers to the bytes of a part of an output file.

The bytes of a file's parts, put one after the other (Parquet: with their footers joined), are the file.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import math
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any, Protocol

from classifier.batch.inputs import Compression, Format
from classifier.batch.parts import Rows, csv_record
from classifier.batch.scoring import Answers, RowScorer, ToldRow
from classifier.errors import InputError

ROW_GROUP_BYTES = 64_000_000
"""The most that a row group of Parquet holds, before it is compressed."""


class Encoder(Protocol):
    """Takes the rows of one part, in order; ``finish`` gives its bytes."""

    def add(self, rows: Rows, answers: Answers) -> None:
        """Take some rows."""

    def finish(self) -> bytes:
        """All of them."""


def make_encoder(
    format: Format, scorer: RowScorer, *, first: bool, header: bytes | None, compression: Compression
) -> Encoder:
    """An encoder for one part.

    Parameters
    ----------
    first : bool
        Is it the first part of its file?
    header : bytes or None
        The input's own header, where both are CSV.
    compression : {"", ".gz", ".zst", ".bz2"}
        Members of gzip and bzip2 may follow each other; Zstandard's readers do not all go on after the first frame, so
        that parts are compressed when they are joined.
    """
    if format == "parquet":
        return _ParquetEncoder(scorer)
    if format == "jsonl":
        return _JsonEncoder(scorer, compression)
    return _CsvEncoder(scorer, compression, first, header)


class _ParquetEncoder:
    def __init__(self, scorer: RowScorer) -> None:
        import pyarrow as pa

        self._scorer = scorer
        self._sink = pa.BufferOutputStream()
        self._writer: Any = None
        self._batches: list[Any] = []
        self._n_bytes = 0

    def add(self, rows: Rows, answers: Answers) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        batch = rows.batch
        if answers.sentences is not None:
            batch = batch.take(pa.array(answers.rows))
        arrays = self._scorer.answer_arrays(answers)
        schema = batch.schema
        for name, array in arrays.items():
            schema = schema.append(pa.field(name, array.type))
        self._batches.append(pa.RecordBatch.from_arrays([*batch.columns, *arrays.values()], schema=schema))
        self._n_bytes += self._batches[-1].nbytes
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._sink, schema, compression="zstd", compression_level=1)
        if self._n_bytes > ROW_GROUP_BYTES:
            self._flush()

    def finish(self) -> bytes:
        self._flush()
        self._writer.close()
        data: bytes = self._sink.getvalue().to_pybytes()
        return data

    def _flush(self) -> None:
        import pyarrow as pa

        table = pa.Table.from_batches(self._batches)
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._batches, self._n_bytes = [], 0


class _TextEncoder:
    def __init__(self, scorer: RowScorer, compression: Compression) -> None:
        self._scorer = scorer
        self._lines: list[bytes] = []
        self._compression = compression

    def finish(self) -> bytes:
        data = b"".join(self._lines)
        if self._compression == ".gz":
            return gzip.compress(data, 6, mtime=0)
        if self._compression == ".bz2":
            return bz2.compress(data)
        return data


class _JsonEncoder(_TextEncoder):
    """A line as it stands, with the answer's keys behind its own; other formats' rows as objects."""

    def __init__(self, scorer: RowScorer, compression: Compression) -> None:
        super().__init__(scorer, compression)
        keys = [json.dumps(name) for name in scorer.options.names]
        self._sentence_keys = keys[:-7]
        self._keys = keys[-7:]
        self._model = json.dumps(scorer.digest)

    def add(self, rows: Rows, answers: Answers) -> None:
        lines = rows.raw
        if rows.batch is not None:
            lines = [_dumps(record) for record in _records(rows.batch)]
        for told in self._scorer.told_rows(answers):
            head = lines[told.row][:-1].rstrip()
            comma = b", " if head != b"{" else b""
            self._lines += (head, comma, self._told(told).encode("utf-8", "backslashreplace"), b"}\n")

    def _told(self, told: ToldRow) -> str:
        narratives, unsure, labels, coverage, n_sentences, error, model = self._keys
        before = ""
        if told.sentence is not None:
            values = [json.dumps(value, ensure_ascii=False) for value in told.sentence]
            before = "".join(f"{key}: {value}, " for key, value in zip(self._sentence_keys, values, strict=True))
        if told.error is not None:
            return before + (
                f"{narratives}: null, {unsure}: null, {labels}: null, {coverage}: null, {n_sentences}: null, "
                f"{error}: {json.dumps(told.error, ensure_ascii=False)}, {model}: {self._model}"
            )
        return before + (
            f"{narratives}: {_listed(told.narratives)}, {unsure}: {_listed(told.unsure)}, "
            f"{labels}: [{', '.join(told.labels)}], {coverage}: {told.coverage!r}, {n_sentences}: {told.n_sentences}, "
            f"{error}: null, {model}: {self._model}"
        )


class _CsvEncoder(_TextEncoder):
    """A record as it stands, with the answer's cells behind its own; other formats' rows as records."""

    def __init__(self, scorer: RowScorer, compression: Compression, first: bool, header: bytes | None) -> None:
        super().__init__(scorer, compression)
        self._wants_header = first
        self._end = b"\n"
        if header is not None:
            bare = header.rstrip(b"\r\n")
            self._end = header[len(bare) :] if header[len(bare) :] in (b"\n", b"\r\n", b"\r") else b"\n"
            if first:
                self._lines.append(bare + b"," + _cells(scorer.options.names) + self._end)
                self._wants_header = False

    def add(self, rows: Rows, answers: Answers) -> None:
        lines = rows.raw
        if rows.batch is not None:
            names = rows.batch.schema.names
            if self._wants_header:
                self._lines.append(_cells([*names, *self._scorer.options.names]) + self._end)
                self._wants_header = False
            lines = [_cells([_cell(record[name]) for name in names]) for record in _records(rows.batch)]
        for told in self._scorer.told_rows(answers):
            self._lines += (lines[told.row], b",", self._told(told), self._end)

    def _told(self, told: ToldRow) -> bytes:
        before = b""
        if told.sentence is not None:
            before = _cells([_cell(value) for value in told.sentence]) + b","
        digest = self._scorer.digest
        if told.error is not None:
            return before + _cells(["", "", "", "", "", told.error, digest])
        labels = ", ".join(told.labels).replace('"', '""')
        return before + (
            f'{";".join(told.narratives)},{";".join(told.unsure)},"[{labels}]",'
            f"{told.coverage!r},{told.n_sentences},,{digest}"
        ).encode("ascii")


def _records(batch: Any) -> list[dict[str, Any]]:
    try:
        records: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(
            f"holds bytes that are not UTF-8, which only Parquet can keep: leave --format out: {error}"
        ) from error
    return records


def _listed(ids: list[str]) -> str:
    return '["' + '", "'.join(ids) + '"]' if ids else "[]"


def _cells(values: Any) -> bytes:
    if not any(_needs_quotes(value) for value in values):
        return ",".join(values).encode("utf-8", "surrogatepass")
    return csv_record(values).encode("utf-8", "backslashreplace")


def _needs_quotes(value: str) -> bool:
    return not value.isascii() or '"' in value or "," in value or "\n" in value or "\r" in value


def _cell(value: Any) -> str:
    """A value of any type as a cell: nested ones as JSON, nothing as the empty cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (Mapping, list, tuple)):
        return _dumps(value).decode("utf-8")
    told = _plain(value)
    return told if isinstance(told, str) else json.dumps(told)


def _dumps(value: Any) -> bytes:
    try:
        told = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        told = json.dumps(_without_nan(value), ensure_ascii=False, default=_plain)
    return told.encode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    """What Parquet holds and JSON does not know."""
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value
