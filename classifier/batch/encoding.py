"""From rows and their answers to the bytes of a part of an output file.

The bytes of a file's parts, put one after the other (Parquet: with their footers joined), are the file.
"""

from __future__ import annotations

import base64
import bz2
import csv
import gzip
import io
import json
import math
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any, Protocol

from classifier.batch.inputs import Compression, Format
from classifier.batch.parts import Rows
from classifier.batch.scoring import Answers, Label, PlainAnswer, RowScorer

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
        self._keys = [json.dumps(name) for name in scorer.options.names]
        self._model = json.dumps(scorer.digest)

    def add(self, rows: Rows, answers: Answers) -> None:
        lines = rows.raw
        if rows.batch is not None:
            lines = [_dumps(record) for record in rows.batch.to_pylist()]
        for answer in self._scorer.plain_answers(answers):
            line = lines[answer.row]
            head = line[:-1].rstrip()
            self._lines.append(
                head
                + (b", " if head != b"{" else b"")
                + self._told(answer).encode("utf-8", "backslashreplace")
                + b"}\n"
            )

    def _told(self, answer: PlainAnswer) -> str:
        values: list[str] = []
        if self._scorer.options.unit == "sentence":
            values += [json.dumps(answer.begin), json.dumps(answer.end)]
            values.append(json.dumps(answer.sentence, ensure_ascii=False))
        if answer.error is not None:
            values += ["null"] * 5 + [json.dumps(answer.error, ensure_ascii=False)]
        else:
            values += [json.dumps(of_verdict(answer.labels, verdict)) for verdict in ("yes", "unsure")]
            values.append(_labels(answer.labels))
            values += [repr(answer.coverage), str(answer.n_sentences), "null"]
        values.append(self._model)
        return ", ".join([f"{key}: {value}" for key, value in zip(self._keys, values, strict=True)])


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
            lines = [_cells([_cell(record[name]) for name in names]) for record in rows.batch.to_pylist()]
        for answer in self._scorer.plain_answers(answers):
            self._lines.append(lines[answer.row] + b"," + self._told(answer) + self._end)

    def _told(self, answer: PlainAnswer) -> bytes:
        values: list[str] = []
        if self._scorer.options.unit == "sentence":
            values += [_cell(answer.begin), _cell(answer.end), _cell(answer.sentence)]
        if answer.error is not None:
            values += ["", "", "", "", "", answer.error]
        else:
            values += [";".join(of_verdict(answer.labels, verdict)) for verdict in ("yes", "unsure")]
            values += [_labels(answer.labels), repr(answer.coverage), str(answer.n_sentences), ""]
        values.append(self._scorer.digest)
        return _cells(values)


def of_verdict(labels: Any, verdict: str) -> list[str]:
    """The narratives among some labels that were decided so."""
    return [label.id for label in labels if label.decision == verdict] if labels else []


def _labels(labels: Any) -> str:
    return json.dumps([dict(zip(Label._fields, label, strict=True)) for label in labels]) if labels else "[]"


def _cells(values: Any) -> bytes:
    if not any(_needs_quotes(value) for value in values):
        return ",".join(values).encode("utf-8", "surrogatepass")
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue().encode("utf-8", "backslashreplace")


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
