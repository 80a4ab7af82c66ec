"""Findings made up for tests of what people see: planted, not worked out."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from classifier.campaigns.findings import (
    Burst,
    Cluster,
    Echo,
    ErrorRates,
    Findings,
    Post,
    PrevalencePoint,
    Share,
    SourcePair,
    Tag,
    TaggedPost,
    VoicePoint,
    VoiceShift,
)
from classifier.model.answer import ModelIdentity

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
VOICES = ("asserted", "attributed", "rejected")

SOURCES = (
    "Утренний вестник",
    "Harbour Monitor",
    "Канал с очень длинным названием о новостях и обо всём на свете",
    "north_wire",
    "Check the Claim",
    "border_notes",
)
HOSTILE = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=1</script>",
    '"><svg onload=window.hacked=1>',
    "=1+1",
    "<!--",
    "a\u202eb & 'c' {{d}} ${e}",
)


def _share(n_posts, n_tagged, adjusted):
    spread = 1.96 * math.sqrt(0.05 / max(n_posts, 1))
    return Share(
        n_posts,
        n_tagged,
        n_tagged / n_posts if n_posts else 0.0,
        adjusted,
        max(0, adjusted - spread),
        adjusted + spread,
    )


def made_findings(names, definitions=None, *, sources=SOURCES, days=4, n_clusters=6, seed=0, texts=None, urls=None):
    """``names`` maps narrative ids to names; every kind of finding is there."""
    draw = random.Random(seed)
    ids = list(names)
    step = 6 * HOUR
    bins = [START + i * step for i in range(days * 4)]
    posts = []
    for n in range(40 * len(sources)):
        narrative = ids[n % len(ids)]
        tags = (Tag(narrative, 0.5 + draw.random() / 2, "yes", VOICES[n % 3], 0, 4),) if n % 2 else ()
        text = draw.choice(texts) if texts else f"Запись {n}: the host said again that it is near."
        url = draw.choice(urls) if urls else f"https://example.org/{n}"
        time = START + timedelta(minutes=draw.randrange(days * 24 * 60))
        posts.append(
            TaggedPost(
                Post(f"p{n}", text, time, sources[n % len(sources)], url, "posts.csv", n + 1),
                tags,
                2,
                True,
                (0, len(text)),
            )
        )
    prevalence, overall, voices = [], [], []
    for k, narrative in enumerate(ids):
        base = 0.02 + 0.01 * (k % 7)
        for i, begin in enumerate(bins):
            adjusted = base + (0.3 if i in (5, 6) and k % 5 == 0 else 0) + draw.random() / 50
            prevalence.append(PrevalencePoint(narrative, None, begin, begin + step, _share(60, 3 + i % 4, adjusted)))
            counts = {voice: draw.randrange(8) for voice in VOICES}
            voices.append(VoicePoint(narrative, begin, begin + step, counts))
        overall.append(PrevalencePoint(narrative, None, bins[0], bins[-1] + step, _share(900, 60, base)))
        for source in sources:
            share = _share(150, 9, base * draw.random() * 4)
            overall.append(PrevalencePoint(narrative, source, bins[0], bins[-1] + step, share))
    clusters = []
    ordered = sorted(posts, key=lambda tagged: tagged.post.time)
    for c in range(n_clusters):
        members = [tagged.post for tagged in ordered[c * 7 : c * 7 + 3 + c]]
        echoes = tuple(
            Echo(
                post.id,
                post.source,
                post.time,
                post.time - members[0].time,
                1.0 if i == 0 else 0.8,
                None if i == 0 else members[0].id,
                None if i == 2 else VOICES[i % 3],
                "first" if i == 0 else "copy" if i % 2 else "reworded",
                any(post.source == earlier.source for earlier in members[:i]),
            )
            for i, post in enumerate(members)
        )
        found = tuple(dict.fromkeys(post.source for post in members))
        text = members[0].text
        clusters.append(Cluster(f"c{c + 1}", "claim" if c % 2 else "copies", (ids[c % len(ids)],), echoes, found, text))
    bursts = [
        Burst(n, bins[5], bins[7], 25, 4.5, 0.0004, tuple(sources[:3]), "p3", "c1" if clusters else None)
        for n in ids[::5]
    ]
    shifts = [VoiceShift(n, "rejected", bins[8], 0.1, 0.45, 40, 52, 0.35, 0.18, 0.5, 0.003) for n in ids[::6]]
    return Findings(
        model=ModelIdentity("narratives", "v2", "sha256:" + "ab" * 32, 1),
        names=names,
        definitions=definitions or dict.fromkeys(names, "What it claims, in a sentence."),
        posts=tuple(posts),
        bin=step,
        error_rates=tuple(
            ErrorRates(
                n,
                "sentence",
                0.82,
                (0.7, 0.9),
                0.012,
                (0.006, 0.02),
                "the model's own held-out scores, 43,643 sentences",
            )
            for n in ids
        ),
        prevalence=tuple(prevalence),
        overall=tuple(overall),
        bursts=tuple(bursts),
        clusters=tuple(clusters),
        pairs=(SourcePair(sources[0], sources[-1], 4, timedelta(minutes=95)),),
        voices=tuple(voices),
        shifts=tuple(shifts),
        skipped={"no time": 3, "no source": 1},
        parameters={"bin": "6h", "random_state": 0},
    )


def hostile_findings():
    """Every text, name and address is somebody's attack."""
    names = {f"n{i}": text for i, text in enumerate(HOSTILE)}
    urls = ("javascript:window.hacked=1", 'https://example.org/"><script>window.hacked=1</script>', "data:text/html,x")
    found = made_findings(names, dict(names), sources=HOSTILE, texts=HOSTILE, urls=urls)
    return replace(found, skipped={HOSTILE[0]: 1}, parameters={HOSTILE[1]: HOSTILE[2]})
