"""Figures with their support and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.metrics import average_precision_score

N_BOOTSTRAP = 1_000

BLOCK = 50
"""Bootstrap samples that are drawn at a time."""


def f_scores(
    tp: npt.NDArray[np.float64], fp: npt.NDArray[np.float64], fn: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """F1 from counts of any shape; 0 where there is nothing to find and nothing was found."""
    total = 2 * tp + fp + fn
    result: npt.NDArray[np.float64] = np.divide(2 * tp, total, out=np.zeros_like(tp), where=total > 0)
    return result


def bootstrap_weights(
    units: npt.NDArray[np.int64], random_state: int, n_bootstrap: int = N_BOOTSTRAP
) -> npt.NDArray[np.float64]:
    """How often each row stands in each bootstrap sample when whole units are drawn with replacement.

    Returns
    -------
    ndarray of float64, shape (n_bootstrap, n_samples)
        8 bytes for each; fewer samples are the first of more. :func:`bootstrap_sums` does with less memory.
    """
    _, numbers = np.unique(units, return_inverse=True)
    n_units = int(numbers.max()) + 1
    rng = np.random.default_rng(random_state)
    drawn = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_bootstrap)
    result: npt.NDArray[np.float64] = drawn[:, numbers].astype(np.float64)
    return result


def bootstrap_sums(
    units: npt.NDArray[np.int64], columns: npt.NDArray[np.bool_], random_state: int
) -> npt.NDArray[np.float64]:
    """``bootstrap_weights(units, random_state) @ columns``, exactly, without the weights of every row in memory.

    Parameters
    ----------
    columns : ndarray of bool, shape (n_samples, n_columns)

    Returns
    -------
    ndarray of float64, shape (n_bootstrap, n_columns)
    """
    _, numbers = np.unique(units, return_inverse=True)
    n_units = int(numbers.max()) + 1
    membership = (np.ones(len(numbers)), (numbers, np.arange(len(numbers))))
    of_unit = (sparse.csr_matrix(membership, shape=(n_units, len(numbers))) @ sparse.csr_matrix(columns)).toarray()
    rng = np.random.default_rng(random_state)
    shares = np.full(n_units, 1 / n_units)
    blocks = (rng.multinomial(n_units, shares, size=BLOCK) for _ in range(N_BOOTSTRAP // BLOCK))
    return np.vstack([block.astype(np.float64) @ of_unit for block in blocks])


def interval(samples: npt.NDArray[np.float64]) -> list[float]:
    """The middle 95 % of bootstrap samples."""
    return [round(float(q), 4) for q in np.quantile(samples, [0.025, 0.975])]


def expected_calibration_error(
    probabilities: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_], *, n_bins: int = 10
) -> float:
    """Mean distance between probability and frequency over ten equal bins, weighted by their size [1]_.

    Every (sentence, narrative) is one case; arrays of any equal shape.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    p, y = probabilities.ravel(), y_true.ravel()
    bins = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    size = np.bincount(bins, minlength=n_bins)
    said = np.bincount(bins, weights=p, minlength=n_bins)
    seen = np.bincount(bins, weights=y.astype(np.float64), minlength=n_bins)
    return float(np.abs(said - seen).sum() / max(1, size.sum()))


def reliability_bins(
    probabilities: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_], *, n_bins: int = 10
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Probability and frequency in equal bins, those that hold anything.

    Returns
    -------
    n, given, found, half : ndarray, shape (n_filled_bins,)
        Cases, mean probability, share that carries it, and half of its 95 % interval (normal approximation).
    """
    p, y = probabilities.ravel(), y_true.ravel()
    place = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    filled = n > 0
    given = np.bincount(place, weights=p, minlength=n_bins)[filled] / n[filled]
    found = np.bincount(place, weights=y, minlength=n_bins)[filled] / n[filled]
    return n[filled], given, found, 1.96 * np.sqrt(found * (1 - found) / n[filled])


def average_precision(scores: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_]) -> float:
    """scikit-learn's average precision; 0 where there is no positive."""
    return float(average_precision_score(y_true, scores)) if y_true.any() else 0.0


def measure(
    ids: Sequence[str],
    y_true: npt.NDArray[np.bool_],
    y_pred: npt.NDArray[np.bool_],
    probabilities: npt.NDArray[np.float64],
    units: npt.NDArray[np.int64],
    *,
    random_state: int = 0,
) -> dict[str, Any]:
    """All figures of one set of judged sentences, as plain JSON types.

    Parameters
    ----------
    y_true, y_pred, probabilities : ndarray, shape (n_samples, n_narratives)
    units : ndarray of int, shape (n_samples,)
        Intervals come from drawing whole units, 1,000 times.

    Returns
    -------
    dict
        ``micro``, ``macro`` (over narratives that occur), ``plain`` (sentences without a narrative), ``ece`` and
        ``narratives``; shares are 0 to 1, intervals 95 %.
    """
    tp, fp, fn = (y_true & y_pred), (~y_true & y_pred), (y_true & ~y_pred)
    totals = [m.sum(axis=0).astype(np.float64) for m in (tp, fp, fn)]
    plain = ~y_true.any(axis=1)
    alarms = y_pred.any(axis=1) & plain
    drawn = bootstrap_sums(units, np.column_stack([tp, fp, fn, alarms, plain]), random_state)
    *samples, plain_samples = np.split(drawn, [len(ids), 2 * len(ids), 3 * len(ids)], axis=1)
    occurs = y_true.any(axis=0)
    f1, f1_samples = f_scores(*totals), f_scores(*samples)
    micro = [float(t.sum()) for t in totals]
    micro_samples = [s.sum(axis=1) for s in samples]
    result: dict[str, Any] = {
        "n_sentences": len(y_true),
        "n_units": len(np.unique(units)),
        "micro": {
            "precision": _ratio(micro[0], micro[0] + micro[1]),
            "recall": _ratio(micro[0], micro[0] + micro[2]),
            "f1": round(float(f_scores(*[np.array(m) for m in micro])), 4),
            "f1_interval": interval(f_scores(*micro_samples)),
            "average_precision": round(average_precision(probabilities.ravel(), y_true.ravel()), 4),
        },
        "macro": {
            "f1": round(float(f1[occurs].mean()), 4) if occurs.any() else 0.0,
            "f1_interval": interval(f1_samples[:, occurs].mean(axis=1)) if occurs.any() else [0.0, 0.0],
            "average_precision": round(
                float(np.mean([average_precision(probabilities[:, k], y_true[:, k]) for k in np.flatnonzero(occurs)])),
                4,
            )
            if occurs.any()
            else 0.0,
        },
        "plain": {
            "n_sentences": int(plain.sum()),
            "tagged": _ratio(float(alarms.sum()), float(plain.sum())),
            "tagged_interval": interval(
                np.divide(
                    plain_samples[:, 0],
                    plain_samples[:, 1],
                    out=np.zeros(len(plain_samples)),
                    where=plain_samples[:, 1] > 0,
                )
            ),
        },
        "ece": round(expected_calibration_error(probabilities, y_true), 4),
        "narratives": {},
    }
    for k, narrative in enumerate(ids):
        result["narratives"][narrative] = {
            "support": int(y_true[:, k].sum()),
            "n_units": len(np.unique(units[y_true[:, k]])),
            "precision": _ratio(totals[0][k], totals[0][k] + totals[1][k]),
            "recall": _ratio(totals[0][k], totals[0][k] + totals[2][k]),
            "f1": round(float(f1[k]), 4),
            "f1_interval": interval(f1_samples[:, k]),
            "average_precision": round(average_precision(probabilities[:, k], y_true[:, k]), 4),
        }
    return result


def measure_voices(
    ids: Sequence[str],
    voices: Sequence[str],
    y_true: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float64],
    narratives: npt.NDArray[np.int64],
) -> dict[str, Any]:
    """Voice figures over (sentence, narrative) pairs.

    Parameters
    ----------
    y_true, narratives : ndarray of int, shape (n_pairs,)
    probabilities : ndarray, shape (n_pairs, n_voices)
    """
    y_pred = probabilities.argmax(axis=1)
    right = y_true == y_pred
    return {
        "n_pairs": len(y_true),
        "accuracy": _ratio(float(right.sum()), float(len(right))),
        "voices": {
            voice: {
                "support": int((y_true == v).sum()),
                "precision": _ratio(float((right & (y_pred == v)).sum()), float((y_pred == v).sum())),
                "recall": _ratio(float((right & (y_true == v)).sum()), float((y_true == v).sum())),
            }
            for v, voice in enumerate(voices)
        },
        "narratives": {
            narrative: _ratio(float(right[narratives == k].sum()), float((narratives == k).sum()))
            for k, narrative in enumerate(ids)
        },
    }


def _ratio(part: float, whole: float) -> float:
    return round(float(part) / float(whole), 4) if whole else 0.0
