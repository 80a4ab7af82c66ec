"""What more labels would bring: cross-validation on growing parts of the corpus, and a curve drawn on from it.

Every part is a share of the units (near-duplicates, articles, groups stay together), and the parts are nested. The
folds are those of the full cross-validation, so every part is judged on the same held-out sentences.

The error, 1 - average precision, is taken for a power of the number of labels [1]_, [2]_: a line through the logarithms
of both, where later points weigh more. Four points cannot fix an error that no number of labels removes, so there is
none in the curve, and a forecast is rather too high than too low. How far off it is can be seen: the same line without
its last point forecasts today's average precision, which is known. Intervals hold that miss, the chance in which units
were labelled (bootstrap), and the line through the last two points alone, which bends with a curve that levels off.

References
----------
.. [1] Cortes, Jackel, Solla, Vapnik, Denker, "Learning curves: asymptotic values and rate of convergence", NIPS 1993.
.. [2] Figueroa, Zeng-Treitler, Kandula, Ngo, "Predicting sample size required for classification performance", BMC
   Medical Informatics and Decision Making 12:8, 2012.
"""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import numpy.typing as npt

from classifier.errors import TrainingError
from classifier.training.calibration import MIN_SUPPORT, MIN_UNITS
from classifier.training.crossval import Options, OutOfFold, Progress, fit_rows
from classifier.training.evaluation import Prepared
from classifier.training.fitting import VoicePairs
from classifier.training.metrics import average_precision, bootstrap_weights, interval

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Parts of the units that are tried; the whole is known already."""

N_SAMPLES = 200
"""Bootstrap samples behind the intervals."""

_SMALLEST_ERROR = 1e-3


def learning_curve(
    prepared: Prepared, scores: OutOfFold, options: Options, progress: Progress | None = None
) -> dict[str, Any]:
    """Average precision on parts of the corpus, and a forecast for twice its labels.

    Returns
    -------
    dict
        ``points``: for each part ``share`` (of the units), ``n_sentences`` (that a fold trains on, on average),
        ``average_precision`` (narrative -> value, None for a part without that narrative), ``macro`` (mean over the
        narratives that have a forecast, or over all where none has).
        ``forecast``: narrative (and "macro") -> ``now``, ``twice``, ``gain``, ``gain_interval`` (95 %), ``hindcast``
        (today's value as the line without its last point has it), or ``reason`` where there is none.
        ``average_precision_interval``: narrative -> 95 % interval of today's value.
        ``hindcast_error``: root mean square of ``hindcast - now`` over narratives, or None.
    """
    n_narratives = len(prepared.taxonomy.ids)
    n_units = int(prepared.units.max()) + 1
    rank = np.random.default_rng(options.random_state).permutation(n_units)
    shares, logits, sizes, present = [], [], [], []
    n_folds = int(prepared.folds.max()) + 1
    for number, share in enumerate((*SHARES, 1.0)):
        part = rank[prepared.units] < max(2, round(share * n_units))
        if share < 1:
            try:
                found = _on_part(prepared, scores.C, part, options)
            except TrainingError:  # so few sentences share nothing
                continue
        else:
            found = scores.logits
        shares.append(share)
        logits.append(found)
        sizes.append(float(part.sum()) * (n_folds - 1) / n_folds)
        # A fold that trains without a narrative says nothing of what few labels of it are worth.
        present.append(
            [
                all(prepared.y[part & (prepared.folds != fold), k].any() for fold in range(n_folds))
                for k in range(n_narratives)
            ]
        )
        if progress:
            progress("learning curve", (number + 1) / (len(SHARES) + 1))
    seen = np.array(present, dtype=np.bool_)
    values = np.full((len(shares), n_narratives), np.nan)
    samples = np.full((len(shares), n_narratives, N_SAMPLES), np.nan)
    weights = bootstrap_weights(prepared.units, options.random_state, N_SAMPLES)
    for k in range(n_narratives):
        y = prepared.y[:, k]
        for s in np.flatnonzero(seen[:, k]):
            values[s, k] = average_precision(logits[s][:, k], y)
            samples[s, k] = weighted_average_precision(logits[s][:, k], y, weights)
    forecasts = _forecasts(prepared, np.array(shares), values, samples)
    # The mean is over the same narratives at every point.
    judged = [k for k, narrative in enumerate(prepared.taxonomy.ids) if "now" in forecasts["forecast"][narrative]]
    return {
        "points": [
            {
                "share": share,
                "n_sentences": round(size),
                "average_precision": {
                    narrative: None if np.isnan(values[s, k]) else round(float(values[s, k]), 4)
                    for k, narrative in enumerate(prepared.taxonomy.ids)
                },
                "macro": _mean(values[s, judged] if judged else values[s]),
            }
            for s, (share, size) in enumerate(zip(shares, sizes, strict=True))
        ],
        "average_precision_interval": {
            narrative: interval(samples[-1, k])
            for k, narrative in enumerate(prepared.taxonomy.ids)
            if np.isfinite(samples[-1, k]).all()
        },
        **forecasts,
    }


def _on_part(prepared: Prepared, C: float, part: npt.NDArray[np.bool_], options: Options) -> npt.NDArray[np.float64]:
    """Logits of every row by models that saw only ``part`` of the other folds."""
    nobody = np.zeros(0, dtype=np.int64)
    silent = VoicePairs(nobody, nobody, nobody)
    n_folds = int(prepared.folds.max()) + 1

    def run(fold: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        train, test = np.flatnonzero(part & (prepared.folds != fold)), np.flatnonzero(prepared.folds == fold)
        if not len(train):
            raise TrainingError("a fold has nothing to learn from")
        fitted = fit_rows(prepared.counts, train, prepared.y, silent, [C], options)
        return test, fitted.heads[C].decision_function(fitted.features.transform(prepared.counts, test))

    logits = np.zeros(prepared.y.shape)
    parallel = joblib.Parallel(n_jobs=min(options.n_jobs, n_folds), prefer="threads")
    for test, found in parallel(joblib.delayed(run)(fold) for fold in range(n_folds)):
        logits[test] = found
    return logits


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    return None if np.isnan(values).all() else round(float(np.nanmean(values)), 4)


def _forecasts(
    prepared: Prepared,
    shares: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    samples: npt.NDArray[np.float64],
) -> dict[str, Any]:
    support = prepared.y.sum(axis=0)
    narratives = prepared.taxonomy.ids
    result: dict[str, Any] = {}
    enough: list[int] = []
    for k, narrative in enumerate(narratives):
        n_units = len(np.unique(prepared.units[prepared.y[:, k]]))
        if support[k] < MIN_SUPPORT or n_units < MIN_UNITS:
            result[narrative] = {"reason": f"{support[k]} labels in {n_units} units are too few"}
        elif np.isfinite(values[:, k]).sum() < 3 or not np.isfinite(values[-1, k]):
            result[narrative] = {"reason": "it is missing from the smaller parts"}
        else:
            enough.append(k)
    hindcasts = {k: float(extrapolate(shares[:-1], values[:-1, k][:, None], 1.0)[0]) for k in enough if len(shares) > 2}
    miss = np.array([hindcasts[k] - values[-1, k] for k in hindcasts])
    error = float(np.sqrt(np.mean(miss**2))) if len(miss) else None
    for k in enough:
        result[narratives[k]] = _forecast(shares, values[:, k], samples[:, k], hindcasts.get(k), error)
    if enough:
        hindcast = float(np.mean([hindcasts[k] for k in enough])) if hindcasts else None
        mean = np.array([np.nanmean(values[s, enough]) for s in range(len(shares))])
        mean_samples = np.array([np.nanmean(samples[s, enough], axis=0) for s in range(len(shares))])
        off = abs(hindcast - mean[-1]) if hindcast is not None else None
        result["macro"] = _forecast(shares, mean, mean_samples, hindcast, off)
    else:
        result["macro"] = {"reason": "no narrative has labels enough"}
    return {"forecast": result, "hindcast_error": None if error is None else round(error, 4)}


def _forecast(
    shares: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    samples: npt.NDArray[np.float64],
    hindcast: float | None,
    error: float | None,
) -> dict[str, Any]:
    now = float(values[-1])
    both = np.column_stack([values, samples])
    # The line's own change from the whole to twice, set on what was measured. Beside it the line through the last two
    # points only, which has noticed where a curve levels off: the interval holds what either may come to.
    line = extrapolate(shares, both, 2.0) - extrapolate(shares, both, 1.0)
    local = extrapolate(shares[-2:], both[-2:], 2.0) - both[-1]
    gain = float(np.clip(line[0], 0.0, 1.0 - now))
    low = min(np.quantile(line[1:], 0.025), np.quantile(local[1:], 0.025), gain)
    high = max(np.quantile(line[1:], 0.975), np.quantile(local[1:], 0.975), gain)
    model = 1.96 * (error or 0.0)
    return {
        "now": round(now, 4),
        "twice": round(now + gain, 4),
        "gain": round(gain, 4),
        "gain_interval": [
            round(float(max(gain - np.hypot(gain - low, model), -now)), 4),
            round(float(min(gain + np.hypot(high - gain, model), 1.0 - now)), 4),
        ],
        "hindcast": None if hindcast is None else round(hindcast, 4),
    }


def extrapolate(
    shares: npt.NDArray[np.float64], values: npt.NDArray[np.float64], target: float
) -> npt.NDArray[np.float64]:
    """Lines through ``log(1 - value)`` against ``log(share)``, weighted by the share, read at ``target``.

    Parameters
    ----------
    shares : ndarray, shape (n_points,)
    values : ndarray, shape (n_points, n_lines)
        Average precisions, 0 to 1; NaN where a line has no such point (the same points in every line).

    Returns
    -------
    ndarray of shape (n_lines,)
    """
    there = np.isfinite(values).all(axis=1)
    x, w = np.log(shares[there]), shares[there]
    errors = np.log(np.maximum(1.0 - values[there], _SMALLEST_ERROR))
    if len(x) < 2:
        return np.full(values.shape[1], np.nan) if not len(x) else 1.0 - np.exp(errors[0])
    centre = np.average(x, weights=w)
    level = np.average(errors, axis=0, weights=w)
    slope = (w * (x - centre)) @ errors / (w @ (x - centre) ** 2)
    result: npt.NDArray[np.float64] = 1.0 - np.exp(level + slope * (np.log(target) - centre))
    return result


def weighted_average_precision(
    scores: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Average precision of one narrative in each bootstrap sample; equal scores stand in the order of the rows.

    Parameters
    ----------
    scores, y_true : ndarray, shape (n_samples,)
    weights : ndarray, shape (n_bootstrap, n_samples)

    Returns
    -------
    ndarray of shape (n_bootstrap,)
        0 for a sample without a positive.
    """
    order = np.argsort(-scores, kind="stable")
    y = y_true[order].astype(np.float64)
    result = np.zeros(len(weights))
    for b, drawn in enumerate(weights):
        w = drawn[order]
        found = np.cumsum(w * y)
        if found[-1]:
            result[b] = (w * y * found / np.maximum(np.cumsum(w), 1.0)).sum() / found[-1]
    return result
