"""Pictures for the card, as SVG: reliability of the probabilities, and precision against recall.

The same figures give the same bytes with the same matplotlib: no date, no random identifiers, glyphs as text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.style import context
from sklearn.metrics import precision_recall_curve

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "narratives",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_POINTS = 200


def reliability_diagram(
    probabilities: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_], *, n_bins: int = 10
) -> bytes:
    """How often a narrative was there, against the probability given for it, over all (sentence, narrative) pairs.

    Parameters
    ----------
    probabilities, y_true : ndarray, shape (n_samples, n_narratives)
        Of sentences that the scoring model did not see.
    n_bins : int
        Bins of equal width. A bin's mark is drawn with its 95 % interval (normal approximation).
    """
    p, y = probabilities.ravel(), y_true.ravel()
    place = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    filled = n > 0
    given = np.bincount(place, weights=p, minlength=n_bins)[filled] / n[filled]
    found = np.bincount(place, weights=y, minlength=n_bins)[filled] / n[filled]
    half = 1.96 * np.sqrt(found * (1 - found) / n[filled])
    with context(_STYLE):
        figure = Figure(figsize=(4.2, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        axes.errorbar(given, found, yerr=half, color="#1f5a99", marker="o", markersize=4, linewidth=1.2, capsize=2)
        for x, height, count in zip(given, found, n[filled], strict=True):
            axes.annotate(f"{count:,}", (x, height), textcoords="offset points", xytext=(6, -9), fontsize=6.5)
        axes.set(xlabel="probability given", ylabel="share that carries it", xlim=(0, 1), ylim=(0, 1))
        axes.set_title("Reliability (held-out sentences; number of pairs beside each mark)", fontsize=8)
        return _svg(figure)


def precision_recall(
    ids: Sequence[str], probabilities: npt.NDArray[np.float64], y_true: npt.NDArray[np.bool_]
) -> bytes:
    """Precision against recall of each narrative, one thin line each, and of all pairs together, bold.

    Parameters
    ----------
    ids : sequence of str, length n_narratives
    probabilities, y_true : ndarray, shape (n_samples, n_narratives)
    """
    with context(_STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for k, narrative in enumerate(ids):
            if y_true[:, k].any():
                axes.plot(*_curve(y_true[:, k], probabilities[:, k]), linewidth=0.8, label=narrative)
        if y_true.any():
            axes.plot(*_curve(y_true.ravel(), probabilities.ravel()), color="black", linewidth=2, label="all")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_prop_cycle(None)
        if len(ids) <= 40:
            axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        axes.set_title("Precision and recall (held-out sentences)", fontsize=8)
        return _svg(figure)


def _curve(y_true: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    precision, recall, _ = precision_recall_curve(y_true, scores)
    # A picture needs no more points than it has pixels.
    kept = np.unique(np.linspace(0, len(recall) - 1, _POINTS).astype(np.int64))
    return np.round(recall[kept], 4), np.round(precision[kept], 4)


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
