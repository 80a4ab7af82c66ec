"""Near-duplicates in a stream: each text goes to the earliest one that it is a near-duplicate of.

Texts are near-duplicates where more than .6 of their character 5-grams are common (Jaccard), as in
``classifier/corpus/splits.py``. Candidates come from MinHash with 64 bands of 3 rows [1]_; those that their signatures
do not rule out are checked exactly. Only the first text of each group is looked up, so that nothing drifts: every
member is alike to the first.

References
----------
.. [1] Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from classifier.corpus.splits import NEAR_DUPLICATE, fold, jaccard, shingles
from classifier.errors import MissingExtra

Progress = Callable[[str, float], None]

LIKELY = NEAR_DUPLICATE - 0.14
"""Signatures of 192 values are that far off once in 30,000 near-duplicates; most candidates lie below."""


def group_copies(texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.int64]:
    """For each text the index of the first of its group; its own where it is that.

    Parameters
    ----------
    texts : sequence of str
        In the order of time. Texts without letters and digits are alike to nothing.

    Returns
    -------
    leaders : ndarray of int64, shape (n_texts,)
    """
    try:
        from rensa import RMinHash, RMinHashLSH
    except ImportError as error:
        raise MissingExtra("Finding near-duplicates", "campaign") from error
    index = RMinHashLSH(threshold=NEAR_DUPLICATE, num_perm=192, num_bands=64)
    leaders = np.arange(len(texts))

    @lru_cache(maxsize=1_024)  # all of them would fill the memory: some 30 kB a post
    def shingles_of(i: int) -> frozenset[str]:
        return shingles(texts[i])

    leader_of: dict[str, int] = {}
    signatures: dict[int, RMinHash] = {}
    for i, text in enumerate(texts):
        folded = fold(text)
        if folded in leader_of:
            leaders[i] = leader_of[folded]
        elif folded:
            members = shingles(text)
            signature = RMinHash(num_perm=192, seed=42)
            signature.update(sorted(members))
            likely = [j for j in set(index.query(signature)) if signature.jaccard(signatures[j]) > LIKELY]
            alike = [(jaccard(shingles_of(j), members), -j) for j in likely]
            similarity, j = max(alike, default=(0.0, 0))
            if similarity > NEAR_DUPLICATE:
                leaders[i] = -j
            else:
                index.insert(i, signature)
                signatures[i] = signature
            leader_of[folded] = int(leaders[i])
        if progress and i % 1_000 == 0:
            progress("looking for copies", i / len(texts))
    return leaders
