import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, fbeta_score

from classifier.model.decisions import sigmoid
from classifier.training.calibration import (
    best_threshold,
    fit_coverage_bound,
    fit_length_penalty,
    fit_line,
    fit_lines,
    fit_thresholds,
)
from classifier.training.metrics import expected_calibration_error


@given(
    st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 11).tolist()), st.booleans()), min_size=2, max_size=30),
    st.sampled_from([1.0, 2.0]),
)
def test_no_other_threshold_has_a_better_f(pairs, beta):
    p, y = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    threshold = best_threshold(p, y, beta=beta)
    if not y.any():
        assert threshold == 1.0
        return
    best = fbeta_score(y, p >= threshold, beta=beta, zero_division=0)
    for other in [-1.0, *np.linspace(0, 1.1, 23)]:
        assert fbeta_score(y, p >= other, beta=beta, zero_division=0) <= best + 1e-12


def test_platt_scaling_finds_the_line_that_made_the_labels():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(20_000, 3)) * 2
    y = rng.random(raw.shape) < sigmoid(0.5 * raw - 1.0)
    for line in [fit_line(raw[:, 0], y[:, 0]), *fit_lines(raw, y)]:
        assert line.slope == pytest.approx(0.5, abs=0.05)
        assert line.intercept == pytest.approx(-1.0, abs=0.1)
    calibrated = sigmoid(raw * 0.5 - 1.0)
    assert expected_calibration_error(calibrated, y) < 0.01 < expected_calibration_error(sigmoid(raw), y)


def test_calibration_never_turns_the_order_round():
    raw = np.array([3.0, 2.0, 1.0, 0.0])
    assert fit_line(raw, np.array([False, False, True, True])).slope > 0
    assert fit_line(raw, np.zeros(4, bool)).slope == 1.0


def scores(seed=0, n=3_000):
    rng = np.random.default_rng(seed)
    y = rng.random((n, 4)) < np.array([0.02, 0.05, 0.1, 0.004])
    return sigmoid(rng.normal(size=y.shape) + 3.0 * y - 2.5), y


@pytest.mark.parametrize("allowed", [0.02, 0.08, 1.0])
def test_plain_sentences_are_tagged_no_more_than_allowed(allowed):
    p, y = scores()
    found = fit_thresholds(p, y, max_false_alarms=allowed)
    plain = ~y.any(axis=1)
    assert (p[plain] >= found.threshold).any(axis=1).mean() <= allowed
    assert (found.unsure_from <= found.threshold).all()
    assert ((found.threshold > 0) & (found.threshold < 1)).all()


def test_with_room_thresholds_are_near_the_best_ones():
    p, y = scores(1, 20_000)
    found = fit_thresholds(p, y, max_false_alarms=1.0)
    for k in (1, 2):
        best = f1_score(y[:, k], p[:, k] >= best_threshold(p[:, k], y[:, k]))
        assert f1_score(y[:, k], p[:, k] >= found.threshold[k]) > best - 0.02


def test_the_length_penalty_keeps_neutral_texts_neutral():
    p, y = scores(2)
    logits = np.log(p / (1 - p))
    threshold = fit_thresholds(p, y, max_false_alarms=0.08).threshold
    units = np.arange(len(y))
    penalty, figures = fit_length_penalty(logits, y, units, threshold, random_state=0)
    assert penalty > 0
    assert figures["neutral_tagged"] <= 0.1
    assert figures["planted_found"] > 0.5
    assert fit_length_penalty(logits, y, units, threshold, random_state=0) == (penalty, figures)


def test_neutral_texts_are_made_of_units_without_a_narrative():
    p, y = scores(3)
    hard = ~y.any(axis=1) & (np.arange(len(y)) % 2 == 0)
    units = np.where(hard | y.any(axis=1), 0, np.arange(len(y)))  # hard contrasts share a unit with positives
    logits = np.log(p / (1 - p)) + 8.0 * hard[:, None]  # and every one of them is a false alarm
    threshold = np.full(4, 0.5)
    easy, _ = fit_length_penalty(logits, y, units, threshold, random_state=0)
    mixed, _ = fit_length_penalty(logits, y, np.arange(len(y)), threshold, random_state=0)
    assert easy < mixed


@given(st.lists(st.floats(0, 1), max_size=20), st.lists(st.floats(0, 1), max_size=20))
def test_no_other_coverage_bound_has_a_smaller_larger_error(familiar, foreign):
    a, b = np.array(familiar), np.array(foreign)
    bound, figures = fit_coverage_bound(a, b)
    if not familiar or not foreign:
        assert bound == 0.5
        return
    worst = max(figures["familiar_refused"], figures["foreign_accepted"])
    for other in np.round(np.arange(0.2, 0.91, 0.01), 2):
        assert worst <= max((a < other).mean(), (b >= other).mean()) + 0.5 / min(len(a), len(b)) + 1e-9


def test_ece_by_hand():
    p = np.array([0.05, 0.05, 0.95, 0.95])
    y = np.array([False, True, True, True])
    assert expected_calibration_error(p, y) == pytest.approx((abs(0.1 - 1) + abs(1.9 - 2)) / 4)
    assert list(itertools.chain([expected_calibration_error(np.array([1.0]), np.array([True]))])) == [0.0]


def test_thresholds_of_single_labels_keep_the_false_alarms_and_no_more():
    rng = np.random.default_rng(0)
    p = rng.random((400, 3))
    y = np.eye(3, dtype=bool)[rng.integers(0, 3, 400)]
    y[:100] = False
    for allowed in (0.0, 0.05, 1.0):
        t = fit_thresholds(p, y, max_false_alarms=allowed, multilabel=False)
        assert len(set(t.threshold.tolist())) == 1
        tagged = (p[:100].max(axis=1) >= t.threshold[0]).mean()
        assert tagged == pytest.approx(allowed)
    assert fit_thresholds(p, y | ~y.any(axis=1)[:, None], multilabel=False).threshold.tolist() == [0.0] * 3
