"""How believable given labels are beside out-of-fold probabilities: self-confidence and confident learning.

Every narrative is a yes-or-no question of its own, as a text may carry several [3]_. Out-of-fold probabilities are a
must: a model that has seen a wrong label believes it.

References
----------
.. [1] Kuan, Mueller, "Model-agnostic label quality scoring to detect real-world label errors", DataPerf workshop at
   ICML 2022.
.. [2] Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of Artificial
   Intelligence Research 70, 2021.
.. [3] Thyagarajan, Snorrason, Northcutt, Mueller, "Identifying incorrect annotations in multi-label classification
   data", arXiv:2211.13895, 2022.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

EMA = 0.8
"""Weight of the worse narrative in :func:`row_quality`, as published in [3]_."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def self_confidence(probabilities: Floats, y: Bools) -> Floats:
    """The probability of each answer as it was given [1]_: ``p`` where a narrative is carried, else ``1 - p``.

    Parameters
    ----------
    probabilities : ndarray, shape (n_samples, n_narratives)
        Calibrated, out of fold.
    y : ndarray of bool, same shape
    """
    return np.where(y, probabilities, 1.0 - probabilities)


def row_quality(quality: Floats) -> Floats:
    """One figure a row: the exponential moving average of its qualities from best to worst [3]_.

    Parameters
    ----------
    quality : ndarray, shape (n_samples, n_narratives)

    Returns
    -------
    ndarray, shape (n_samples,)
        0 to 1; small where any answer of the row is hard to believe, smaller where several are.
    """
    ranked = -np.sort(-quality, axis=1)
    result: Floats = ranked[:, 0].copy()
    for k in range(1, ranked.shape[1]):
        result = EMA * ranked[:, k] + (1.0 - EMA) * result
    return result


def confident_thresholds(probabilities: Floats, y: Bools) -> tuple[Floats, Floats]:
    """The mean self-confidence of "yes" and of "no" for each narrative [2]_, shape (n_narratives,) each.

    NaN where nothing carries the narrative, or everything.
    """
    n_yes, n_no = y.sum(axis=0), (~y).sum(axis=0)
    with np.errstate(invalid="ignore"):
        yes = np.where(y, probabilities, 0.0).sum(axis=0) / n_yes
        no = np.where(y, 0.0, 1.0 - probabilities).sum(axis=0) / n_no
    return yes, no


def confident_issues(probabilities: Floats, y: Bools) -> Bools:
    """The off-diagonal of the confident joint [2]_: answers of which the model is as sure as it is, on average, of the
    contrary answer where that was given.

    Returns
    -------
    ndarray of bool, shape (n_samples, n_narratives)
    """
    yes, no = confident_thresholds(probabilities, y)
    sure_yes, sure_no = probabilities >= yes, 1.0 - probabilities >= no
    both = sure_yes & sure_no
    likelier = probabilities > 0.5
    sure_yes, sure_no = sure_yes & (~both | likelier), sure_no & (~both | ~likelier)
    return np.where(y, sure_no, sure_yes)
