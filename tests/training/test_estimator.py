"""NarrativeClassifier among scikit-learn's own tools."""

import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.training.crossval import Options, label_matrix
from classifier.training.estimator import NarrativeClassifier
from classifier.training.train import train

EXPECTED_FAILED_CHECKS: dict[str, str] = {}
"""None of those that scikit-learn runs on estimators of texts.

That is few: it leaves out every check that makes up a matrix of numbers, since X is texts (tag ``two_d_array`` false).
Of these, the ones that need no data are run below by name, and those on behaviour are written anew with texts. Without
a counterpart stay: sample weights and class weights (no such parameters), sparse, complex, NaN and array-API input (no
texts), and multi-class targets (labels are a matrix or lists).
"""

WITHOUT_DATA = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)

with warnings.catch_warnings():
    # What is left out is told by this warning.
    warnings.simplefilter("ignore", SkipTestWarning)
    checks = parametrize_with_checks(
        [NarrativeClassifier()], expected_failed_checks=lambda estimator: EXPECTED_FAILED_CHECKS
    )


@checks
def test_scikit_learn_checks_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_checks_that_need_no_matrix_pass(name):
    getattr(estimator_checks, name)("NarrativeClassifier", NarrativeClassifier())


QUICK = {"C_grid": (8.0,), "n_folds": 2}


@pytest.fixture(scope="module")
def silent_labels(small_labels, tmp_path_factory):
    """Rows without voices, which an estimator does not learn."""
    target = tmp_path_factory.mktemp("silent")
    (target / "taxonomy.yaml").write_bytes((small_labels / "taxonomy.yaml").read_bytes())
    rows = read_labels(small_labels / "written.csv")[::3]
    write_labels(
        target / "a.csv",
        [LabelledSentence(r.id, r.text, r.language, dict.fromkeys(r.labels), group=r.group) for r in rows],
    )
    return target


@pytest.mark.parametrize("max_features", [3_000, 200_000])
def test_its_probabilities_are_those_of_the_trained_model(silent_labels, tmp_path, max_features):
    options = Options(n_folds=3, C_grid=(2.0, 16.0), max_features=max_features, n_jobs=1)
    model = train(silent_labels, tmp_path, options=options).model
    rows = read_labels(silent_labels)
    texts = [row.text for row in rows]
    y = label_matrix(rows, model.taxonomy)
    mine = NarrativeClassifier(n_folds=3, C_grid=(2.0, 16.0), max_features=max_features)
    mine.fit(texts, y, groups=[row.group for row in rows])
    assert model.parameters["training"]["C"] == mine.C_
    unseen = ["War is coming to Baku.", "", "Хлеб подешевел."]
    np.testing.assert_allclose(
        mine.predict_proba(texts + unseen), model.predict_proba(texts + unseen), rtol=0, atol=1e-6
    )
    expected = [model.rules[narrative].threshold for narrative in model.ids]
    np.testing.assert_allclose(mine.thresholds_, expected, rtol=0, atol=1e-6)
    assert np.array_equal(mine.predict(texts), mine.predict_proba(texts) >= mine.thresholds_)


TEXTS = [
    f"{start} {place}, {i}"
    for i, place in enumerate("Riga Baku Paris Minsk Kyiv Rome Oslo Bonn Bern Lima".split())
    for start in ("War is coming to", "Spies were found in", "War and spies in", "Bread is cheap in")
]
NAMES = [["war"], ["spies"], ["war", "spies"], []] * 10
MATRIX = np.array([[0, 1], [1, 0], [1, 1], [0, 0]] * 10)


def test_names_and_a_matrix_say_the_same():
    named, numbered = (NarrativeClassifier(**QUICK).fit(TEXTS, y) for y in (NAMES, MATRIX))
    assert list(named.classes_) == ["spies", "war"]
    assert list(numbered.classes_) == [0, 1]
    assert np.array_equal(named.decision_function(TEXTS), numbered.decision_function(TEXTS))
    assert np.array_equal(NarrativeClassifier(**QUICK).fit(TEXTS, MATRIX.tolist()).coef_, named.coef_)
    assert (named.predict(TEXTS) == MATRIX).mean() > 0.9


def test_fitting_again_and_predicting_change_nothing():
    """check_fit_idempotent, check_dict_unchanged, check_dont_overwrite_parameters, check_methods_* with texts."""
    fitted = NarrativeClassifier(**QUICK)
    before = fitted.get_params()
    texts, y = tuple(TEXTS), MATRIX.copy()
    y.flags.writeable = False
    assert fitted.fit(texts, y) is fitted
    state = set(vars(fitted))
    first = fitted.decision_function(texts)
    assert set(vars(fitted)) == state
    assert all(name.endswith("_") for name in state - set(before))
    assert fitted.get_params() == before
    order = np.random.default_rng(0).permutation(len(texts))
    np.testing.assert_allclose(fitted.decision_function([texts[i] for i in order]), first[order], atol=1e-12)
    for i in (0, 7):
        np.testing.assert_allclose(fitted.decision_function([texts[i]])[0], first[i], atol=1e-12)
    assert np.array_equal(fitted.fit(np.array(texts, dtype=object), y).decision_function(texts), first)


def test_one_label_at_most_where_it_is_told_so():
    fitted = NarrativeClassifier(**QUICK, multilabel=False).fit(TEXTS, NAMES)
    assert fitted.predict(TEXTS).sum(axis=1).max() == 1


def test_it_works_in_cross_validation_pipelines_and_grid_searches():
    groups = [i // 4 for i in range(len(TEXTS))]
    scores = cross_val_score(
        NarrativeClassifier(**QUICK),
        TEXTS,
        MATRIX,
        scoring="f1_macro",
        cv=GroupKFold(2),
        groups=groups,
        params={"groups": groups},
    )
    assert scores.shape == (2,)
    assert scores.min() > 0.5
    assert cross_val_score(NarrativeClassifier(**QUICK), TEXTS, MATRIX, scoring="average_precision", cv=2).min() > 0.5
    steps = [("trim", FunctionTransformer(_trim)), ("narratives", NarrativeClassifier(**QUICK))]
    search = GridSearchCV(Pipeline(steps), {"narratives__min_df": [1, 2]}, scoring="f1_micro", cv=2)
    search.fit(TEXTS, MATRIX)
    assert search.best_params_["narratives__min_df"] in (1, 2)
    assert search.predict_proba(TEXTS[:3]).shape == (3, 2)


def _trim(texts):
    return [text.strip() for text in texts]


def test_clones_and_copies_are_alike(tmp_path):
    first = NarrativeClassifier(**QUICK, random_state=7).fit(TEXTS, NAMES)
    again = clone(first)
    assert again.get_params() == first.get_params()
    assert not hasattr(again, "coef_")
    joblib.dump(first, tmp_path / "a.joblib")
    for copy in (again.fit(TEXTS, NAMES), pickle.loads(pickle.dumps(first)), joblib.load(tmp_path / "a.joblib")):
        assert np.array_equal(copy.predict_proba(TEXTS), first.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        ("one text", NAMES, "one text"),
        (np.zeros((40, 2)), NAMES, "shape"),
        ([*TEXTS[:-1], None], NAMES, r"X\[39\] is NoneType"),
        ([], [], "empty"),
        (TEXTS, NAMES[:-1], "40 texts, but 39"),
        (TEXTS, [[]] * 40, "no label"),
        (TEXTS, MATRIX * 2, "other values than 0 and 1"),
        (TEXTS, ["war"] * 40, "a list of labels for each"),
        (TEXTS, None, "requires y"),
    ],
)
def test_what_it_cannot_take_is_told(X, y, told):
    with pytest.raises(ValueError, match=told):
        NarrativeClassifier(**QUICK).fit(X, y)


def test_unfitted_it_says_so():
    with pytest.raises(NotFittedError):
        NarrativeClassifier().predict(["x"])


def test_the_package_offers_it_without_loading_scikit_learn():
    program = (
        "import sys, classifier; assert 'sklearn' not in sys.modules; "
        "from classifier import NarrativeClassifier; assert 'sklearn' in sys.modules; "
        "assert 'NarrativeClassifier' in dir(classifier)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
