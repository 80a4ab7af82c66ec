"""Posts to findings: the one call that the command line, the page and the tables are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from classifier.campaigns.bins import check_bin, choose_bin
from classifier.campaigns.bursts import find_bursts
from classifier.campaigns.clusters import WINDOW, find_clusters, find_pairs
from classifier.campaigns.findings import Burst, Cluster, Findings, Post
from classifier.campaigns.prevalence import MeasuredRates, count_shares, rates_from_report
from classifier.campaigns.tagging import tag_posts
from classifier.campaigns.voices import count_voices, find_shifts
from classifier.errors import InputError
from classifier.model.scoring import NarrativeModel

Progress = Callable[[str, float], None]
"""Called with the stage and the share done, 0 to 1."""

UNFAMILIAR = "words that the model does not know (another language?)"
"""Why posts that were read stand in no share, in ``Findings.skipped``."""


def inquire(
    posts: Sequence[Post],
    model: NarrativeModel,
    *,
    bin: timedelta | None = None,
    rates: Mapping[str, MeasuredRates] | None = None,
    random_state: int = 0,
    skipped: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Find prevalence, bursts, clusters and shifts of voice.

    Parameters
    ----------
    posts : sequence of Post
        In any order; ids are unique.
    model : NarrativeModel
    bin : timedelta or None
        How long a step of time is, counted from midnight UTC, from Monday for weeks; chosen by the length of the
        stream where None.
    rates : mapping of narrative to MeasuredRates, or None
        The classifier's error rates, from :func:`classifier.campaigns.prevalence.rates_from_posts`; where None, those
        of the model's cross-validation.
    random_state : int
        The same posts, model and state give the same findings.
    skipped : mapping or None
        Records that were left out before, by reason; passed on.

    Raises
    ------
    InputError
        Two posts have one id, a time has no time zone, or an option is out of its range.
    """
    ordered = _checked(posts)
    first, last = (ordered[0].time, ordered[-1].time) if ordered else (None, None)
    if first is None or last is None:
        step = bin or timedelta(days=1)
    else:
        step = choose_bin(first, last) if bin is None else check_bin(bin, first, last)
    known = rates_from_report(model.report) if rates is None else dict(rates)
    tagged = tag_posts(ordered, model, progress)
    ids = list(model.ids)
    clusters = find_clusters(tagged, ids, progress=progress)
    bursts = find_bursts(tagged, ids, random_state=random_state, progress=progress)
    rng = np.random.default_rng(random_state)
    prevalence, overall = count_shares(tagged, ids, known, step, rng)
    n_unfamiliar = sum(not post.familiar for post in tagged)
    return Findings(
        model=model.identity,
        names={narrative.id: narrative.name for narrative in model.taxonomy.narratives},
        definitions={narrative.id: narrative.definition for narrative in model.taxonomy.narratives},
        posts=tuple(tagged),
        bin=step,
        error_rates=tuple(known[narrative].told(rng) for narrative in ids if narrative in known),
        prevalence=prevalence,
        overall=overall,
        bursts=tuple(_within(burst, clusters) for burst in bursts),
        clusters=clusters,
        pairs=find_pairs(clusters),
        voices=count_voices(tagged, step),
        shifts=find_shifts(tagged, ids, random_state=random_state, progress=progress),
        skipped={**(skipped or {}), **({UNFAMILIAR: n_unfamiliar} if n_unfamiliar else {})},
        parameters={
            "bin_seconds": step.total_seconds(),
            "window_seconds": WINDOW.total_seconds(),
            "random_state": random_state,
            "rates": "cross-validation" if rates is None else "labelled posts",
        },
    )


def _checked(posts: Sequence[Post]) -> list[Post]:
    seen: dict[str, Post] = {}
    for post in posts:
        there = seen.setdefault(post.id, post)
        if there is not post:
            told = f"{there.file} row {there.row} and {post.file} row {post.row} have the same id {post.id!r}"
            raise InputError(f"{told}; ids must differ, or leave the column of ids away", field="id")
        if post.time.tzinfo is None:
            told = f"{post.file} row {post.row}: the time {post.time.isoformat()} has no time zone"
            raise InputError(f"{told}; say which one it is", field="time")
    return sorted(posts, key=lambda post: (post.time, post.id))


def _within(burst: Burst, clusters: Sequence[Cluster]) -> Burst:
    """The burst with the cluster that holds most of its posts, two at least."""
    best, most = None, 1
    for cluster in clusters:
        if burst.narrative in cluster.narratives:
            inside = sum(burst.begin <= echo.time <= burst.end for echo in cluster.echoes)
            if inside > most:
                best, most = cluster.id, inside
    return replace(burst, cluster=best)
