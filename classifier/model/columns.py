"""Answers as columns: what many texts are scored into, without an object for each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Decision, Reason, TextAnswer, Verdict

Floats = npt.NDArray[np.float64]

VERDICTS: tuple[Verdict, ...] = ("no", "unsure", "yes")
REASONS: tuple[Reason | None, ...] = (None, "short", "unfamiliar", "close")


class Columns(NamedTuple):
    """Decisions of many texts, or of their sentences; the same values as in the answer objects, to the last bit.

    ``coverage`` and ``n_sentences`` have one value for each text. The labels of entry ``i`` (a text or a sentence) are
    those from ``ends[i]`` until before ``ends[i + 1]``, likeliest first, and the arrays after ``ends`` have one value
    for each label: ``narrative`` (its column), ``probability``, ``logit``, ``verdict`` and ``reason`` (places in
    :data:`VERDICTS` and :data:`REASONS`), and ``voice``, shape (n_labels, 3), NaN where there is none.
    """

    coverage: Floats
    n_sentences: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    narrative: npt.NDArray[np.int32]
    probability: Floats
    logit: Floats
    verdict: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]
    voice: Floats


def columns_of(answers: Sequence[TextAnswer], ids: Sequence[str], *, by_sentence: bool) -> Columns:
    """Answer objects as columns.

    Parameters
    ----------
    answers : sequence of TextAnswer
    ids : sequence of str
        Narratives in column order.
    by_sentence : bool
        Whether the labels of sentences are wanted, or those of texts.
    """
    entries: list[tuple[Decision, ...]] = [
        entry.labels for answer in answers for entry in (answer.sentences if by_sentence else (answer,))
    ]
    labels = [label for entry in entries for label in entry]
    column = {narrative: i for i, narrative in enumerate(ids)}
    nothing = (math.nan, math.nan, math.nan)
    voices = [(v.asserted, v.attributed, v.rejected) if (v := label.voice) else nothing for label in labels]
    return Columns(
        np.array([answer.coverage for answer in answers], dtype=np.float64),
        np.array([len(answer.sentences) for answer in answers], dtype=np.int32),
        np.cumsum([0, *map(len, entries)], dtype=np.int32),
        np.array([column[label.id] for label in labels], dtype=np.int32),
        np.array([label.probability for label in labels], dtype=np.float64),
        np.array([label.logit for label in labels], dtype=np.float64),
        np.array([VERDICTS.index(label.decision) for label in labels], dtype=np.int8),
        np.array([REASONS.index(label.reason) for label in labels], dtype=np.int8),
        np.array(voices, dtype=np.float64).reshape(-1, 3),
    )
