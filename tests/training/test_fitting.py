import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from classifier.training.fitting import fit_narratives, fit_voices, rank_features


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix(np.abs(rng.normal(size=(200, 12))) * (rng.random((200, 12)) < 0.4))
    y = np.asarray(X[:, :3].todense()) + rng.normal(scale=0.3, size=(200, 3)) > 0.5
    return X, y


def test_narratives_are_logistic_regressions_with_balanced_weights(data):
    X, y = data
    head = fit_narratives(X, y, C=3.0, random_state=0)
    for k in range(3):
        # The primal solver is the oracle: same objective, another way to its minimum.
        oracle = LogisticRegression(C=3.0, solver="liblinear", class_weight="balanced", tol=1e-8).fit(X, y[:, k])
        np.testing.assert_allclose(head.coef[:, k], oracle.coef_[0], atol=2e-3)
        np.testing.assert_allclose(head.decision_function(X)[:, k], oracle.decision_function(X), atol=5e-3)


def test_a_narrative_without_examples_gets_no_weights_and_a_low_logit(data):
    X, y = data
    head = fit_narratives(X, np.column_stack([y[:, 0], np.zeros(200, bool), np.ones(200, bool)]), C=1, random_state=0)
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
