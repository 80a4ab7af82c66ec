"""Clusters: what belongs together is together, in the order of time, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.campaigns.claims import LINK, Wording, _Items, _join, group_claims
from classifier.campaigns.clusters import find_clusters, find_pairs
from classifier.campaigns.copies import group_copies
from classifier.corpus.splits import NEAR_DUPLICATE, jaccard, shingles
from tests.campaigns.made_up import tagged_post

SCHOOL = "In Lankaran a school headmistress was thrown out in the middle of lessons because she taught in Russian."
SCHOOL_AGAIN = "The headmistress from Lankaran gave thirty years to the school and was driven out for being Russian."
SCHOOL_DENIED = "The headmistress of the Lankaran school retired at her own request, nobody drove her out."
WORDS = ["война", "мир", "газета", "школа", "сосед", "граница", "посол", "берег", "труба", "карта"]
WORDING = Wording(WORDS)
TANKER = "Nobody in Poti was afraid when the tanker was sent home, and that is what the end of an empire looks like."


def test_copies_rewordings_and_a_rejection() -> None:
    """One cluster in the order of time, however the posts are ordered; the other claim stays outside."""
    posts = [
        tagged_post(1, 0, "a", text=SCHOOL, source="one"),
        tagged_post(2, 1, "a", text=f"⚡️ {SCHOOL.upper()}!!!", source="two"),
        tagged_post(3, 2, "a", text=SCHOOL_AGAIN, source="three"),
        tagged_post(4, 3, "a", text=SCHOOL, source="one"),
        tagged_post(5, 9, "a", text=SCHOOL_DENIED, source="four", voice="rejected"),
        tagged_post(6, 4, "a", text=TANKER, source="two"),
        tagged_post(7, 5, text=SCHOOL_AGAIN.replace("thirty", "forty"), source="five"),
    ]
    (cluster,) = find_clusters(posts[::-1], ["a", "b"])
    assert cluster == find_clusters(posts, ["a", "b"])[0]
    assert cluster.kind == "claim"
    assert cluster.narratives == ("a",)
    assert cluster.sources == ("one", "two", "three", "five", "four")
    assert [e.post for e in cluster.echoes] == [f"p{i:05d}" for i in (1, 2, 3, 4, 7, 5)]
    assert [e.how for e in cluster.echoes] == ["first", "copy", "reworded", "copy", "copy", "reworded"]
    assert [e.again for e in cluster.echoes] == [False, False, False, True, False, False]
    assert [e.lag / timedelta(hours=1) for e in cluster.echoes] == [0, 1, 2, 3, 5, 9]
    assert cluster.echoes[3].nearest == "p00001"
    assert cluster.echoes[3].similarity == 1.0
    assert cluster.echoes[4].nearest == "p00003"
    assert cluster.echoes[4].voice is None  # no tag of its own: it is here as a copy
    assert cluster.echoes[5].voice == "rejected"
    assert cluster.summary in (SCHOOL, SCHOOL_AGAIN)
    pairs = find_pairs([cluster])
    assert {(p.leader, p.follower) for p in pairs} == {("one", "two"), ("one", "three"), ("one", "five")}
    assert pairs[0].median_lag == timedelta(hours=1)


def test_only_copies() -> None:
    """All near-duplicates of one another."""
    posts = [tagged_post(i, i, "a", text=SCHOOL + "!" * i, source=f"s{i}") for i in range(4)]
    (cluster,) = find_clusters(posts, ["a"])
    assert cluster.kind == "copies"
    assert {e.nearest for e in cluster.echoes[1:]} == {"p00000"}


def test_what_is_no_cluster() -> None:
    """Other narratives, too long after, a single sure post, nothing tagged."""
    first = tagged_post(1, 0, "a", text=SCHOOL)
    assert find_clusters([first, tagged_post(2, 1, "b", text=SCHOOL_AGAIN)], ["a", "b"]) == ()
    assert find_clusters([first, tagged_post(2, 49, "a", text=SCHOOL_AGAIN)], ["a"]) == ()
    assert len(find_clusters([first, tagged_post(2, 47, "a", text=SCHOOL_AGAIN)], ["a"])) == 1
    unsure = tagged_post(2, 1, "a", text=SCHOOL_AGAIN)
    unsure = replace(unsure, tags=(replace(unsure.tags[0], decision="unsure"),))
    assert find_clusters([first, unsure], ["a"]) == ()
    assert find_clusters([tagged_post(i, i, text=SCHOOL) for i in range(9)], ["a"]) == ()
    assert find_clusters([], ["a"]) == ()
    assert find_clusters([first], ["a"]) == ()


def test_posts_of_one_moment_do_not_follow() -> None:
    """Who was first cannot be told."""
    posts = [tagged_post(i, 0, "a", text=SCHOOL, source=f"s{i}") for i in range(3)]
    clusters = find_clusters(posts, ["a"])
    assert len(clusters) == 1
    assert find_pairs(clusters) == ()


def test_a_chain_does_not_merge_everything() -> None:
    """Each text shares half of its words with the next; the ends share nothing and are not together."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("bcdfgklmnprstvzaeiou"), size=9)) for _ in range(70)]
    texts = [" ".join(words[i * 3 : i * 3 + 6]) for i in range(20)]
    n = len(texts)
    groups = group_claims(
        Wording(texts).vectorize(texts),
        np.ones((n, 1), dtype=np.bool_),
        np.arange(n) * 1.0,
        np.arange(n) * 1.0,
        window=1e6,
    )
    assert groups[0] != groups[-1]
    assert max(np.bincount(groups)) < n / 2


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_groups_of_claims_by_hand(seed: int) -> None:
    """One pass by blocks is the plain definition: join the group with the highest average, else open one."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    texts = [" ".join(rng.choice(WORDS, size=4)) for _ in range(n)]
    carries = rng.random((n, 3)) < 0.5
    times = np.sort(rng.uniform(0, 100, n))
    vectors = WORDING.vectorize(texts)
    alike = (vectors @ vectors.T).toarray() * ((carries.astype(int) @ carries.T.astype(int)) > 0)
    label: list[int] = []
    for i in range(n):
        best, link = -1, 0.0
        for group in sorted(set(label)):
            members = [j for j in range(i) if label[j] == group]
            if times[members[-1]] >= times[i] - 30 and alike[i, members].mean() > link + 1e-9:
                best, link = group, float(alike[i, members].mean())
        label.append(best if link >= LINK else len(set(label)))
    found = _join(_Items(vectors, carries, times, times, np.ones(n, dtype=np.int64)), 30.0, None)
    assert found.tolist() == label


@settings(max_examples=25)
@given(st.lists(st.text(alphabet="ab c!", max_size=30), max_size=30))
def test_copies_are_near_duplicates_of_their_first(texts: list[str]) -> None:
    """And a first text is a near-duplicate of no other first one."""
    leaders = group_copies(texts).tolist()
    for i, leader in enumerate(leaders):
        assert leader <= i
        assert leaders[leader] == leader
        if leader != i:
            assert jaccard(shingles(texts[leader]), shingles(texts[i])) > NEAR_DUPLICATE
    firsts = sorted({leader for leader in leaders if texts[leader].strip(" !")})
    for a in firsts:
        for b in firsts:
            assert a == b or jaccard(shingles(texts[a]), shingles(texts[b])) <= NEAR_DUPLICATE


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_texts(n: int) -> None:
    """Nothing, and one text."""
    vectors = Wording(["text"]).vectorize(["text"] * n)
    times = np.zeros(n)
    assert group_claims(vectors, np.ones((n, 2), dtype=np.bool_), times, times, window=1.0).tolist() == [0] * n
