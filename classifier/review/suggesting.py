"""Which unlabelled texts to annotate next, from a stream of any length in bounded memory.

Texts are cut into what the model labels (sentences, paragraphs, or whole texts), scored in batches, and the best are
kept: the most doubtful of all, the most doubtful of each narrative, and a uniform random sample for the audit
(reservoir sampling [1]_). Only these are then ranked by :mod:`classifier.review.ranking`. What the bound costs: a wave
of more near-copies than the pool holds can crowd less doubtful texts out of it; equal texts are kept once.

References
----------
.. [1] Vitter, "Random sampling with a reservoir", ACM Transactions on Mathematical Software 11, 1985 (algorithm R).
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.corpus.splits import near_duplicates
from classifier.errors import InputError
from classifier.model.answer import TextItem
from classifier.model.decisions import sigmoid
from classifier.model.documents import MIN_WORDS, MIN_WORDS_FOR_COVERAGE
from classifier.model.scoring import NarrativeModel
from classifier.review.ranking import AUDIT_SHARE, Concern, doubt, rank
from classifier.text.sentences import split_units

POOL = 20
"""Candidates kept for each text asked for, and at least :data:`MIN_POOL`."""

MIN_POOL = 2_000
PER_NARRATIVE = 3
"""Candidates kept for each narrative, for each text asked for."""

BATCH = 1_000
"""Texts scored at once."""

MAX_LENGTH = 5_000
"""Characters: a longer unit is no thing to annotate, and would break the bound on memory."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One unit to annotate, why it has its place, and what the model thinks: the narrative most in doubt (for the
    audit, the likeliest) and its probability. ``group`` is shared by units of one text."""

    id: str
    text: str
    language: str | None
    group: str
    concern: Concern
    narrative: str
    probability: float


@dataclass(frozen=True)
class Suggestions:
    """The units in order, and counts of units: seen, and left out as known, held out, or unfit to annotate."""

    chosen: tuple[Suggestion, ...]
    n_seen: int
    n_known: int
    n_unfamiliar: int
    n_unfit: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int
    key: bytes
    text: str
    language: str | None
    group: str
    doubt: float
    column: int
    probability: float


def suggest(
    items: Iterable[TextItem],
    model: NarrativeModel,
    known: Sequence[str],
    *,
    n: int = 100,
    audit_share: float = AUDIT_SHARE,
    random_state: int = 0,
) -> Suggestions:
    """Choose ``n`` units to annotate.

    Parameters
    ----------
    items : iterable of TextItem
        Read once, :data:`BATCH` at a time.
    known : sequence of str
        Texts of the labels and of the test set; they and their near-duplicates are left out.
    n : int
    audit_share : float
        0 to 1: this share of ``n`` is drawn at random from all units that are not known, whatever the model thinks of
        them, texts unfamiliar to it too.
    random_state : int
        Draws the audit.

    Raises
    ------
    InputError
        ``n`` or a share is out of its range.
    """
    if n < 1:
        raise InputError(f"n is {n}; 1 or more is allowed", field="n")
    if not 0.0 <= audit_share <= 1.0:
        raise InputError(f"audit_share is {audit_share}; 0 to 1 is allowed", field="audit_share")
    n_audit = round(n * audit_share)
    rng = np.random.default_rng(random_state)
    pool = _Pool(max(MIN_POOL, POOL * n), PER_NARRATIVE * n, len(model.ids))
    # Twice as many as needed: some fall out as near-duplicates of what is labelled.
    audit = _Reservoir(2 * n_audit, rng)
    # A known text of several sentences makes each of them known.
    known = list(dict.fromkeys(part for text in known for part in (text, *_pieces(text, model.unit))))
    keys = {_key(text) for text in known}
    counts: Counter[str] = Counter()
    number = itertools.count()
    for batch in _batches(items):
        candidates, unfamiliar = _candidates(batch, model, keys, counts, number)
        for candidate, strange in zip(candidates, unfamiliar, strict=True):
            audit.offer(candidate)
            if not strange:
                pool.offer(candidate)
    kept = sorted({c.key: c for c in (*pool.all(), *audit.kept)}.values(), key=lambda c: c.number)
    taken = _near(known, [c.text for c in kept])
    counts["known"] += len(taken)
    gone = {kept[i].key for i in taken}
    chance: list[_Candidate] = []
    for candidate in audit.kept:
        if candidate.key not in gone and len(chance) < n_audit:
            gone.add(candidate.key)
            chance.append(candidate)
    strong = [c for c in pool.all() if c.key not in gone]
    supports = [model.rules[narrative].support for narrative in model.ids]
    ranking = rank(
        [c.text for c in strong],
        [c.doubt for c in strong],
        [c.column for c in strong],
        supports,
        audit_share=0.0,
        random_state=random_state,
    )
    ranked: Iterator[tuple[_Candidate, Concern]] = ((strong[i], ranking.concerns[i]) for i in ranking.order)
    order: list[tuple[_Candidate, Concern]] = []
    drawn = iter(chance)
    for place in range(1, n + 1):
        due = int(place * audit_share + 1e-9) > int((place - 1) * audit_share + 1e-9)
        entry = _next_audit(drawn) if due else None
        entry = entry or next(ranked, None) or _next_audit(drawn)
        if entry is None:
            break
        order.append(entry)
    chosen = tuple(
        Suggestion(
            id=f"suggested-{candidate.key.hex()[:16]}",
            text=candidate.text,
            language=candidate.language,
            group=candidate.group,
            concern=concern,
            narrative=model.ids[candidate.column],
            probability=candidate.probability,
        )
        for candidate, concern in order
    )
    return Suggestions(chosen, counts["seen"], counts["known"], counts["unfamiliar"], counts["unfit"])


def _next_audit(drawn: Iterator[_Candidate]) -> tuple[_Candidate, Concern] | None:
    candidate = next(drawn, None)
    return None if candidate is None else (candidate, "audit")


def _batches(items: Iterable[TextItem]) -> Iterator[list[TextItem]]:
    stream = iter(items)
    while batch := list(itertools.islice(stream, BATCH)):
        yield batch


def _candidates(
    batch: Sequence[TextItem],
    model: NarrativeModel,
    keys: set[bytes],
    counts: Counter[str],
    number: Iterator[int],
) -> tuple[list[_Candidate], list[bool]]:
    """Units that may be annotated, and which of them the model is too unfamiliar with to doubt."""
    units: list[tuple[TextItem, str, str, bytes]] = []
    for item in batch:
        group = ""
        for span in split_units(item.text, model.unit, item.language):
            counts["seen"] += 1
            text = item.text[span.begin : span.end]
            if len(text) > MAX_LENGTH or _broken(text):
                counts["unfit"] += 1
                continue
            key = _key(text)
            if key in keys:
                counts["known"] += 1
                continue
            group = group or hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            units.append((item, text, f"suggested-{group}", key))
    if not units:
        return [], []
    outputs, words = model.scorer.score([text for _, text, _, _ in units])
    probabilities = sigmoid(outputs[:, : len(model.ids)])
    thresholds = np.array([model.rules[narrative].threshold for narrative in model.ids])
    doubts = doubt(probabilities, thresholds)
    columns = doubts.argmax(axis=1)
    found, unfamiliar = [], []
    for i, (item, text, group, key) in enumerate(units):
        n_words, n_known = int(words[i, 0]), int(words[i, 1])
        if n_words < MIN_WORDS:
            counts["unfit"] += 1
            continue
        strange = n_words >= MIN_WORDS_FOR_COVERAGE and n_known / n_words < model.coverage_bound
        counts["unfamiliar"] += strange
        column = int(probabilities[i].argmax() if strange else columns[i])
        worth = 0.0 if strange else float(doubts[i, column])
        found.append(
            _Candidate(next(number), key, text, item.language, group, worth, column, float(probabilities[i, column]))
        )
        unfamiliar.append(strange)
    return found, unfamiliar


def _pieces(text: str, unit: str) -> list[str]:
    return [text[span.begin : span.end] for span in split_units(text, unit)]


def _broken(text: str) -> bool:
    """Whether a label file cannot hold it: NUL, or half a surrogate pair."""
    if text.isprintable():
        return False
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _key(text: str) -> bytes:
    """Equal for texts that differ in case and white space only."""
    return hashlib.blake2b(" ".join(text.lower().split()).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _near(known: Sequence[str], texts: Sequence[str]) -> set[int]:
    """Indices of texts that are near-duplicates of a known one."""
    n = len(known)
    return {j - n for i, j, _ in near_duplicates([*known, *texts]) if i < n <= j}


class _Best:
    """The ``size`` most doubtful candidates, the earlier among equals; each text once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, _Candidate]] = []
        self._keys: set[bytes] = set()

    def offer(self, candidate: _Candidate) -> None:
        entry = (candidate.doubt, -candidate.number, candidate)
        if len(self._heap) == self._size and entry[:2] <= self._heap[0][:2]:
            return
        # A text that has fallen out cannot come back: the least doubt in the heap only grows.
        if candidate.key in self._keys:
            return
        self._keys.add(candidate.key)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        else:
            self._keys.discard(heapq.heapreplace(self._heap, entry)[2].key)

    def all(self) -> list[_Candidate]:
        return [candidate for _, _, candidate in self._heap]


class _Pool:
    """The best of all, and of each narrative."""

    def __init__(self, size: int, per_narrative: int, n_narratives: int) -> None:
        self._overall = _Best(size)
        self._of = [_Best(per_narrative) for _ in range(n_narratives)]

    def offer(self, candidate: _Candidate) -> None:
        self._overall.offer(candidate)
        self._of[candidate.column].offer(candidate)

    def all(self) -> list[_Candidate]:
        """Each text once, in order of the stream."""
        found = {c.key: c for best in (self._overall, *self._of) for c in best.all()}
        return sorted(found.values(), key=lambda c: c.number)


class _Reservoir:
    """A uniform sample of ``size`` from a stream of unknown length, in random order."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size = size
        self._rng = rng
        self._n = 0
        self.kept: list[_Candidate] = []

    def offer(self, candidate: _Candidate) -> None:
        self._n += 1
        if len(self.kept) < self._size:
            self.kept.append(candidate)
            # Inside-out shuffle, so that the first half is a uniform sample too.
            at = int(self._rng.integers(len(self.kept)))
            self.kept[at], self.kept[-1] = self.kept[-1], self.kept[at]
        elif self._size:
            at = int(self._rng.integers(self._n))
            if at < self._size:
                self.kept[at] = candidate
