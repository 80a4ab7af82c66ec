"""Exact contributions to a logit, as spans of the caller's own text.

The model is linear: over all n-grams of a sentence, contributions plus bias sum to the logit. An n-gram that occurs
several times has its contribution shared equally among its places (the first hundred, where there are more).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Evidence
from classifier.model.linear import LinearScorer
from classifier.text import ngrams
from classifier.text.engine import Engine, engine
from classifier.text.lowering import lower_with_offsets, original_span

if TYPE_CHECKING:
    from classifier.model._evidence import CompiledExplainer

EvidenceUnit = Literal["ngram", "word"]

MAX_PLACES = 100
"""How many places of one n-gram are shown; its contribution is shared among those."""


class LocatedSentence:
    """One vectorised sentence with the places of its n-grams; found once, used for every label.

    Parameters
    ----------
    text : str
        The sentence as the caller wrote it.
    begin : int
        Where it begins in the caller's text.
    scorer : LinearScorer
    features : sequence of str
        The n-gram of each column.
    """

    def __init__(
        self,
        text: str,
        begin: int,
        scorer: LinearScorer,
        features: Sequence[str],
    ) -> None:
        self._text = text
        self._begin = begin
        self._features = features
        self._lowered, self._offsets = lower_with_offsets(text)
        located = scorer.locate(self._lowered)
        self._columns, self._values = scorer.weigh([column for column, _, _ in located])
        self._places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for column, start, end in located:
            self._places[column].append((start, end))

    def explain(
        self, label: str, coef: npt.NDArray[np.floating], top_k: int, unit: EvidenceUnit = "ngram"
    ) -> list[Evidence]:
        """The ``top_k`` features (or words) with the largest contributions, largest first.

        Parameters
        ----------
        label : str
            Narrative id, copied into the evidence.
        coef : ndarray of float, shape (n_features,)
            The narrative's weights.
        top_k : int
            How many features; one that occurs at several places gives an entry for each place.
        unit : {"ngram", "word"}
            "word" adds the n-grams up over white-space-delimited words; a 2-gram counts half to each of its words.
        """
        contributions = self._values * coef[self._columns]
        if unit == "word":
            return self._words(label, contributions, top_k)
        order = np.argsort(-contributions, kind="stable")[:top_k]
        found: list[Evidence] = []
        for i in order.tolist():
            column = int(self._columns[i])
            places = self._places[column][:MAX_PLACES]
            share = float(contributions[i]) / len(places)
            for start, end in places:
                begin, stop = original_span(self._offsets, start, end)
                found.append(Evidence(label, self._begin + begin, self._begin + stop, self._features[column], share))
        return found

    def _words(self, label: str, contributions: npt.NDArray[np.float64], top_k: int) -> list[Evidence]:
        spans = [match.span() for match in ngrams.chunk_matches(self._lowered)]
        starts = np.array([start for start, _ in spans], dtype=np.int64)
        totals = np.zeros(len(spans))
        for column, contribution in zip(self._columns.tolist(), contributions.tolist(), strict=True):
            places = self._places[column]
            for start, end in places:
                first = int(np.searchsorted(starts, start, side="right")) - 1
                last = int(np.searchsorted(starts, end - 1, side="right")) - 1
                totals[first] += contribution / len(places) / 2
                totals[last] += contribution / len(places) / 2
        order = np.argsort(-totals, kind="stable")[:top_k]
        return [
            Evidence(
                label,
                self._begin + begin,
                self._begin + end,
                self._text[begin:end],
                float(totals[i]),
            )
            for i in order.tolist()
            for begin, end in [original_span(self._offsets, *spans[i])]
        ]


class Explainer:
    """Explains sentences of one model.

    Parameters
    ----------
    scorer : LinearScorer
    features : sequence of str
        The n-gram of each column.
    idf : ndarray of float64, shape (n_features,)
    n_word_features : int
        How many of the features, from the first, are words and pairs of words.
    coef : ndarray of float32, shape (n_features, n_narratives)
    narratives : sequence of str
        The id of each column of ``coef``.
    """

    def __init__(
        self,
        scorer: LinearScorer,
        features: Sequence[str],
        idf: npt.NDArray[np.float64],
        n_word_features: int,
        coef: npt.NDArray[np.float32],
        narratives: Sequence[str],
    ) -> None:
        self._scorer = scorer
        self._features = features
        self._coef = {narrative: coef[:, column] for column, narrative in enumerate(narratives)}

    def explain(
        self, text: str, begin: int, labels: Sequence[str], top_k: int, unit: EvidenceUnit
    ) -> tuple[Evidence, ...]:
        """:meth:`LocatedSentence.explain` for some narratives of a sentence that begins at ``begin``."""
        if not labels:
            return ()
        located = LocatedSentence(text, begin, self._scorer, self._features)
        return tuple([found for label in labels for found in located.explain(label, self._coef[label], top_k, unit)])


def make_explainer(
    scorer: LinearScorer,
    features: Sequence[str],
    idf: npt.NDArray[np.float64],
    n_word_features: int,
    coef: npt.NDArray[np.float32],
    narratives: Sequence[str],
    *,
    path: Engine = engine,
) -> Explainer | CompiledExplainer:
    """The active path's explainer, or that of ``path``; parameters as for :class:`Explainer`."""
    if path == "python":
        return Explainer(scorer, features, idf, n_word_features, coef, narratives)
    from classifier.model._evidence import CompiledExplainer

    return CompiledExplainer(
        scorer,
        features,
        np.ascontiguousarray(idf, dtype=np.float64),
        n_word_features,
        np.ascontiguousarray(coef, dtype=np.float32),
        narratives,
        MAX_PLACES,
    )
