"""What must not straddle a split, and folds that respect it.

Near-duplicates, the sentences of one article and the rows of one group are one *unit*; a unit lies in one fold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from classifier.corpus.sentence import LabelledSentence
from classifier.errors import MissingExtra, TrainingError

NEAR_DUPLICATE = 0.6
"""Character 5-gram Jaccard similarity above which two texts are near-duplicates."""

MAX_ALIKE = 50
"""Where more texts are alike, not every two of them are compared: a million copies make no billion pairs."""

N_BANDS = 120
_BATCH = 2_000

_space = re.compile(r"\W+")


def fold(text: str) -> str:
    """The lowered text with everything but letters and digits folded to one space."""
    return _space.sub(" ", text.lower()).strip()


def shingles(text: str) -> frozenset[str]:
    """The character 5-grams of the folded text."""
    folded = fold(text)
    return frozenset(folded[i : i + 5] for i in range(max(1, len(folded) - 4)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared members as a share of all members, 0 to 1."""
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def near_duplicates(texts: Sequence[str], threshold: float = NEAR_DUPLICATE) -> list[tuple[int, int, float]]:
    """Pairs ``(i, j, similarity)`` with ``i < j`` whose 5-gram Jaccard similarity exceeds ``threshold``, by ``j``.

    Candidates come from MinHash with 120 bands of 4 rows [1]_: those that agree in two bands (a pair at .6 is missed
    once in a million), and every candidate is checked exactly. Of more than :data:`MAX_ALIKE` copies each makes a pair
    with the first only, and a text with at most so many others of its band. Memory is some 500 bytes a text.

    References
    ----------
    .. [1] Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.4.
    """
    # Copies first: nothing is as common, and one of them can stand for all.
    copies: dict[int, list[int]] = {}
    for i, text in enumerate(texts):
        copies.setdefault(hash(fold(text)), []).append(i)
    groups = list(copies.values())
    # Of many copies each makes a pair with the first alone, and the first speaks for them.
    speakers = [group if len(group) <= MAX_ALIKE else group[:1] for group in groups]
    pairs: list[tuple[int, int, float]] = []
    if threshold < 1.0:
        pairs += [
            (i, j, 1.0)
            for group, some in zip(groups, speakers, strict=True)
            for n, j in enumerate(group)
            for i in some[:n]
        ]
    for a, b in _candidates([texts[group[0]] for group in groups]):
        similarity = jaccard(shingles(texts[groups[a][0]]), shingles(texts[groups[b][0]]))
        if similarity > threshold:
            pairs += [(min(i, j), max(i, j), similarity) for i in speakers[a] for j in speakers[b]]
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def _candidates(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of texts whose signatures agree in two bands at least, each once."""
    keys = _band_keys(texts)
    for band in range(N_BANDS):
        order = np.argsort(keys[:, band], kind="stable")
        column = keys[order, band]
        for distance in range(1, MAX_ALIKE + 1):
            hits = np.flatnonzero(column[distance:] == column[:-distance])
            if not len(hits):
                break
            for start in range(0, len(hits), _BATCH):
                some = hits[start : start + _BATCH]
                first, second = order[some], order[some + distance]
                agree = keys[first] == keys[second]
                # What agreed in an earlier band was told there.
                fresh = (agree.sum(axis=1) > 1) & ~agree[:, :band].any(axis=1)
                yield from zip(first[fresh].tolist(), second[fresh].tolist(), strict=True)


def _band_keys(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """One number for each band of each signature: shape (n_texts, N_BANDS)."""
    try:
        from rensa import RMinHash
    except ImportError as error:
        raise MissingExtra("Finding near-duplicates", "train") from error
    keys = np.empty((len(texts), N_BANDS), dtype=np.uint32)
    odd = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)
    for start in range(0, len(texts), _BATCH):
        sets = [list(shingles(text)) for text in texts[start : start + _BATCH]]
        rows = RMinHash.digest_matrix_from_token_sets(sets, num_perm=4 * N_BANDS, seed=42).to_rows()
        bands = np.array(rows, dtype=np.uint64).reshape(len(sets), N_BANDS, 4)
        keys[start : start + len(sets)] = (bands * odd).sum(axis=2, dtype=np.uint64) >> np.uint64(32)
    return keys


def find_units(rows: Sequence[LabelledSentence], threshold: float = NEAR_DUPLICATE) -> npt.NDArray[np.int64]:
    """Number the units: rows with equal numbers must lie in one fold.

    Returns
    -------
    units : ndarray of int64, shape (n_samples,)
        Numbered from 0 in order of first appearance.
    """
    parent = list(range(len(rows)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        a, b = find(i), find(j)
        parent[max(a, b)] = min(a, b)

    first: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        for key in (("file", row.file), ("group", row.group)):
            if key[1]:
                join(i, first.setdefault(key, i))
    for i, j, _ in near_duplicates([row.text for row in rows], threshold):
        join(i, j)
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(find(i), len(numbers)) for i in range(len(rows))], dtype=np.int64)


def stratified_folds(
    y: npt.NDArray[np.bool_], units: npt.NDArray[np.int64], n_splits: int, *, random_state: int = 0
) -> npt.NDArray[np.int64]:
    """Assign whole units to folds so that each label, and "no label", is spread evenly.

    Iterative stratification [1]_ over units: the label with the fewest sentences left goes first, its largest units
    first, each to the fold that lacks most of that label.

    Parameters
    ----------
    y : ndarray of bool, shape (n_samples, n_narratives)
    units : ndarray of int, shape (n_samples,)
    n_splits : int
        2 or more, at most the number of units.
    random_state : int
        Orders units of equal size.

    Returns
    -------
    folds : ndarray of int64, shape (n_samples,)
        Values 0 to ``n_splits - 1``.

    References
    ----------
    .. [1] Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011.
    """
    n_units = int(units.max()) + 1 if len(units) else 0
    if n_units < 2:
        raise TrainingError(
            f"all {len(units)} rows are one unit (one group, one article, or near-duplicates of each other), which may "
            "not be split: label more sentences"
        )
    if not 2 <= n_splits <= n_units:
        raise TrainingError(
            f"{n_splits} folds asked of {n_units} units (groups that may not be split); "
            f"2 to {n_units} are possible: label more sentences, or ask for fewer folds"
        )
    columns = np.column_stack([y, ~y.any(axis=1)]).astype(np.int64)
    counts = np.zeros((n_units, columns.shape[1]), dtype=np.int64)
    np.add.at(counts, units, columns)
    sizes = np.bincount(units, minlength=n_units)
    order = np.random.default_rng(random_state).permutation(n_units)
    wanted = np.repeat(counts.sum(axis=0)[None, :] / n_splits, n_splits, axis=0)
    room = np.full(n_splits, sizes.sum() / n_splits)
    fold_of = np.full(n_units, -1, dtype=np.int64)
    left = counts.sum(axis=0)
    while (fold_of < 0).any():
        open_labels = np.flatnonzero(left > 0)
        label = int(open_labels[np.argmin(left[open_labels])]) if len(open_labels) else None
        members = [u for u in order if fold_of[u] < 0 and (label is None or counts[u, label])]
        members.sort(key=lambda u: -int(counts[u, label] if label is not None else sizes[u]))
        for u in members:
            need = wanted[:, label] if label is not None else room
            best = np.flatnonzero(need == need.max())
            fold = int(best[np.argmax(room[best])])
            fold_of[u] = fold
            wanted[fold] -= counts[u]
            room[fold] -= sizes[u]
            left = left - counts[u]
    return fold_of[units]
