import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from classifier.corpus.files import read_labels
from classifier.training import fitting
from classifier.training.features import count_ngrams, fit_features
from classifier.training.fitting import fit_narratives, fit_voices, rank_features

PATHS = pytest.mark.parametrize("path", ["python", pytest.param("compiled", marks=pytest.mark.compiled)])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix(np.abs(rng.normal(size=(200, 12))) * (rng.random((200, 12)) < 0.4))
    y = np.asarray(X[:, :3].todense()) + rng.normal(scale=0.3, size=(200, 3)) > 0.5
    return X, y


def objective(X, y, C, coef, intercept):
    """liblinear's, with balanced weights: the penalty covers the intercept."""
    weight = np.where(y, len(y) / 2 / y.sum(), len(y) / 2 / (~y).sum())
    margins = np.where(y, 1, -1) * (X @ coef + intercept)
    return 0.5 * (coef @ coef + intercept**2) + C * (weight * np.logaddexp(0, -margins)).sum()


@PATHS
def test_narratives_are_logistic_regressions_with_balanced_weights(data, path):
    X, y = data
    head = fit_narratives(X, y, C_values=[3.0], random_state=0, tol=1e-4, path=path)[3.0]
    for k in range(3):
        # The primal solver is the oracle: same objective, another way to its minimum.
        oracle = LogisticRegression(C=3.0, solver="liblinear", class_weight="balanced", tol=1e-8).fit(X, y[:, k])
        np.testing.assert_allclose(head.coef[:, k], oracle.coef_[0], atol=2e-3)
        np.testing.assert_allclose(head.decision_function(X)[:, k], oracle.decision_function(X), atol=5e-3)


@pytest.mark.compiled
@pytest.mark.parametrize("C", [0.1, 8.0, 128.0])
def test_the_joint_solver_reaches_liblinears_minimum(root, C, monkeypatch):
    """On real sentences, at the tolerance that training uses: objectives within 1e-6 of each other."""
    rows = read_labels(root / "labels" / "en-claims.csv")
    counts = count_ngrams([row.text for row in rows])
    everything = np.arange(len(rows))
    X = fit_features(counts, everything).transform(counts, everything)
    names = ["foreign-puppet", "denied-statehood", "blame-shift", "russophobia", "wider-war"]
    y = np.array([[name in row.labels for name in names] for row in rows])
    monkeypatch.setattr(fitting, "_fit_each", lambda *a, **k: pytest.fail("the joint solver gave up"))
    # Reached along a path of penalties, as in cross-validation, and at once.
    for values in ([C], [C / 16, C / 4, C]):
        head = fit_narratives(X, y, C_values=values, random_state=0, path="compiled")[C]
        for k in range(len(names)):
            oracle = LogisticRegression(
                C=C, solver="liblinear", dual=True, class_weight="balanced", tol=1e-6, max_iter=20_000
            ).fit(X, y[:, k])
            best = objective(X, y[:, k], C, oracle.coef_[0], oracle.intercept_[0])
            ours = objective(X, y[:, k], C, head.coef[:, k], head.intercept[k])
            assert ours <= best * (1 + 1e-6)


@pytest.mark.compiled
@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from([0.01, 1.0, 100.0]))
def test_any_small_problem(seed, n_labels, C):
    """Rows without features, features without rows, labels at random; more labels than one vector holds."""
    rng = np.random.default_rng(seed)
    n_samples, n_features = int(rng.integers(2, 40)), int(rng.integers(1, 30))
    X = sparse.csr_matrix(rng.normal(size=(n_samples, n_features)) * (rng.random((n_samples, n_features)) < 0.3))
    y = rng.random((n_samples, n_labels)) < 0.5
    with pytest.MonkeyPatch.context() as patch:
        if C <= 1:
            patch.setattr(fitting, "_fit_each", lambda *a, **k: pytest.fail("the joint solver gave up"))
        ours = fit_narratives(X, y, C_values=[C], random_state=0, tol=1e-5, path="compiled")[C]
    theirs = fit_narratives(X, y, C_values=[C], random_state=0, tol=1e-8, path="python")[C]
    for k in np.flatnonzero(y.any(axis=0) & ~y.all(axis=0)):
        mine = objective(X, y[:, k], C, ours.coef[:, k], ours.intercept[k])
        best = objective(X, y[:, k], C, theirs.coef[:, k], theirs.intercept[k])
        assert mine <= best * (1 + 1e-6)


@pytest.mark.compiled
def test_broken_arrays_are_refused():
    from classifier.training._joint import JointSolver

    with pytest.raises(ValueError, match="goes back"):
        JointSolver(np.ones(1), np.zeros(1, np.int32), np.array([0, 2, 1]), np.ones((2, 1), np.int8), 1, 0)
    with pytest.raises(ValueError, match="not finite"):
        JointSolver(np.full(1, np.nan), np.zeros(1, np.int32), np.array([0, 1]), np.ones((1, 1), np.int8), 1, 0)
    with pytest.raises(TypeError):
        JointSolver(None, None, None, None, 1, 0)
    for C in (np.ones((1, 1)), np.ones((2, 2)), np.zeros((2, 1))):
        with pytest.raises(ValueError, match="penalties"):
            JointSolver(np.ones(1), np.zeros(1, np.int32), np.array([0, 1]), np.ones((1, 1), np.int8), 1, 0).fit(
                C, 0.1, 9
            )

    fine = (np.ones(1), np.zeros(1, np.int32), np.array([0, 1]), np.ones((1, 1), np.int8), 1, 0)
    JointSolver(*fine)
    with pytest.raises(ValueError, match="column 0 of 0"):
        JointSolver(*fine[:4], 0, 0)
    with pytest.raises(ValueError, match="rows of features"):
        JointSolver(*fine[:3], np.ones((2, 1), np.int8), 1, 0)
    with pytest.raises(ValueError, match="indptr"):
        JointSolver(*fine[:2], np.array([0, 2]), *fine[3:])


@PATHS
def test_a_narrative_without_examples_gets_no_weights_and_a_low_logit(data, path):
    X, y = data
    labels = np.column_stack([y[:, 0], np.zeros(200, bool), np.ones(200, bool)])
    head = fit_narratives(X, labels, C_values=[1], random_state=0, path=path)[1]
    assert head.coef[:, 0].any()
    assert not head.coef[:, 1:].any()
    assert head.intercept[1] < -4
    assert head.intercept[2] > 4


def test_voices_are_a_softmax_with_a_bias_for_each_narrative(data):
    X, _ = data
    rng = np.random.default_rng(1)
    narratives = rng.integers(0, 4, 200)
    voices = (np.asarray(X[:, 0].todense()).ravel() > 0.2).astype(int) + (narratives == 2)
    fitted = fit_voices(X, narratives, voices, 4, C=10.0)
    p = fitted.predict_proba(X, narratives)
    assert p.shape == (200, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == voices).mean() > 0.95
    oracle = LogisticRegression(C=10.0, class_weight="balanced", max_iter=2000, tol=1e-8).fit(
        sparse.hstack([X, np.eye(4)[narratives]], format="csr"), voices
    )
    expected = oracle.predict_proba(sparse.hstack([X, np.eye(4)[narratives]], format="csr"))
    np.testing.assert_allclose(p, expected, atol=1e-2)


def test_two_voices_and_one(data):
    X, _ = data
    narratives = np.zeros(200, dtype=int)
    voices = np.where(np.asarray(X[:, 1].todense()).ravel() > 0.2, 2, 0)
    p = fit_voices(X, narratives, voices, 1, C=10.0).predict_proba(X, narratives)
    assert (p.argmax(axis=1) == voices).mean() > 0.95
    assert p[:, 1].max() < 0.01
    assert fit_voices(X, narratives, np.zeros(200, dtype=int), 1, C=1.0) is None


def test_ranking_puts_what_moves_logits_first(data):
    X, _ = data
    coef = np.zeros((12, 2))
    coef[4, 1], coef[9, 0] = -5.0, 2.0
    assert rank_features(X, coef)[:2].tolist() == [4, 9]
    assert rank_features(X, coef)[2:].tolist() == [i for i in range(12) if i not in (4, 9)]


@pytest.mark.compiled
def test_mean_squares_are_the_same_to_the_last_bit_on_both_paths(data):
    X, _ = data
    for part in (X, X[:1], X[:0], X[:, :0].tocsr()):
        if part.shape[0]:
            np.testing.assert_array_equal(
                fitting._mean_squares(part, "compiled"), fitting._mean_squares(part, "python")
            )
    coef = np.random.default_rng(1).normal(size=(12, 3))
    np.testing.assert_array_equal(rank_features(X, coef, path="compiled"), rank_features(X, coef, path="python"))
    from classifier.training._weigh import mean_squares

    with pytest.raises(IndexError):
        mean_squares(np.ones(1), np.array([12], np.int32), 1, 12)


@PATHS
@pytest.mark.parametrize("n_labels", [1, 8, 15, 24, 30, 32, 47, 71])
def test_any_number_of_narratives(path, n_labels):
    """Weights are padded to whole vectors and taken in tiles: each label's fit is what it is alone."""
    rng = np.random.default_rng(n_labels)
    X = sparse.csr_matrix(np.abs(rng.normal(size=(60, 9))) * (rng.random((60, 9)) < 0.5))
    y = rng.random((60, n_labels)) < 0.4
    together = fit_narratives(X, y, C_values=[1.0], random_state=0, tol=1e-5, path=path)[1.0]
    for k in {0, n_labels // 2, n_labels - 1}:
        alone = fit_narratives(X, y[:, [k]], C_values=[1.0], random_state=0, tol=1e-5, path=path)[1.0]
        np.testing.assert_allclose(together.coef[:, k], alone.coef[:, 0], rtol=0, atol=1e-3)
        np.testing.assert_allclose(together.intercept[k], alone.intercept[0], rtol=0, atol=1e-3)
