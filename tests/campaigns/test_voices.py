"""Voices over time, and the moment at which they change."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from classifier.campaigns.findings import TaggedPost, Voices
from classifier.campaigns.voices import count_voices, find_shifts
from tests.campaigns.made_up import BEGIN, tagged_post

VOICES: tuple[Voices, ...] = ("asserted", "attributed", "rejected")


def drawn(rng: np.random.Generator, n: int, first: float, p: tuple[float, float, float], name: str) -> list[TaggedPost]:
    return [
        tagged_post(int(first * 1_000) + i, first + i, name, voice=VOICES[int(rng.choice(3, p=p))]) for i in range(n)
    ]


def test_a_planted_shift_is_found() -> None:
    """Asserted until the fact-checks came."""
    rng = np.random.default_rng(1)
    posts = drawn(rng, 40, 0, (0.8, 0.15, 0.05), "a") + drawn(rng, 40, 40, (0.1, 0.2, 0.7), "a")
    posts += drawn(rng, 60, 0, (0.4, 0.3, 0.3), "b")
    (shift,) = find_shifts(posts, ["a", "b"], n_permutations=199)
    assert shift.narrative == "a"
    assert abs((shift.at - BEGIN) / timedelta(hours=1) - 40) <= 6
    assert shift.p_value == pytest.approx(2 / 200)  # the smallest of the permutations, twice by Holm
    assert shift.n_before + shift.n_after == 80
    assert shift.difference == pytest.approx(shift.after - shift.before)
    assert shift.low <= shift.difference <= shift.high
    assert (shift.difference > 0) == (shift.voice == "rejected")


def test_no_shifts_by_chance() -> None:
    """Of 60 streams without one, one in twenty may show one; more than 8 would be seen once in 600 such tests."""
    rng = np.random.default_rng(2)
    false = 0
    for k in range(60):
        posts = drawn(rng, 40, 0, (0.5, 0.3, 0.2), "a") + drawn(rng, 30, 3, (0.3, 0.3, 0.4), "b")
        false += bool(find_shifts(posts, ["a", "b"], random_state=k, n_permutations=99))
    assert false <= 8


@pytest.mark.parametrize(
    "posts",
    [
        [],
        [tagged_post(i, i, "a") for i in range(9)],
        [tagged_post(i, i, "a") for i in range(40)],
        [tagged_post(i, 1, "a", voice=VOICES[i % 3]) for i in range(40)],
        [tagged_post(i, i, "a", voice=None) for i in range(40)],
    ],
    ids=["empty", "few", "one-voice", "one-moment", "no-voices"],
)
def test_nothing_to_find(posts: list[TaggedPost]) -> None:
    """Where no moment can divide anything."""
    assert find_shifts(posts, ["a"], n_permutations=19) == ()


def test_counts_are_all_of_them() -> None:
    """Every tagged post with a voice is counted once, in its own bin."""
    rng = np.random.default_rng(3)
    posts = drawn(rng, 50, 0, (0.4, 0.3, 0.3), "a") + drawn(rng, 30, 7, (0.4, 0.3, 0.3), "b")
    points = count_voices(posts, timedelta(hours=6))
    assert sum(sum(point.counts.values()) for point in points) == 80
    for point in points:
        assert point.end - point.begin == timedelta(hours=6)
        for voice, n in point.counts.items():
            inside = [
                p
                for p in posts
                for tag in p.tags
                if tag.narrative == point.narrative and tag.voice == voice and point.begin <= p.post.time < point.end
            ]
            assert len(inside) == n
