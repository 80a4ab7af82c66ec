"""Two models on the same rows, which neither has seen: what differs beyond noise.

Both are judged by the same labels. Whole units are drawn with replacement, the same ones for both models, and each
draw gives one difference of every figure: the paired bootstrap [1]_ [2]_, with units for its observations because the
rows of a unit hang together. A figure is *lost* where the upper bound of its difference lies below 0.

Two figures are judged over all narratives (micro and macro F1), and the F1 of every narrative with enough support;
``ALPHA`` is shared out among them (Bonferroni [3]_): a quarter to each of the two, and half to the narratives, each an
equal part. So of models that are equally good at most about one in twenty is found to have lost anything, however many
narratives there are. Bounds are one-sided, the difference and a normal quantile times the draws' standard deviation
([1]_, chapter 12): percentiles so far out rest on a handful of draws, and with few units lie too near. Of 400
simulated pairs of equally good models 10 to 24 were found to have lost something, in each of five shapes (``answers``
in ``tests/training/test_paired.py``). The intervals that are shown are plain percentiles of one figure, 95 %.

What this does not see: the draws hold the fitted folds fixed, so chance in how folds were dealt counts only as far as
it shows from row to row. And no loss found is no proof of none: with few rows large losses stay hidden. The interval
says how large.

References
----------
.. [1] Efron, Tibshirani, "An introduction to the bootstrap", 1993, chapters 12, 13 and 16.
.. [2] Koehn, "Statistical significance tests for machine translation evaluation", EMNLP 2004.
.. [3] Dunn, "Multiple comparisons among means", Journal of the American Statistical Association 56, 1961.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import norm

from classifier.training.calibration import MIN_SUPPORT, MIN_UNITS
from classifier.training.metrics import average_precision, f_scores

ALPHA = 0.05
"""The share of equally good models that may be found to have lost something."""

MIN_LABELS = 50
"""Labels on the common rows from which on the figures over all narratives are judged."""

MIN_ALL_UNITS = 30
"""Units from which on they are: below, the bootstrap's bounds are too narrow."""

N_DRAWS = 2_000

_CHUNK = 4_000_000
"""Drawn units held in memory at once."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Paired:
    """What two models say of the same rows.

    Attributes
    ----------
    ids : tuple of str
        The narratives that both know: the columns.
    y, old_y : ndarray of bool, shape (n_samples, n_narratives)
        What holds; ``old_y`` judges the old model, and is mostly the same array.
    old_yes, new_yes : ndarray of bool, same shape
        What each model decides.
    old_logits, new_logits : ndarray, shape (n_samples, n_narratives)
    plain : ndarray of bool, shape (n_samples,)
        Rows that carry no narrative at all.
    units : ndarray of int, shape (n_samples,)
    """

    ids: tuple[str, ...]
    y: Bools
    old_y: Bools
    old_yes: Bools
    new_yes: Bools
    old_logits: Floats
    new_logits: Floats
    plain: Bools
    units: Integers


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both models, 0 to 1, and the 95 % interval of ``new - old``.

    ``highest`` is the upper bound that judges it, None where nothing is judged: figures that are only told, and
    narratives with fewer than :data:`~classifier.training.calibration.MIN_SUPPORT` sentences or
    :data:`~classifier.training.calibration.MIN_UNITS` units. ``support`` counts the rows that carry it, ``n_units``
    the units that these stand in.
    """

    old: float
    new: float
    low: float
    high: float
    highest: float | None
    support: int
    n_units: int

    @property
    def lost(self) -> bool:
        """Whether the new model is worse beyond noise."""
        return self.highest is not None and self.highest < 0.0


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows.

    ``plain_tagged`` (share of plain rows that get a "yes") and ``average_precision`` (micro: old, new; without an
    interval) are told and judge nothing.
    """

    n_sentences: int
    n_units: int
    micro: Difference
    macro: Difference
    plain_tagged: Difference
    average_precision: tuple[float, float]
    narratives: dict[str, Difference]

    @property
    def enough(self) -> bool:
        """Whether there is enough to judge anything."""
        return self.micro.highest is not None

    @property
    def losses(self) -> tuple[str, ...]:
        """What is worse beyond noise: "micro F1", "macro F1" or a narrative's id."""
        overall = [name for name, found in (("micro F1", self.micro), ("macro F1", self.macro)) if found.lost]
        return (*overall, *(narrative for narrative, found in self.narratives.items() if found.lost))

    @property
    def not_judged(self) -> tuple[str, ...]:
        """Narratives of which too few rows are there."""
        return tuple(narrative for narrative, found in self.narratives.items() if found.highest is None)


def compare_paired(
    paired: Paired, *, alpha: float = ALPHA, random_state: int = 0, n_draws: int = N_DRAWS
) -> Comparison:
    """Compare two models on at least one row; see the module for the method."""
    y, n_narratives = paired.y, len(paired.ids)
    _, units = np.unique(paired.units, return_inverse=True)
    n_units = int(units.max()) + 1
    support = y.sum(axis=0)
    units_of = np.array([len(np.unique(units[y[:, k]])) for k in range(n_narratives)], dtype=np.int64)
    any_old, any_new = paired.old_yes.any(axis=1), paired.new_yes.any(axis=1)
    of_unit = sparse.csr_array((np.ones(len(y)), (units, np.arange(len(y)))), shape=(n_units, len(y)))
    alarms = np.column_stack([paired.plain, paired.plain & any_old, paired.plain & any_new])
    judged_rows = (*_counts(paired.old_y, paired.old_yes), *_counts(y, paired.new_yes), alarms)
    counts = np.hstack([of_unit @ part.astype(np.float64) for part in judged_rows])
    occurs = np.asarray((y | paired.old_y).any(axis=0))
    found = _figures(counts.sum(axis=0)[None, :], n_narratives, occurs)[:, 0]
    draws = np.concatenate(
        [_figures(part @ counts, n_narratives, occurs) for part in _weights(n_units, n_draws, random_state)], axis=1
    )
    labelled = int(np.count_nonzero(y)), len(np.unique(units[y.any(axis=1)]))
    enough = labelled[0] >= MIN_LABELS and labelled[1] >= MIN_ALL_UNITS
    judged = enough & (support >= MIN_SUPPORT) & (units_of >= MIN_UNITS)
    each = alpha / 2 / max(1, int(judged.sum()))

    def difference(row: int, level: float | None, n_rows: int, n_members: int) -> Difference:
        old, new = found[row].tolist()
        apart = draws[row, :, 1] - draws[row, :, 0]
        low, high = np.quantile(apart, [0.025, 0.975]).tolist()
        highest = None if level is None else new - old + float(norm.ppf(1.0 - level) * apart.std(ddof=1))
        return Difference(old, new, low, high, highest, n_rows, n_members)

    overall = alpha / 4 if enough else None
    n_plain = int(paired.plain.sum())
    return Comparison(
        n_sentences=len(y),
        n_units=n_units,
        micro=difference(n_narratives, overall, *labelled),
        macro=difference(n_narratives + 1, overall, *labelled),
        plain_tagged=difference(n_narratives + 2, None, n_plain, len(np.unique(units[paired.plain]))),
        average_precision=(
            average_precision(paired.old_logits.ravel(), paired.old_y.ravel()),
            average_precision(paired.new_logits.ravel(), y.ravel()),
        ),
        narratives={
            narrative: difference(k, each if judged[k] else None, int(support[k]), int(units_of[k]))
            for k, narrative in enumerate(paired.ids)
        },
    )


def _counts(y: Bools, yes: Bools) -> tuple[Bools, Bools, Bools]:
    """True positives, false positives and false negatives of each narrative."""
    return y & yes, ~y & yes, y & ~yes


def _figures(totals: Floats, n_narratives: int, occurs: Bools) -> Floats:
    """F1 of every narrative, micro and macro F1, and the share of plain rows tagged, for each draw and both models.

    Returns
    -------
    ndarray, shape (n_narratives + 3, n_draws, 2)
    """
    result = np.empty((n_narratives + 3, len(totals), 2))
    n_plain = totals[:, -3]
    for model in range(2):
        begin = 3 * n_narratives * model
        tp, fp, fn = np.split(totals[:, begin : begin + 3 * n_narratives], 3, axis=1)
        f1 = f_scores(tp, fp, fn)
        result[:n_narratives, :, model] = f1.T
        result[n_narratives, :, model] = f_scores(tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1))
        result[n_narratives + 1, :, model] = f1[:, occurs].mean(axis=1) if occurs.any() else 0.0
        tagged = totals[:, -2 + model]
        result[n_narratives + 2, :, model] = np.divide(tagged, n_plain, out=np.zeros_like(tagged), where=n_plain > 0)
    return result


def _weights(n_units: int, n_draws: int, random_state: int) -> Iterator[Floats]:
    """How often each unit stands in each draw, a part of the draws at a time: shape (some draws, n_units)."""
    rng = np.random.default_rng(random_state)
    at_once = max(1, min(n_draws, _CHUNK // n_units))

    def draw(n: int) -> Floats:
        drawn = rng.integers(n_units, size=(n, n_units)) + np.arange(n)[:, None] * n_units
        return np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)

    return map(draw, [min(at_once, n_draws - done) for done in range(0, n_draws, at_once)])
