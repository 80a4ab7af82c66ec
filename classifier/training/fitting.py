"""Fitting the linear heads: one-vs-rest for narratives, softmax for voices; and which features to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from classifier.taxonomy import VOICES
from classifier.text.engine import Engine, engine


@dataclass(frozen=True)
class LinearHead:
    """``logits = X @ coef + intercept``; shapes (n_features, n_narratives) and (n_narratives,)."""

    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Logits of shape (n_samples, n_narratives)."""
        result: npt.NDArray[np.float64] = np.asarray(X @ self.coef) + self.intercept
        return result


FEW = 1_000
"""Below so many samples liblinear's primal Newton method is surer, and fast enough; above, its dual is faster."""

MAX_PASSES = 2_000
"""Passes over the samples after which the joint fit gives up."""


def fit_narratives(
    X: Any,
    y: npt.NDArray[np.bool_],
    *,
    C_values: Sequence[float],
    random_state: int,
    tol: float = 0.02,
    path: Engine = engine,
) -> dict[float, LinearHead]:
    """One logistic regression with balanced class weights for each column of ``y`` and each C.

    The compiled path fits all columns together and every C from the one before; the Python path asks liblinear for
    each. Both minimise half the squared weights (the intercept's too) plus the weighted log loss; at the default
    ``tol`` their objectives agree to 1e-6 of themselves.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
    y : ndarray of bool, shape (n_samples, n_narratives)
    C_values : sequence of float
        Inverse strengths of the l2 penalty, as in scikit-learn.
    tol : float
        Largest gradient (in the dual) to stop at; coarse values do for ranking features.
    path : {"compiled", "python"}

    A column with no positive (or with nothing else) cannot be fitted: it gets no weights and the logit of its
    smoothed frequency.

    """
    n_samples, n_narratives = y.shape
    support = y.sum(axis=0)
    proper = np.flatnonzero((support > 0) & (support < n_samples))
    share = (support + 1) / (n_samples + 2)
    empty = LinearHead(np.zeros((X.shape[1], n_narratives)), np.log(share / (1 - share)))
    fit = _fit_jointly if path == "compiled" else _fit_each
    heads = {}
    for C, (coef, intercept) in zip(
        sorted(C_values), fit(X, y[:, proper], sorted(C_values), random_state, tol), strict=True
    ):
        head = LinearHead(empty.coef.copy(), empty.intercept.copy())
        head.coef[:, proper] = coef
        head.intercept[proper] = intercept
        heads[C] = head
    return heads


Fit = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _fit_jointly(
    X: Any, y: npt.NDArray[np.bool_], C_values: Sequence[float], random_state: int, tol: float
) -> Iterator[Fit]:
    try:
        from classifier.training._joint import JointSolver
    except ImportError:  # the others were built and this was not
        yield from _fit_each(X, y, C_values, random_state, tol)
        return
    X = sparse.csr_matrix(X)
    solver = JointSolver(
        np.ascontiguousarray(X.data, dtype=np.float64),
        np.ascontiguousarray(X.indices, dtype=np.int32),
        np.ascontiguousarray(X.indptr, dtype=np.int64),
        np.ascontiguousarray(np.where(y, 1, -1), dtype=np.int8),
        X.shape[1],
        random_state,
    )
    positive = y.sum(axis=0)
    balanced = len(y) / 2 / np.vstack([len(y) - positive, positive])
    for C in C_values:
        if solver.fit(C * balanced, tol, MAX_PASSES) < MAX_PASSES:
            yield solver.coef()
        else:
            # Few samples and a weak penalty: coordinates are slow there, and a Newton method is not.
            yield from _fit_each(X, y, [C], random_state, tol, few=True)


def _fit_each(
    X: Any, y: npt.NDArray[np.bool_], C_values: Sequence[float], random_state: int, tol: float, *, few: bool = False
) -> Iterator[Fit]:
    few = few or len(y) < FEW
    for C in C_values:
        coefs, intercepts = [np.zeros((X.shape[1], 0))], [np.zeros(0)]
        for k in range(y.shape[1]):
            model = LogisticRegression(
                C=C,
                solver="liblinear",
                dual=not few,
                class_weight="balanced",
                tol=tol,
                max_iter=MAX_PASSES,
                random_state=random_state,
            )
            model.fit(X, y[:, k])
            coefs.append(model.coef_.T)
            intercepts.append(model.intercept_)
        yield np.hstack(coefs), np.concatenate(intercepts)


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
    tol: float = 1e-4,
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
    model = LogisticRegression(C=C, solver="newton-cg", class_weight="balanced", max_iter=200, tol=tol)
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


def rank_features(X: Any, *coefs: npt.NDArray[np.float64], path: Engine = engine) -> npt.NDArray[np.int64]:
    """Columns of ``X`` (CSR), the most useful first.

    Useful is a feature that moves logits: its root mean square value times its largest weight over all outputs.
    Ties keep the column order.
    """
    largest = np.max([np.maximum(c.max(axis=1), -c.min(axis=1)) for c in coefs], axis=0)
    return np.argsort(-np.sqrt(_mean_squares(X, path)) * largest, kind="stable")


def _mean_squares(X: Any, path: Engine) -> npt.NDArray[np.float64]:
    """Mean of the squares in each column; the same on both paths to the last bit."""
    if path == "compiled":
        try:
            from classifier.training._weigh import mean_squares
        except ImportError:  # the others were built and this was not
            pass
        else:
            return mean_squares(X.data, X.indices, *X.shape)
    squares: npt.NDArray[np.float64] = np.asarray(X.multiply(X).mean(axis=0)).ravel()
    return squares
