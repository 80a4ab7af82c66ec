"""One model directory: write it, check it, read it. JSON and ``.npy`` arrays only; nothing is ever unpickled.

The directory holds exactly the files that ``manifest.json`` names, with their SHA-256 and size, and the manifest
itself. The model's digest is the SHA-256 of the manifest's bytes. No file holds a time, so the same training gives
the same digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.errors import ModelCorrupt, ModelFormatUnsupported, ModelNotFound

FORMAT = "narrative-classifier model"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"

MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 30
SCORING_FILES = (
    "parameters.json",
    "taxonomy.json",
    "vocabulary.json",
    "known_words.json",
    "calibration.json",
    "idf.npy",
    "coef.npy",
    "intercept.npy",
    "voice_coef.npy",
    "voice_intercept.npy",
)
"""What scoring needs; the voice arrays are missing from a model trained without voices."""

_REQUIRED = (frozenset(SCORING_FILES) - {"voice_coef.npy", "voice_intercept.npy"}) | {
    "golden.json",
    "report.json",
    "README.md",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(?:json|npy|md|svg|png)")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """The checked content of a model directory.

    ``json`` and ``arrays`` map file names to parsed content, ``card`` is the text of README.md; ``digest`` is
    ``"sha256:..."`` of the manifest.
    """

    path: Path
    digest: str
    manifest: Mapping[str, Any]
    json: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]
    card: str = ""


def dump_json(value: object) -> bytes:
    """JSON as it stands in a model: UTF-8, keys in the given order, one trailing line feed."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8")


def dump_array(array: npt.NDArray[Any]) -> bytes:
    """An array in the ``.npy`` format, C order."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def write_model(
    path: str | Path,
    *,
    json_files: Mapping[str, object],
    arrays: Mapping[str, npt.NDArray[Any]],
    texts: Mapping[str, bytes],
    manifest: Mapping[str, object],
) -> Path:
    """Write a model directory, whole or not at all.

    Parameters
    ----------
    json_files, arrays, texts : mapping of file name to content
    manifest : mapping
        Further entries of the manifest: ``name``, ``training_data``, ``packages``.

    Raises
    ------
    FileExistsError
        ``path`` is there already.
    """
    from classifier.durable import publish_directory  # not for those who only read

    files = {name: dump_json(value) for name, value in json_files.items()}
    files |= {name: dump_array(array) for name, array in arrays.items()}
    files |= dict(texts)
    for name in files:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a file of a model")
    entries = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **manifest,
        "arrays": {
            name: {"dtype": array.dtype.str, "shape": list(array.shape)} for name, array in sorted(arrays.items())
        },
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in sorted(files.items())
        },
    }
    return publish_directory(path, {**files, MANIFEST: dump_json(entries)})


def read_model(path: str | Path) -> StoredModel:
    """Read and check a model directory: names, links, sizes and hashes first, only then the content.

    Raises
    ------
    ModelNotFound
        ``path`` holds no manifest.
    ModelFormatUnsupported
        Another format version.
    ModelCorrupt
        Anything missing, added, linked, truncated, changed, of a wrong shape or not finite.
    """
    path = Path(path)
    manifest_path = path / MANIFEST
    if not manifest_path.is_file():
        raise ModelNotFound(f"{path}: no {MANIFEST} here, so this is no model directory")
    raw = _read_file(path, MANIFEST, MAX_MANIFEST_BYTES)
    manifest = _parse_json(path, MANIFEST, raw)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelCorrupt(f"{manifest_path}: not the manifest of a {FORMAT}")
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFormatUnsupported(
            f"{manifest_path}: format version {version!r}, this release reads {FORMAT_VERSION}; "
            "retrain with 'narratives train' or install the release that wrote it"
        )
    for section in ("files", "arrays", "training_data", "packages"):
        if not isinstance(manifest.get(section), dict):
            raise ModelCorrupt(f"{manifest_path}: {section!r} is missing")
    listed = manifest["files"]
    _check_names(path, set(listed))
    contents: dict[str, bytes] = {}
    for name, entry in listed.items():
        size, expected = _entry(manifest_path, name, entry)
        data = _read_file(path, name, size)
        if len(data) != size:
            raise ModelCorrupt(f"{path / name}: {len(data)} bytes, the manifest says {size}; copy the model again")
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelCorrupt(
                f"{path / name}: SHA-256 differs from the manifest's; the file was changed after training, copy the "
                "model again"
            )
        contents[name] = data
    parsed = {n: _parse_json(path, n, d) for n, d in contents.items() if n.endswith(".json")}
    arrays = {n: _parse_array(path, n, d, manifest.get("arrays")) for n, d in contents.items() if n.endswith(".npy")}
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    card = contents.get("README.md", b"").decode("utf-8", "replace")
    return StoredModel(path, digest, manifest, parsed, arrays, card)


def scoring_bytes(manifest: Mapping[str, Any]) -> int:
    """Size of the files that scoring needs, in bytes."""
    return sum(entry["size"] for name, entry in manifest["files"].items() if name in SCORING_FILES)


def _entry(manifest_path: Path, name: str, entry: object) -> tuple[int, str]:
    if isinstance(entry, dict):
        size, expected = entry.get("size"), entry.get("sha256")
        if isinstance(size, int) and 0 <= size <= MAX_FILE_BYTES and isinstance(expected, str):
            return size, expected
    raise ModelCorrupt(f"{manifest_path}: files.{name}: needs 'sha256' and 'size' up to {MAX_FILE_BYTES}")


def _check_names(path: Path, listed: set[str]) -> None:
    for name in sorted(listed):
        if not _NAME.fullmatch(name):
            raise ModelCorrupt(f"{path / MANIFEST}: {name!r} is no name for a file of a model")
    present = {entry.name for entry in path.iterdir()} - {MANIFEST}
    if missing := sorted((listed | _REQUIRED) - present):
        raise ModelCorrupt(f"{path}: {missing[0]} is missing; copy the model again")
    if missing := sorted(_REQUIRED - listed):
        raise ModelCorrupt(f"{path / MANIFEST}: {missing[0]} is not listed")
    if unknown := sorted(present - listed):
        raise ModelCorrupt(f"{path / unknown[0]}: the manifest does not name this file; remove it")


def _read_file(path: Path, name: str, limit: int) -> bytes:
    file = path / name
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise ModelCorrupt(f"{file}: not a regular file (links are refused)")
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise ModelCorrupt(f"{file}: cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise ModelCorrupt(f"{file}: larger than the {limit} bytes allowed; copy the model again")
    return data


def _parse_json(path: Path, name: str, data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelCorrupt(f"{path / name}: not valid JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _parse_array(path: Path, name: str, data: bytes, declared: object) -> npt.NDArray[Any]:
    entry = declared.get(name) if isinstance(declared, dict) else None
    try:
        stream = io.BytesIO(data)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("not version 1.0 of the format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if entry != {"dtype": dtype.str, "shape": list(shape)} or fortran or dtype.kind != "f":
            raise ValueError(f"holds {dtype.str} {list(shape)}, the manifest says {entry}")
        if len(data) - stream.tell() != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
            raise ValueError("its length does not fit its shape")
        array = np.frombuffer(data, dtype=dtype, offset=stream.tell()).reshape(shape)
    except ValueError as error:
        raise ModelCorrupt(f"{path / name}: {error}") from error
    if not np.isfinite(array).all():
        raise ModelCorrupt(f"{path / name}: holds values that are not finite")
    return array
