"""Logit to probability to yes, unsure or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Reason, Verdict


def sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``1 / (1 + exp(-logits))``, without overflow. Any shape."""
    positive = logits >= 0
    small = np.exp(np.where(positive, -logits, logits))
    return np.where(positive, 1.0 / (1.0 + small), small / (1.0 + small))


@dataclass(frozen=True, slots=True)
class Rule:
    """How one narrative is decided.

    ``threshold`` and ``unsure_from`` are probabilities with ``unsure_from <= threshold``. ``support`` counts the
    training sentences that carry the narrative.
    """

    threshold: float
    unsure_from: float
    support: int
    trained_enough: bool


def decide(probability: float, rule: Rule, hindrance: Reason | None = None) -> tuple[Verdict, Reason | None]:
    """Decide one narrative of one text.

    From ``threshold`` on it is "yes", from ``unsure_from`` on "unsure" (reason "close"), else "no". Where something
    hinders ("unfamiliar" or "short" text) nothing is decided above "unsure", and that is the reason.
    """
    if probability >= rule.threshold:
        return ("yes", None) if hindrance is None else ("unsure", hindrance)
    if probability >= rule.unsure_from:
        return "unsure", hindrance or "close"
    return "no", None


def decide_all(
    probabilities: npt.NDArray[np.float64], threshold: npt.NDArray[np.float64], *, multilabel: bool = True
) -> npt.NDArray[np.bool_]:
    """Which narratives get a "yes", for whole arrays.

    Parameters
    ----------
    probabilities : ndarray, shape (n_samples, n_narratives)
    threshold : ndarray, shape (n_narratives,)
    multilabel : bool
        Where false, only the likeliest narrative of each row may get one.
    """
    yes = probabilities >= threshold
    if not multilabel and len(yes):
        likeliest = np.zeros_like(yes)
        likeliest[np.arange(len(yes)), probabilities.argmax(axis=1)] = True
        yes &= likeliest
    return yes


@dataclass(frozen=True, slots=True)
class ThemeRule:
    """Columns of a theme's narratives, and the line from their largest logit to the theme's logit."""

    id: str
    columns: tuple[int, ...]
    slope: float
    intercept: float


def theme_probabilities(logits: npt.NDArray[np.float64], themes: Sequence[ThemeRule]) -> dict[str, float]:
    """Probability of each theme from the narratives' logits, shape (n_narratives,)."""
    return {t.id: float(sigmoid(np.array(t.slope * logits[list(t.columns)].max() + t.intercept))) for t in themes}
