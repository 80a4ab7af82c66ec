"""Bursts: planted ones are found where they are, chance makes none more often than it says."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from classifier.campaigns.bursts import _Grid, find_bursts
from classifier.campaigns.findings import TaggedPost
from tests.campaigns.made_up import BEGIN, tagged_post

NARRATIVES = ["a", "b", "c"]


def stream(rng: np.random.Generator, n: int = 300, share: float = 0.05) -> list[TaggedPost]:
    """Two weeks of posts with busy and quiet days; tags are independent of time."""
    days = rng.choice(14, size=n, p=rng.dirichlet(np.full(14, 2.0)))
    hours = days * 24 + rng.uniform(0, 24, size=n)
    return [
        tagged_post(i, float(hour), *(narrative for narrative in NARRATIVES if rng.random() < share))
        for i, hour in enumerate(hours)
    ]


def test_no_bursts_without_campaigns() -> None:
    """Of 40 streams that have none, one in twenty may show one; more than 6 would be seen once in 300 such tests."""
    rng = np.random.default_rng(11)
    false = sum(bool(find_bursts(stream(rng), NARRATIVES, random_state=k, n_permutations=99)) for k in range(40))
    assert false <= 6


def test_a_planted_burst_is_found() -> None:
    """Its narrative, its time, its posts, and nothing else."""
    rng = np.random.default_rng(3)
    posts = stream(rng)
    planted = [tagged_post(1_000 + i, 100 + i * 0.5, "b", source=f"s{i}") for i in range(12)]
    bursts = find_bursts([*planted, *posts], NARRATIVES, n_permutations=199)
    assert [burst.narrative for burst in bursts] == ["b"]
    (burst,) = bursts
    assert BEGIN + timedelta(hours=98) <= burst.begin <= BEGIN + timedelta(hours=101)
    assert BEGIN + timedelta(hours=104) <= burst.end <= BEGIN + timedelta(hours=108)
    assert burst.n_posts >= 11
    assert burst.expected < 3
    assert burst.p_value == pytest.approx(1 / 200)
    assert {"s1", "s9"} <= set(burst.sources)


def test_two_bursts_of_one_narrative() -> None:
    """The weaker one is found beside the stronger."""
    posts = stream(np.random.default_rng(4), share=0.02)
    first = [tagged_post(1_000 + i, 60 + i * 0.2, "a") for i in range(20)]
    second = [tagged_post(2_000 + i, 250 + i * 0.3, "a") for i in range(10)]
    bursts = find_bursts([*first, *second, *posts], NARRATIVES, n_permutations=199)
    assert [burst.narrative for burst in bursts] == ["a", "a"]
    assert bursts[0].end < bursts[1].begin
    assert bursts[0].n_posts >= 19
    assert bursts[1].n_posts >= 9


def test_a_busy_day_is_no_burst() -> None:
    """Ten times the posts, the same share."""
    rng = np.random.default_rng(6)
    posts = [tagged_post(i, float(h), *(["a"] if i % 10 == 0 else [])) for i, h in enumerate(rng.uniform(0, 336, 200))]
    busy = [
        tagged_post(500 + i, float(h), *(["a"] if i % 10 == 0 else [])) for i, h in enumerate(rng.uniform(96, 120, 150))
    ]
    assert find_bursts([*posts, *busy], NARRATIVES, n_permutations=199) == ()


def test_the_statistic_is_kulldorffs() -> None:
    """Log-likelihood ratio of the Bernoulli model, worked out by hand."""
    grid = _Grid(np.arange(100, dtype=np.float64), 1.0)
    c, n, total, n_all = 6, 10, 9, 100

    def log_likelihood(k: int, m: int) -> float:
        return k * math.log(k / m) + (m - k) * math.log(1 - k / m)

    expected = log_likelihood(c, n) + log_likelihood(total - c, n_all - n) - log_likelihood(total, n_all)
    found = grid.statistics(np.array([c, 0]), total, np.array([n, n]), n_all)
    assert found.tolist() == pytest.approx([expected, 0.0])


@pytest.mark.parametrize(
    "posts",
    [
        [],
        [tagged_post(0, 0, "a")],
        [tagged_post(i, 5, "a") for i in range(20)],
        [tagged_post(i, i, "a") for i in range(20)],
        [tagged_post(i, i) for i in range(20)],
        [tagged_post(i, i, "unknown") for i in range(20)],
        [tagged_post(0, 0, "a"), tagged_post(1, 24 * 365 * 400, "a")],
        [tagged_post(i, i, "a", familiar=i < 1) for i in range(20)],
    ],
    ids=["empty", "one", "one-moment", "all-tagged", "none-tagged", "other", "four-centuries", "unfamiliar"],
)
def test_nothing_to_find(posts: list[TaggedPost]) -> None:
    """Streams in which no share can differ."""
    assert find_bursts(posts, NARRATIVES, n_permutations=19) == ()


def test_order_of_posts_does_not_matter() -> None:
    """The same posts and state give the same bursts."""
    posts = [*stream(np.random.default_rng(8)), *(tagged_post(900 + i, 50 + i * 0.1, "c") for i in range(9))]
    assert find_bursts(posts, NARRATIVES, n_permutations=99) == find_bursts(posts[::-1], NARRATIVES, n_permutations=99)
