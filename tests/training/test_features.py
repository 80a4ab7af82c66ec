"""Features fitted on some rows against scikit-learn's vectorisers fitted on those rows."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.corpus.files import read_labels
from classifier.errors import TrainingError
from classifier.training import features
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


def assert_same(ours, theirs):
    assert list(ours.word_names) == list(theirs.word_names)
    assert list(ours.char_names) == list(theirs.char_names)
    for mine, its in ((ours.words, theirs.words), (ours.chars, theirs.chars)):
        assert mine.shape == its.shape
        np.testing.assert_array_equal(mine.indptr, its.indptr)
        np.testing.assert_array_equal(mine.indices, its.indices)
        np.testing.assert_array_equal(mine.data, its.data)


@pytest.mark.compiled
@given(
    st.lists(
        st.text(st.one_of(st.characters(codec=None), st.sampled_from(" \x00aАİΣς_\ud800é\u0301")), max_size=60),
        max_size=6,
    )
)
def test_the_compiled_counter_counts_as_scikit_learn(texts):
    assert_same(count_ngrams(texts, path="compiled"), count_ngrams(texts, path="python"))


@pytest.mark.compiled
def test_on_real_sentences_too(root):
    texts = [row.text for name in ("en-claims", "ru-claims") for row in read_labels(root / "labels" / f"{name}.csv")]
    assert_same(count_ngrams(texts, path="compiled"), count_ngrams(texts, path="python"))


def assert_equal_bits(ours, theirs):
    assert ours.shape == theirs.shape
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.compiled
@pytest.mark.parametrize("min_df", [1, 2, 3])
def test_features_are_the_same_to_the_last_bit_on_both_paths(root, min_df):
    texts = [row.text for name in ("en-claims", "ru-claims") for row in read_labels(root / "labels" / f"{name}.csv")]
    texts += ["", " ", "war " * 700, "ab" * 500]
    ours, theirs = (count_ngrams(texts, path=path) for path in ("compiled", "python"))
    assert ours.halves is not None
    assert theirs.halves is None
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(len(texts))[: len(texts) // 2])
    mine, its = (fit_features(counts, train, min_df=min_df) for counts in (ours, theirs))
    for _ in range(2):
        for name in ("word_columns", "char_columns", "idf"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(its, name))
        assert mine.names(ours) == its.names(theirs)
        for rows in (train, np.arange(len(texts)), train[::-1], train[:0]):
            assert_equal_bits(mine.transform(ours, rows), its.transform(theirs, rows))
        chosen = np.sort(rng.permutation(mine.n_features)[:500])
        mine, its = mine.select(chosen), its.select(chosen)


@pytest.mark.compiled
def test_texts_without_words_or_without_anything_have_empty_rows():
    for texts in (["", " "], [], ["!", "?"]):
        ours, theirs = (count_ngrams(texts, path=path) for path in ("compiled", "python"))
        assert_same(ours, theirs)
        with pytest.raises(TrainingError):
            fit_features(ours, np.arange(len(texts)), min_df=2)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("parts", "error"),
    [
        (([1, 1], [0, 3], [0, 2], 3), "none of 3"),
        (([1, 1], [0, -1], [0, 2], 3), "none of 3"),
        (([1, 0], [0, 1], [0, 2], 3), "below 1"),
        (([1], [0, 1], [0, 2], 3), "fit together"),
        (([1, 1], [0, 1], [0, 1], 3), "fit together"),
        (([1, 1], [0, 1], [0, 3, 2], 3), "goes back"),
        (([1, 1], [0, 1], [], 3), "fit together"),
    ],
)
def test_counts_that_would_lead_astray_are_refused(parts, error):
    from classifier.training._weigh import Half

    counts, columns, indptr, n_columns = parts
    with pytest.raises(ValueError, match=error):
        Half(np.array(counts, int), np.array(columns, int), np.array(indptr, int), n_columns)


@pytest.mark.compiled
def test_rows_and_columns_that_are_not_there_are_refused():
    from classifier.training._weigh import Half, tfidf

    half = Half(np.array([1, 2]), np.array([0, 2]), np.array([0, 1, 2]), 3)
    rows, columns, idf = np.array([0, 1]), np.array([0, 2]), np.ones(4)
    for bad in ([2], [-1]):
        with pytest.raises(IndexError):
            half.document_frequencies(np.array(bad))
        with pytest.raises(IndexError):
            tfidf(half, half, columns, columns, idf, np.array(bad))
    for bad in ([3], [-1, 2]):
        with pytest.raises(IndexError):
            tfidf(half, half, np.array(bad), columns, idf, rows)
    with pytest.raises(ValueError, match="idf"):
        tfidf(half, half, columns, columns, idf[:3], rows)


@pytest.mark.compiled
def test_every_assigned_character_is_lowered_and_told_apart_as_python_does():
    """Lower case, white space and word characters of all of Unicode, some 290,000 characters."""
    texts = [f"x{c}Y {c}" for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Co")]
    assert_same(count_ngrams(texts, path="compiled"), count_ngrams(texts, path="python"))


@pytest.mark.compiled
def test_what_the_counter_cannot_number_goes_to_scikit_learn(texts, monkeypatch):
    def full(texts):
        raise OverflowError

    monkeypatch.setattr(features, "_count_compiled", full)
    assert_same(count_ngrams(texts, path="compiled"), count_ngrams(texts, path="python"))


@pytest.mark.compiled
def test_a_long_text_and_a_feature_that_recurs(root):
    texts = ["ab" * 50_000, "war " * 70_000, "", "one two"]
    assert_same(count_ngrams(texts, path="compiled"), count_ngrams(texts, path="python"))
