"""Logit to probability to yes, unsure or no."""

from __future__ import annotations

import math
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


def probability_of(logit: float) -> float:
    """:func:`sigmoid` of one logit, from the C library's exponential: the same on every processor.

    numpy's own differs in the last digit where it has wide vector instructions.
    """
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    small = math.exp(logit)
    return small / (1.0 + small)


def lowest_logit(probability: float) -> float:
    """A logit just below the one of ``probability``: none under it reaches that, however it was rounded."""
    below = probability * (1.0 - 1e-12)
    return math.log(below / (1.0 - below)) - 1e-9 if below > 1e-300 else -math.inf


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


def theme_probabilities(logits: Sequence[float], themes: Sequence[ThemeRule]) -> list[tuple[str, float]]:
    """Each theme with its probability, from the narratives' logits."""
    return [
        (theme.id, probability_of(theme.slope * max([logits[i] for i in theme.columns]) + theme.intercept))
        for theme in themes
    ]
