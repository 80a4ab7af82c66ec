"""Out-of-fold scores to probabilities, thresholds and the unsure band; the length penalty; the familiarity bound.

scikit-learn's ``CalibratedClassifierCV`` and ``TunedThresholdClassifierCV`` refuse multi-label targets, so tuning for
each narrative stands here. Everything takes scores of sentences that the scoring model was not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from classifier.model.decisions import sigmoid
from classifier.model.documents import roll_up

MIN_SUPPORT = 25
"""A narrative with fewer positives is not ``trained_enough``: its figures say little."""

MIN_UNITS = 5
"""Nor is one whose positives come from fewer units."""

SHRINKAGE = 40.0
"""Positives at which a narrative's own threshold weighs as much as the common one."""

F_UNSURE = 2.0
"""The unsure band begins where F-beta with this beta is largest: recall counts twice as much."""


MAX_FALSE_ALARMS = 0.05
"""The largest share of held-out sentences without a narrative that thresholds let get a "yes"."""


@dataclass(frozen=True)
class Line:
    """``calibrated logit = slope * logit + intercept`` (Platt scaling [1]_).

    References
    ----------
    .. [1] Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: float
    intercept: float


def fit_line(logits: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_]) -> Line:
    """Platt scaling of one narrative.

    The slope is kept positive, so that calibration never turns the order of scores round.
    """
    if y_true.all() or not y_true.any():
        return Line(1.0, 0.0)
    model = LogisticRegression(C=100.0, solver="newton-cholesky").fit(logits[:, None], y_true)
    slope = max(float(model.coef_[0, 0]), 0.05)
    return Line(slope, float(model.intercept_[0]))


def fit_lines(logits: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_]) -> list[Line]:
    """Platt scaling for each column; a narrative with few positives borrows the pooled slope.

    Parameters
    ----------
    logits, y_true : ndarray, shape (n_samples, n_narratives)
    """
    pooled = fit_line(logits.ravel(), y_true.ravel())
    lines = []
    for k in range(logits.shape[1]):
        support = int(y_true[:, k].sum())
        if support == 0:
            lines.append(pooled)
            continue
        own = fit_line(logits[:, k], y_true[:, k])
        weight = support / (support + SHRINKAGE)
        slope = weight * own.slope + (1 - weight) * pooled.slope
        lines.append(Line(slope, _match_mean(slope * logits[:, k], support / len(y_true))))
    return lines


def stack_lines(lines: Sequence[Line]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slopes and intercepts, shape (n_narratives,) each: ``calibrated = logits * slopes + intercepts``."""
    return np.array([line.slope for line in lines]), np.array([line.intercept for line in lines])


def _match_mean(logits: npt.NDArray[np.float64], share: float) -> float:
    """The shift that makes the mean probability equal the share of positives (bisection)."""
    low, high = -50.0, 50.0
    for _ in range(80):
        middle = (low + high) / 2
        if sigmoid(logits + middle).mean() < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def best_threshold(
    probabilities: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_], *, beta: float = 1.0
) -> float:
    """The probability from which "yes" gives the largest F-beta: half way between two neighbouring scores.

    Parameters
    ----------
    probabilities, y_true : ndarray, shape (n_samples,)
    """
    if not y_true.any():
        return 1.0
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = np.cumsum(y_true[order])
    called = np.arange(1, len(ranked) + 1)
    f = (1 + beta**2) * hits / (called + beta**2 * hits[-1])
    # A threshold lies between two different scores.
    f[:-1][ranked[:-1] == ranked[1:]] = -1.0
    best = int(np.argmax(f))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


@dataclass(frozen=True)
class Thresholds:
    """Probabilities, shape (n_narratives,) each, ``unsure_from <= threshold``."""

    threshold: npt.NDArray[np.float64]
    unsure_from: npt.NDArray[np.float64]


def fit_thresholds(
    probabilities: npt.NDArray[np.float64],
    y_true: npt.NDArray[np.bool_],
    *,
    max_false_alarms: float = MAX_FALSE_ALARMS,
    multilabel: bool = True,
) -> Thresholds:
    """Thresholds for each narrative, shrunk towards the common one, and raised until few plain sentences are tagged.

    Parameters
    ----------
    probabilities, y_true : ndarray, shape (n_samples, n_narratives)
    max_false_alarms : float
        The largest share of sentences without a narrative that may get a "yes".
    multilabel : bool
        Where false, the likeliest narrative gets the "yes", from one common threshold on: the lowest that keeps the
        false alarms, 0 where every sentence carries something.
    """
    if not multilabel:
        plain = np.sort(probabilities[~y_true.any(axis=1)].max(axis=1, initial=0.0))
        n_allowed = int(max_false_alarms * len(plain))
        lowest = float(np.nextafter(plain[-1 - n_allowed], 1.0)) if n_allowed < len(plain) else 0.0
        return Thresholds(np.full(y_true.shape[1], lowest), np.full(y_true.shape[1], lowest / 2))
    common = best_threshold(probabilities.ravel(), y_true.ravel())
    common_unsure = best_threshold(probabilities.ravel(), y_true.ravel(), beta=F_UNSURE)
    support = y_true.sum(axis=0)
    weight = support / (support + SHRINKAGE)
    n_narratives = y_true.shape[1]
    own = np.array([best_threshold(probabilities[:, k], y_true[:, k]) for k in range(n_narratives)])
    own_unsure = np.array(
        [best_threshold(probabilities[:, k], y_true[:, k], beta=F_UNSURE) for k in range(n_narratives)]
    )
    threshold = weight * own + (1 - weight) * common
    unsure_from = np.minimum(weight * own_unsure + (1 - weight) * common_unsure, threshold)
    plain = probabilities[~y_true.any(axis=1)]
    if len(plain):
        # One factor on the odds for all narratives keeps their order.
        odds = threshold / (1 - np.minimum(threshold, 1 - 1e-9))
        for step in np.arange(0.0, 6.0, 0.02):
            raised = odds * np.exp(step)
            threshold = raised / (1 + raised)
            if (plain >= threshold).any(axis=1).mean() <= max_false_alarms:
                break
    return Thresholds(threshold, unsure_from)


def fit_length_penalty(
    logits: npt.NDArray[np.float64],
    y_true: npt.NDArray[np.bool_],
    units: npt.NDArray[np.int64],
    threshold: npt.NDArray[np.float64],
    *,
    random_state: int,
    n_texts: int = 400,
    max_false_alarms: float = 0.1,
) -> tuple[float, dict[str, float]]:
    """Choose the length penalty of :func:`classifier.model.documents.roll_up` on texts put together from sentences.

    Half of the texts are neutral (15 to 40 sentences without a narrative); the others are the same with three of their
    sentences replaced by ones that carry one narrative. The smallest penalty on a grid that tags at most
    ``max_false_alarms`` of the neutral ones is taken.

    Neutral sentences come from units without any narrative where there are enough of those: contrasts, which are
    written to be hard, stand in units with what they contrast, and no article is made of them.

    Returns
    -------
    length_penalty : float
    figures : dict
        ``neutral_tagged`` and ``planted_found`` (shares, 0 to 1) at that penalty.
    """
    rng = np.random.default_rng(random_state)
    carrying_units = np.unique(units[y_true.any(axis=1)])
    plain = np.flatnonzero(~np.isin(units, carrying_units))
    if len(plain) < 200:
        plain = np.flatnonzero(~y_true.any(axis=1))
    pools = [(k, np.flatnonzero(y_true[:, k])) for k in range(y_true.shape[1]) if y_true[:, k].sum() >= MIN_SUPPORT]
    if len(plain) < 40 or not pools:
        return 0.5, {}
    neutral, planted = [], []
    for _ in range(n_texts):
        members = rng.choice(plain, size=rng.integers(15, 41), replace=False)
        neutral.append(members)
        k, pool = pools[rng.integers(len(pools))]
        carrying = members.copy()
        carrying[:3] = rng.choice(pool, size=3, replace=False)
        planted.append((carrying, k))

    def tagged(members: npt.NDArray[np.int64], penalty: float) -> npt.NDArray[np.bool_]:
        part = logits[members]
        whole = roll_up(part, sigmoid(part) >= threshold, np.full(len(members), 10), penalty)
        result: npt.NDArray[np.bool_] = sigmoid(whole) >= threshold
        return result

    penalty, alarms = 0.0, 1.0
    for penalty in np.arange(0.0, 3.01, 0.05):
        alarms = float(np.mean([tagged(members, penalty).any() for members in neutral]))
        if alarms <= max_false_alarms:
            break
    found = float(np.mean([tagged(members, penalty)[k] for members, k in planted]))
    return float(round(penalty, 2)), {"neutral_tagged": alarms, "planted_found": found}


def fit_coverage_bound(
    familiar: npt.NDArray[np.float64], foreign: npt.NDArray[np.float64]
) -> tuple[float, dict[str, float]]:
    """The share of known words below which a text counts as unfamiliar.

    The bound between the two groups that gives the smallest larger error; among equals, the middle.

    Parameters
    ----------
    familiar : ndarray, shape (n_texts,)
        Coverage of texts in the model's languages that its word list was not made from.
    foreign : ndarray, shape (n_texts,)
        Coverage of texts in other languages, code and gibberish.
    """
    if not len(foreign) or not len(familiar):
        return 0.5, {}
    grid = np.round(np.arange(0.2, 0.91, 0.01), 2)
    errors = np.array([max((familiar < b).mean(), (foreign >= b).mean()) for b in grid])
    best = grid[errors == errors.min()]
    bound = float(np.round(best.mean(), 2))
    return bound, {
        "familiar_refused": float((familiar < bound).mean()),
        "foreign_accepted": float((foreign >= bound).mean()),
    }
