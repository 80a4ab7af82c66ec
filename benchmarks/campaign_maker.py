"""A made-up stream of posts with planted campaigns, and the truth about it.

Weeks of posts by some twenty sources, in English or Russian: plain sentences, and now and then one with a narrative.
Into it come triggers, after each of which one claim is echoed for some hours by sources of one language: copied,
lightly edited or said in other words, and rejected by fact-checks. Background sentences come from ``labels/test``,
which no model is trained on, claims from ``campaign_claims.csv``, written for this by hand. A third of the sources end
every post with a footer of their own.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from classifier.campaigns.findings import Post
from classifier.corpus.files import read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.text.sentences import split_sentences

ROOT = Path(__file__).resolve().parent.parent
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)

How = Literal["first", "copy", "edit", "reworded", "rejected"]


@dataclass(frozen=True)
class Saying:
    """A sentence and what it carries: narrative to voice."""

    text: str
    carries: dict[str, str]


@dataclass(frozen=True)
class Claim:
    """One claim in several wordings, and sentences that reject it."""

    name: str
    language: str
    narrative: str
    wordings: tuple[Saying, ...]
    rejections: tuple[Saying, ...]


@dataclass(frozen=True)
class Material:
    """What posts are put together from, by language."""

    plain: dict[str, list[str]]
    carrying: dict[str, list[Saying]]
    claims: list[Claim]


@dataclass(frozen=True)
class Planted:
    """A campaign: how each of its posts came about, in the order of time."""

    narrative: str
    claim: str
    begin: datetime
    end: datetime
    members: dict[str, How]


@dataclass(frozen=True)
class MadeUp:
    """Posts in the order of time.

    ``carries`` maps each post's id to its narratives and their voices, ``sentences`` to what it was put together from.
    """

    posts: list[Post]
    carries: dict[str, dict[str, str]]
    sentences: dict[str, tuple[str, ...]]
    campaigns: list[Planted]


def read_claims(path: Path = ROOT / "benchmarks" / "campaign_claims.csv") -> list[Claim]:
    """The claims of a file, in its order."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    claims = []
    for name in dict.fromkeys(row["claim"] for row in rows):
        mine = [row for row in rows if row["claim"] == name]
        sayings = [Saying(row["text"], {row["narrative"]: row["voice"]}) for row in mine]
        claims.append(
            Claim(
                name,
                mine[0]["language"],
                mine[0]["narrative"],
                tuple(s for s in sayings if "rejected" not in s.carries.values()),
                tuple(s for s in sayings if "rejected" in s.carries.values()),
            )
        )
    return claims


def from_rows(rows: Sequence[LabelledSentence], claims: list[Claim]) -> Material:
    """Background from labelled sentences."""
    languages = sorted({claim.language for claim in claims})
    plain = {code: [r.text for r in rows if r.language == code and not r.labels] for code in languages}
    carrying = {
        code: [
            Saying(r.text, {n: v or "asserted" for n, v in r.labels.items()})
            for r in rows
            if r.language == code and r.labels
        ]
        for code in languages
    }
    return Material(plain, carrying, claims)


def held_out_material(labels: Path = ROOT / "labels") -> Material:
    """The test set, its neutral articles, and the written claims."""
    rows = [row for code in ("en", "ru") for row in read_labels(labels / "test" / f"{code}.csv")]
    material = from_rows(rows, read_claims())
    for code, plain in material.plain.items():
        for article in sorted((labels / "test" / "neutral" / code).glob("*.txt")):
            text = article.read_text("utf-8")
            plain.extend(text[begin:end] for begin, end in split_sentences(text, code))
    return material


class _Deck:
    """Cards drawn without repetition, shuffled again when they are used up."""

    def __init__(self, cards: Sequence[Any], rng: np.random.Generator) -> None:
        self.cards, self.rng = cards, rng
        self.left: list[int] = []

    def draw(self) -> Any:
        if not self.left:
            self.left = self.rng.permutation(len(self.cards)).tolist()
        return self.cards[self.left.pop()]


FOOTERS = {
    "en": "Subscribe to {name} and share with your friends",
    "ru": "Подписаться на {name} и прислать новость",
}
MARKS = ("⚡️", "❗️", "🔥 ", "BREAKING: ", "‼️", "👉 ")


def edited(text: str, rng: np.random.Generator) -> str:
    """A light edit: a mark in front, one to three words dropped, sometimes another case or ending."""
    words = text.split()
    for _ in range(int(rng.integers(1, 4))):
        if len(words) > 8:
            words.pop(int(rng.integers(1, len(words) - 1)))
    changed = " ".join(words)
    if rng.random() < 0.15:
        changed = changed.upper()
    if rng.random() < 0.3:
        changed = changed.rstrip(".!") + "!!!"
    return f"{MARKS[int(rng.integers(len(MARKS)))]}{changed}"


def make_stream(
    material: Material,
    *,
    random_state: int,
    n_sources: int = 20,
    n_days: int = 28,
    posts_per_day: float = 1.5,
    prevalence: float = 0.08,
    n_campaigns: int = 3,
    echoes: tuple[int, int] = (3, 25),
) -> MadeUp:
    """Draw a stream.

    Parameters
    ----------
    random_state : int
        The same state gives the same stream.
    posts_per_day : float
        Of one source, on average; activity follows the time of day and differs between days and sources.
    prevalence : float
        The share of background posts that carry a narrative.
    n_campaigns : int
        At most one for each claim of the material.
    echoes : (int, int)
        How many posts follow a campaign's first, at least and at most, fact-checks left out.
    """
    rng = np.random.default_rng(random_state)
    languages = sorted(material.plain)
    sources = {
        f"{languages[i % len(languages)]}-channel-{i + 1:02d}": languages[i % len(languages)] for i in range(n_sources)
    }
    footers = {name: FOOTERS[code].format(name=name) for name, code in list(sources.items())[::3]}
    plain = {code: _Deck(material.plain[code], rng) for code in languages}
    carrying = {code: _Deck(material.carrying[code], rng) for code in languages}
    drafts: list[tuple[datetime, str, list[str], dict[str, str], tuple[int, How] | None]] = []

    def put(
        time: datetime, source: str, parts: list[str], carries: dict[str, str], role: tuple[int, How] | None
    ) -> None:
        drafts.append((time, source, parts, carries, role))

    daily = rng.lognormal(0, 0.35, size=n_days)
    hourly = 1.2 + np.sin((np.arange(24) - 8) / 24 * 2 * np.pi)
    for source, code in sources.items():
        weight = rng.lognormal(0, 0.5)
        for day in range(n_days):
            for _ in range(rng.poisson(posts_per_day * weight * daily[day])):
                hour = rng.choice(24, p=hourly / hourly.sum())
                time = BEGIN + timedelta(days=day, hours=int(hour), seconds=int(rng.integers(3600)))
                parts = [plain[code].draw() for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])))]
                carries: dict[str, str] = {}
                if rng.random() < prevalence:
                    saying = carrying[code].draw()
                    parts[int(rng.integers(len(parts)))], carries = saying.text, saying.carries
                put(time, source, parts, carries, None)

    chosen = rng.permutation(len(material.claims))[:n_campaigns]
    for number, k in enumerate(chosen):
        claim = material.claims[int(k)]
        start = BEGIN + timedelta(days=float(rng.uniform(2, n_days - 3)))
        speakers = [name for name, code in sources.items() if code == claim.language]
        said: list[tuple[datetime, Saying]] = []
        n_echoes = int(rng.integers(echoes[0], echoes[1] + 1))
        lags = np.sort(rng.lognormal(np.log(3), 0.8, size=n_echoes))  # hours: half within three, nearly all in a day
        wordings = _Deck(claim.wordings, rng)
        for lag in [0.0, *np.minimum(lags, 36.0)]:
            time = start + timedelta(hours=float(lag))
            source = speakers[int(rng.integers(len(speakers)))]
            how: How = "first" if not said else ("copy", "edit", "reworded")[int(rng.choice(3, p=[0.4, 0.25, 0.35]))]
            if how in ("first", "reworded"):
                saying = wordings.draw()
                text = saying.text
            else:
                saying = said[int(rng.integers(len(said)))][1]
                text = saying.text if how == "copy" else edited(saying.text, rng)
            said.append((time, saying))
            more = how in ("first", "reworded") and rng.random() < 0.4
            parts = [text, plain[claim.language].draw()] if more else [text]
            put(time, source, parts, saying.carries, (number, how))
        rejections = _Deck(claim.rejections, rng)
        for _ in range(2):
            saying = rejections.draw()
            time = start + timedelta(hours=float(rng.uniform(4, 24)))
            put(time, speakers[int(rng.integers(len(speakers)))], [saying.text], saying.carries, (number, "rejected"))

    drafts.sort(key=lambda draft: draft[0])
    posts, truth, sentences = [], {}, {}
    members: list[dict[str, How]] = [{} for _ in chosen]
    for i, (time, source, parts, carries, role) in enumerate(drafts):
        text = " ".join(parts) + (f"\n{footers[source]}" if source in footers else "")
        post = Post(f"p{i:05d}", text, time, source, f"https://example.org/{source}/{i}", "made-up", i + 1)
        posts.append(post)
        truth[post.id], sentences[post.id] = carries, tuple(parts)
        if role:
            members[role[0]][post.id] = role[1]
    when = {post.id: post.time for post in posts}
    campaigns = [
        Planted(
            material.claims[int(k)].narrative,
            material.claims[int(k)].name,
            min(when[p] for p in found),
            max(when[p] for p in found),
            found,
        )
        for k, found in zip(chosen, members, strict=True)
    ]
    return MadeUp(posts, truth, sentences, campaigns)
