"""Sentences to the whole text.

A long text gives chance more tries: with forty sentences, one of them will look like some narrative. So the logit of
a text is that of its strongest sentence, less a penalty that grows with the logarithm of the number of sentences
and shrinks with the number of sentences that carry the narrative::

    logit(text) = max(logits) - length_penalty * max(0, ln(n_sentences) - 3 ln(n_yes))

``n_sentences`` counts sentences of three words or more, ``n_yes`` those decided "yes" (at least 1). For a text of one
sentence both levels agree; a text that is full of a narrative pays nothing; a long text needs one strong sentence, or
a few that carry the same narrative. ``length_penalty`` is chosen in training on texts put together from
out-of-fold sentences. The result never exceeds the strongest sentence's logit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Reason

SUPPORT_BONUS = 3.0
"""How fast further sentences with the same narrative make up for length: chance seldom hits one narrative twice."""

MIN_WORDS = 3
"""Shorter lines (menus, bylines) do not count towards the length of a text."""

MIN_WORDS_FOR_COVERAGE = 4
"""A sentence of fewer words takes its familiarity from the whole text."""


def find_hindrance(n_words: int, n_known: int, familiar: bool, coverage_bound: float) -> Reason | None:
    """What keeps a sentence from a "yes": too few words, or too few that training has seen.

    ``familiar`` tells of the whole text, which speaks for a sentence of few words.
    """
    if n_words < MIN_WORDS:
        return "short"
    if n_words >= MIN_WORDS_FOR_COVERAGE:
        familiar = n_known / n_words >= coverage_bound
    return None if familiar else "unfamiliar"


def roll_up(
    logits: npt.NDArray[np.float64],
    yes: npt.NDArray[np.bool_],
    n_words: npt.NDArray[np.int64],
    length_penalty: float,
) -> npt.NDArray[np.float64]:
    """Logits of a text from those of its sentences.

    Parameters
    ----------
    logits : ndarray of float64, shape (n_sentences, n_narratives)
        At least one sentence.
    yes : ndarray of bool, shape (n_sentences, n_narratives)
        Which sentences carry which narrative.
    n_words : ndarray of int64, shape (n_sentences,)
    length_penalty : float
        0 or more.

    Returns
    -------
    ndarray of float64, shape (n_narratives,)
    """
    yes_of = {column: n for column, n in enumerate(yes.sum(axis=0).tolist()) if n > 1}
    n_sentences = int((n_words >= MIN_WORDS).sum())
    return np.array(text_logits(logits.max(axis=0).tolist(), n_sentences, yes_of, length_penalty))


def text_logits(
    strongest: Sequence[float], n_sentences: int, n_yes: Mapping[int, int], length_penalty: float
) -> list[float]:
    """The formula above, for one text.

    Parameters
    ----------
    strongest : sequence of float
        The largest logit of each narrative.
    n_sentences : int
        How many sentences of :data:`MIN_WORDS` or more; counts as 1 where there is none.
    n_yes : mapping of int to int
        How many sentences carry the narrative of a column; a column may be missing where it is not more than one.
    length_penalty : float
    """
    length = math.log(max(1, n_sentences))
    logits = [logit - length_penalty * length for logit in strongest]
    for column, n in n_yes.items():
        logits[column] = strongest[column] - length_penalty * max(0.0, length - SUPPORT_BONUS * math.log(n))
    return logits
