"""Pictures for the card, as SVG: reliability of the probabilities, and precision against recall.

The same figures give the same bytes with the same matplotlib: no date, no random identifiers, glyphs as text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.style import context
from sklearn.metrics import precision_recall_curve

from classifier.training.metrics import reliability_bins
from classifier.training.page_parts import MARK

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
    n, given, found, half = reliability_bins(probabilities, y_true, n_bins=n_bins)
    with context(_STYLE):
        figure = Figure(figsize=(4.2, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        axes.errorbar(given, found, yerr=half, color="#1f5a99", marker="o", markersize=4, linewidth=1.2, capsize=2)
        for x, height, count in zip(given, found, n, strict=True):
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


def bars(names: Sequence[str], values: Sequence[float], intervals: Sequence[Sequence[float]], *, xlabel: str) -> bytes:
    """One bar a name with its 95 % interval, the first on top; values are shares, 0 to 1."""
    with context(_STYLE):
        figure = Figure(figsize=(5.2, 0.8 + 0.2 * len(names)), layout="constrained")
        axes = figure.subplots()
        off = [[v - low for v, (low, _) in zip(values, intervals, strict=True)]]
        off.append([high - v for v, (_, high) in zip(values, intervals, strict=True)])
        axes.barh(list(names), values, xerr=np.maximum(off, 0), color=MARK, ecolor="black", capsize=2, height=0.7)
        axes.invert_yaxis()
        axes.set(xlabel=xlabel)
        axes.tick_params(axis="y", labelsize=7)
        return _svg(figure)


def heatmap(ids: Sequence[str], shares: npt.NDArray[np.float64], *, xlabel: str, ylabel: str) -> bytes:
    """Squares that are the darker the larger the share; ``shares`` has shape (n_narratives, n_narratives)."""
    with context(_STYLE):
        side = 1.6 + 0.17 * len(ids)
        figure = Figure(figsize=(side, side), layout="constrained")
        axes = figure.subplots()
        largest = max(float(shares.max()), 1e-9)
        for a, b in zip(*np.nonzero(shares), strict=True):
            # One colour, more or less opaque: it reads on a light page and on a dark one.
            axes.add_patch(Rectangle((b - 0.5, a - 0.5), 1, 1, color=MARK, alpha=float(shares[a, b]) / largest, lw=0))
        places = range(len(ids))
        axes.set_xticks(places, ids, rotation=90, fontsize=6)
        axes.set_yticks(places, ids, fontsize=6)
        axes.set(xlim=(-0.5, len(ids) - 0.5), ylim=(len(ids) - 0.5, -0.5), xlabel=xlabel, ylabel=ylabel)
        axes.set_aspect("equal")
        return _svg(figure)


def learning_curves(shares: Sequence[float], lines: Mapping[str, Sequence[float]], twice: Mapping[str, float]) -> bytes:
    """Average precision against the part of the labels, thin lines; the line "macro" bold; dashed to twice the labels.

    ``lines`` may hold NaN; ``twice`` has forecasts for some of them.
    """
    with context(_STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, values in lines.items():
            bold = name == "macro"
            (drawn,) = axes.plot(
                shares,
                values,
                marker="o",
                markersize=2.5,
                linewidth=2 if bold else 0.8,
                color="black" if bold else None,
                label=name,
            )
            if name in twice:
                axes.plot(
                    [shares[-1], 2.0],
                    [values[-1], twice[name]],
                    linestyle="--",
                    linewidth=2 if bold else 0.8,
                    color=drawn.get_color(),
                )
        axes.set_xscale("log", base=2)
        ticks = [*shares, 2.0]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set(xlabel="labels, as a multiple of today's", ylabel="average precision", ylim=(0, 1.02))
        if len(lines) <= 41:
            axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
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
