"""Which texts are worth a person's look first: a pure ranking, of feedback or of unlabelled texts.

Four concerns share the places of the queue:

- doubt: the model is near its threshold, or contradicts what was said of the text (uncertainty sampling [1]_);
- diversity: each further near-copy of what stands before it counts half (a greedy trade of relevance against
  redundancy, as in maximal marginal relevance [2]_);
- rare labels: a share of the places is dealt to the labels by D'Hondt's rule, in inverse proportion to their training
  sentences;
- audit: a share is drawn at random, so that what the model is sure of, and wrong about, is met too.

References
----------
.. [1] Lewis, Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.
.. [2] Carbonell, Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from classifier.corpus.splits import jaccard, shingles
from classifier.errors import InputError, MissingExtra

AUDIT_SHARE = 0.1
RARE_SHARE = 0.25
"""Of the places that are not the audit's."""

ALIKE = 0.4
"""Character 5-gram Jaccard similarity above which one text says little that the other does not."""

Concern = Literal["doubt", "rare", "audit"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """``order[0]`` is the index of the text to look at first; ``concerns[i]`` says what gave text ``i`` its place."""

    order: tuple[int, ...]
    concerns: tuple[Concern, ...]

    @property
    def priorities(self) -> tuple[float, ...]:
        """For each text, in the order given: from 1 (look first) down, above 0."""
        n = len(self.order)
        found = [0.0] * n
        for place, i in enumerate(self.order):
            found[i] = 1.0 - place / n
        return tuple(found)


def doubt(probabilities: npt.ArrayLike, thresholds: npt.ArrayLike) -> Floats:
    """How near each probability is to its threshold: 1 at it, 0 at certainty, linear between.

    Both arrays may have any shapes that go together, such as (n_texts, n_narratives) and (n_narratives,).
    """
    return 1.0 - np.abs(2.0 * _scaled(probabilities, thresholds) - 1.0)


def surprise(probabilities: npt.ArrayLike, thresholds: npt.ArrayLike, carries: npt.ArrayLike) -> Floats:
    """How far the model is from what was said: 0 where it is as sure of it, .5 at the threshold, 1 where it is sure
    of the contrary. ``carries`` is whether the text is said to carry the label; shapes as in :func:`doubt`.
    """
    scaled = _scaled(probabilities, thresholds)
    return np.where(np.asarray(carries, dtype=np.bool_), 1.0 - scaled, scaled)


def _scaled(probabilities: npt.ArrayLike, thresholds: npt.ArrayLike) -> Floats:
    """Probabilities stretched so that the threshold lies at .5."""
    p = np.asarray(probabilities, dtype=np.float64)
    t = np.clip(np.asarray(thresholds, dtype=np.float64), 1e-9, 1.0 - 1e-9)
    return np.clip(np.where(p < t, 0.5 * p / t, 0.5 + 0.5 * (p - t) / (1.0 - t)), 0.0, 1.0)


def find_groups(texts: Sequence[str], threshold: float = ALIKE) -> npt.NDArray[np.int64]:
    """Number the texts so that those like an earlier one share its number (leader clustering, one pass).

    Only the first text of each group is compared with, so that a thousand copies cost a thousand comparisons.

    Returns
    -------
    ndarray of int64, shape (n_texts,)
    """
    try:
        from rensa import RMinHash, RMinHashLSH
    except ImportError as error:
        raise MissingExtra("Ranking texts", "train") from error
    index = RMinHashLSH(threshold=threshold, num_perm=192, num_bands=64)
    leaders: list[frozenset[str]] = []
    numbers = np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        members = shingles(text)
        signature = RMinHash(num_perm=192, seed=42)
        signature.update(sorted(members))
        likeness = [(jaccard(leaders[k], members), -k) for k in index.query(signature)]
        best, at = max(likeness, default=(0.0, 0))
        if best > threshold:
            numbers[i] = -at
        else:
            numbers[i] = len(leaders)
            index.insert(len(leaders), signature)
            leaders.append(members)
    return numbers


def rank(
    texts: Sequence[str],
    doubts: npt.ArrayLike,
    columns: npt.ArrayLike,
    supports: npt.ArrayLike,
    *,
    audit_share: float = AUDIT_SHARE,
    rare_share: float = RARE_SHARE,
    random_state: int = 0,
) -> Ranking:
    """Order texts by how much a look at them is worth.

    Parameters
    ----------
    texts : sequence of str
    doubts : array, shape (n_texts,)
        Larger is looked at earlier: :func:`doubt`, :func:`surprise`, or the larger of the two; 0 to 1.
    columns : array of int, shape (n_texts,)
        The narrative in question: the label that was judged, or the one of the largest doubt; -1 for one that the
        model does not know.
    supports : array of int, shape (n_narratives,)
        Training sentences of each narrative.
    audit_share : float
        0 to 1: every tenth place at .1.
    rare_share : float
        0 to 1, of the other places.
    random_state : int
        Draws the audit.

    Raises
    ------
    InputError
        A share is out of its range, or lengths differ.
    """
    doubts = np.asarray(doubts, dtype=np.float64)
    columns = np.asarray(columns, dtype=np.int64)
    supports = np.asarray(supports, dtype=np.int64)
    n = len(texts)
    if doubts.shape != (n,) or columns.shape != (n,):
        raise InputError(f"{n} texts, doubts of shape {doubts.shape} and columns of shape {columns.shape}; give n each")
    for name, share in (("audit_share", audit_share), ("rare_share", rare_share)):
        if not 0.0 <= share <= 1.0:
            raise InputError(f"{name} is {share}; 0 to 1 is allowed", field=name)
    chooser = _Chooser(doubts, columns, find_groups(texts), supports)
    by_chance = iter(np.random.default_rng(random_state).permutation(n).tolist())
    concerns: list[Concern] = ["doubt"] * n
    order: list[int] = []
    audits = rares = 0.0
    for _ in range(n):
        audits += audit_share
        if audits >= 1.0 - 1e-9:
            audits -= 1.0
            i = next(i for i in by_chance if not chooser.taken[i])
            concerns[i] = "audit"
        else:
            rares += rare_share
            if rares >= 1.0 - 1e-9:
                rares -= 1.0
                i = chooser.rarest()
                concerns[i] = "rare"
            else:
                i = chooser.doubtful()
        chooser.take(i)
        order.append(i)
    return Ranking(tuple(order), tuple(concerns))


class _Chooser:
    """The texts not yet placed, best first; a text's worth halves with each like it that has been placed."""

    def __init__(
        self,
        doubts: Floats,
        columns: npt.NDArray[np.int64],
        groups: npt.NDArray[np.int64],
        supports: npt.NDArray[np.int64],
    ) -> None:
        self._doubts = doubts.tolist()
        self._columns = columns.tolist()
        # The same text with another label is another question.
        self._groups = list(zip(groups.tolist(), self._columns, strict=True))
        self._placed: Counter[tuple[int, int]] = Counter()
        self._seats: Counter[int] = Counter()
        self._weights = {k: 1.0 / max(1, int(s)) for k, s in enumerate(supports.tolist())}
        self.taken = [False] * len(self._doubts)
        self._all = [(-self._worth(i), i) for i in range(len(self._doubts))]
        self._of: dict[int, list[tuple[float, int]]] = {}
        for entry in self._all:
            self._of.setdefault(self._columns[entry[1]], []).append(entry)
        heapq.heapify(self._all)
        for heap in self._of.values():
            heapq.heapify(heap)

    def doubtful(self) -> int:
        best = self._best(self._all)
        if best is None:
            raise AssertionError("every text is placed")
        return best

    def rarest(self) -> int:
        """The best text of the label whose turn it is."""
        # What the model does not know has no training sentence at all.
        while self._of:
            column = max(self._of, key=lambda k: (self._weights.get(k, 1.0) / (self._seats[k] + 1), -k))
            best = self._best(self._of[column])
            if best is not None:
                self._seats[column] += 1
                return best
            del self._of[column]
        raise AssertionError("every text is placed")

    def take(self, i: int) -> None:
        self.taken[i] = True
        self._placed[self._groups[i]] += 1

    def _worth(self, i: int) -> float:
        # A little more than the doubt, so that copies of what is beyond doubt stand behind it too.
        return float((self._doubts[i] + 1e-3) * 0.5 ** min(self._placed[self._groups[i]], 900))

    def _best(self, heap: list[tuple[float, int]]) -> int | None:
        """The best text left in a heap, whose entries may be out of date; it stays there until it is taken."""
        while heap:
            told, i = heap[0]
            if self.taken[i]:
                heapq.heappop(heap)
                continue
            now = -self._worth(i)
            if now <= told:
                return i
            heapq.heapreplace(heap, (now, i))
        return None
