"""Parquet files, streamed; label numbers with names (Hugging Face's ``ClassLabel``) are read as the names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from classifier.corpus.formats.columns import Columns, holds_spans, record_rows
from classifier.corpus.formats.foreign import BadRow, ForeignRow, Format, Reading, Writing, first_line, plain_values
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.errors import CorpusError, MissingExtra

BATCH = 1_000


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of a Parquet file, counted from 1."""
    pyarrow, parquet = import_pyarrow("Reading Parquet")
    try:
        file = parquet.ParquetFile(path)
        names, metadata = file.schema_arrow.names, file.schema_arrow.metadata
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a whole Parquet file: {first_line(error)}") from error
    with file:
        columns = Columns(names, reading, str(path))
        batches = file.iter_batches(BATCH, columns=columns.used)
        yield from batches_to_rows(str(path), batches, columns, class_names(metadata))


def import_pyarrow(what: str) -> tuple[Any, Any]:
    """pyarrow and its Parquet module. Raises :class:`MissingExtra`."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra(what, "parquet") from error
    return pyarrow, parquet


def batches_to_rows(
    source: str, batches: Iterable[Any], columns: Columns, names: Mapping[str, list[str]]
) -> Iterator[ForeignRow | BadRow]:
    """Rows of Arrow batches; a file that breaks off is told after the rows before it.

    Parameters
    ----------
    names : mapping
        Column -> names of its numbered classes.
    """
    import pyarrow

    row, with_spans = 0, False
    try:
        for batch in batches:
            records = list(_records(batch, columns.used, names))
            if not row:
                with_spans = any(isinstance(r, dict) and holds_spans(r, columns) for r in records)
            for record in records:
                row += 1
                if isinstance(record, str):
                    yield BadRow(source, row, record)
                else:
                    yield from record_rows(record, columns, source, row, with_spans=with_spans)
    except (pyarrow.ArrowException, OSError) as error:
        yield BadRow(source, row + 1, f"the file is broken: {first_line(error)}; the rows from here on cannot be read")


def _records(batch: Any, used: list[str], names: Mapping[str, list[str]]) -> Iterator[dict[str, object] | str]:
    """Records, or the reason why one is none."""
    for i in range(batch.num_rows):
        record: dict[str, object] = {}
        try:
            for name in used:
                value = batch.column(name)[i].as_py()
                record[name] = _named(value, names[name]) if name in names else value
        except UnicodeDecodeError:
            yield "holds bytes that are not UTF-8"
        except (ValueError, OverflowError) as error:
            yield f"cannot be read: {error}"
        else:
            yield record


def _named(value: object, names: list[str]) -> object:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    if isinstance(value, int):
        # -1 is how datasets without labels mark them missing.
        return names[value] if 0 <= value < len(names) else None if value == -1 else value
    return value


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Names of numbered classes from what Hugging Face's ``datasets`` leaves in an Arrow schema."""
    try:
        info = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    except (ValueError, RecursionError):
        return {}
    features = info.get("info", {}) if isinstance(info, dict) else {}
    return feature_names(features.get("features") if isinstance(features, dict) else None)


def feature_names(features: object) -> dict[str, list[str]]:
    """The same from the ``features`` of ``dataset_info.json``."""
    found: dict[str, list[str]] = {}
    if isinstance(features, dict):
        for column, feature in features.items():
            # A list of classes: [feature], or {"feature": ..., "_type": "Sequence" | "List" | "LargeList"}.
            while isinstance(feature, dict | list):
                if isinstance(feature, list):
                    feature = feature[0] if len(feature) == 1 else None
                elif feature.get("_type") == "ClassLabel":
                    names = feature.get("names")
                    if isinstance(names, list):
                        found[column] = [str(name) for name in names]
                    break
                else:
                    feature = feature.get("feature")
    return found


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """All fields; ``narratives``, ``voices`` and ``annotators`` are lists."""
    _, parquet = import_pyarrow("Writing Parquet")
    schema = arrow_schema()
    with new_file(path) as aside, parquet.ParquetWriter(aside, schema) as writer:
        for batch in arrow_batches(rows, schema):
            writer.write_batch(batch)


def arrow_schema(metadata: Mapping[bytes, bytes] | None = None) -> Any:
    """The columns of :func:`plain_values`."""
    import pyarrow

    text, whole, texts = pyarrow.string(), pyarrow.int64(), pyarrow.list_(pyarrow.string())
    kinds = {"narratives": texts, "voices": texts, "annotators": texts, "begin": whole, "end": whole}
    names = plain_values(LabelledSentence("", "", ""))
    return pyarrow.schema([(name, kinds.get(name, text)) for name in names], metadata=metadata)


def arrow_batches(rows: Iterable[LabelledSentence], schema: Any) -> Iterator[Any]:
    """Rows as record batches."""
    import pyarrow

    pending: list[Mapping[str, object]] = []
    for row in rows:
        pending.append(plain_values(row))
        if len(pending) == BATCH:
            yield pyarrow.RecordBatch.from_pylist(pending, schema)
            pending = []
    if pending:
        yield pyarrow.RecordBatch.from_pylist(pending, schema)


FORMAT = Format("parquet", read, write)
