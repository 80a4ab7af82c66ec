import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.model.decisions import (
    Rule,
    ThemeRule,
    decide,
    decide_all,
    lowest_logit,
    probability_of,
    sigmoid,
    theme_probabilities,
)

RULE = Rule(threshold=0.5, unsure_from=0.3, support=100, trained_enough=True)


@pytest.mark.parametrize(
    ("probability", "hindrance", "expected"),
    [
        (0.5, None, ("yes", None)),
        (0.49, None, ("unsure", "close")),
        (0.3, None, ("unsure", "close")),
        (0.29, None, ("no", None)),
        (0.99, "unfamiliar", ("unsure", "unfamiliar")),
        (0.3, "short", ("unsure", "short")),
        (0.1, "unfamiliar", ("no", None)),
    ],
)
def test_decide(probability, hindrance, expected):
    assert decide(probability, RULE, hindrance) == expected


@given(st.floats(-1e6, 1e6))
def test_sigmoid_never_overflows_and_is_symmetric(x):
    p, q = sigmoid(np.array([x, -x]))
    assert 0 <= p <= 1
    assert p + q == pytest.approx(1)


def test_where_one_narrative_at_most_is_carried_the_likeliest_gets_the_yes():
    p = np.array([[0.6, 0.7, 0.1], [0.2, 0.1, 0.3], [0.9, 0.9, 0.0]])
    threshold = np.full(3, 0.5)
    assert decide_all(p, threshold).tolist() == [[True, True, False], [False] * 3, [True, True, False]]
    alone = decide_all(p, threshold, multilabel=False)
    assert alone.tolist() == [[False, True, False], [False] * 3, [True, False, False]]
    assert decide_all(np.zeros((0, 3)), threshold, multilabel=False).shape == (0, 3)


@given(st.one_of(st.floats(-800, 800), st.floats(allow_nan=False, allow_infinity=False)))
def test_one_logit_has_the_probability_that_an_array_has(x):
    assert probability_of(x) == pytest.approx(float(sigmoid(np.array([x]))[0]), rel=1e-15, abs=0)


probabilities = st.one_of(st.floats(0, 1), st.floats(0, 1e-300), st.floats(1e-17, 1e-9).map(lambda p: 1 - p))


@given(probabilities, st.floats(1e-15, 1e3))
def test_no_logit_below_the_lowest_reaches_the_probability(p, by):
    lowest = lowest_logit(p)
    below = np.nextafter(lowest, -np.inf)
    for x in (below, lowest - by, lowest - by * abs(lowest)):
        assert x == -np.inf or probability_of(x) < p


@given(st.floats(-30, 30))
def test_the_lowest_logit_is_not_far_below(x):
    assert lowest_logit(probability_of(x)) == pytest.approx(x, abs=max(2e-9, 3e-12 * np.exp(abs(x))))


def test_a_theme_is_as_probable_as_its_strongest_narrative_says():
    themes = [ThemeRule("a", (0, 2), 1.0, 0.0), ThemeRule("b", (1,), 2.0, -1.0)]
    found = dict(theme_probabilities([-5.0, 0.5, 0.0], themes))
    assert found == {"a": 0.5, "b": 0.5}
