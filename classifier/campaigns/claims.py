"""The same claim in other words: texts that share a narrative, lie close in time and use similar words.

Texts become tf-idf vectors of character 4-grams inside words, weighed on the stream itself: what everybody says there
counts little. They are taken in the order of time. Each joins the group to whose members it is most alike *on average*
(average linkage), where that is :data:`LINK` or more and the group last spoke within the window; else it opens one. An
average does not chain: a text that is like one member alone stays outside. Then whole groups are joined by the same
rule, and what does not fit its group in the end is taken out. Nothing is compared that lies more than :data:`MAX_BACK`
texts back, which bounds time and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[str, float], None]

LINK = 0.12
"""Average cosine from which on texts say the same. Chosen on six claims in five wordings each that are in no benchmark:
from .08 to .12 nearly all wordings come together, from .16 on rejections fall out; others stay outside throughout."""

MAX_BACK = 4_000

BLOCK = 256

MAX_WEIGHED = 20_000

ROUNDS = 4
"""How often whole groups are joined, at most."""


class Wording:
    """Texts to unit vectors: character 4-grams inside words, weighed by how rare they are in the stream.

    Parameters
    ----------
    texts : sequence of str
        Of the whole stream, each wording once: weighed on the texts of a campaign alone, its own words would count
        little. Of more than :data:`MAX_WEIGHED` so many are taken, evenly.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        chosen = texts[:: -(-len(texts) // MAX_WEIGHED) or 1]
        self.counter = HashingVectorizer(
            preprocessor=_lowered,
            analyzer="char_wb",
            ngram_range=(4, 4),
            n_features=2**20,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )
        self.weigher = TfidfTransformer(sublinear_tf=True).fit(self.counter.transform([*chosen, ""]))

    def vectorize(self, texts: Sequence[str]) -> Any:
        """A CSR matrix of shape (n_texts, n_features); empty texts get empty rows."""
        return self.weigher.transform(self.counter.transform(texts or [""]))[: len(texts)]


def _lowered(text: str) -> str:
    """Without what UTF-8 cannot hold, which the hash takes."""
    return text.lower().encode("utf-8", "replace").decode("utf-8")


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
        From :class:`Wording`.
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
    return _without_misfits(vectors, groups)


def _without_misfits(vectors: Any, groups: Integers) -> Integers:
    """Texts that are less alike than :data:`LINK` to the others of their group, as it has become, stand alone.

    A text that was early is compared with few when others join it; left inside, it would be told to have been first.
    """
    if not len(groups):
        return groups
    n_groups = int(groups.max()) + 1
    members = sparse.csr_matrix((np.ones(len(groups), np.float32), (groups, np.arange(len(groups)))))
    size = np.bincount(groups, minlength=n_groups)[groups]
    own = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    total = np.asarray(vectors.multiply((members @ vectors)[groups]).sum(axis=1)).ravel() - own
    misfit = (size > 1) & (total < LINK * (size - 1))
    apart = np.where(misfit, n_groups + np.arange(len(groups)), groups)
    _, first, numbers = np.unique(apart, return_index=True, return_inverse=True)
    order: Integers = np.argsort(np.argsort(first))[numbers]
    return order


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
