"""Counts of n-grams, and TF-IDF features fitted on some rows of them.

All texts are counted once; fitting on a fold is then a matter of columns and document frequencies. The result is the
matrix that scikit-learn's pair of ``TfidfVectorizer(sublinear_tf=True, min_df=...)`` gives for the fold's texts, each
half l2-normalised (the tests hold it against them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize

from classifier.errors import TrainingError
from classifier.text.engine import Engine, engine
from classifier.text.ngrams import CHAR_NGRAM_RANGE, TOKEN_PATTERN, WORD_NGRAM_RANGE

if TYPE_CHECKING:
    from classifier.training._weigh import Half

WORD_OPTIONS: dict[str, Any] = {"ngram_range": WORD_NGRAM_RANGE, "token_pattern": TOKEN_PATTERN}
CHAR_OPTIONS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": CHAR_NGRAM_RANGE}


Integers = npt.NDArray[np.int64]
Names = Callable[[Integers], list[str]]
"""Columns to the names of their n-grams."""


@dataclass(frozen=True)
class Counts:
    """n-gram counts of all texts.

    ``words`` and ``chars`` are CSR matrices of shape (n_samples, n_found), columns in the order of their n-grams;
    ``name_words`` and ``name_chars`` say what some columns are. ``path`` says who makes features of them; the figures
    are the same to the last bit. ``transform`` is asked in the stead of :meth:`Features.vectorise` where it is given.
    """

    words: Any
    chars: Any
    name_words: Names
    name_chars: Names
    path: Engine = "python"
    transform: Callable[[Features, Integers, Counts], Any] | None = None

    @property
    def n_samples(self) -> int:
        """How many texts were counted."""
        return int(self.words.shape[0])

    @cached_property
    def halves(self) -> tuple[Half, Half] | None:
        """Both matrices for the compiled code, where there is one."""
        if self.path == "python":
            return None
        try:
            from classifier.training._weigh import Half
        except ImportError:  # the others were built and this was not
            return None
        words, chars = (Half(m.data, m.indices, m.indptr, m.shape[1]) for m in (self.words, self.chars))
        return words, chars

    @property
    def word_names(self) -> list[str]:
        """The n-grams of all columns of ``words``."""
        return self.name_words(np.arange(self.words.shape[1]))

    @property
    def char_names(self) -> list[str]:
        """The n-grams of all columns of ``chars``."""
        return self.name_chars(np.arange(self.chars.shape[1]))


def count_ngrams(texts: Sequence[str], *, path: Engine = engine) -> Counts:
    """Count word 1-2-grams and character 2-5-grams (inside chunks) of lowered texts.

    The compiled counter and scikit-learn's give the same matrices; ``path`` says which is asked.
    """
    if path == "compiled":
        try:
            return _count_compiled(texts)
        except OverflowError:  # more different characters than it can number
            pass
    words, word_names = _count(texts, WORD_OPTIONS)
    chars, char_names = _count(texts, CHAR_OPTIONS)
    return Counts(words, chars, word_names, char_names)


def _count(texts: Sequence[str], options: dict[str, Any]) -> tuple[Any, Names]:
    counter = CountVectorizer(**options)
    analyze = counter.build_analyzer()
    if not any(analyze(text) for text in texts):  # scikit-learn refuses an empty vocabulary
        return sparse.csr_matrix(np.zeros((len(texts), 0), dtype=np.int64)), lambda columns: []
    matrix = counter.fit_transform(texts)
    matrix.sort_indices()
    names = counter.get_feature_names_out()
    return matrix, lambda columns: [str(name) for name in names[columns]]


def _count_compiled(texts: Sequence[str]) -> Counts:
    from classifier.text._ngrams import Counter

    counter = Counter()
    for text in texts:
        counter.count(text)
    words, chars = counter.rows()
    return Counts(
        csr_matrix(words, counter.n_word_features),
        csr_matrix(chars, counter.n_char_features),
        counter.word_names,
        counter.char_names,
        path="compiled",
    )


def csr_matrix(parts: Sequence[Any], n_columns: int) -> Any:
    """data, indices (ascending in each row) and indptr as a matrix, without a copy."""
    data, indices, indptr = parts
    matrix = sparse.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, n_columns), copy=False)
    matrix.has_canonical_format = True
    return matrix


@dataclass(frozen=True)
class Features:
    """Columns of :class:`Counts` with their idf: what a model sees of a text.

    Attributes
    ----------
    word_columns, char_columns : ndarray of int
    idf : ndarray of float64, shape (n_features,)
        Words first. Rounded to float32, as it is stored.
    """

    word_columns: npt.NDArray[np.int64]
    char_columns: npt.NDArray[np.int64]
    idf: npt.NDArray[np.float64]

    @property
    def n_features(self) -> int:
        """How many columns the matrix has."""
        return len(self.idf)

    def transform(self, counts: Counts, rows: npt.NDArray[np.int64]) -> Any:
        """TF-IDF matrix of some rows, CSR of shape (len(rows), n_features)."""
        return counts.transform(self, rows, counts) if counts.transform else self.vectorise(counts, rows)

    def vectorise(self, counts: Counts, rows: npt.NDArray[np.int64]) -> Any:
        """The same, made here."""
        n_words = len(self.word_columns)
        if counts.halves is not None:
            from classifier.training._weigh import tfidf

            parts = tfidf(
                *counts.halves, self.word_columns, self.char_columns, self.idf, np.ascontiguousarray(rows, np.int64)
            )
            return csr_matrix(parts, self.n_features)
        return sparse.hstack(
            [
                _weigh(_choose(counts.words, rows, self.word_columns), self.idf[:n_words]),
                _weigh(_choose(counts.chars, rows, self.char_columns), self.idf[n_words:]),
            ],
            format="csr",
        )

    def select(self, columns: npt.NDArray[np.int64]) -> Features:
        """Keep some columns (sorted indices into this object's columns)."""
        n_words = len(self.word_columns)
        return Features(
            self.word_columns[columns[columns < n_words]],
            self.char_columns[columns[columns >= n_words] - n_words],
            self.idf[columns],
        )

    def names(self, counts: Counts) -> tuple[list[str], list[str]]:
        """The word and the character n-grams, in column order."""
        return (
            counts.name_words(self.word_columns),
            counts.name_chars(self.char_columns),
        )


def fit_features(counts: Counts, rows: npt.NDArray[np.int64], *, min_df: int = 2) -> Features:
    """Features seen in at least ``min_df`` of some rows, with smooth idf (``ln((1 + n) / (1 + df)) + 1``)."""
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    if counts.halves is not None:
        word_df, char_df = (half.document_frequencies(rows) for half in counts.halves)
    else:
        word_df, char_df = (
            np.bincount(half[rows].indices, minlength=half.shape[1]) for half in (counts.words, counts.chars)
        )
    word_columns, word_idf = _fit_half(word_df, len(rows), min_df)
    char_columns, char_idf = _fit_half(char_df, len(rows), min_df)
    if not len(word_columns) and not len(char_columns):
        raise TrainingError(
            f"no n-gram occurs in {min_df} of {len(rows)} sentences; label more sentences that share words"
        )
    return Features(word_columns, char_columns, np.concatenate([word_idf, char_idf]))


def _fit_half(df: Integers, n_samples: int, min_df: int) -> tuple[Integers, npt.NDArray[np.float64]]:
    columns = np.flatnonzero(df >= min_df)
    idf = np.log((1.0 + n_samples) / (1.0 + df[columns])) + 1.0
    return columns, idf.astype(np.float32).astype(np.float64)


def _choose(counts: Any, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Any:
    """``counts[rows][:, columns]`` for ascending columns, several times as fast."""
    part = counts[rows]
    place = np.full(counts.shape[1], -1, dtype=np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    places = place[part.indices]
    kept = places >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[part.indptr]
    return sparse.csr_matrix((part.data[kept], places[kept], indptr), shape=(part.shape[0], len(columns)))


def _weigh(counts: Any, idf: npt.NDArray[np.float64]) -> Any:
    weighed = counts.astype(np.float64)
    if not counts.nnz:
        return weighed
    weighed.data = (1.0 + np.log(weighed.data)) * idf[weighed.indices]
    return normalize(weighed, norm="l2", copy=False)


def stock_vectorizers(
    word_features: Sequence[str], char_features: Sequence[str], idf: npt.NDArray[np.float64]
) -> tuple[Any, Any]:
    """scikit-learn's own vectorisers with a fitted vocabulary: for the export, and for tests as the oracle."""
    n_words = len(word_features)
    pair = []
    for options, names, weights in (
        (WORD_OPTIONS, word_features, idf[:n_words]),
        (CHAR_OPTIONS, char_features, idf[n_words:]),
    ):
        vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary={n: i for i, n in enumerate(names)}, **options)
        vectorizer.idf_ = np.asarray(weights, dtype=np.float64)
        pair.append(vectorizer)
    return pair[0], pair[1]
