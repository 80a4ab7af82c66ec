"""How well an inquiry finds planted campaigns, and whether its intervals hold what they promise.

    python benchmarks/campaign.py [streams]

Makes streams with ``campaign_maker.py`` (20 unless told otherwise, and four times as many without a campaign), inquires
into each with the shipped model and prints Markdown tables. Intervals are 95 %, from drawing whole streams 1,000 times.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from campaign_maker import MadeUp, held_out_material, make_stream

from classifier import load_model
from classifier.campaigns.bins import bin_of
from classifier.campaigns.bursts import find_bursts
from classifier.campaigns.clusters import find_clusters
from classifier.campaigns.inquiry import inquire
from classifier.campaigns.prevalence import count_shares, rates_from_posts
from classifier.campaigns.tagging import tag_posts
from classifier.campaigns.voices import find_shifts

if TYPE_CHECKING:
    from classifier.campaigns.findings import Findings, PrevalencePoint, TaggedPost

N_STREAMS = 20
N_LABELLED = 400
QUIET = 4
"""Streams without a campaign, for each one with some."""

FIRST = 4_000
"""Random state of the first stream: none of these was looked at while the inquiry was written."""

Counts = dict[str, tuple[float, float]]
"""Of one stream: row of the table to (successes, cases)."""


def bursts(stream: MadeUp, found: Findings) -> Counts:
    """Planted campaigns with a burst of their narrative in their time, and what the bursts told are."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(row: str, success: bool) -> None:
        counts[row][0] += success
        counts[row][1] += 1

    for campaign in stream.campaigns:
        hit = any(
            b.narrative == campaign.narrative and b.begin <= campaign.end and b.end >= campaign.begin
            for b in found.bursts
        )
        add("campaigns found", hit)
        size = len(campaign.members)
        add("of them, of 6 to 12 posts" if size <= 12 else "of them, of 13 to 28 posts", hit)
    for b in found.bursts:
        inside = [c for c in stream.campaigns if b.begin <= c.end and b.end >= c.begin]
        same = any(c.narrative == b.narrative for c in inside)
        add("bursts that are a campaign's", same)
        add("bursts of another narrative, in a campaign's time", not same and bool(inside))
        add("bursts at other times", not inside)
    return {row: (s, n) for row, (s, n) in counts.items()}


def echoes(stream: MadeUp, found: Findings) -> Counts:
    """Pairs of posts in one campaign that are in one cluster, and the other way round; first speakers."""
    campaign_of = {post: k for k, c in enumerate(stream.campaigns) for post in c.members}
    cluster_of = {echo.post: c.id for c in found.clusters for echo in c.echoes}
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for campaign in stream.campaigns:
        for a, b in combinations(campaign.members, 2):
            together = a in cluster_of and cluster_of[a] == cluster_of.get(b)
            for row in ("pairs of a campaign in one cluster", f"of them, the later one a {campaign.members[b]}"):
                counts[row][0] += together
                counts[row][1] += 1
        sizes = [(sum(e.post in campaign.members for e in c.echoes), c) for c in found.clusters]
        most, cluster = max(sizes, key=lambda s: s[0], default=(0, None))
        first = cluster.echoes[0] if cluster and most > 1 else None
        told = first is not None and first.post == next(iter(campaign.members))
        counts["first speakers right, of all campaigns"][0] += told
        counts["first speakers right, of all campaigns"][1] += 1
        if first is not None:
            counts["first speakers right, of campaigns with a cluster"][0] += told
            counts["first speakers right, of campaigns with a cluster"][1] += 1
    for cluster in found.clusters:
        for a, b in combinations([echo.post for echo in cluster.echoes], 2):
            planted = a in campaign_of and campaign_of[a] == campaign_of.get(b)
            # The background deals a sentence more than once; those posts are copies, though nobody planted them.
            if planted or not set(stream.sentences[a]) & set(stream.sentences[b]):
                counts["pairs of a cluster in one campaign"][0] += planted
                counts["pairs of a cluster in one campaign"][1] += 1
    return {row: (s, n) for row, (s, n) in counts.items()}


def shares(stream: MadeUp, found: Findings, name: str) -> Counts:
    """Whether intervals hold the true share of posts that carry a narrative, and how far off the figures are."""
    known = [p.post for p in found.posts if p.familiar]
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(kind: str, point: PrevalencePoint, true: float) -> None:
        share = point.share
        for row, value in (
            (f"{kind}: {name}, interval holds it", share.low <= true <= share.high),
            (f"{kind}: {name}, width of the interval", share.high - share.low),
            (f"{kind}: {name}, distance", abs(share.share - true)),
            (f"{kind}: raw count, distance", abs(share.raw - true)),
        ):
            counts[row][0] += value
            counts[row][1] += 1

    for point in found.overall:
        if point.source is None:
            add("whole stream", point, np.mean([point.narrative in stream.carries[p.id] for p in known]))
    for point in found.prevalence:
        inside = [p.id for p in known if bin_of(p.time, found.bin) == point.begin]
        true = float(np.mean([point.narrative in stream.carries[p] for p in inside]))
        begun = any(
            c.narrative == point.narrative and c.begin < point.end and c.end >= point.begin for c in stream.campaigns
        )
        add("days of a campaign" if begun else "other days", point, true)
    return {row: (s, n) for row, (s, n) in counts.items()}


def labelled(stream: MadeUp, found: Findings, narratives: Sequence[str], random_state: int) -> Findings:
    """The same findings with error rates from a random sample of the stream's own posts."""
    rng = np.random.default_rng(random_state)
    chosen = [found.posts[i] for i in rng.choice(len(found.posts), min(N_LABELLED, len(found.posts)), replace=False)]
    rates = rates_from_posts(chosen, stream.carries, narratives)
    over_time, overall = count_shares(found.posts, narratives, rates, found.bin, rng)
    return replace(found, prevalence=over_time, overall=overall)


def without_campaign(stream: MadeUp, tagged: list[TaggedPost], narratives: Sequence[str]) -> Counts:
    """What is told although nothing was planted."""
    wide = False
    for cluster in find_clusters(tagged, narratives):
        sources, seen = set(), set[str]()
        for echo in cluster.echoes:
            # As above: a sentence that the background dealt twice makes no false echo.
            if not seen & set(stream.sentences[echo.post]):
                sources.add(echo.source)
            seen |= set(stream.sentences[echo.post])
        wide |= len(sources) > 2
    return {
        "streams with any burst": (float(bool(find_bursts(tagged, narratives, n_permutations=199))), 1.0),
        "streams with any shift of voice": (float(bool(find_shifts(tagged, narratives, n_permutations=399))), 1.0),
        "streams with a cluster of three sources or more": (float(wide), 1.0),
    }


def table(rows: list[Counts]) -> Iterator[str]:
    """Means over all cases, with intervals."""
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(name for counts in rows for name in counts))
    drawn = rng.integers(len(rows), size=(1_000, len(rows)))
    for name in names:
        values = np.array([counts.get(name, (0.0, 0.0)) for counts in rows])
        successes, cases = values.sum(axis=0)
        samples = values[drawn].sum(axis=1)
        samples = samples[samples[:, 1] > 0]
        low, high = np.quantile(samples[:, 0] / samples[:, 1], [0.025, 0.975])
        if "distance" in name or "width" in name:
            yield f"| {name} | {cases:.0f} | {successes / cases:.4f} | {low:.4f} to {high:.4f} |"
        else:
            yield f"| {name} | {cases:.0f} | {successes / cases:.1%} | {low:.1%} to {high:.1%} |"


def main() -> None:
    """Measure and print."""
    n_streams = int(sys.argv[1]) if len(sys.argv) > 1 else N_STREAMS
    model, material = load_model(), held_out_material()
    told: dict[str, list[Counts]] = defaultdict(list)
    n_posts = []
    for seed in range(FIRST, FIRST + n_streams):
        stream = make_stream(material, random_state=seed)
        n_posts.append(len(stream.posts))
        found = inquire(stream.posts, model, random_state=seed)
        told["bursts"].append(bursts(stream, found))
        told["echoes"].append(echoes(stream, found))
        by_hand = labelled(stream, found, model.ids, seed)
        told["shares"].append(
            {
                **shares(stream, found, "cross-validation"),
                **shares(stream, by_hand, f"{N_LABELLED} posts labelled"),
            }
        )
        for number in range(QUIET):
            quiet = make_stream(material, random_state=10_000 + QUIET * seed + number, n_campaigns=0)
            told["quiet"].append(without_campaign(quiet, tag_posts(quiet.posts, model), model.ids))
        print(f"\r{seed - FIRST + 1} of {n_streams}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"model {model.identity.version}, {model.identity.digest}")
    print(f"{n_streams} streams of {np.mean(n_posts):.0f} posts on average\n")
    for title, name in (
        ("bursts", "bursts"),
        ("echoes", "echoes"),
        ("without campaigns", "quiet"),
        ("shares", "shares"),
    ):
        print(f"| {title} | cases | share | 95 % |\n|---|---|---|---|")
        print("\n".join(table(told[name])), end="\n\n")


if __name__ == "__main__":
    main()
