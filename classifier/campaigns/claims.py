"""The same claim in other words: texts that share a narrative, lie close in time and use similar words.

Texts become tf-idf vectors of character 4-grams inside words, weighed on the stream itself (what everybody says there
counts little), and are put in the order of time. Each joins the group to whose members it is most alike *on average*
(average linkage), where that is :data:`LINK` or more and the group last spoke within the window; else it opens one. An
average does not chain: a text that is like one member alone stays outside. Then whole groups are joined by the same
rule. Nothing is compared that lies more than :data:`MAX_BACK` texts back, which bounds time and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[str, float], None]

LINK = 0.14
"""Average cosine from which on texts say the same: of two texts with one narrative but different claims about one pair
in forty is as alike, of two wordings of one claim nine in ten."""

MAX_BACK = 4_000

BLOCK = 256

ROUNDS = 4
"""How often whole groups are joined, at most."""


def vectorize(texts: Sequence[str]) -> Any:
    """Unit vectors of character 4-grams, a CSR matrix of shape (n_texts, n_features); empty texts get empty rows."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), sublinear_tf=True, dtype=np.float32)
    if not any(text.strip() for text in texts):
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)
    return vectorizer.fit_transform(texts)


@dataclass(frozen=True)
class _Items:
    """Groups in the order of time: ``sums`` of their members' vectors, first and last time (seconds), sizes."""

    sums: Any
    carries: Bools
    first: Floats
    last: Floats
    size: Integers


def group_claims(
    vectors: Any,
    carries: Bools,
    first: Floats,
    last: Floats,
    *,
    window: float,
    progress: Progress | None = None,
) -> Integers:
    """Number the groups of texts that say the same.

    Parameters
    ----------
    vectors : CSR matrix, shape (n_texts, n_features)
        From :func:`vectorize`.
    carries : ndarray of bool, shape (n_texts, n_narratives)
        Texts without a narrative in common are never alike.
    first, last : ndarray of float64, shape (n_texts,)
        When each text was said first and last, in seconds; ``first`` ascends.
    window : float
        Seconds.

    Returns
    -------
    groups : ndarray of int64, shape (n_texts,)
        Numbered from 0 in the order of time.
    """
    groups: Integers = np.arange(len(first))
    items = _Items(vectors.tocsr(), carries, first, last, np.ones(len(first), dtype=np.int64))
    for i in range(ROUNDS + 1):
        joined = _join(items, window, progress if i == 0 else None)
        n_groups = int(joined.max()) + 1 if len(joined) else 0
        groups = joined[groups]
        if n_groups == len(joined):
            break
        members = sparse.csr_matrix((np.ones(len(joined), np.float32), (joined, np.arange(len(joined)))))
        opened, ended = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
        np.minimum.at(opened, joined, items.first)
        np.maximum.at(ended, joined, items.last)
        sizes = np.bincount(joined, weights=items.size).astype(np.int64)
        items = _Items(members @ items.sums, (members @ items.carries) > 0, opened, ended, sizes)
    return groups


def _join(items: _Items, window: float, progress: Progress | None) -> Integers:
    """One pass: each item joins an earlier group or opens one. Groups are numbered in the order of their first item."""
    n = len(items.first)
    label = np.zeros(n, dtype=np.int64)
    ended, size = np.full(n, -np.inf), np.zeros(n, dtype=np.int64)
    n_groups, back = 0, 0
    carries = sparse.csr_matrix(items.carries.astype(np.float32))
    for begin in range(0, n, BLOCK):
        end = min(n, begin + BLOCK)
        back = max(back, begin - MAX_BACK)
        while back < begin and ended[label[back]] < items.first[begin] - window:
            back += 1
        # Sums of all pairwise cosines between two items, 0 where they share no narrative.
        alike = (items.sums[begin:end] @ items.sums[back:end].T).toarray()
        alike *= (carries[begin:end] @ carries[back:end].T).toarray() > 0
        for i in range(begin, end):
            total = np.bincount(label[back:i], weights=alike[i - begin, : i - back], minlength=n_groups)
            groups = np.flatnonzero((total > 0.0) & (ended[: len(total)] >= items.first[i] - window))
            links = total[groups] / (size[groups] * items.size[i])
            if len(links) and links.max() >= LINK:
                joined = int(groups[np.argmax(links)])
            else:
                joined, n_groups = n_groups, n_groups + 1
            label[i] = joined
            ended[joined] = max(ended[joined], items.last[i])
            size[joined] += items.size[i]
        if progress:
            progress("looking for claims", end / n)
    return label
