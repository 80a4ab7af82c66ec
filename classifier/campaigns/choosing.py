"""Findings of some narratives only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from classifier.campaigns.clusters import find_pairs
from classifier.campaigns.findings import Findings


def only(findings: Findings, narratives: Collection[str]) -> Findings:
    """What concerns these narratives. Every post stays, since shares are of all posts; its other tags go.

    p-values stay as they are: adjusted for all narratives that were looked at.
    """
    kept = set(narratives)
    clusters = tuple(
        replace(cluster, narratives=tuple(n for n in cluster.narratives if n in kept))
        for cluster in findings.clusters
        if kept & set(cluster.narratives)
    )
    ids = {cluster.id for cluster in clusters}
    return replace(
        findings,
        names={n: name for n, name in findings.names.items() if n in kept},
        definitions={n: told for n, told in findings.definitions.items() if n in kept},
        posts=tuple(replace(p, tags=tuple(t for t in p.tags if t.narrative in kept)) for p in findings.posts),
        error_rates=tuple(e for e in findings.error_rates if e.narrative in kept),
        prevalence=tuple(p for p in findings.prevalence if p.narrative in kept),
        overall=tuple(p for p in findings.overall if p.narrative in kept),
        bursts=tuple(
            replace(b, cluster=b.cluster if b.cluster in ids else None) for b in findings.bursts if b.narrative in kept
        ),
        clusters=clusters,
        pairs=find_pairs(clusters),
        voices=tuple(v for v in findings.voices if v.narrative in kept),
        shifts=tuple(s for s in findings.shifts if s.narrative in kept),
    )
