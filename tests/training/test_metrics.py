import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from classifier.training.metrics import bootstrap_sums, bootstrap_weights, measure, measure_voices


@given(st.integers(0, 10_000))
def test_figures_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    y, p = rng.random((40, 3)) < 0.3, rng.random((40, 3))
    pred = p > 0.6
    report = measure(["a", "b", "c"], y, pred, p, np.arange(40) // 2)
    assert report["micro"]["f1"] == pytest.approx(f1_score(y, pred, average="micro", zero_division=0), abs=1e-4)
    assert report["micro"]["precision"] == pytest.approx(
        precision_score(y, pred, average="micro", zero_division=0), abs=1e-4
    )
    assert report["micro"]["recall"] == pytest.approx(recall_score(y, pred, average="micro", zero_division=0), abs=1e-4)
    occurs = y.any(axis=0)
    assert report["macro"]["f1"] == pytest.approx(
        f1_score(y[:, occurs], pred[:, occurs], average="macro", zero_division=0), abs=1e-4
    )
    plain = ~y.any(axis=1)
    assert report["plain"]["tagged"] == pytest.approx(pred[plain].any(axis=1).mean(), abs=1e-4)


def test_whole_units_are_drawn():
    units = np.array([5, 5, 9, 9, 9, 2])
    weights = bootstrap_weights(units, 0)
    assert weights.shape == (1_000, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, [0, 2, 5]].sum(axis=1) == 3).all()
    assert weights[:, 0].mean() == pytest.approx(1.0, abs=0.1)


@given(st.integers(0, 10_000))
def test_sums_of_samples_are_those_of_the_weights_exactly(seed):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, rng.integers(1, 40), size=60)
    columns = rng.random((60, 4)) < 0.4
    weights = bootstrap_weights(units, seed)
    assert np.array_equal(bootstrap_sums(units, columns, seed), weights @ columns)
    assert np.array_equal(bootstrap_weights(units, seed, 20), weights[:20])


def test_intervals_are_wider_when_rows_are_not_independent():
    rng = np.random.default_rng(0)
    truth = rng.random(100) < 0.5
    right = rng.random(100) < 0.7
    y = np.repeat(truth, 4)[:, None]
    pred = np.repeat(np.where(right, truth, ~truth), 4)[:, None]
    alone = measure(["a"], y, pred, pred.astype(float), np.arange(400))["micro"]["f1_interval"]
    together = measure(["a"], y, pred, pred.astype(float), np.arange(400) // 4)["micro"]["f1_interval"]
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])


def test_voices_by_hand():
    p = np.eye(3)[[0, 0, 1, 2]]
    report = measure_voices(["n"], ["x", "y", "z"], np.array([0, 1, 1, 2]), p, np.zeros(4, dtype=int))
    assert report["accuracy"] == 0.75
    assert report["voices"]["x"] == {"support": 1, "precision": 0.5, "recall": 1.0}
    assert report["voices"]["y"] == {"support": 2, "precision": 1.0, "recall": 0.5}


def test_nothing_to_measure_gives_zeros_not_errors():
    empty = measure(["a"], np.zeros((3, 1), bool), np.zeros((3, 1), bool), np.zeros((3, 1)), np.arange(3))
    assert empty["micro"]["f1"] == 0
    assert empty["macro"]["f1"] == 0
    assert empty["plain"]["tagged"] == 0
