"""Text to a sparse TF-IDF vector over the model's own features, in plain Python and numpy.

Same figures as scikit-learn's pair of ``TfidfVectorizer`` (sublinear tf, l2 norm for each) with the model's
vocabulary and idf, which stays in the tests as the oracle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifier.text import ngrams

_CACHE_SIZE = 100_000


class Vectorizer:
    """The fitted features of a model.

    Parameters
    ----------
    word_features, char_features : sequence of str
        Column order: words first, then character n-grams.
    idf : ndarray of float, shape (n_features,)
    """

    def __init__(
        self, word_features: Sequence[str], char_features: Sequence[str], idf: npt.NDArray[np.floating]
    ) -> None:
        self.n_word_features = len(word_features)
        self.n_features = len(word_features) + len(char_features)
        self.idf = np.asarray(idf, dtype=np.float64)
        self._words = {feature: i for i, feature in enumerate(word_features)}
        self._chars = {feature: i for i, feature in enumerate(char_features, self.n_word_features)}
        # The character n-grams of a chunk depend on nothing but the chunk, and chunks recur.
        self._chunks: dict[str, list[int]] = {}

    def locate(self, lowered: str) -> list[tuple[int, int, int]]:
        """(column, begin, end) of every n-gram of a *lowered* text that is a feature; the words first."""
        words = (
            (column, begin, end)
            for feature, begin, end in ngrams.locate_word_ngrams(lowered)
            if (column := self._words.get(feature)) is not None
        )
        chars = (
            (column, begin, end)
            for feature, begin, end in ngrams.locate_char_ngrams(lowered)
            if (column := self._chars.get(feature)) is not None
        )
        return [*words, *chars]

    def transform(self, lowered: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Vectorise one *lowered* text.

        Returns
        -------
        columns : ndarray of int64, shape (n_present,)
            Ascending, each once.
        values : ndarray of float64, shape (n_present,)
            sublinear tf x idf, l2-normalised over the words and over the characters separately.
        """
        get_word = self._words.get
        words = [c for f in ngrams.word_ngrams(ngrams.tokens(lowered)) if (c := get_word(f)) is not None]
        chars: list[int] = []
        for chunk in ngrams.chunks(lowered):
            found = self._chunks.get(chunk)
            if found is None:
                get_char = self._chars.get
                found = [c for f in ngrams.chunk_ngrams(chunk) if (c := get_char(f)) is not None]
                if len(chunk) <= 40:
                    if len(self._chunks) >= _CACHE_SIZE:
                        self._chunks.clear()
                    self._chunks[chunk] = found
            chars += found
        return weigh(words + chars, self.idf, self.n_word_features)


def weigh(
    present: Sequence[int], idf: npt.NDArray[np.float64], n_word_features: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Columns that occur in a text, with repetitions, to ascending columns and their tf-idf.

    sublinear tf x idf, l2-normalised over the words and over the characters separately.
    """
    columns, counts = np.unique(np.array(present, dtype=np.int64), return_counts=True)
    values = (1.0 + np.log(counts)) * idf[columns]
    border = int(np.searchsorted(columns, n_word_features))
    for half in (values[:border], values[border:]):
        if len(half):
            half /= math.sqrt(float(half @ half))
    return columns, values
