"""Clusters: who said it first, who echoed it, how long after.

Near-duplicates (``copies.py``) of one another are one cluster, and so are texts that make the same claim in other
words (``claims.py``). Half of a cluster's posts or more are tagged "yes" with its narrative, two at least; the others
may be unsure, or copies. Boilerplate of a source is left aside. All this is about wording and time: who is first among
the posts that were collected need not be the first of all, and an echo need not have been copied from the post most
like it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from classifier.campaigns.claims import group_claims, vectorize
from classifier.campaigns.copies import group_copies
from classifier.campaigns.findings import Cluster, Echo, SourcePair, TaggedPost, Voices
from classifier.corpus.splits import NEAR_DUPLICATE, fold, jaccard, shingles

Integers = npt.NDArray[np.int64]
Progress = Callable[[str, float], None]

WINDOW = timedelta(hours=48)
"""A claim that nobody repeats for so long has ended; said again, it is a new cluster."""

MIN_SURE = 2
"""So many posts of a cluster are tagged "yes", at least."""

NEAREST = 5
"""Of how many most alike texts the copies are looked for."""


@dataclass(frozen=True)
class _Stream:
    """Posts in the order of time, their texts without boilerplate, and the sentences that carry something."""

    posts: list[TaggedPost]
    texts: list[str]
    claims: list[str]


def find_clusters(
    tagged: Sequence[TaggedPost],
    narratives: Sequence[str],
    *,
    window: timedelta = WINDOW,
    progress: Progress | None = None,
) -> tuple[Cluster, ...]:
    """All clusters, the largest first.

    Parameters
    ----------
    tagged : sequence of TaggedPost
        In any order.
    narratives : sequence of str
        Posts without a narrative in common are not joined, unless they are copies.
    window : timedelta
        How long after the last post of a cluster another one joins it; copies join it at any time.
    """
    posts = sorted(tagged, key=lambda post: (post.post.time, post.post.id))
    if len(posts) < 2:
        return ()
    texts = [post.post.text[slice(*post.core)] for post in posts]
    stream = _Stream(posts, texts, [_claim(post) for post in posts])
    leaders = group_copies(stream.texts, progress)
    # What no post of a group of copies carries is no campaign's.
    carrying = np.array([bool(post.tags) for post in posts])
    kept = np.unique(leaders[carrying])
    if not len(kept):
        return ()
    members: dict[int, list[int]] = {int(k): [] for k in kept}
    for i, leader in enumerate(leaders.tolist()):
        if leader in members:
            members[leader].append(i)
    groups = list(members.values())
    speaking = [next(i for i in group if carrying[i]) for group in groups]
    column = {narrative: k for k, narrative in enumerate(narratives)}
    carries = np.zeros((len(groups), len(column)), dtype=np.bool_)
    for row, group in enumerate(groups):
        for i in group:
            for tag in posts[i].tags:
                if tag.narrative in column:
                    carries[row, column[tag.narrative]] = True
    seconds = np.array([post.post.time.timestamp() for post in posts])
    numbers = group_claims(
        vectorize([stream.claims[i] for i in speaking]),
        carries,
        np.array([seconds[group[0]] for group in groups]),
        np.array([seconds[group[-1]] for group in groups]),
        window=window.total_seconds(),
        progress=progress,
    )
    together: dict[int, list[int]] = defaultdict(list)
    for number, group in zip(numbers.tolist(), groups, strict=True):
        together[number].extend(group)
    found = [_cluster(stream, sorted(group)) for group in together.values() if len(group) > 1]
    clusters = [cluster for cluster in found if cluster]
    clusters.sort(key=lambda cluster: (-len(cluster.echoes), cluster.echoes[0].time, cluster.echoes[0].post))
    width = len(str(len(clusters)))
    return tuple(
        Cluster(f"c{i:0{width}}", c.kind, c.narratives, c.echoes, c.sources, c.summary)
        for i, c in enumerate(clusters, 1)
    )


def _claim(post: TaggedPost) -> str:
    """The sentences that carry something, in their order."""
    spans = sorted({(tag.begin, tag.end) for tag in post.tags})
    return " ".join(post.post.text[begin:end] for begin, end in spans)


def _cluster(stream: _Stream, members: list[int]) -> Cluster | None:
    """One cluster from its posts in the order of time; None where they have no narrative in common."""
    posts = [stream.posts[i] for i in members]
    sure = Counter(tag.narrative for post in posts for tag in post.tags if tag.decision == "yes")
    narratives = tuple(n for n, count in sure.most_common() if count >= max(MIN_SURE, len(posts) / 2))
    if not narratives:
        return None
    alike = _nearest([stream.texts[i] for i in members], [stream.claims[i] for i in members])
    echoes: list[Echo] = []
    for post, (nearest, similarity, how) in zip(posts, alike, strict=True):
        echoes.append(
            Echo(
                post=post.post.id,
                source=post.post.source,
                time=post.post.time,
                lag=post.post.time - posts[0].post.time,
                similarity=similarity,
                nearest=None if nearest is None else posts[nearest].post.id,
                voice=_voice(post, narratives),
                how=how,
                again=any(echo.source == post.post.source for echo in echoes),
            )
        )
    copies = all(echo.how != "reworded" for echo in echoes)
    sources = tuple(dict.fromkeys(echo.source for echo in echoes))
    return Cluster("", "copies" if copies else "claim", narratives, tuple(echoes), sources, _summary(posts, narratives))


def _voice(post: TaggedPost, narratives: Sequence[str]) -> Voices | None:
    for narrative in narratives:
        for tag in post.tags:
            if tag.narrative == narrative:
                return tag.voice
    return None


def _summary(posts: Sequence[TaggedPost], narratives: Sequence[str]) -> str:
    """Of the sentences that carry the cluster's first narrative and do not reject it, the one most like all others."""
    said = [
        (tag.voice == "rejected", post.post.text[tag.begin : tag.end])
        for post in posts
        for tag in post.tags
        if tag.narrative == narratives[0]
    ]
    chosen = [text for rejected, text in said if not rejected] or [text for _, text in said]
    vectors = vectorize(chosen)
    centre = np.asarray(vectors.sum(axis=0)).ravel()
    return chosen[int(np.argmax(np.round(vectors @ centre, 6)))]


Likeness = tuple[int | None, float, Literal["first", "copy", "reworded"]]


def _nearest(texts: Sequence[str], claims: Sequence[str]) -> list[Likeness]:
    """For each text the earlier one that it is most alike to, how alike, and in which way.

    A text is a copy where it as a whole, or what it claims, is a near-duplicate of an earlier one.
    """
    # Each wording is compared once; the first post with it stands for it.
    spoken = [claim or text for claim, text in zip(claims, texts, strict=True)]
    wording: dict[str, int] = {}
    found: list[Likeness] = []
    vectors = vectorize(spoken)
    firsts: list[int] = []
    sets: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
    for i, text in enumerate(texts):
        folded = fold(text)
        if folded in wording:
            found.append((wording[folded], 1.0, "copy"))
            continue
        wording[folded] = i
        sets[i] = shingles(text), shingles(spoken[i])
        if firsts:
            found.append(_most_alike(i, firsts[-MAX_WORDINGS:], vectors, sets))
        else:
            found.append((None, 1.0, "first"))
        firsts.append(i)
    return found


MAX_WORDINGS = 2_000
"""A text is compared with so many earlier wordings of its cluster, the latest."""


def _most_alike(
    i: int, earlier: list[int], vectors: Any, sets: dict[int, tuple[frozenset[str], frozenset[str]]]
) -> Likeness:
    cosines = (vectors[earlier] @ vectors[i].T).toarray().ravel()
    order = np.argsort(-cosines, kind="stable")[:NEAREST]
    best = max(
        (
            (max(jaccard(sets[earlier[k]][0], sets[i][0]), jaccard(sets[earlier[k]][1], sets[i][1])), -earlier[k])
            for k in order.tolist()
        ),
    )
    if best[0] > NEAR_DUPLICATE:
        return -best[1], float(best[0]), "copy"
    k = int(order[0])
    return earlier[k], float(min(1.0, cosines[k])), "reworded"


def find_pairs(clusters: Sequence[Cluster]) -> tuple[SourcePair, ...]:
    """Who speaks after whom, the most frequent first; see :class:`~classifier.campaigns.findings.SourcePair`."""
    lags: dict[tuple[str, str], list[timedelta]] = defaultdict(list)
    for cluster in clusters:
        spoken: dict[str, Echo] = {}
        for echo in cluster.echoes:
            if echo.voice != "rejected":
                spoken.setdefault(echo.source, echo)
        if not spoken:
            continue
        leader, *followers = spoken.values()
        for echo in followers:
            if echo.time > leader.time:
                lags[leader.source, echo.source].append(echo.time - leader.time)
    pairs = [
        SourcePair(a, b, len(found), timedelta(seconds=median(lag.total_seconds() for lag in found)))
        for (a, b), found in lags.items()
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.n_clusters, pair.median_lag, pair.leader, pair.follower)))
