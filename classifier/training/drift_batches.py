"""Texts, or answers that were kept, as a :class:`~classifier.training.drift.Batch`."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from classifier.errors import InputError
from classifier.model.answer import TextItem
from classifier.model.scoring import NarrativeModel
from classifier.text.ngrams import tokens
from classifier.training.drift import Batch

CHUNK = 500
"""Texts scored at once."""


def batch_of_texts(items: Iterable[TextItem], model: NarrativeModel) -> Batch:
    """Score texts, each as a whole, and keep what is compared: some 600 bytes a text, and the words met."""
    rows = _Rows(model)
    stream = iter(items)
    while chunk := list(itertools.islice(stream, CHUNK)):
        results = model.score(chunk, explain=None, all=True).results
        for item, result in zip(chunk, results, strict=True):
            labels = [(label.id, label.decision, label.logit) for label in result.labels]
            rows.add(item.text, result.coverage, labels)
    return rows.batch()


def batch_of_answers(answers: Iterable[Mapping[str, Any]], model: NarrativeModel, source: str) -> Batch:
    """Take rows of ``narratives score`` as they are. Logits are there where all answers have all narratives (--all).

    Raises
    ------
    InputError
        An answer is none of a whole text, or another model's.
    """
    rows = _Rows(model)
    for number, answer in enumerate(answers, 1):
        at = f"{source}, answer {number}"
        try:
            digest = answer["model"]["digest"]
            text = " ".join(sentence["text"] for sentence in answer["sentences"])
            labels = [(str(entry["id"]), str(entry["decision"]), float(entry["logit"])) for entry in answer["labels"]]
            coverage = float(answer["coverage"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{at}: no answer for a whole text; give rows of narratives score --unit text") from error
        if digest != model.identity.digest:
            raise InputError(
                f"{at}: answered by {digest}, and the model here is {model.identity.digest}; "
                "name that model with --model, or give the texts"
            )
        strange = next((narrative for narrative, _, _ in labels if narrative not in model.ids), None)
        if strange is not None:
            raise InputError(f"{at}: {strange!r} is no narrative of the model; has the file been edited?")
        rows.add(text, coverage, labels)
    return rows.batch()


class _Rows:
    def __init__(self, model: NarrativeModel) -> None:
        self._ids = model.ids
        self._column = {narrative: k for k, narrative in enumerate(model.ids)}
        self._bound = model.coverage_bound
        self._chunks: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        self._yes: list[np.ndarray[Any, np.dtype[np.bool_]]] = []
        self._unsure: list[np.ndarray[Any, np.dtype[np.bool_]]] = []
        self._unfamiliar: list[bool] = []
        self._n_words: list[int] = []
        self._n_unknown: list[int] = []
        self._words: Counter[str] = Counter()
        self._complete = True

    def add(self, text: str, coverage: float, labels: Sequence[tuple[str, str, float]]) -> None:
        yes, unsure = np.zeros(len(self._ids), dtype=np.bool_), np.zeros(len(self._ids), dtype=np.bool_)
        logits = np.full(len(self._ids), np.nan, dtype=np.float32)
        for narrative, decision, logit in labels:
            k = self._column[narrative]
            yes[k], unsure[k], logits[k] = decision == "yes", decision == "unsure", logit
        self._complete &= len(labels) == len(self._ids)
        words = tokens(text.lower())
        self._chunks.append(logits)
        self._yes.append(yes)
        self._unsure.append(unsure)
        self._unfamiliar.append(coverage < self._bound)
        self._n_words.append(len(words))
        self._n_unknown.append(round((1.0 - coverage) * len(words)))
        self._words.update(set(words))

    def batch(self) -> Batch:
        shape = (len(self._yes), len(self._ids))
        return Batch(
            self._ids,
            np.array(self._yes, dtype=np.bool_).reshape(shape),
            np.array(self._unsure, dtype=np.bool_).reshape(shape),
            np.array(self._chunks, dtype=np.float64).reshape(shape) if self._complete else None,
            np.array(self._unfamiliar, dtype=np.bool_),
            np.array(self._n_words, dtype=np.int64),
            np.array(self._n_unknown, dtype=np.int64),
            self._words,
        )
