"""Out-of-fold answers of a version, kept beside the versions so that a later one can be compared fairly.

``models/.out-of-fold/<digest>.npz`` belongs to the model with that digest. It holds no text, only what is needed to
find the same rows again: arrays without pickle, named below. A model answers without it; where it is missing, the rows
that the model was trained on cannot be told from others, and nothing trained on them is a fair test.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.corpus.sentence import LabelledSentence
from classifier.durable import write_file
from classifier.training.crossval import Judged

DIRECTORY = ".out-of-fold"
"""Begins with a dot: no version's name."""

FORMAT_VERSION = 1
_KEY_BYTES = 16
_ZIP = b"PK\x03\x04"

_KINDS = {
    "format_version": "i",
    "narratives": "U",
    "texts": "u",
    "ids": "u",
    "folds": "i",
    "units": "i",
    "logits": "f",
    "yes": "u",
    "labels": "u",
}


@dataclass(frozen=True)
class KeptScores:
    """What a model's fold models said of each training row while it was held out.

    Attributes
    ----------
    narratives : tuple of str
        Columns.
    texts, ids : list of bytes
        Hashes of each row's text and id.
    folds, units : ndarray of int64, shape (n_samples,)
    logits : ndarray of float32, shape (n_samples, n_narratives)
        Calibrated on the other folds; rounded to half precision on disk, which average precision does not feel.
    yes : ndarray of bool, same shape
        Decided with thresholds of the other folds.
    y : ndarray of bool, same shape
        The labels that it was trained on.
    """

    narratives: tuple[str, ...]
    texts: list[bytes]
    ids: list[bytes]
    folds: npt.NDArray[np.int64]
    units: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    yes: npt.NDArray[np.bool_]
    y: npt.NDArray[np.bool_]

    @property
    def n_folds(self) -> int:
        """How many folds there were."""
        return int(self.folds.max()) + 1


def hash_key(text: str) -> bytes:
    """What stands for a text or an id: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def collect_scores(
    rows: Sequence[LabelledSentence],
    narratives: Sequence[str],
    y: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.int64],
    units: npt.NDArray[np.int64],
    judged: Judged,
) -> KeptScores:
    """What is kept of a cross-validation."""
    return KeptScores(
        tuple(narratives),
        [hash_key(row.text) for row in rows],
        [hash_key(row.id) for row in rows],
        folds,
        units,
        to_logits(judged.probabilities),
        judged.y_pred,
        y,
    )


def to_logits(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Logits as they come back from disk; a probability of 0 or 1 becomes one of 1e-9 from it."""
    p = np.clip(probabilities, 1e-9, 1.0 - 1e-9)
    return np.log(p / (1.0 - p)).astype(np.float16).astype(np.float32)


def _path(models: Path, digest: str) -> Path:
    return models / DIRECTORY / f"{digest.removeprefix('sha256:')}.npz"


def write_scores(models: Path, digest: str, kept: KeptScores) -> Path:
    """Keep the scores of the model with this digest; what was kept of it before is replaced in one step."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format_version=np.array(FORMAT_VERSION),
        narratives=np.array(kept.narratives),
        texts=np.frombuffer(b"".join(kept.texts), dtype=np.uint8).reshape(-1, _KEY_BYTES),
        ids=np.frombuffer(b"".join(kept.ids), dtype=np.uint8).reshape(-1, _KEY_BYTES),
        folds=kept.folds.astype(np.int16),
        units=kept.units.astype(np.int32),
        logits=kept.logits.astype(np.float16),
        yes=np.packbits(kept.yes, axis=1),
        labels=np.packbits(kept.y, axis=1),
    )
    path = _path(models, digest)
    write_file(path, buffer.getvalue())
    return path


def read_scores(models: Path, digest: str) -> KeptScores | None:
    """What was kept of the model with this digest; None where nothing was, or where it is damaged.

    Nothing is unpickled: arrays of objects are refused.
    """
    path = _path(models, digest)
    try:
        data = path.read_bytes()
        if not data.startswith(_ZIP):
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays: dict[str, npt.NDArray[Any]] = {name: file[name] for name in _KINDS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None
    if any(arrays[name].dtype.kind != kind for name, kind in _KINDS.items()):
        return None
    narratives = tuple(arrays["narratives"].tolist())
    n, k = len(arrays["folds"]), len(narratives)
    shapes = {
        "format_version": (),
        "narratives": (k,),
        "texts": (n, _KEY_BYTES),
        "ids": (n, _KEY_BYTES),
        "folds": (n,),
        "units": (n,),
        "logits": (n, k),
        "yes": (n, (k + 7) // 8),
        "labels": (n, (k + 7) // 8),
    }
    if not n or any(arrays[name].shape != shape for name, shape in shapes.items()):
        return None
    if arrays["format_version"] != FORMAT_VERSION or not np.isfinite(arrays["logits"]).all():
        return None
    return KeptScores(
        narratives,
        [row.tobytes() for row in arrays["texts"]],
        [row.tobytes() for row in arrays["ids"]],
        arrays["folds"].astype(np.int64),
        arrays["units"].astype(np.int64),
        arrays["logits"].astype(np.float32),
        np.unpackbits(arrays["yes"], axis=1, count=k).astype(np.bool_),
        np.unpackbits(arrays["labels"], axis=1, count=k).astype(np.bool_),
    )
