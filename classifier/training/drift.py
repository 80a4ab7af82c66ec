"""Whether one batch of texts differs from an earlier one: scores, vocabulary, familiarity; and when to retrain.

A text is one observation: its sentences hang together. The rule, in the order in which reasons are told:

========  ==============================================================================================
retrain   the share of unknown words rose by :data:`UNKNOWN_RISE` or more; the share of texts with an
          "unsure" rose by :data:`UNSURE_RISE` or more; the share of unfamiliar texts rose by
          :data:`UNFAMILIAR_RISE` or more; or a narrative's scores moved: population stability index of
          :data:`PSI_LARGE` or more, beyond what chance gives, with an adjusted p below :data:`ALPHA`
look      the same with an index of :data:`PSI_SMALL` or more, or any narrative with an adjusted p below
          :data:`ALPHA`, or one of the three shares changed, but by less
none      else
too few   a batch has fewer than :data:`MIN_TEXTS` texts: nothing is said
========  ==============================================================================================

The three shares count as changed where their bootstrap interval of :data:`SHARE_LEVEL` leaves out 0.

A change of scores may be the news and not the model: labelled texts of the new batch tell the two apart.

References
----------
.. [1] Efron, Tibshirani, "An introduction to the bootstrap", 1993.
.. [2] Benjamini, Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society B 57, 1995.
.. [3] Siddiqi, "Credit risk scorecards", 2006: an index below .1 is no change, .1 to .25 a small one, above it a large.
.. [4] Yurdakul, Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation
   14, 2020: without a change it is (1/n + 1/m) times chi-squared with one degree of freedom less than bins.
.. [5] Monroe, Colaresi, Quinn, "Fightin' words", Political Analysis 16, 2008: log-odds ratio with an informative
   Dirichlet prior, section 3.5.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, false_discovery_control, ks_2samp

from classifier.errors import InputError

ALPHA = 0.05
PSI_SMALL, PSI_LARGE = 0.1, 0.25
N_BINS = 10
UNKNOWN_RISE = 0.03
UNSURE_RISE = 0.1
UNFAMILIAR_RISE = 0.05
SHARE_LEVEL = 0.99
N_BOOTSTRAP = 2_000
MIN_TEXTS = 50
PRIOR = 500.0
"""Weight of the prior of word counts, in words."""

WORD_Z = 3.0
"""Words whose log-odds lie further from 0 than so many standard deviations are listed."""

Verdict = Literal["none", "look", "retrain", "too few"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """What is compared of a batch of ``n`` texts.

    Attributes
    ----------
    ids : tuple of str
        Narratives, in column order.
    yes, unsure : ndarray of bool, shape (n, n_narratives)
    logits : ndarray, shape (n, n_narratives), or None
        None where answers hold only what was decided.
    unfamiliar : ndarray of bool, shape (n,)
    n_words, n_unknown : ndarray of int, shape (n,), or None
        Words of each text, and those that training has not seen; None where answers do not tell.
    words : Counter
        In how many texts each word stands; empty where texts are not at hand.
    """

    ids: tuple[str, ...]
    yes: Bools
    unsure: Bools
    logits: Floats | None
    unfamiliar: Bools
    n_words: Integers | None
    n_unknown: Integers | None
    words: Counter[str]

    @property
    def n_texts(self) -> int:
        """How many texts."""
        return len(self.yes)


@dataclass(frozen=True, slots=True)
class Change:
    """A share in the old batch and in the new one, 0 to 1, and the interval of ``new - old``."""

    old: float
    new: float
    low: float
    high: float

    @property
    def is_there(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True)
class NarrativeDrift:
    """One narrative: texts with a "yes" (95 % interval), and the two-sample test of its logits.

    ``psi_by_chance`` is what the index stays below 95 times in 100 without a change. The four figures of logits are
    None where there are none.
    """

    id: str
    prevalence: Change
    ks: float | None
    p_adjusted: float | None
    psi: float | None
    psi_by_chance: float | None


@dataclass(frozen=True, slots=True)
class WordDrift:
    """A word, in how many texts of each batch it stands, and the z-score of its log-odds: above 0 for the new batch."""

    word: str
    n_old: int
    n_new: int
    z: float


@dataclass(frozen=True)
class Drift:
    """The comparison. ``reasons`` are sentences, the weightiest first; ``unknown_words`` is None without texts."""

    verdict: Verdict
    reasons: tuple[str, ...]
    n_old: int
    n_new: int
    narratives: tuple[NarrativeDrift, ...]
    unsure: Change
    unfamiliar: Change
    unknown_words: Change | None
    words: tuple[WordDrift, ...]


def compare(old: Batch, new: Batch, *, top: int = 15, random_state: int = 0) -> Drift:
    """Compare two batches that one model has scored.

    Parameters
    ----------
    top : int
        How many words of each batch to list.
    random_state : int
        Of the bootstrap.

    Raises
    ------
    InputError
        A batch is empty, or the batches have other narratives.
    """
    if old.ids != new.ids:
        raise InputError("the two batches were answered with other narratives; score both with one model")
    for name, batch in (("old", old), ("new", new)):
        if not batch.n_texts:
            raise InputError(f"the {name} batch holds no text")
    rng = np.random.default_rng(random_state)
    narratives = _narratives(old, new, rng)
    unsure = share_change(np.asarray(old.unsure.any(axis=1)), np.asarray(new.unsure.any(axis=1)), SHARE_LEVEL, rng)
    unfamiliar = share_change(old.unfamiliar, new.unfamiliar, SHARE_LEVEL, rng)
    unknown = None
    if old.n_words is not None and old.n_unknown is not None and new.n_words is not None and new.n_unknown is not None:
        unknown = ratio_change((old.n_unknown, old.n_words), (new.n_unknown, new.n_words), SHARE_LEVEL, rng)
    words = changed_words(old.words, new.words)
    listed = [w for w in words if w.z > 0][:top] + [w for w in words[::-1] if w.z < 0][:top]
    verdict, reasons = judge(old.n_texts, new.n_texts, narratives, unsure, unfamiliar, unknown)
    return Drift(verdict, reasons, old.n_texts, new.n_texts, narratives, unsure, unfamiliar, unknown, tuple(listed))


def _narratives(old: Batch, new: Batch, rng: np.random.Generator) -> tuple[NarrativeDrift, ...]:
    prevalences = [share_change(old.yes[:, k], new.yes[:, k], 0.95, rng) for k in range(len(old.ids))]
    if old.logits is None or new.logits is None:
        pairs = zip(old.ids, prevalences, strict=True)
        return tuple(NarrativeDrift(narrative, change, None, None, None, None) for narrative, change in pairs)
    tests = [kolmogorov_smirnov(old.logits[:, k], new.logits[:, k]) for k in range(len(old.ids))]
    adjusted = false_discovery_control([p for _, p in tests]).tolist()
    chance = psi_by_chance(old.n_texts, new.n_texts)
    return tuple(
        NarrativeDrift(
            narrative, prevalences[k], tests[k][0], adjusted[k], psi(old.logits[:, k], new.logits[:, k]), chance
        )
        for k, narrative in enumerate(old.ids)
    )


def share_change(old: Bools, new: Bools, level: float, rng: np.random.Generator) -> Change:
    """Shares of True and the bootstrap interval [1]_ of their difference.

    Drawing n texts with replacement gives a binomial count of True: no text need be drawn.
    """
    draws = [rng.binomial(len(values), values.mean(), size=N_BOOTSTRAP) / len(values) for values in (old, new)]
    low, high = _quantiles(draws[1] - draws[0], level)
    return Change(float(old.mean()), float(new.mean()), low, high)


def ratio_change(
    old: tuple[Integers, Integers], new: tuple[Integers, Integers], level: float, rng: np.random.Generator
) -> Change:
    """Ratios of two sums over texts and the interval of their difference, whole texts drawn with replacement [1]_.

    Weights are Poisson(1), so that a million texts need no index arrays.
    """
    found, draws = [], []
    for part, whole in (old, new):
        found.append(float(part.sum() / max(1, whole.sum())))
        n_draws = N_BOOTSTRAP if len(whole) <= 20_000 else 200
        sums = np.empty((n_draws, 2))
        for i in range(n_draws):
            weights = rng.poisson(1.0, size=len(whole))
            sums[i] = weights @ part, weights @ whole
        draws.append(sums[:, 0] / np.maximum(1.0, sums[:, 1]))
    n = min(len(draws[0]), len(draws[1]))
    low, high = _quantiles(draws[1][:n] - draws[0][:n], level)
    return Change(found[0], found[1], low, high)


def _quantiles(draws: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def kolmogorov_smirnov(old: Floats, new: Floats) -> tuple[float, float]:
    """The largest distance of the two distribution functions, and its p-value.

    Exact for small batches, asymptotic from 500 texts on.
    """
    found = ks_2samp(old, new, method="exact" if max(len(old), len(new)) < 500 else "asymp")
    return float(found.statistic), float(found.pvalue)


def psi(old: Floats, new: Floats) -> float:
    """Population stability index over the old batch's deciles [3]_; half a text is added to each bin."""
    edges = np.unique(np.quantile(old, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    shares = []
    for values in (old, new):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def psi_by_chance(n_old: int, n_new: int) -> float:
    """What the index stays below 95 times in 100 where nothing has changed [4]_."""
    return float((1 / n_old + 1 / n_new) * chi2.ppf(0.95, N_BINS - 1))


def changed_words(old: Mapping[str, int], new: Mapping[str, int]) -> list[WordDrift]:
    """Words whose share changed, from the newest to those most gone: |z| of :data:`WORD_Z` or more [5]_.

    The prior is both batches together. Texts are counted, not occurrences: a word that one text repeats says little.
    """
    both = {word: old.get(word, 0) + new.get(word, 0) for word in old.keys() | new.keys()}
    total = sum(both.values())
    if not total:
        return []
    n_old, n_new = sum(old.values()) + PRIOR, sum(new.values()) + PRIOR
    found = []
    for word, count in both.items():
        prior = PRIOR * count / total
        a, b = old.get(word, 0) + prior, new.get(word, 0) + prior
        # A word that is all there is has no odds.
        rest_a, rest_b = max(n_old - a, 1e-9), max(n_new - b, 1e-9)
        z = float((np.log(b / rest_b) - np.log(a / rest_a)) / np.sqrt(1 / a + 1 / b))
        if abs(z) >= WORD_Z:
            found.append(WordDrift(word, old.get(word, 0), new.get(word, 0), z))
    return sorted(found, key=lambda w: (-w.z, w.word))


def judge(
    n_old: int,
    n_new: int,
    narratives: Sequence[NarrativeDrift],
    unsure: Change,
    unfamiliar: Change,
    unknown_words: Change | None,
) -> tuple[Verdict, tuple[str, ...]]:
    """The rule of this module: a verdict and its reasons in plain words."""
    if min(n_old, n_new) < MIN_TEXTS:
        return "too few", (f"{n_old} and {n_new} texts: at least {MIN_TEXTS} in each batch are needed",)
    due: list[str] = []
    small: list[str] = []
    for change, rise, what in (
        (unknown_words, UNKNOWN_RISE, "words that training has not seen"),
        (unfamiliar, UNFAMILIAR_RISE, "texts that are unfamiliar to the model"),
        (unsure, UNSURE_RISE, "texts with an unsure narrative"),
    ):
        if change is None or not change.is_there:
            continue
        told = f"{what}: {change.old:.1%} before, {change.new:.1%} now ({change.low:+.1%} to {change.high:+.1%})"
        (due if change.new - change.old >= rise else small).append(told)
    for entry in sorted(narratives, key=lambda n: -(n.psi or 0.0)):
        if entry.psi is None or entry.p_adjusted is None or entry.psi_by_chance is None or entry.ks is None:
            continue
        if entry.p_adjusted >= ALPHA:
            continue
        told = (
            f"the scores of {entry.id} moved: stability index {entry.psi:.2f} (by chance up to "
            f"{entry.psi_by_chance:.2f}), Kolmogorov-Smirnov {entry.ks:.2f}, adjusted p {entry.p_adjusted:.2g}; "
            f"tagged {entry.prevalence.old:.1%} before, {entry.prevalence.new:.1%} now"
        )
        large = entry.psi >= PSI_LARGE and entry.psi > entry.psi_by_chance
        (due if large else small).append(told)
    if due:
        return "retrain", (*due, *small)
    return ("look", tuple(small)) if small else ("none", ())


def to_plain(drift: Drift) -> dict[str, Any]:
    """Plain JSON types."""
    return asdict(drift)
