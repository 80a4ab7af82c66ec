"""Fitting the linear heads: one-vs-rest for narratives, softmax for voices; and which features to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from classifier.taxonomy import VOICES


@dataclass(frozen=True)
class LinearHead:
    """``logits = X @ coef + intercept``; shapes (n_features, n_narratives) and (n_narratives,)."""

    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Logits of shape (n_samples, n_narratives)."""
        result: npt.NDArray[np.float64] = np.asarray(X @ self.coef) + self.intercept
        return result


def fit_narratives(X: Any, y: npt.NDArray[np.bool_], *, C: float, random_state: int, tol: float = 1e-4) -> LinearHead:
    """One logistic regression with balanced class weights for each column of ``y`` (liblinear's dual solver).

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
    y : ndarray of bool, shape (n_samples, n_narratives)
    C : float
        Inverse strength of the l2 penalty, as in scikit-learn.
    tol : float
        When to stop; coarse values do for ranking features.

    A column with no positive (or with nothing else) cannot be fitted: it gets no weights and the logit of its
    smoothed frequency.
    """

    coefs, intercepts = [], []
    for k in range(y.shape[1]):
        column = y[:, k]
        if column.all() or not column.any():
            share = (column.sum() + 1) / (len(column) + 2)
            coefs.append(np.zeros(X.shape[1]))
            intercepts.append(float(np.log(share / (1 - share))))
            continue
        model = LogisticRegression(
            C=C,
            solver="liblinear",
            dual=True,
            class_weight="balanced",
            tol=tol,
            max_iter=2_000,
            random_state=random_state,
        )
        model.fit(X, column)
        coefs.append(model.coef_[0])
        intercepts.append(float(model.intercept_[0]))
    return LinearHead(np.column_stack(coefs), np.array(intercepts))


@dataclass(frozen=True)
class VoicePairs:
    """Every (sentence, narrative) with a voice.

    ``rows`` and ``narratives`` and ``voices`` are parallel integer arrays of shape (n_pairs,); voices are numbered as
    in :data:`classifier.taxonomy.VOICES`.
    """

    rows: npt.NDArray[np.int64]
    narratives: npt.NDArray[np.int64]
    voices: npt.NDArray[np.int64]

    def inside(self, rows: npt.NDArray[np.int64]) -> VoicePairs:
        """The pairs whose sentence is one of ``rows``."""
        mask = np.isin(self.rows, rows)
        return VoicePairs(self.rows[mask], self.narratives[mask], self.voices[mask])


@dataclass(frozen=True)
class FittedVoices:
    """Shapes (n_features, 3) and (n_narratives, 3)."""

    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    def predict_proba(self, X: Any, narratives: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Voices of shape (n_pairs, 3) for the sentences in ``X``, one row a pair."""
        logits = np.asarray(X @ self.coef) + self.intercept[narratives]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return result


def fit_voices(
    X: Any,
    narratives: npt.NDArray[np.int64],
    voices: npt.NDArray[np.int64],
    n_narratives: int,
    *,
    C: float,
) -> FittedVoices | None:
    """Softmax regression on the sentence's features plus which narrative is meant, voices weighted to equal shares.

    Parameters
    ----------
    X : sparse matrix of shape (n_pairs, n_features)
    narratives, voices : ndarray of int, shape (n_pairs,)

    Returns
    -------
    FittedVoices or None
        None where fewer than two voices occur.
    """
    present = np.unique(voices)
    if len(present) < 2:
        return None
    which = sparse.csr_matrix(
        (np.ones(len(narratives)), (np.arange(len(narratives)), narratives)), shape=(len(narratives), n_narratives)
    )
    model = LogisticRegression(C=C, solver="newton-cg", class_weight="balanced", max_iter=200)
    model.fit(sparse.hstack([X, which], format="csr"), voices)
    n_features = X.shape[1]
    coef = np.zeros((n_features, len(VOICES)))
    # A voice that never occurs in training stays improbable, not impossible.
    intercept = np.full((n_narratives, len(VOICES)), -10.0)
    fitted = model.coef_ if len(model.classes_) > 2 else np.vstack([-model.coef_[0] / 2, model.coef_[0] / 2])
    bias = model.intercept_ if len(model.classes_) > 2 else np.array([-1, 1]) * model.intercept_[0] / 2
    for i, voice in enumerate(model.classes_):
        coef[:, voice] = fitted[i, :n_features]
        intercept[:, voice] = fitted[i, n_features:] + bias[i]
    return FittedVoices(coef, intercept)


def rank_features(X: Any, *coefs: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Columns of ``X``, the most useful first.

    Useful is a feature that moves logits: its root mean square value times its largest weight over all outputs.
    Ties keep the column order.
    """
    mean_square = np.asarray(X.multiply(X).mean(axis=0)).ravel()
    largest = np.max([np.abs(c).max(axis=1) for c in coefs], axis=0)
    return np.argsort(-np.sqrt(mean_square) * largest, kind="stable")
