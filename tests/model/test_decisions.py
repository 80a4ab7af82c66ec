import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.model.decisions import Rule, decide, decide_all, sigmoid

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
