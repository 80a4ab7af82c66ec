"""Confident learning and label quality, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.training.label_quality import (
    EMA,
    confident_issues,
    confident_thresholds,
    row_quality,
    self_confidence,
)


def corrupted(n=3000, n_narratives=3, share=0.05, random_state=0):
    """Probabilities of a good model, the true labels, the labels as given, and where they were flipped."""
    rng = np.random.default_rng(random_state)
    truth = rng.random((n, n_narratives)) < 0.2
    probabilities = 1 / (1 + np.exp(-(np.where(truth, 2.0, -3.0) + rng.normal(0, 1, truth.shape))))
    flipped = rng.random(truth.shape) < share
    return probabilities, truth, truth ^ flipped, flipped


def joint_by_hand(p, y):
    """One narrative's off-diagonal of the confident joint, example by example as in the paper."""
    t = {True: np.mean([q for q, given in zip(p, y, strict=True) if given])}
    t[False] = np.mean([1 - q for q, given in zip(p, y, strict=True) if not given])
    found = []
    for q, given_label in zip(p, y, strict=True):
        belief = {True: q, False: 1 - q}
        confident = [c for c in (False, True) if belief[c] >= t[c]]
        found.append(bool(confident) and max(confident, key=belief.__getitem__) != given_label)
    return found


def test_the_off_diagonal_is_that_of_the_paper():
    p, _, y, _ = corrupted()
    expected = np.column_stack([joint_by_hand(p[:, k], y[:, k]) for k in range(3)])
    assert np.array_equal(confident_issues(p, y), expected)


def test_planted_errors_are_found_and_ranked_first():
    p, _, y, flipped = corrupted()
    found = confident_issues(p, y)
    assert (found & flipped).sum() / flipped.sum() > 0.7
    quality = self_confidence(p, y)
    worst = np.argsort(quality, axis=None)[: flipped.sum() // 2]
    assert flipped.ravel()[worst].mean() > 0.95


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=20))
def test_a_row_is_no_better_than_its_best_and_no_worse_than_its_worst(rows):
    quality = np.array(rows)
    found = row_quality(quality)
    assert (found <= quality.max(axis=1) + 1e-12).all()
    assert (found >= quality.min(axis=1) - 1e-12).all()
    assert row_quality(quality[:, ::-1]) == pytest.approx(found)


def test_a_row_by_hand():
    assert EMA == 0.8
    # Best to worst: 1, .9, .1.
    assert row_quality(np.array([[0.1, 1.0, 0.9]]))[0] == pytest.approx(0.8 * 0.1 + 0.2 * (0.8 * 0.9 + 0.2 * 1.0))


def test_a_narrative_that_nothing_carries_raises_no_doubt():
    p = np.array([[0.9], [0.1]])
    y = np.array([[False], [False]])
    assert np.isnan(confident_thresholds(p, y)[0]).all()
    assert not confident_issues(p, y).any()
    assert not confident_issues(1 - p, ~y).any()
