"""Two models on the same rows: figures against scikit-learn's, planted losses, and the rate of false alarms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from classifier.training.paired import ALPHA, MACRO, Paired, Ranking, _weights, compare_paired


def answers(random_state, *, n_units=150, size=3, n_narratives=10, share=0.1):
    """Two equally good models: one truth, each with noise of its own, in units that hang together."""
    rng = np.random.default_rng(random_state)
    units = np.repeat(np.arange(n_units), size)
    shape = (n_units, n_narratives)
    y = np.repeat(rng.random(shape) < share, size, axis=0) & (rng.random((n_units * size, n_narratives)) < 0.8)
    truth = np.where(y, 2.0, -2.0) + np.repeat(rng.normal(size=shape), size, axis=0)

    def model():
        noise = 0.5 * np.repeat(rng.normal(size=shape), size, axis=0) + rng.normal(size=y.shape)
        return truth + noise

    a, b = model(), model()
    ids = tuple(f"n{k}" for k in range(n_narratives))
    return Paired(ids, y, y, a > 0, b > 0, a, b, ~y.any(axis=1), units)


def test_a_model_is_no_better_than_itself():
    paired = answers(0)
    found = compare_paired(replace(paired, new_yes=paired.old_yes, new_logits=paired.old_logits), n_draws=200)
    for difference in (found.macro, *found.narratives.values()):
        assert (difference.new - difference.old, difference.low, difference.high) == (0.0, 0.0, 0.0)
    for old, new in (found.micro_f1, found.macro_f1, found.plain_tagged):
        assert old == new
    assert found.losses == {}


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6), st.integers(0, 2))
def test_a_draw_is_what_scikit_learn_makes_of_rows_with_these_weights(random_state, n_units, size, digits):
    """Scores of few digits: many rows share one."""
    rng = np.random.default_rng(random_state)
    units = np.repeat(np.arange(n_units), size)
    y, scores = rng.random(len(units)) < 0.3, np.round(rng.normal(size=len(units)), digits)
    ranking = Ranking(scores, y, units, n_units)
    weights = np.concatenate([np.ones((1, n_units)), *_weights(n_units, 5, random_state)])
    assert (weights.sum(axis=1) == n_units).all()
    for weight, found in zip(weights, ranking.average_precision(weights), strict=True):
        rows = weight[units]
        expected = average_precision_score(y, scores, sample_weight=rows) if (rows * y).any() else 0.0
        assert found == pytest.approx(expected)


def test_figures_are_those_of_scikit_learn():
    paired = answers(1)
    found = compare_paired(paired, n_draws=10)
    each = [average_precision_score(paired.y[:, k], paired.new_logits[:, k]) for k in range(10)]
    assert [d.new for d in found.narratives.values()] == pytest.approx(each)
    assert found.macro.new == pytest.approx(np.mean(each))
    assert found.micro_f1[0] == pytest.approx(f1_score(paired.y, paired.old_yes, average="micro"))
    assert found.macro_f1[1] == pytest.approx(f1_score(paired.y, paired.new_yes, average="macro"))
    assert found.plain_tagged[0] == pytest.approx(paired.old_yes[paired.plain].any(axis=1).mean())


@pytest.mark.parametrize("random_state", range(5))
def test_a_loss_in_one_narrative_is_found_and_named(random_state):
    paired = answers(random_state, n_units=300, share=0.2)
    worse = paired.new_logits.copy()
    worse[:, 3] += 2 * np.random.default_rng(random_state).normal(size=len(worse))
    found = compare_paired(replace(paired, new_logits=worse), n_draws=500)
    assert "n3" in found.losses
    assert found.narratives["n3"].high < 0
    assert set(found.losses) <= {MACRO, "n3"}


def test_of_equally_good_models_one_in_twenty_is_found_worse_at_most():
    n = 80
    refused = sum(
        bool(compare_paired(answers(s, size=2), n_draws=300, random_state=s).losses) for s in range(100, 100 + n)
    )
    # More than 9 of 80 happen once in 100 where the rate is ALPHA; the seeds are fixed.
    assert refused <= 9, ALPHA


def test_too_few_rows_judge_nothing():
    found = compare_paired(answers(0, n_units=12), n_draws=100)
    assert not found.enough
    assert found.losses == {}
    some = answers(0, n_units=120, share=0.3)
    rare = some.y.copy()
    rare[np.flatnonzero(rare[:, 2])[20:], 2] = False
    blind = some.new_logits.copy()
    blind[:, 2] = 0.0
    found = compare_paired(replace(some, y=rare, old_y=rare, new_logits=blind), n_draws=500)
    assert found.enough
    assert found.not_judged == ("n2",)
    assert "n2" not in found.losses


def test_each_model_may_be_judged_by_labels_of_its_own():
    paired = answers(4, n_units=200)
    spoiled = np.random.default_rng(0).permutation(paired.y)
    found = compare_paired(replace(paired, y=spoiled, old_y=paired.y), n_draws=500)
    assert MACRO in found.losses
    assert found.macro.old == compare_paired(paired, n_draws=10).macro.old
