import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifier.model.documents import roll_up

logits = arrays(np.float64, (7, 3), elements=st.floats(-20, 20))
penalty = st.floats(0, 3)


@given(logits, penalty, arrays(np.int64, 7, elements=st.integers(0, 9)))
def test_it_is_the_formula(x, p, n_words):
    n_yes = np.maximum(1, (x > 0).sum(axis=0))
    n_sentences = max(1, (n_words >= 3).sum())
    expected = x.max(axis=0) - p * np.maximum(0, np.log(n_sentences) - 3 * np.log(n_yes))
    np.testing.assert_allclose(roll_up(x, x > 0, n_words, p), expected, rtol=1e-13, atol=1e-13)


@given(logits, penalty)
def test_one_sentence_is_its_own_text(x, p):
    one = x[:1]
    assert np.array_equal(roll_up(one, one > 0, np.array([9]), p), one[0])


@given(logits, penalty)
def test_never_above_the_strongest_sentence_and_order_does_not_matter(x, p):
    words = np.full(7, 9)
    whole = roll_up(x, x > 0, words, p)
    assert (whole <= x.max(axis=0)).all()
    assert np.array_equal(whole, roll_up(x[::-1], x[::-1] > 0, words, p))


@given(logits, penalty)
def test_neutral_sentences_never_raise_and_carrying_ones_never_lower(x, p):
    words = np.full(7, 9)
    longer = np.vstack([x, np.full((5, 3), -30.0)])
    assert (roll_up(longer, longer > 0, np.full(12, 9), p) <= roll_up(x, x > 0, words, p) + 1e-12).all()
    more = np.vstack([x, x.max(axis=0, keepdims=True)])
    carried = (x > 0).any(axis=0)
    assert (roll_up(more, more > 0, np.full(8, 9), p) >= roll_up(x, x > 0, words, p) - 1e-12)[carried].all()


def test_short_lines_do_not_make_a_text_long():
    x = np.zeros((40, 1))
    x[0] = 3.0
    words = np.full(40, 2)
    assert roll_up(x, x > 1, words, 1.0)[0] == 3.0
    assert roll_up(x, x > 1, np.full(40, 8), 1.0)[0] < 3.0
