"""Bursts: spans in which a narrative makes up more of the stream than it does otherwise.

Kulldorff's scan statistic [1]_ with the Bernoulli model: of all posts in a span, how many are tagged, against all
others. What is looked for is a share, so that a busy day is no burst of anything. Spans of many lengths, at every
step of a fine grid, are tried for every narrative; the p-value is that of the largest statistic among *all* of them
when tags are dealt to posts at random, so that it accounts for everything looked at. That null keeps the times of
posts and what goes together in one post; it takes posts to be independent otherwise.

After a burst is found its posts are taken out and the narrative is looked at again [2]_, since a strong burst hides
weaker ones.

References
----------
.. [1] Kulldorff, "A spatial scan statistic", Communications in Statistics: Theory and Methods 26, 1997.
.. [2] Zhang, Assunção, Kulldorff, "Spatial scan statistics adjusted for multiple clusters", Journal of Probability and
   Statistics, 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from classifier.campaigns.findings import Burst, TaggedPost

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]

ALPHA = 0.05
"""Bursts are told up to this p-value."""

N_PERMUTATIONS = 999

MIN_POSTS = 3
"""Fewer tagged posts are no burst, however rare the narrative."""

MAX_STEPS = 2_000
"""The grid has at most so many steps."""

MAX_SHARE = 0.5
"""A span holds at most this share of all posts: more is no burst but the rule."""

STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 180, 360, 720, 1_440, 10_080, 43_200, 525_600)
)

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 72, 96, 144, 192, 288, 384, 576, 768)
"""Of spans, in steps of the grid."""


def find_bursts(
    tagged: Sequence[TaggedPost],
    narratives: Sequence[str],
    *,
    random_state: int = 0,
    n_permutations: int = N_PERMUTATIONS,
    progress: Progress | None = None,
) -> tuple[Burst, ...]:
    """Bursts of all narratives, in the order of time.

    Parameters
    ----------
    tagged : sequence of TaggedPost
        In any order; posts that the model does not know the words of are left aside.
    narratives : sequence of str
    random_state : int
    n_permutations : int
        The smallest p-value is ``1 / (n_permutations + 1)``.
    """
    posts = sorted((post for post in tagged if post.familiar), key=lambda post: (post.post.time, post.post.id))
    if len(posts) < 2 or posts[0].post.time == posts[-1].post.time:
        return ()
    column = {narrative: k for k, narrative in enumerate(narratives)}
    found = [
        (i, column[tag.narrative])
        for i, post in enumerate(posts)
        for tag in post.tags
        if tag.decision == "yes" and tag.narrative in column
    ]
    rows, columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    present = np.flatnonzero(np.bincount(columns, minlength=len(narratives)) >= MIN_POSTS)
    if not len(present):
        return ()
    kept = np.isin(columns, present)
    rows, columns = rows[kept], np.searchsorted(present, columns[kept])
    begin = posts[0].post.time
    seconds = np.array([(post.post.time - begin).total_seconds() for post in posts])
    grid = _Grid(seconds, _step(float(seconds[-1])))
    largest = _null(grid, rows, columns, len(present), random_state, n_permutations, progress)
    bursts = []
    for k, number in enumerate(present.tolist()):
        mine = rows[columns == k]
        for first, last, expected, statistic in _repeatedly(grid, mine, float(np.quantile(largest, 1 - ALPHA))):
            p_value = (1 + int((largest >= statistic).sum())) / (n_permutations + 1)
            if p_value > ALPHA:
                break
            members = [posts[i] for i in mine.tolist() if first <= i < last]
            bursts.append(
                Burst(
                    narrative=narratives[number],
                    begin=members[0].post.time,
                    end=members[-1].post.time,
                    n_posts=len(members),
                    expected=expected,
                    p_value=p_value,
                    sources=tuple(dict.fromkeys(post.post.source for post in members)),
                    first_post=members[0].post.id,
                    cluster=None,
                )
            )
    return tuple(sorted(bursts, key=lambda burst: (burst.begin, burst.p_value, burst.narrative)))


def _step(seconds: float) -> float:
    return next((s for s in (step.total_seconds() for step in STEPS) if seconds / s < MAX_STEPS), seconds / MAX_STEPS)


@dataclass(frozen=True)
class _Spans:
    """Spans of the grid that hold a post: their edges on it, and how many posts lie inside."""

    first: Integers
    last: Integers
    n_posts: Integers


class _Grid:
    """Posts in steps of time; ``step_of`` has the step of each post, ascending."""

    def __init__(self, seconds: Floats, step: float) -> None:
        self.step_of: Integers = (seconds // step).astype(np.int64)
        self.n_steps = int(self.step_of[-1]) + 1
        self.n_posts = len(seconds)
        counts = np.bincount(self.step_of, minlength=self.n_steps)
        self.before: Integers = np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def spans(self) -> _Spans:
        """All that are looked at."""
        lengths = [n for n in LENGTHS if n < self.n_steps] or [1]
        first = np.concatenate([np.arange(self.n_steps - n + 1) for n in lengths])
        last = first + np.concatenate([np.full(self.n_steps - n + 1, n) for n in lengths])
        n_posts = self.before[last] - self.before[first]
        kept = (n_posts >= MIN_POSTS) & (n_posts <= max(MIN_POSTS, MAX_SHARE * self.n_posts))
        return _Spans(first[kept], last[kept], n_posts[kept])

    @cached_property
    def x_log_x(self) -> Floats:
        """``x ln x`` of every count that occurs."""
        x = np.arange(self.n_posts + 1, dtype=np.float64)
        x[1:] *= np.log(x[1:])
        return x

    def statistics(self, counts: Integers, total: int, n_posts: Integers, n_all: int) -> Floats:
        """Log-likelihood ratios of spans with ``counts`` of ``total`` tagged posts; 0 where there are not more inside.

        ``counts`` has shape (..., n_spans), ``n_posts`` (n_spans,).
        """
        f = self.x_log_x
        outside, total_outside = n_all - n_posts, total - counts
        ratio = (
            f[counts] + f[n_posts - counts] + f[total_outside] + f[outside - total_outside] - f[n_posts] - f[outside]
        )
        ratio -= f[total] + f[n_all - total] - f[n_all]
        more = (counts >= MIN_POSTS) & (counts * outside > total_outside * n_posts)
        return np.where(more, ratio, 0.0)


def _null(
    grid: _Grid,
    rows: Integers,
    columns: Integers,
    n_narratives: int,
    random_state: int,
    n_permutations: int,
    progress: Progress | None,
) -> Floats:
    """The largest statistic of all spans and narratives, when rows of tags are dealt to posts at random."""
    rng = np.random.default_rng(random_state)
    carrying, members = np.unique(rows, return_inverse=True)
    totals = np.bincount(columns, minlength=n_narratives)
    spans = grid.spans
    largest = np.zeros(n_permutations)
    for i in range(n_permutations):
        dealt = rng.choice(grid.n_posts, size=len(carrying), replace=False)[members]
        counts = np.bincount(
            columns * (grid.n_steps + 1) + grid.step_of[dealt] + 1, minlength=n_narratives * (grid.n_steps + 1)
        )
        before = counts.reshape(n_narratives, grid.n_steps + 1).cumsum(axis=1)
        for k in range(n_narratives):
            inside = before[k, spans.last] - before[k, spans.first]
            hot = np.flatnonzero(inside >= MIN_POSTS)
            if len(hot):
                found = grid.statistics(inside[hot], int(totals[k]), spans.n_posts[hot], grid.n_posts)
                largest[i] = max(largest[i], float(found.max()))
        if progress:
            progress("looking for bursts", (i + 1) / n_permutations)
    return largest


def _repeatedly(grid: _Grid, rows: Integers, least: float) -> list[tuple[int, int, float, float]]:
    """Spans of one narrative whose statistic is ``least`` or more, the strongest first, each without the posts before.

    Returns ``(first post, end post, expected, statistic)`` of each.
    """
    spans = grid.spans
    tagged = np.concatenate([[0], np.cumsum(np.bincount(grid.step_of[rows], minlength=grid.n_steps))])
    open_spans = np.ones(len(spans.first), dtype=np.bool_)
    found: list[tuple[int, int, float, float]] = []
    n_all, total = grid.n_posts, len(rows)
    while open_spans.any():
        inside = tagged[spans.last] - tagged[spans.first]
        statistics = np.where(open_spans, grid.statistics(inside, total, spans.n_posts, n_all), 0.0)
        # Among equals the shortest.
        best = int(np.lexsort((spans.last - spans.first, -statistics))[0])
        if statistics[best] <= 0.0 or statistics[best] < least:
            break
        first, last, n_posts, n_inside = spans.first[best], spans.last[best], spans.n_posts[best], inside[best]
        expected = float(n_posts * (total - n_inside) / max(1, n_all - n_posts))
        found.append((int(grid.before[first]), int(grid.before[last]), expected, float(statistics[best])))
        # Spans that touch it are closed, so that the rest can be counted without its posts.
        open_spans &= (spans.last <= first) | (spans.first >= last)
        n_all, total = n_all - int(n_posts), total - int(n_inside)
    return found
