"""The pure ranking: what must hold for any queue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import InputError
from classifier.review.ranking import doubt, find_groups, rank, surprise

probability = st.floats(0.0, 1.0)
threshold = st.floats(0.01, 0.99)

WORDS = "river market letter engine window garden bridge paper winter candle mirror island".split()


def distinct(n, random_state=0):
    """Texts that have next to nothing in common."""
    rng = np.random.default_rng(random_state)
    return [f"{''.join(rng.choice(list('abcdefghijklmnopqrstuvwxyz'), 60))}" for _ in range(n)]


@given(probability, threshold)
def test_doubt_is_largest_at_the_threshold(p, t):
    assert 0.0 <= doubt(p, t) <= doubt(t, t) == pytest.approx(1.0)
    assert doubt(0.0, t) == doubt(1.0, t) == pytest.approx(0.0)


@given(probability, probability, threshold)
def test_nearer_on_the_same_side_is_more_doubtful(a, b, t):
    near, far = sorted((a, b), key=lambda p: abs(p - t))
    if (near < t) == (far < t):
        assert doubt(near, t) >= doubt(far, t) - 1e-12


@given(probability, threshold)
def test_surprise_is_the_distance_from_what_was_said(p, t):
    assert surprise(p, t, True) + surprise(p, t, False) == pytest.approx(1.0)
    assert (surprise(p, t, True) > 0.5) == (doubt(p, t) < 1.0 and p < t) or p == pytest.approx(t)
    assert surprise(1.0, t, True) == surprise(0.0, t, False) == pytest.approx(0.0)


def test_whole_arrays_against_a_row_of_thresholds():
    p, t = np.random.default_rng(0).random((5, 3)), np.array([0.2, 0.5, 0.9])
    expected = [[float(doubt(p[i, k], t[k])) for k in range(3)] for i in range(5)]
    assert doubt(p, t) == pytest.approx(np.array(expected))


@given(
    st.lists(st.tuples(st.sampled_from(WORDS), probability, st.integers(-1, 3)), max_size=60),
    probability,
    probability,
    st.integers(0, 5),
)
def test_any_queue_is_ordered_whole_and_the_same_each_time(rows, audit_share, rare_share, random_state):
    texts, doubts, columns = [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
    options = {"audit_share": audit_share, "rare_share": rare_share, "random_state": random_state}
    ranking = rank(texts, doubts, columns, [5, 0, 100, 7], **options)
    assert sorted(ranking.order) == list(range(len(rows)))
    assert ranking == rank(texts, doubts, columns, [5, 0, 100, 7], **options)
    assert len(set(ranking.priorities)) == len(rows)
    assert all(0.0 < p <= 1.0 for p in ranking.priorities)
    assert sorted(range(len(rows)), key=lambda i: -ranking.priorities[i]) == list(ranking.order)


def test_without_quota_and_audit_doubt_decides():
    doubts = np.random.default_rng(1).random(40)
    ranking = rank(distinct(40), doubts, np.zeros(40, int), [100], audit_share=0, rare_share=0)
    assert list(ranking.order) == np.argsort(-doubts).tolist()
    assert set(ranking.concerns) == {"doubt"}


def test_copies_stand_behind_what_is_new():
    copies = [f"The very same rumour about the border is passed on again, part {i}." for i in range(50)]
    texts = copies + distinct(10)
    doubts = [1.0] * 50 + [0.3] * 10
    order = rank(texts, doubts, np.zeros(60, int), [100], audit_share=0, rare_share=0).order
    # A copy counts half as much as the one before it: 1, .5, then .25 is less than the others' .3.
    assert [i < 50 for i in order[:12]] == [True, True] + [False] * 10


def test_the_same_text_with_another_label_is_another_question():
    order = rank(["Same text."] * 4, [1.0, 0.9, 0.8, 0.7], [0, 0, 1, 1], [9, 9], audit_share=0, rare_share=0).order
    assert order[:2] == (0, 2)


def test_groups_are_those_of_like_texts():
    a, b = distinct(2)
    assert find_groups([a, b, a + "!", b.upper(), "x"]).tolist() == [0, 1, 0, 1, 2]
    assert find_groups([]).tolist() == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
def test_the_audit_has_its_share_of_every_beginning(share):
    n = 80
    ranking = rank(distinct(n), np.linspace(1, 0, n), np.zeros(n, int), [100], audit_share=share)
    drawn = np.cumsum([ranking.concerns[i] == "audit" for i in ranking.order])
    for m in range(1, n + 1):
        assert abs(drawn[m - 1] - share * m) < 1.0 + 1e-6


def test_the_audit_is_drawn_from_the_whole_queue():
    n = 400
    ranking = rank(distinct(n), np.linspace(1, 0, n), np.zeros(n, int), [100], random_state=3)
    audited = [i for i in ranking.order[:200] if ranking.concerns[i] == "audit"]
    assert len(audited) == 20
    # By doubt alone the second half would not be among the first 200.
    assert sum(i >= n // 2 for i in audited) > 2
    other = rank(distinct(n), np.linspace(1, 0, n), np.zeros(n, int), [100], random_state=4)
    assert audited != [i for i in other.order[:200] if other.concerns[i] == "audit"]


def test_rare_labels_get_their_places_though_nobody_doubts_them():
    n = 90
    columns = np.arange(n) % 3
    doubts = np.where(columns == 0, 1.0, 0.01)
    ranking = rank(distinct(n), doubts, columns, [1000, 100, 50], audit_share=0, rare_share=0.25)
    rare = [int(columns[i]) for i in ranking.order[:36] if ranking.concerns[i] == "rare"]
    # Nine seats by D'Hondt over 1/1000, 1/100, 1/50: six for the rarest, three for the next, none for the commonest.
    assert sorted(rare) == [1, 1, 1, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_out_of_range_are_refused(share):
    with pytest.raises(InputError, match="audit_share"):
        rank(["a"], [1.0], [0], [1], audit_share=share)


def test_lengths_must_agree():
    with pytest.raises(InputError, match="give n each"):
        rank(["a", "b"], [1.0], [0, 0], [1])
