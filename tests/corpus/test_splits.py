import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.files import read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import MAX_ALIKE, find_units, jaccard, near_duplicates, shingles, stratified_folds
from classifier.errors import TrainingError


def brute_force(texts, threshold):
    sets = [shingles(t) for t in texts]
    pairs = itertools.combinations(range(len(texts)), 2)
    return sorted((i, j) for i, j in pairs if jaccard(sets[i], sets[j]) > threshold)


def test_near_duplicates_are_those_of_comparing_all_pairs(root):
    rows = read_labels(root / "labels" / "articles.csv")
    rng = random.Random(0)
    texts = [r.text for r in rows]
    for text in rng.sample([t for t in texts if len(t) > 60], 60):
        cut = rng.randrange(1, 40)
        texts.append(text[:-cut] if rng.random() < 0.5 else text[cut:])
    for threshold in (0.6, 0.8):
        assert sorted((i, j) for i, j, _ in near_duplicates(texts, threshold)) == brute_force(texts, threshold)


def test_many_copies_are_one_unit_and_few_pairs():
    n = 4 * MAX_ALIKE
    texts = ["The same thing, said again and again.", "Something quite different stands here."] * n
    texts.append("The same thing, said again and once again.")
    pairs = near_duplicates(texts)
    assert len(pairs) == 2 * (n - 1) + 1
    rows = [LabelledSentence(str(i), text, "en") for i, text in enumerate(texts)]
    assert find_units(rows).tolist() == [0, 1] * n + [0]


def test_variants_of_one_text_are_one_unit():
    texts = [f"Subscribe to our channel, read us every day and tell your friends, issue {i}" for i in range(400)]
    rows = [LabelledSentence(str(i), text, "en") for i, text in enumerate(texts)]
    assert set(find_units(rows)) == {0}


def test_shingles_fold_case_and_punctuation():
    assert shingles("War — is, COMING!") == shingles("war is coming")
    assert jaccard(shingles(""), shingles("")) == 1.0


def test_units_join_articles_groups_and_near_duplicates():
    rows = [
        LabelledSentence("1", "The first thing said in the article.", "en", file="a.txt"),
        LabelledSentence("2", "Quite another matter altogether here.", "en", file="a.txt"),
        LabelledSentence("3", "A war with Baku cannot be avoided any more.", "en", group="g"),
        LabelledSentence("4", "Bread got dearer in Tver.", "en", group="g"),
        LabelledSentence("5", "A war with Baku can not be avoided any more!", "en"),
        LabelledSentence("6", "Alone.", "en"),
    ]
    assert find_units(rows).tolist() == [0, 0, 1, 1, 1, 2]


@given(
    data=st.data(),
    n_splits=st.integers(2, 5),
    units=st.lists(st.integers(0, 30), min_size=40, max_size=120),
)
def test_no_unit_straddles_folds(data, n_splits, units):
    _, units = np.unique(units, return_inverse=True)
    if units.max() + 1 < n_splits:
        return
    y = np.array(data.draw(st.lists(st.tuples(*[st.booleans()] * 3), min_size=len(units), max_size=len(units))))
    folds = stratified_folds(y, units, n_splits)
    assert folds.shape == units.shape
    assert set(folds) <= set(range(n_splits))
    for unit in range(units.max() + 1):
        assert len(set(folds[units == unit])) == 1
    assert np.array_equal(folds, stratified_folds(y, units, n_splits))


def test_labels_are_spread_evenly():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(400), 3)
    y = rng.random((1200, 4)) < np.array([0.02, 0.05, 0.2, 0.5])
    folds = stratified_folds(y, units, 5)
    for k in range(4):
        counts = np.bincount(folds[y[:, k]], minlength=5)
        assert counts.max() - counts.min() <= 4
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 30


@pytest.mark.parametrize("n_splits", [0, 1, 4])
def test_impossible_folds_are_told(n_splits):
    with pytest.raises(TrainingError, match="3 units"):
        stratified_folds(np.ones((3, 1), dtype=bool), np.arange(3), n_splits)
