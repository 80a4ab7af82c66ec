"""Folders of Hugging Face's ``datasets``, read and written by pyarrow alone.

``save_to_disk`` leaves ``state.json`` (which names the Arrow files, in Arrow's stream format), ``dataset_info.json``
(features, with the names of classes) and, for several splits, ``dataset_dict.json`` over one folder each. A folder
from the hub holds Parquet files, ``data/train-00000-of-00001.parquet``. A column that Argilla exported
(``label.responses`` with ``label.responses.users`` and ``label.responses.status``) holds every annotator's answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from classifier.corpus.formats.argilla import is_argilla, read_flat
from classifier.corpus.formats.columns import Columns
from classifier.corpus.formats.foreign import BadRow, ForeignRow, Format, Reading, Writing, first_line
from classifier.corpus.formats.parquet import (
    BATCH,
    arrow_batches,
    arrow_schema,
    batches_to_rows,
    class_names,
    feature_names,
    import_pyarrow,
)
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_directory
from classifier.errors import CorpusError

_split_in_name = re.compile(r"(?:^|[-_./])(train|training|validation|valid|val|dev|test|testing)(?=[-_./]|$)", re.I)


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of every split; the split's name goes into ``split`` where no column says otherwise."""
    import_pyarrow("Reading folders of Hugging Face datasets")
    if (path / "dataset_dict.json").is_file():
        splits = _json(path / "dataset_dict.json").get("splits")
        if not isinstance(splits, list) or not splits:
            raise CorpusError(f"{path / 'dataset_dict.json'}: names no splits")
        for split in splits:
            yield from _with_split(_read_saved(_inside(path, split), reading), str(split))
    elif (path / "state.json").is_file():
        split = _json(path / "state.json").get("_split")
        yield from _with_split(_read_saved(path, reading), split if isinstance(split, str) else "")
    else:
        files = sorted(path.rglob("*.parquet"))
        if not files:
            raise CorpusError(f"{path}: neither a folder that datasets saved nor one of Parquet files")
        names = _names_in_card(path / "README.md")
        for file in files:
            found = _split_in_name.search(str(file.relative_to(path)))
            yield from _with_split(_read_parquet(file, reading, names), found[1].lower() if found else "")


def _read_saved(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    files = _json(path / "state.json").get("_data_files")
    if not isinstance(files, list) or not all(
        isinstance(f, dict) and isinstance(f.get("filename"), str) for f in files
    ):
        raise CorpusError(f"{path / 'state.json'}: names no data files")
    names: dict[str, list[str]] = {}
    if (path / "dataset_info.json").is_file():
        names = feature_names(_json(path / "dataset_info.json").get("features"))
    for entry in files:
        yield from _read_arrow(_inside(path, entry["filename"]), reading, names)


def _read_arrow(path: Path, reading: Reading, names: Mapping[str, list[str]]) -> Iterator[ForeignRow | BadRow]:
    pyarrow, _ = import_pyarrow("Reading Arrow files")
    if not path.is_file():
        raise CorpusError(f"{path}: no such file, though state.json beside it names it")
    with pyarrow.memory_map(str(path)) as source:
        try:
            stream = pyarrow.ipc.open_stream(source)
            columns, metadata = stream.schema.names, stream.schema.metadata
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{path}: not a whole Arrow file: {first_line(error)}") from error
        yield from _rows(str(path), columns, _small(stream), reading, {**class_names(metadata), **names})


def _read_parquet(path: Path, reading: Reading, names: Mapping[str, list[str]]) -> Iterator[ForeignRow | BadRow]:
    pyarrow, parquet = import_pyarrow("Reading Parquet")
    try:
        file = parquet.ParquetFile(path)
        columns, metadata = file.schema_arrow.names, file.schema_arrow.metadata
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a whole Parquet file: {first_line(error)}") from error
    with file:
        yield from _rows(str(path), columns, file.iter_batches(BATCH), reading, {**names, **class_names(metadata)})


def _small(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        # Nothing in the file is checked when it is mapped: offsets that lead outside would end the process.
        batch.validate(full=True)
        for begin in range(0, batch.num_rows, BATCH):
            yield batch.slice(begin, BATCH)


def _rows(
    source: str, columns: Sequence[str], batches: Iterable[Any], reading: Reading, names: Mapping[str, list[str]]
) -> Iterator[ForeignRow | BadRow]:
    if is_argilla(columns):
        yield from read_flat(source, columns, batches, reading)
    else:
        yield from batches_to_rows(source, batches, Columns(columns, reading, source), names)


def _with_split(rows: Iterator[ForeignRow | BadRow], split: str) -> Iterator[ForeignRow | BadRow]:
    for row in rows:
        yield replace(row, split=split) if isinstance(row, ForeignRow) and split and not row.split else row


def _inside(folder: Path, name: object) -> Path:
    """A path that a file names, which must lie in the folder."""
    path = folder / str(name)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CorpusError(f"{folder}: names {name!r}, which lies outside the folder")
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file; a folder that datasets saved has it") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorpusError(f"{path}: an object is needed, {type(value).__name__} found")
    return value


def _names_in_card(path: Path) -> dict[str, list[str]]:
    """Class names from the heading of a dataset card: ``class_label: names: {'0': ..., '1': ...}``."""
    import yaml

    try:
        heading = re.match(r"---\n(.*?)\n---", path.read_text(encoding="utf-8"), re.DOTALL)
        card = yaml.safe_load(heading[1]) if heading else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    info = card.get("dataset_info") if isinstance(card, dict) else None
    found: dict[str, list[str]] = {}
    for part in info if isinstance(info, list) else [info]:
        features = part.get("features") if isinstance(part, dict) else None
        for feature in features if isinstance(features, list) else []:
            if not isinstance(feature, dict):
                continue
            held = feature.get("dtype")
            for key in ("sequence", "list"):
                held = feature.get(key, held)
            label = held.get("class_label", held.get("dtype")) if isinstance(held, dict) else None
            label = label.get("class_label", label) if isinstance(label, dict) else None
            names = label.get("names") if isinstance(label, dict) else None
            if isinstance(names, dict):
                names = [name for _, name in sorted(names.items(), key=lambda item: int(item[0]))]
            if isinstance(names, list):
                found[str(feature.get("name"))] = [str(name) for name in names]
    return found


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """The folder that ``Dataset.save_to_disk`` makes and ``load_from_disk`` reads."""
    pyarrow, _ = import_pyarrow("Writing folders of Hugging Face datasets")
    text, whole = {"dtype": "string", "_type": "Value"}, {"dtype": "int64", "_type": "Value"}
    # "Sequence" is read by every version; "List" by 4 and later only.
    texts = {"feature": text, "_type": "Sequence"}
    kinds = {pyarrow.string(): text, pyarrow.int64(): whole}
    features = {field.name: kinds.get(field.type, texts) for field in arrow_schema()}
    schema = arrow_schema({b"huggingface": json.dumps({"info": {"features": features}}).encode()})
    name = "data-00000-of-00001.arrow"
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    with new_directory(path) as aside:
        with pyarrow.OSFile(str(aside / name), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as stream:
            for batch in arrow_batches(rows, schema):
                stream.write_batch(batch)
        with (aside / name).open("rb") as file:
            fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        state: dict[str, object] = {
            "_data_files": [{"filename": name}],
            "_fingerprint": fingerprint,
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        (aside / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
        (aside / "dataset_info.json").write_text(json.dumps(info, indent=2), encoding="utf-8")


FORMAT = Format("huggingface", read, write, is_folder=True)
