"""The linear part of a model, texts to logits: compiled where it can be, else in plain Python and numpy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from classifier.model.decisions import sigmoid
from classifier.model.vectors import Vectorizer, weigh
from classifier.text import ngrams
from classifier.text.engine import Engine, engine

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class LinearScorer(Protocol):
    """What both paths can do. A text is one unit here; none is split into sentences.

    ``outputs`` are logits of the first ``n_probabilities`` columns and plain linear outputs after them. An item that is
    no ``str`` raises TypeError with its index and itself.
    """

    def score(self, texts: list[str]) -> tuple[Floats, Integers]:
        """Outputs (n_texts, n_outputs), and numbers of words and of known words (n_texts, 2)."""

    def decision_function(self, texts: list[str]) -> Floats:
        """Logits (n_texts, n_probabilities)."""

    def predict_proba(self, texts: list[str]) -> Floats:
        """Probabilities (n_texts, n_probabilities)."""

    def transform(self, text: str) -> tuple[Integers, Floats]:
        """A text's columns, ascending, and their values (tf-idf), in double precision."""

    def locate(self, lowered: str) -> list[tuple[int, int, int]]:
        """(column, begin, end) of every n-gram of a *lowered* text that is a feature; the words first."""

    def weigh(self, columns: Sequence[int]) -> tuple[Integers, Floats]:
        """:meth:`transform` of the text in which these columns occur, with repetitions."""


class PythonScorer:
    """The reference: as scikit-learn's pipeline, text by text.

    Parameters
    ----------
    word_features, char_features : sequence of str
        Column order: words first.
    idf : ndarray of float64, shape (n_features,)
    known_words : collection of str
    coef : ndarray of float32 or float64, shape (n_features, n_outputs)
    intercept : ndarray of float64, shape (n_outputs,)
    n_probabilities : int

    Raises
    ------
    TypeError, ValueError
        The features or the known words hold something that is no ``str``, or something twice; or a character n-gram
        has not 2 to 5 characters.
    """

    def __init__(
        self,
        word_features: Sequence[str],
        char_features: Sequence[str],
        idf: Floats,
        known_words: Collection[str],
        coef: npt.NDArray[np.floating],
        intercept: Floats,
        n_probabilities: int,
    ) -> None:
        for half in (word_features, char_features, known_words):
            if not set(map(type, half)) <= {str}:
                raise TypeError("a vocabulary holds what is no text")
            if len(set(half)) < len(half):
                raise ValueError("a vocabulary holds something twice")
        if not set(map(len, char_features)) <= set(range(ngrams.CHAR_NGRAM_RANGE[0], ngrams.CHAR_NGRAM_RANGE[1] + 1)):
            raise ValueError("a character n-gram has not 2 to 5 characters")
        self._vectorizer = Vectorizer(word_features, char_features, idf)
        self._known = frozenset(known_words)
        self._coef = np.asarray(coef, dtype=np.float64)
        self._intercept = intercept
        self._n_probabilities = n_probabilities

    def score(self, texts: list[str]) -> tuple[Floats, Integers]:
        """See :class:`LinearScorer`."""
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(i, text)
        outputs = np.empty((len(texts), len(self._intercept)))
        words = np.empty((len(texts), 2), dtype=np.int64)
        for i, text in enumerate(texts):
            lowered = text.lower()
            columns, values = self._vectorizer.transform(lowered)
            outputs[i] = values @ self._coef[columns] + self._intercept
            found = ngrams.tokens(lowered)
            words[i] = len(found), sum(word in self._known for word in found)
        return outputs, words

    def decision_function(self, texts: list[str]) -> Floats:
        """See :class:`LinearScorer`."""
        return self.score(texts)[0][:, : self._n_probabilities]

    def predict_proba(self, texts: list[str]) -> Floats:
        """See :class:`LinearScorer`."""
        return sigmoid(self.decision_function(texts))

    def transform(self, text: str) -> tuple[Integers, Floats]:
        """See :class:`LinearScorer`."""
        return self._vectorizer.transform(text.lower())

    def locate(self, lowered: str) -> list[tuple[int, int, int]]:
        """See :class:`LinearScorer`."""
        return self._vectorizer.locate(lowered)

    def weigh(self, columns: Sequence[int]) -> tuple[Integers, Floats]:
        """See :class:`LinearScorer`."""
        return weigh(columns, self._vectorizer.idf, self._vectorizer.n_word_features)


def make_scorer(
    word_features: Sequence[str],
    char_features: Sequence[str],
    idf: Floats,
    known_words: Collection[str],
    coef: npt.NDArray[np.floating],
    intercept: Floats,
    n_probabilities: int,
    *,
    path: Engine = engine,
) -> LinearScorer:
    """The active path's scorer, or that of ``path``; parameters and errors as for :class:`PythonScorer`."""
    if path == "python":
        return PythonScorer(word_features, char_features, idf, known_words, coef, intercept, n_probabilities)
    from classifier.model._scorer import Scorer
    from classifier.text._ngrams import Lookup

    class CompiledScorer(Scorer):
        """The compiled scorer, and vectors made from its own lookup."""

        def transform(self, text: str) -> tuple[Integers, Floats]:
            """See :class:`LinearScorer`."""
            return self.weigh([column for column, _, _ in self.locate(text.lower())])

        def locate(self, lowered: str) -> list[tuple[int, int, int]]:
            """See :class:`LinearScorer`."""
            return self.lookup.locate(lowered)

        def weigh(self, columns: Sequence[int]) -> tuple[Integers, Floats]:
            """See :class:`LinearScorer`."""
            return weigh(columns, idf, len(word_features))

    lookup = Lookup(word_features, char_features, known_words)
    return CompiledScorer(
        lookup,
        np.ascontiguousarray(idf, dtype=np.float64),
        np.ascontiguousarray(coef),
        np.ascontiguousarray(intercept, dtype=np.float64),
        n_probabilities,
    )
