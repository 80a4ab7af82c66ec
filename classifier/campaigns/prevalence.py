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

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from classifier.campaigns.bins import bin_of
from classifier.campaigns.findings import ErrorRates, PrevalencePoint, Share, TaggedPost

Floats = npt.NDArray[np.float64]

N_DRAWS = 2_000

MIN_POWER = 0.02
"""A true positive rate that exceeds the false one by less tells nothing."""

MAX_BORROWED = 20.0
"""What all narratives together show is worth at most so many cases to each of them."""

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
    if not 0.0 < hits < cases:
        return whole
    p = hits / cases
    between = _variance_between([part for part in parts if part[1] >= MIN_PARTS])
    worth = p * (1 - p) / (p * (1 - p) / cases + between)
    return p * worth, worth


def _variance_between(parts: Sequence[tuple[float, float]]) -> float:
    """Variance of the rates that lie behind (hits, cases) of several groups: what chance does not explain."""
    if len(parts) < 2:
        return 0.0
    hits, sizes = np.array(parts, dtype=np.float64).T
    mean = hits.sum() / sizes.sum()
    excess = (sizes * (hits / sizes - mean) ** 2).sum() - (len(parts) - 1) * mean * (1 - mean)
    return max(0.0, float(excess / (sizes.sum() - (sizes**2).sum() / sizes.sum())))


def rates_from_posts(
    tagged: Sequence[TaggedPost], carries: Mapping[str, Collection[str]], narratives: Sequence[str]
) -> dict[str, MeasuredRates]:
    """Rates of posts from a sample of the same stream that a person has labelled.

    A few hundred posts hold few of each narrative. So each narrative's counts are joined by the rate of all narratives
    together, which is worth the more cases the less narratives differ (empirical Bayes [1]_), at most
    :data:`MAX_BORROWED`.

    Parameters
    ----------
    tagged : sequence of TaggedPost
        Posts drawn at random from the stream, as :func:`classifier.campaigns.tagging.tag_posts` tags them.
    carries : mapping of post id to narratives
        What a person found; posts that are missing here, or unfamiliar to the model, are not counted.
    narratives : sequence of str
        Those that were looked for.

    References
    ----------
    .. [1] Robbins, "An empirical Bayes approach to statistics", 3rd Berkeley Symposium, 1956.
    """
    judged = [post for post in tagged if post.post.id in carries and post.familiar]
    hits, alarms = [], []
    for narrative in narratives:
        carrying = [post for post in judged if narrative in carries[post.post.id]]
        n_hits = sum(post.carries(narrative) for post in carrying)
        n_alarms = sum(post.carries(narrative) for post in judged) - n_hits
        hits.append((float(n_hits), float(len(carrying))))
        alarms.append((float(n_alarms), float(len(judged) - len(carrying))))
    hit, n_for_hit = _borrowed(hits)
    alarm, n_for_alarm = _borrowed(alarms)
    rates = {}
    for narrative, mine, plain in zip(narratives, hits, alarms, strict=True):
        basis = (
            f"posts labelled by hand: {mine[1]:,.0f} that carry it, {plain[1]:,.0f} that do not; and the rates of all "
            f"narratives together, worth {n_for_hit:,.0f} and {n_for_alarm:,.0f} more"
        )
        rates[narrative] = MeasuredRates(
            narrative,
            "post",
            mine[0] + hit * n_for_hit,
            mine[1] + n_for_hit,
            plain[0] + alarm * n_for_alarm,
            plain[1] + n_for_alarm,
            basis,
        )
    return rates


def _borrowed(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The common rate of all parts, and how many cases it is worth to each."""
    there = [part for part in parts if part[1]]
    total = sum(n for _, n in there)
    if len(there) < 2:
        return 0.0, 0.0
    mean = sum(h for h, _ in there) / total
    between = _variance_between(there)
    limit = min(MAX_BORROWED, total / 2)
    return mean, min(limit, mean * (1 - mean) / between) if between else limit


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


def count_shares(
    tagged: Sequence[TaggedPost],
    narratives: Sequence[str],
    rates: Mapping[str, MeasuredRates],
    step: timedelta,
    rng: np.random.Generator,
) -> tuple[tuple[PrevalencePoint, ...], tuple[PrevalencePoint, ...]]:
    """Shares over time, of the narratives that were tagged, and over the whole time, all sources together and each.

    Parameters
    ----------
    tagged : sequence of TaggedPost
        In the order of time; unfamiliar ones are left aside.
    narratives : sequence of str
    rates : mapping of narrative to MeasuredRates
        A narrative that is missing gets intervals from 0 to 1.
    step : timedelta
    rng : numpy Generator

    Returns
    -------
    over_time, overall : tuple of PrevalencePoint
    """
    known = [post for post in tagged if post.familiar]
    if not known:
        return (), ()
    counters = {narrative: ShareCounter(rates.get(narrative), rng) for narrative in narratives}
    carried = {narrative: np.array([post.carries(narrative) for post in known]) for narrative in counters}
    n_sentences = np.array([post.n_sentences for post in known], dtype=np.int64)
    bins: dict[datetime, list[int]] = defaultdict(list)
    sources: dict[str, list[int]] = defaultdict(list)
    for i, post in enumerate(known):
        bins[bin_of(post.post.time, step)].append(i)
        sources[post.post.source].append(i)

    def point(
        narrative: str, source: str | None, begin: datetime, end: datetime, members: Sequence[int]
    ) -> PrevalencePoint:
        n_tagged = int(carried[narrative][members].sum())
        return PrevalencePoint(narrative, source, begin, end, counters[narrative].share(n_tagged, n_sentences[members]))

    over_time = tuple(
        point(narrative, None, begin, begin + step, bins[begin])
        for narrative in counters
        if carried[narrative].any()
        for begin in sorted(bins)
    )
    begin, end = bin_of(known[0].post.time, step), bin_of(known[-1].post.time, step) + step
    parts: list[tuple[str | None, Sequence[int]]] = [(None, range(len(known))), *sorted(sources.items())]
    overall = tuple(
        point(narrative, source, begin, end, members) for narrative in counters for source, members in parts
    )
    return over_time, overall
