"""Known truth: halves of one batch do not differ, and what was planted is found, where it was planted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import InputError
from classifier.training.drift import (
    Batch,
    changed_words,
    compare,
    psi,
    psi_by_chance,
    ratio_change,
    share_change,
)

IDS = ("cold-sun", "costly-wind", "slow-trains", "warm-milk")


def batch(rng, n=400, *, moved=None, by=0.0, unknown=0.1, unsure=0.2, unfamiliar=0.02):
    """Texts of a made-up model: correlated logits, some share of unknown words."""
    logits = rng.normal(-2.0, 1.5, (n, len(IDS))) + rng.normal(0, 0.7, (n, 1))
    if moved is not None:
        logits[:, IDS.index(moved)] += by
    n_words = rng.integers(10, 60, n)
    # Texts differ in how strange they are, so that words within one hang together.
    strange = rng.beta(20 * unknown, 20 * (1 - unknown), n)
    yes = logits > 0
    return Batch(
        IDS,
        yes,
        (rng.random((n, 1)) < unsure) & ~yes,
        logits,
        rng.random(n) < unfamiliar,
        n_words,
        rng.binomial(n_words, strange),
        Counter(),
    )


def test_halves_of_one_batch_seldom_raise_an_alarm():
    rng = np.random.default_rng(0)
    verdicts = Counter(compare(batch(rng), batch(rng)).verdict for _ in range(150))
    assert verdicts["retrain"] == 0
    # .05 for all narratives together and .01 for each of three shares: .08 of 150 is 12, and 3 standard deviations.
    assert verdicts["look"] <= 22


@pytest.mark.parametrize("moved", IDS)
def test_a_planted_shift_is_found_where_it_is(moved):
    rng = np.random.default_rng(IDS.index(moved))
    found = compare(batch(rng), batch(rng, moved=moved, by=1.2))
    assert found.verdict == "retrain"
    assert [n.id for n in found.narratives if n.p_adjusted < 0.01] == [moved]
    assert max(found.narratives, key=lambda n: n.psi).id == moved
    assert f"scores of {moved} moved" in found.reasons[0]
    changed = {n.id: n.prevalence for n in found.narratives}[moved]
    assert changed.is_there
    assert changed.low < changed.new - changed.old < changed.high


def test_a_small_shift_is_worth_a_look():
    rng = np.random.default_rng(1)
    found = compare(batch(rng, 3000), batch(rng, 3000, moved="warm-milk", by=0.4))
    assert found.verdict == "look"
    assert "warm-milk" in found.reasons[0]


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ({"unknown": 0.2}, "words that training has not seen"),
        ({"unsure": 0.45}, "texts with an unsure narrative"),
        ({"unfamiliar": 0.15}, "texts that are unfamiliar"),
    ],
)
def test_each_share_is_a_reason_of_its_own(planted, told):
    rng = np.random.default_rng(2)
    found = compare(batch(rng), batch(rng, **planted))
    assert found.verdict == "retrain"
    assert len(found.reasons) == 1
    assert told in found.reasons[0]


def test_fewer_unknown_words_are_no_reason_to_retrain():
    rng = np.random.default_rng(3)
    assert compare(batch(rng, unknown=0.2), batch(rng)).verdict == "look"


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    shares = [share_change(rng.random(300) < 0.2, rng.random(200) < 0.3, 0.95, rng) for _ in range(200)]
    assert 0.9 <= np.mean([c.low <= 0.1 <= c.high for c in shares]) <= 0.99

    def words(n, share):
        whole = rng.integers(5, 40, n)
        return rng.binomial(whole, rng.beta(10 * share, 10 * (1 - share), n)), whole

    ratios = [ratio_change(words(150, 0.2), words(150, 0.3), 0.95, rng) for _ in range(60)]
    assert np.mean([c.low <= 0.1 <= c.high for c in ratios]) >= 0.86


def test_the_index_of_equal_batches_is_what_chance_gives():
    rng = np.random.default_rng(5)
    found = [psi(rng.normal(size=400), rng.normal(size=300)) for _ in range(400)]
    assert 0.01 <= np.mean(np.array(found) > psi_by_chance(400, 300)) <= 0.1


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=50), st.lists(st.floats(-5, 5), min_size=2, max_size=50))
def test_the_index_is_never_below_zero(old, new):
    assert psi(np.array(old), np.array(new)) >= 0.0
    assert psi(np.array(old), np.array(old)) == pytest.approx(0.0)


def test_words_that_are_new_or_gone():
    common = Counter({f"w{i}": 300 + i for i in range(50)})
    found = changed_words(common + Counter(gone=80), common + Counter(fresh=60, rare=1))
    assert [(w.word, w.n_old, w.n_new) for w in found] == [("fresh", 0, 60), ("gone", 80, 0)]
    assert found[0].z > 3
    assert found[1].z < -3
    assert changed_words(common, common) == []
    assert changed_words({}, {}) == []
    changed_words({"only": 5}, {"only": 9})


def test_answers_without_logits_are_compared_by_what_was_decided():
    rng = np.random.default_rng(6)
    old, new = batch(rng), batch(rng, moved="cold-sun", by=1.5)
    bare = Batch(IDS, new.yes, new.unsure, None, new.unfamiliar, None, None, Counter())
    found = compare(old, bare)
    assert {n.psi for n in found.narratives} == {None}
    assert found.unknown_words is None
    assert {n.id: n.prevalence.is_there for n in found.narratives}["cold-sun"]


def test_too_few_texts_say_nothing_and_none_is_an_error():
    rng = np.random.default_rng(7)
    assert compare(batch(rng, 20), batch(rng, 20, moved="cold-sun", by=5.0)).verdict == "too few"
    with pytest.raises(InputError, match="new batch holds no text"):
        compare(batch(rng), batch(rng, 0))
