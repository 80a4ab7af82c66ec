"""All formats by name, and which one a file is in."""

from __future__ import annotations

import json
from pathlib import Path

from classifier.corpus.formats import (
    argilla,
    csv_table,
    doccano,
    excel,
    huggingface,
    jsonl,
    label_studio,
    parquet,
    semeval,
)
from classifier.corpus.formats.foreign import Format
from classifier.errors import CorpusError

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (csv_table, excel, jsonl, parquet, label_studio, doccano, huggingface, argilla, semeval)
}

_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DOCCANO_KEYS = frozenset({"Comments", "annotation_approver", "cats", "entities"})
_HEAD = 1 << 20


def find_format(path: Path) -> Format:
    """The format of a file or folder, from its name and what it begins with.

    Raises
    ------
    CorpusError
        Nothing there, or nothing known.
    """
    if not path.exists():
        raise CorpusError(f"{path}: no such file or folder")
    return FORMATS[_in_folder(path) if path.is_dir() else _in_file(path)]


def get_format(name: str) -> Format:
    """The format of that name. Raises :class:`CorpusError`."""
    if name not in FORMATS:
        raise CorpusError(f"{name!r} is no format; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def _in_folder(path: Path) -> str:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return "huggingface"
    if (path / "records.json").is_file():
        return "argilla"
    if semeval.find_annotations(path):
        return "semeval"
    if any(path.rglob("*.parquet")):
        return "huggingface"
    raise CorpusError(
        f"{path}: neither a folder of Hugging Face datasets nor of SemEval-2025 task 10; name a file, or --format"
    )


def _in_file(path: Path) -> str:
    if path.name == semeval.ANNOTATIONS:
        return "semeval"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return "excel"
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return _in_json(start)
    if start.startswith(b"{") or path.suffix.lower() in (".jsonl", ".ndjson"):
        first = _first(start)
        return "doccano" if isinstance(first, dict) and _is_doccano(first) else "jsonl"
    if path.suffix.lower() == ".json":
        return "jsonl"
    return "csv"


def _in_json(start: bytes) -> str:
    first = _first(start[1:].lstrip())
    if label_studio.is_task(first):
        return "label-studio"
    if argilla.is_argilla_json(first):
        return "argilla"
    return "jsonl"


def _first(start: bytes) -> object:
    """The first JSON value; None where it is broken or longer than what was looked at."""
    try:
        value, _ = json.JSONDecoder().raw_decode(start.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value


def _is_doccano(record: dict[str, object]) -> bool:
    label = record.get("label", record.get("labels"))
    triples = isinstance(label, list) and label and all(isinstance(item, list) and len(item) == 3 for item in label)
    return bool(triples) or not _DOCCANO_KEYS.isdisjoint(record)
