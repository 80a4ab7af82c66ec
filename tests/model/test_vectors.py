"""The model's own vectors and logits against scikit-learn's pipeline built from the same arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from classifier.model.vectors import Vectorizer
from classifier.training.features import stock_vectorizers

HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800 x",
    "İSTANBUL",
    "ΣΑΣ σας",
    "a" * 5000,
    "a\u0301 e\u0301",
    "\x1cwar\x85war",
    "ß ﬁ Ⅷ",
    "🔥" * 50,
]

words = st.sampled_from(
    "Russia war is inevitable said the ministry Baku hatred NATO never accept fake İ puppet".split()
)
any_text = st.one_of(st.text(st.characters(codec=None), max_size=80), st.lists(words, max_size=30).map(" ".join))


@pytest.fixture(scope="module")
def stock(small_model):
    return stock_vectorizers(small_model.word_features, small_model.char_features, small_model.idf_)


@given(text=any_text)
def test_vectors_are_scikit_learns(small_model, stock, text):
    columns, values = small_model.scorer.transform(text)
    expected = sparse.hstack([v.transform([text]) for v in stock], format="csr")
    expected.sort_indices()
    assert columns.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(values, expected.data, rtol=0, atol=1e-12)


def test_a_text_without_a_known_feature_is_the_zero_vector():
    vectorizer = Vectorizer(["war"], [" wa"], np.array([1.0, 2.0]))
    columns, values = vectorizer.transform("xyz")
    assert columns.tolist() == []
    assert values.tolist() == []
