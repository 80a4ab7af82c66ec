"""Later texts and unseen outlets: what a model does on what it could not have seen, where labels say when and by whom.

Both stand beside the grouped cross-validation of the same rows, so that the difference is that of the split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.corpus.splits import stratified_folds
from classifier.training.crossval import Judged, Options, OutOfFold, Progress
from classifier.training.evaluation import Prepared, score_held_out
from classifier.training.metrics import measure

LATEST = 0.2
"""The share of dated rows, the latest, that is held out."""

MIN_ROWS = 20
"""Fewer held-out rows than this, or positives among them than a quarter of it, are not measured."""


def out_of_time(prepared: Prepared, scores: OutOfFold, judged: Judged, options: Options) -> dict[str, Any]:
    """Train on the earlier dated rows, measure on the latest fifth.

    A unit lies on the side of its latest row's date; rows without a date stand on neither side.

    Returns
    -------
    dict
        ``reason`` where it cannot be done; else ``from`` (the first held-out day), ``n_training``, ``n_undated``,
        ``held_out`` and ``grouped`` (figures of :func:`~classifier.training.metrics.measure` on the same rows).
    """
    dates = np.array([row.date for row in prepared.rows])
    dated = np.flatnonzero(dates != "")
    if not len(dated):
        return {"reason": "no row has a date; fill the column 'date'"}
    days = np.sort(dates[dated])
    first = str(days[min(int(len(days) * (1 - LATEST)), len(days) - 1)])
    if first == days[0]:
        return {"reason": f"the rows with a date ({len(dated)}) lie too close together to hold the latest out"}
    late_units = np.unique(prepared.units[dated[dates[dated] >= first]])
    late = np.isin(prepared.units[dated], late_units)
    # Earlier rows of a unit that goes on into the held-out time would give it away; they are left out.
    test, train = dated[dates[dated] >= first], dated[~late]
    reason = _too_little(prepared, train, test)
    if reason:
        return {"reason": reason}
    return {
        "from": first,
        "n_training": len(train),
        "n_undated": len(prepared.rows) - len(dated),
        **_beside(prepared, scores, judged, options, [(train, test)]),
    }


def unseen_outlets(
    prepared: Prepared, scores: OutOfFold, judged: Judged, options: Options, progress: Progress | None = None
) -> dict[str, Any]:
    """Cross-validation in which whole outlets are held out; rows without one stand on neither side.

    Returns
    -------
    dict
        ``reason`` where it cannot be done; else ``n_outlets``, ``n_without``, ``held_out`` and ``grouped`` as in
        :func:`out_of_time`.
    """
    names = np.array([row.outlet for row in prepared.rows])
    known = np.flatnonzero(names != "")
    outlets, numbers = np.unique(names[known], return_inverse=True)
    if len(outlets) < 2:
        return {
            "reason": "no row has an outlet; fill the column 'outlet'"
            if not len(known)
            else f"all rows with an outlet have the same one, {str(outlets[0])!r}"
        }
    n_folds = min(options.n_folds, len(outlets))
    folds = stratified_folds(prepared.y[known], numbers.astype(np.int64), n_folds, random_state=options.random_state)
    splits = []
    for fold in range(n_folds):
        test = known[folds == fold]
        train = known[(folds != fold) & ~np.isin(prepared.units[known], prepared.units[test])]
        if not _too_little(prepared, train, test):
            splits.append((train, test))
    if not splits:
        return {"reason": f"{len(known)} rows with an outlet are too few to hold some out"}
    return {
        "n_outlets": len(outlets),
        "n_without": len(prepared.rows) - len(known),
        **_beside(prepared, scores, judged, options, splits, progress),
    }


def _too_little(prepared: Prepared, train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> str:
    for what, rows in (("training", train), ("held-out", test)):
        if len(rows) < MIN_ROWS or prepared.y[rows].sum() < MIN_ROWS // 4:
            return f"{len(rows)} {what} rows with {int(prepared.y[rows].sum())} labels are too few"
    return ""


def _beside(
    prepared: Prepared,
    scores: OutOfFold,
    judged: Judged,
    options: Options,
    splits: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    progress: Progress | None = None,
) -> dict[str, Any]:
    probabilities, y_pred = [], []
    for done, (train, test) in enumerate(splits):
        found = score_held_out(prepared, scores, train, test, options)
        probabilities.append(found.probabilities)
        y_pred.append(found.y_pred)
        if progress:
            progress("unseen outlets", (done + 1) / len(splits))
    rows = np.concatenate([test for _, test in splits])
    ids, y, units = prepared.taxonomy.ids, prepared.y[rows], prepared.units[rows]
    state = options.random_state
    return {
        "held_out": measure(ids, y, np.vstack(y_pred), np.vstack(probabilities), units, random_state=state),
        "grouped": measure(ids, y, judged.y_pred[rows], judged.probabilities[rows], units, random_state=state),
    }
