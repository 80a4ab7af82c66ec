"""What vectorising a corpus costs, paid once: units, counts of n-grams and the TF-IDF matrices of folds, on disk.

joblib's ``Memory`` keeps them under digests of the texts, of the fold's rows and columns, and of the code
(:mod:`~classifier.training.fingerprint`). What it keeps is pickled, and reading a pickle runs what is in it: the
directory must be the user's own, and another is refused. No model lies there, and nothing that scores reads it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from joblib.memory import CacheWarning

from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import find_units
from classifier.errors import InputError
from classifier.text.engine import Engine, engine
from classifier.training.features import Counts, Features, count_ngrams, csr_matrix
from classifier.training.fingerprint import digest_of, fingerprint

MAX_BYTES = 2 << 30
"""Larger caches are cut to this, what was used last stays."""

PLACE = "fold-cache"

Parts = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], int]
"""data, indices and indptr of a CSR matrix, and its number of columns."""


class FoldCache:
    """Units, counts and matrices of folds, from disk where they were made before.

    Raises
    ------
    InputError
        The directory belongs to somebody else, or others may write to it.
    """

    def __init__(self, directory: str | Path) -> None:
        place = Path(directory) / PLACE
        for path in (place.parent, place):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_own(path)
        self._memory = joblib.Memory(place, mmap_mode="r", verbose=0)
        self._code = digest_of(fingerprint())

    def units(self, rows: Sequence[LabelledSentence]) -> npt.NDArray[np.int64]:
        """:func:`~classifier.corpus.splits.find_units` of these rows."""
        key = _digest(*(f"{row.file}\0{row.group}\0{row.text}" for row in rows))
        return np.array(self._call(_units, key, rows))

    def counts(self, texts: Sequence[str], *, path: Engine = engine) -> Counts:
        """:func:`~classifier.training.features.count_ngrams`; names are counted anew where somebody asks for them."""
        key = _digest(path, *texts)
        words, chars, made_by = self._call(_count, key, texts, path)
        counted: list[Counts] = []

        def again() -> Counts:
            if not counted:
                counted.append(count_ngrams(texts, path=path))
            return counted[0]

        return Counts(
            csr_matrix(words[:3], words[3]),
            csr_matrix(chars[:3], chars[3]),
            lambda columns: again().name_words(columns),
            lambda columns: again().name_chars(columns),
            path=made_by,
            transform=lambda features, rows, counts: self._tfidf(key, features, rows, counts),
        )

    def reduce(self, max_bytes: int = MAX_BYTES) -> None:
        """Throw away what was used longest ago, down to so many bytes."""
        self._memory.reduce_size(bytes_limit=max_bytes)

    def _tfidf(self, corpus: str, features: Features, rows: npt.NDArray[np.int64], counts: Counts) -> Any:
        key = _digest(corpus, features.word_columns, features.char_columns, features.idf, rows)
        *parts, n_columns = self._call(_vectorise, key, features, rows, counts)
        return csr_matrix(parts, n_columns)

    def _call(self, function: Callable[..., Any], key: str, *data: object) -> Any:
        ignored = [name for name in function.__code__.co_varnames[: function.__code__.co_argcount] if name != "key"]
        try:
            return self._memory.cache(function, ignore=ignored)(f"{self._code} {key}", *data)
        except (OSError, KeyError):  # the disk is full, or another process has thrown it away just now
            return function(key, *data)


@contextmanager
def open_cache(directory: str | Path | None) -> Iterator[FoldCache | None]:
    """The cache in a directory, or None without one; cut to :data:`MAX_BYTES` at the end."""
    if directory is None:
        yield None
        return
    cache = FoldCache(directory)
    log = logging.getLogger("joblib")
    before = log.level
    # What cannot be read is made anew, and what cannot be written is not kept: nobody needs a traceback of that.
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheWarning)
            yield cache
    finally:
        log.setLevel(before)
        cache.reduce()


def _units(key: str, rows: Sequence[LabelledSentence]) -> npt.NDArray[np.int64]:
    return find_units(rows)


def _count(key: str, texts: Sequence[str], path: Engine) -> tuple[Parts, Parts, Engine]:
    counts = count_ngrams(texts, path=path)
    return _parts(counts.words), _parts(counts.chars), counts.path


def _vectorise(key: str, features: Features, rows: npt.NDArray[np.int64], counts: Counts) -> Parts:
    return _parts(features.vectorise(counts, rows))


def _parts(matrix: Any) -> Parts:
    return matrix.data, matrix.indices, matrix.indptr, matrix.shape[1]


def _digest(*parts: str | npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else np.ascontiguousarray(part).tobytes()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def _require_own(path: Path) -> None:
    """Refuse a directory where somebody else could put a pickle."""
    if os.name != "posix":
        return
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise InputError(
            f"{path}: belongs to user {found.st_uid}, not to you; a cache holds pickled data, which whoever writes it "
            "could let run: name a directory of your own"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InputError(
            f"{path}: others may write to it (mode {stat.S_IMODE(found.st_mode):o}); a cache holds pickled data, which "
            f"whoever writes it could let run: chmod 700 {path}, after looking what is in it"
        )
