"""How a narrative is voiced over time, and the moment at which that changed.

Of the posts tagged with a narrative, the shares that assert and that reject it are compared before and after every
possible moment (a scan for one change-point). The p-value is that of the largest difference, in standard errors, over
all moments and both voices, when the voices are dealt to the posts at random; over narratives it is adjusted by Holm's
method [1]_. Voices are as the model hears them, errors included (the model card says how often it hears them right),
and copies of one text count each.

References
----------
.. [1] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from classifier.campaigns.bins import bin_of
from classifier.campaigns.findings import TaggedPost, VoicePoint, Voices, VoiceShift

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]

SCANNED: tuple[Voices, Voices] = ("asserted", "rejected")

ALPHA = 0.05
N_PERMUTATIONS = 1_999

MIN_SIDE = 5
"""Posts on either side of a moment, at least."""

MIN_SHARE = 0.1
"""The same as a share of all posts of the narrative."""

MAX_MOMENTS = 400
"""More moments than this are thinned out evenly."""


def count_voices(tagged: Sequence[TaggedPost], bin: timedelta) -> tuple[VoicePoint, ...]:
    """Posts tagged "yes" by narrative, bin and voice; bins without any are left out."""
    counts: dict[tuple[str, datetime], Counter[Voices]] = {}
    for post in tagged:
        for tag in post.tags:
            if tag.decision == "yes" and tag.voice is not None:
                begin = bin_of(post.post.time, bin)
                counts.setdefault((tag.narrative, begin), Counter())[tag.voice] += 1
    return tuple(
        VoicePoint(narrative, begin, begin + bin, {v: found[v] for v in ("asserted", "attributed", "rejected")})
        for (narrative, begin), found in sorted(counts.items())
    )


def find_shifts(
    tagged: Sequence[TaggedPost],
    narratives: Sequence[str],
    *,
    random_state: int = 0,
    n_permutations: int = N_PERMUTATIONS,
    progress: Progress | None = None,
) -> tuple[VoiceShift, ...]:
    """For each narrative its largest change of voice, where that is significant; the smallest p-value first.

    The interval of the difference (Agresti and Caffo [1]_, 95 %) is that of the moment found. Since the moment was
    chosen for its difference, the difference is likely to be smaller than it looks.

    References
    ----------
    .. [1] Agresti, Caffo, "Simple and effective confidence intervals for proportions and differences of proportions",
       The American Statistician 54, 2000.
    """
    rng = np.random.default_rng(random_state)
    found: list[tuple[float, str, Voices, int, list[tuple[datetime, str, Voices]]]] = []
    for number, narrative in enumerate(narratives):
        voiced = sorted(
            (post.post.time, post.post.id, tag.voice)
            for post in tagged
            for tag in post.tags
            if tag.narrative == narrative and tag.decision == "yes" and tag.voice is not None
        )
        moments = _moments([time for time, _, _ in voiced])
        if len(moments):
            y = np.array([[voice == v for v in SCANNED] for _, _, voice in voiced], dtype=np.float64)
            statistics = _statistics(y, moments)
            at, which = np.unravel_index(int(np.argmax(statistics)), statistics.shape)
            largest = np.array([_statistics(rng.permutation(y), moments).max() for _ in range(n_permutations)])
            # Statistics that are equal but for rounding are equal.
            p_value = (1 + int((largest >= statistics.max() - 1e-9).sum())) / (n_permutations + 1)
            found.append((p_value, narrative, SCANNED[int(which)], int(moments[at]), voiced))
        if progress:
            progress("looking for shifts of voice", (number + 1) / len(narratives))
    shifts = []
    adjusted = 0.0
    for rank, (p_value, narrative, voice, at_post, voiced) in enumerate(sorted(found, key=lambda f: (f[0], f[1]))):
        adjusted = max(adjusted, min(1.0, p_value * (len(found) - rank)))
        if adjusted > ALPHA:
            break
        before = [v == voice for _, _, v in voiced[:at_post]]
        after = [v == voice for _, _, v in voiced[at_post:]]
        low, high = _difference_interval(sum(before), len(before), sum(after), len(after))
        share_before, share_after = sum(before) / len(before), sum(after) / len(after)
        shifts.append(
            VoiceShift(
                narrative=narrative,
                voice=voice,
                at=voiced[at_post][0],
                before=share_before,
                after=share_after,
                n_before=len(before),
                n_after=len(after),
                difference=share_after - share_before,
                low=low,
                high=high,
                p_value=adjusted,
            )
        )
    return tuple(shifts)


def _moments(times: Sequence[datetime]) -> npt.NDArray[np.int64]:
    """Numbers of posts that may be the first after a change: enough on both sides, and later than the one before."""
    n = len(times)
    side = max(MIN_SIDE, int(np.ceil(MIN_SHARE * n)))
    possible = [i for i in range(side, n - side + 1) if times[i] > times[i - 1]]
    if len(possible) > MAX_MOMENTS:
        possible = [possible[k] for k in np.linspace(0, len(possible) - 1, MAX_MOMENTS).round().astype(int)]
    return np.array(possible, dtype=np.int64)


def _statistics(y: Floats, moments: npt.NDArray[np.int64]) -> Floats:
    """Differences of shares in standard errors, shape (n_moments, n_voices), without sign."""
    n = len(y)
    before = np.cumsum(y, axis=0)[moments - 1]
    total = y.sum(axis=0)
    n_before = moments[:, None].astype(np.float64)
    share = total / n
    error = np.sqrt(np.maximum(share * (1 - share), 1e-12) * (1 / n_before + 1 / (n - n_before)))
    result: Floats = np.abs((total - before) / (n - n_before) - before / n_before) / error
    return np.where(share * (1 - share) > 0, result, 0.0)


def _difference_interval(n_before: int, of_before: int, n_after: int, of_after: int) -> tuple[float, float]:
    p, n = (n_before + 1) / (of_before + 2), of_before + 2
    q, m = (n_after + 1) / (of_after + 2), of_after + 2
    half = 1.96 * float(np.sqrt(p * (1 - p) / n + q * (1 - q) / m))
    return max(-1.0, q - p - half), min(1.0, q - p + half)
