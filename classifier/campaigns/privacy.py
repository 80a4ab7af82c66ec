"""Findings without what should not leave the house: the posts' texts, or the sources' names."""

from __future__ import annotations

from dataclasses import replace

from classifier.campaigns.findings import Burst, Cluster, Findings


def without_texts(findings: Findings) -> Findings:
    """The same findings; every post's text is empty, and clusters are summed up without quoting one."""
    return replace(
        findings,
        posts=tuple(replace(tagged, post=replace(tagged.post, text="")) for tagged in findings.posts),
        clusters=tuple(replace(cluster, summary="") for cluster in findings.clusters),
    )


def with_pseudonyms(findings: Findings) -> Findings:
    """The same findings; sources are called "source 1" and on, in the order in which they first appear.

    Ids of posts, which may hold the source's name, are numbered too; addresses, files and rows are left out. The texts
    stay: they may name their source, and whoever searches for them finds it. A hash would not do instead, since the
    names of public channels can be tried one by one.
    """
    ordered = sorted(findings.posts, key=lambda tagged: (tagged.post.time, tagged.post.id))
    ids = {tagged.post.id: f"post {n}" for n, tagged in enumerate(ordered, 1)}
    names = {
        source: f"source {n}" for n, source in enumerate(dict.fromkeys(tagged.post.source for tagged in ordered), 1)
    }

    def burst(found: Burst) -> Burst:
        return replace(found, sources=tuple(names[s] for s in found.sources), first_post=ids[found.first_post])

    def cluster(found: Cluster) -> Cluster:
        echoes = tuple(
            replace(
                echo,
                post=ids[echo.post],
                source=names[echo.source],
                nearest=None if echo.nearest is None else ids[echo.nearest],
            )
            for echo in found.echoes
        )
        return replace(found, echoes=echoes, sources=tuple(names[s] for s in found.sources), summary="")

    return replace(
        findings,
        posts=tuple(
            replace(
                tagged,
                post=replace(
                    tagged.post,
                    id=ids[tagged.post.id],
                    source=names[tagged.post.source],
                    url=None,
                    file="",
                    row=0,
                ),
            )
            for tagged in findings.posts
        ),
        prevalence=tuple(replace(p, source=p.source and names[p.source]) for p in findings.prevalence),
        overall=tuple(replace(p, source=p.source and names[p.source]) for p in findings.overall),
        bursts=tuple(burst(found) for found in findings.bursts),
        clusters=tuple(cluster(found) for found in findings.clusters),
        pairs=tuple(replace(pair, leader=names[pair.leader], follower=names[pair.follower]) for pair in findings.pairs),
    )
