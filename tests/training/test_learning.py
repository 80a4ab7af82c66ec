"""Learning curves and their forecasts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import parse_taxonomy
from classifier.training.crossval import Options, cross_validate
from classifier.training.evaluation import prepare
from classifier.training.learning import SHARES, extrapolate, learning_curve, weighted_average_precision

SHARES_AND_ALL = np.array([*SHARES, 1.0])


@given(
    level=st.floats(0.05, 0.8),
    power=st.floats(0.05, 0.9),
    target=st.floats(0.5, 4.0),
)
def test_a_power_law_is_found_and_drawn_on(level, power, target):
    def curve(share):
        return 1 - level * np.asarray(share) ** -power

    values = np.column_stack([curve(SHARES_AND_ALL)])
    if values.min() < 0:
        return
    assert extrapolate(SHARES_AND_ALL, values, target)[0] == pytest.approx(curve(target), abs=1e-9)


def test_a_point_that_is_missing_does_not_bend_the_line():
    values = (1 - 0.4 * SHARES_AND_ALL**-0.3)[:, None]
    values[0] = np.nan
    assert extrapolate(SHARES_AND_ALL, values, 2.0)[0] == pytest.approx(1 - 0.4 * 2**-0.3)


@given(seed=st.integers(0, 10_000))
def test_weights_count_rows_as_often_as_they_are_drawn(seed):
    rng = np.random.default_rng(seed)
    scores, y = rng.permutation(30).astype(float), rng.random(30) < 0.3
    drawn = rng.integers(0, 3, size=(4, 30)).astype(float)
    found = weighted_average_precision(scores, y, np.vstack([np.ones(30), drawn]))
    assert found[0] == pytest.approx(average_precision_score(y, scores) if y.any() else 0.0)
    for value, weights in zip(found[1:], drawn, strict=True):
        positive = (weights * y).any()
        # scikit-learn takes equal scores together, as copies of a row are.
        expected = average_precision_score(y, scores, sample_weight=weights) if positive else 0.0
        assert value == pytest.approx(expected)


TAXONOMY = parse_taxonomy(
    {
        "version": 1,
        "narratives": [
            {"id": name, "name": name, "definition": name} for name in ("flood", "drought", "never", "rare")
        ],
    },
    source="here",
)


def corpus(n, *, noise=0.3, seed=0):
    """Texts of made-up words; a label is the likelier for its word, not sure."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(400)]
    rows = []
    for i in range(n):
        labels = {}
        text = list(rng.choice(words, size=8))
        for name in ("flood", "drought"):
            if rng.random() < 0.25:
                labels[name] = None
                text.append(f"{name}{rng.integers(0, 12)}" if rng.random() > noise else "nothing")
        if i in (1, 2):
            labels["rare"] = None
        rows.append(LabelledSentence(str(i), " ".join(rng.permutation(text)), "en", labels))
    return rows


def test_more_labels_help_where_they_do_and_the_forecast_says_so():
    options = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)
    prepared = prepare(corpus(300), TAXONOMY, options)
    scores = cross_validate(prepared.counts, prepared.y, prepared.pairs, prepared.folds, [8.0], options)
    curve = learning_curve(prepared, scores, options)
    means = [point["macro"] for point in curve["points"]]
    assert means[-1] > means[0] + 0.1
    forecast = curve["forecast"]["macro"]
    low, high = forecast["gain_interval"]
    assert low < forecast["gain"] < high
    assert forecast["gain"] > 0
    assert forecast["now"] == pytest.approx(means[-1], abs=2e-4)
    assert forecast["hindcast"] == pytest.approx(forecast["now"], abs=0.1)
    for name in ("never", "rare"):
        assert "too few" in curve["forecast"][name]["reason"]
    assert curve["hindcast_error"] > 0


def test_the_curve_is_the_same_each_time():
    options = Options(n_folds=2, C_grid=(8.0,), n_jobs=2)
    prepared = prepare(corpus(80), TAXONOMY, options)
    scores = cross_validate(prepared.counts, prepared.y, prepared.pairs, prepared.folds, [8.0], options)
    assert learning_curve(prepared, scores, options) == learning_curve(prepared, scores, options)
