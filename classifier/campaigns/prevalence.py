"""Adjusted counting: from how many posts are tagged to how many carry a narrative.

A classifier that finds half of what is there and tags one plain sentence in a hundred counts wrongly in both
directions. With its error rates known, the share of posts that carry a narrative is

    share = (tagged / posts - F) / (T - F)

[1]_, called "adjusted classify and count" in machine learning [2]_; ``T`` is the share of carrying posts that are
tagged, ``F`` that of all others. The interval draws tagged share, ``T`` and ``F`` from their posteriors and takes the
middle 95 % of what comes out, as [3]_ does by formula.

Where ``T`` and ``F`` come from matters more than any of this. Rates of cross-validation are those of the training
sentences and need not be those of your channels: label a few hundred posts of the stream, drawn at random, and give
their rates (:func:`rates_from_posts`).

References
----------
.. [1] Rogan, Gladen, "Estimating prevalence from the results of a screening test", Am. J. Epidemiology 107, 1978.
.. [2] Forman, "Quantifying counts and costs via classification", Data Mining and Knowledge Discovery 17, 2008.
.. [3] Lang, Reiczigel, "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
   specificity", Preventive Veterinary Medicine 113, 2014.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from classifier.campaigns.findings import ErrorRates, Share, TaggedPost

Floats = npt.NDArray[np.float64]

N_DRAWS = 2_000

MIN_POWER = 0.02
"""A true positive rate that exceeds the false one by less tells nothing."""

MIN_PARTS = 5
"""A register says something of the spread between registers from so many units of sentences on."""


@dataclass(frozen=True, slots=True)
class MeasuredRates:
    """Counts that error rates come from: ``n_hits`` of ``n_carrying`` were tagged, ``n_alarms`` of ``n_plain`` too.

    Counts need not be whole: sentences that hang together, and rates that differ from one kind of text to another, make
    them worth fewer cases than there were. ``unit`` says whether they count sentences or posts.
    """

    narrative: str
    unit: Literal["sentence", "post"]
    n_hits: float
    n_carrying: float
    n_alarms: float
    n_plain: float
    basis: str

    @property
    def true_positive_rate(self) -> float:
        """The share of what carries the narrative that is tagged; one half where nothing was measured."""
        return _ratio(self.n_hits, self.n_carrying)

    @property
    def false_positive_rate(self) -> float:
        """The share of everything else that is tagged; one half where nothing was measured."""
        return _ratio(self.n_alarms, self.n_plain)

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """True and false positive rates from their posteriors (Jeffreys), each of shape (N_DRAWS,)."""
        hits = rng.beta(self.n_hits + 0.5, self.n_carrying - self.n_hits + 0.5, N_DRAWS)
        return hits, rng.beta(self.n_alarms + 0.5, self.n_plain - self.n_alarms + 0.5, N_DRAWS)

    def told(self, rng: np.random.Generator) -> ErrorRates:
        """Rates with their intervals."""
        (t_low, t_high), (f_low, f_high) = (np.quantile(drawn, [0.025, 0.975]).tolist() for drawn in self.draw(rng))
        return ErrorRates(
            self.narrative,
            self.unit,
            self.true_positive_rate,
            (t_low, t_high),
            self.false_positive_rate,
            (f_low, f_high),
            self.basis,
        )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.5


def rates_from_report(report: Mapping[str, Any]) -> dict[str, MeasuredRates]:
    """Rates of single sentences from a model's report: its grouped cross-validation.

    Sentences of one unit hang together, so that each unit counts once. Where the report has figures by register, the
    spread between registers is added to the variance (analysis of variance of a proportion over groups [1]_): posts are
    one more register.

    Returns
    -------
    dict
        Empty where the report has no cross-validation.

    References
    ----------
    .. [1] Fleiss, Levin, Paik, "Statistical methods for rates and proportions", 3rd edition, 2003, chapter 15.
    """
    measured = report.get("cross_validation", {})
    if not measured.get("all", {}).get("narratives"):
        return {}
    rates = {}
    for narrative in measured["all"]["narratives"]:
        whole = _counts(measured["all"], narrative)
        parts = [_counts(part, narrative) for part in measured.get("by_register", {}).values()]
        hits = _pooled(whole[0], [part[0] for part in parts])
        alarms = _pooled(whole[1], [part[1] for part in parts])
        support = measured["all"]["narratives"][narrative]["support"]
        basis = (
            f"cross-validation of the model's training sentences: {support:,} that carry it, "
            f"{measured['all']['n_sentences'] - support:,} that do not; with the spread between kinds of text, worth "
            f"{hits[1]:,.0f} and {alarms[1]:,.0f} cases"
        )
        rates[narrative] = MeasuredRates(narrative, "sentence", *hits, *alarms, basis)
    return rates


def _counts(figures: Mapping[str, Any], narrative: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """(hits, carrying) and (alarms, plain) of one group of the report, in units instead of sentences."""
    found = figures["narratives"].get(narrative)
    n_sentences = float(figures["n_sentences"])
    if not found or not found["support"]:
        return (0.0, 0.0), (0.0, 0.0)
    support = float(found["support"])
    hits = found["recall"] * support
    alarms = hits * (1.0 / found["precision"] - 1.0) if found["precision"] else 0.0
    plain = n_sentences - support
    carrying_units = float(found["n_units"])
    plain_units = plain * figures["n_units"] / n_sentences
    return (hits / support * carrying_units, carrying_units), (alarms / plain * plain_units, plain_units)


def _pooled(whole: tuple[float, float], parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Hits and cases of the whole, the cases lowered until their variance holds the spread between the parts too."""
    hits, cases = whole
    if not cases or not 0.0 < hits < cases:
        return whole
    p = hits / cases
    there = [(h, n) for h, n in parts if n >= MIN_PARTS]
    between = 0.0
    if len(there) > 1:
        sizes = np.array([n for _, n in there])
        shares = np.array([h / n for h, n in there])
        mean = float((shares * sizes).sum() / sizes.sum())
        excess = float((sizes * (shares - mean) ** 2).sum()) - (len(there) - 1) * mean * (1 - mean)
        between = max(0.0, excess / float(sizes.sum() - (sizes**2).sum() / sizes.sum()))
    worth = p * (1 - p) / (p * (1 - p) / cases + between) if between else cases
    return p * worth, worth


def rates_from_posts(
    tagged: Sequence[TaggedPost], carries: Mapping[str, Collection[str]], narratives: Sequence[str]
) -> dict[str, MeasuredRates]:
    """Rates of posts from a sample of the same stream that a person has labelled.

    Parameters
    ----------
    tagged : sequence of TaggedPost
        Posts drawn at random from the stream, as :func:`classifier.campaigns.tagging.tag_posts` tags them.
    carries : mapping of post id to narratives
        What a person found; posts that are missing here, or unfamiliar to the model, are not counted.
    narratives : sequence of str
        Those that were looked for. A narrative that no post carries gets rates with hardly a bound.
    """
    judged = [post for post in tagged if post.post.id in carries and post.familiar]
    rates = {}
    for narrative in narratives:
        carrying = [post for post in judged if narrative in carries[post.post.id]]
        hits = sum(post.carries(narrative) for post in carrying)
        alarms = sum(post.carries(narrative) for post in judged) - hits
        n_plain = len(judged) - len(carrying)
        basis = f"posts labelled by hand: {len(carrying):,} that carry it, {n_plain:,} that do not"
        rates[narrative] = MeasuredRates(narrative, "post", hits, len(carrying), alarms, n_plain, basis)
    return rates


class ShareCounter:
    """Adjusted shares of one narrative; the same draws of the error rates serve all of its shares.

    Parameters
    ----------
    rates : MeasuredRates or None
        None where nothing is known: every share is then from 0 to 1.
    rng : numpy Generator
    """

    def __init__(self, rates: MeasuredRates | None, rng: np.random.Generator) -> None:
        self.rates = rates
        self.rng = rng
        if rates is not None:
            self.hit, self.alarm = rates.draw(rng)

    def share(self, n_tagged: int, n_sentences: npt.NDArray[np.int64]) -> Share:
        """The share among posts of these lengths, of which ``n_tagged`` are tagged.

        Rates of sentences are rolled up: a post of n sentences without the narrative is tagged unless all n escape, and
        one that carries it is taken to have it in one sentence. Sentences are taken to be judged independently.
        """
        n_posts = len(n_sentences)
        if not n_posts:
            return Share(0, 0, 0.0, 0.0, 0.0, 1.0)
        raw = n_tagged / n_posts
        if self.rates is None:
            return Share(n_posts, n_tagged, raw, raw, 0.0, 1.0)
        lengths, times = np.unique(n_sentences, return_counts=True)
        if self.rates.unit == "post":
            lengths = np.ones_like(lengths)
        weights = times / n_posts

        def of_posts(hit: Floats, alarm: Floats) -> tuple[Floats, Floats]:
            escaped = (1.0 - alarm[:, None]) ** (lengths - 1)
            return 1.0 - (1.0 - hit) * (escaped @ weights), 1.0 - (1.0 - alarm) * (escaped @ weights)

        hit, alarm = of_posts(self.hit, self.alarm)
        tagged = self.rng.beta(n_tagged + 0.5, n_posts - n_tagged + 0.5, N_DRAWS)
        power = hit - alarm
        T, F = of_posts(np.array([self.rates.true_positive_rate]), np.array([self.rates.false_positive_rate]))
        share = float(np.clip((raw - F[0]) / (T[0] - F[0]), 0.0, 1.0)) if T[0] - F[0] > MIN_POWER else raw
        # Where a classifier may be no better than chance, its count says nothing.
        if (power <= MIN_POWER).mean() > 0.025:
            return Share(n_posts, n_tagged, raw, share, 0.0, 1.0)
        drawn = np.clip((tagged - alarm) / np.maximum(power, MIN_POWER), 0.0, 1.0)
        low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
        low = 0.0 if n_tagged == 0 else min(low, share)
        return Share(n_posts, n_tagged, raw, share, low, 1.0 if n_tagged == n_posts else max(high, share))
