"""Features fitted on some rows against scikit-learn's vectorisers fitted on those rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.corpus.files import read_labels
from classifier.training.features import CHAR_OPTIONS, WORD_OPTIONS, count_ngrams, fit_features, stock_vectorizers


@pytest.fixture(scope="module")
def texts(root):
    return [row.text for row in read_labels(root / "labels" / "articles.csv")] + ["İ Σ", "", "\x00 a"]


@pytest.fixture(scope="module")
def counts(texts):
    return count_ngrams(texts)


@pytest.mark.parametrize("min_df", [1, 2, 4])
def test_the_matrix_of_a_fold_is_scikit_learns(texts, counts, min_df):
    train, test = np.arange(0, 120), np.arange(120, len(texts))
    features = fit_features(counts, train, min_df=min_df)
    halves = [
        TfidfVectorizer(sublinear_tf=True, min_df=min_df, **options).fit([texts[i] for i in train])
        for options in (WORD_OPTIONS, CHAR_OPTIONS)
    ]
    names = features.names(counts)
    for half, found in zip(halves, names, strict=True):
        assert list(half.get_feature_names_out()) == found
    for rows in (train, test):
        expected = sparse.hstack([h.transform([texts[i] for i in rows]) for h in halves], format="csr")
        # idf is rounded to float32, as it is stored.
        assert abs(features.transform(counts, rows) - expected).max() < 1e-6


def test_selected_columns_are_a_vectoriser_with_that_vocabulary(texts, counts):
    rows = np.arange(len(texts))
    features = fit_features(counts, rows)
    columns = np.sort(np.random.default_rng(0).permutation(features.n_features)[:300])
    chosen = features.select(columns)
    words, chars = chosen.names(counts)
    pair = stock_vectorizers(words, chars, chosen.idf)
    expected = sparse.hstack([v.transform(texts) for v in pair], format="csr")
    assert chosen.n_features == 300
    assert abs(chosen.transform(counts, rows) - expected).max() < 1e-12
