"""What an inquiry into a campaign finds, as frozen plain objects: the page, the tables and the STIX bundle read them.

Times are aware datetimes in UTC, intervals of shares are 95 % unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from classifier.model.answer import ModelIdentity, Verdict

Voices = Literal["asserted", "attributed", "rejected"]


@dataclass(frozen=True, slots=True)
class Post:
    """One text with its time and source. ``id`` is unique in an inquiry; ``file`` and ``row`` say where it stood."""

    id: str
    text: str
    time: datetime
    source: str
    url: str | None
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class Tag:
    """What the model says of one narrative in one post: a post carries what one of its sentences carries.

    ``decision`` and ``probability`` are those of the sentence that says it strongest, ``begin`` to ``end`` (half-open,
    code points of the post's text); ``voice`` is that sentence's likeliest, None without voices.
    """

    narrative: str
    probability: float
    decision: Verdict
    voice: Voices | None
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TaggedPost:
    """A post, its tags decided "yes" or "unsure" (likeliest first), and how many sentences could decide something.

    ``familiar`` is false where the model knows too few of its words to decide anything: such a post stands in no share.
    ``core`` is the half-open span of its text without what the source puts over and under its posts.
    """

    post: Post
    tags: tuple[Tag, ...]
    n_sentences: int
    familiar: bool
    core: tuple[int, int]

    def carries(self, narrative: str) -> bool:
        """Whether it is tagged "yes"."""
        return any(tag.narrative == narrative and tag.decision == "yes" for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of ``n_posts`` carry a narrative.

    ``raw`` is ``n_tagged / n_posts``; ``share`` is adjusted for the classifier's own error rates, with the interval
    ``low`` to ``high``, which accounts for chance and for not knowing those rates exactly. 0 to 1 says that nothing
    can be said.
    """

    n_posts: int
    n_tagged: int
    raw: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How often the classifier tags what carries the narrative, and what does not, with intervals.

    ``unit`` says of what: of sentences, rolled up to each post's length, or of posts. ``basis`` says in words where the
    rates were measured, and on how many.
    """

    narrative: str
    unit: Literal["sentence", "post"]
    true_positive_rate: float
    true_positive_interval: tuple[float, float]
    false_positive_rate: float
    false_positive_interval: tuple[float, float]
    basis: str


@dataclass(frozen=True, slots=True)
class PrevalencePoint:
    """The share of a narrative from ``begin`` until before ``end``; ``source`` None means all of them."""

    narrative: str
    source: str | None
    begin: datetime
    end: datetime
    share: Share


@dataclass(frozen=True, slots=True)
class Burst:
    """A span in which a narrative came faster than its own base rate.

    ``expected`` is how many tagged posts the base rate foresees there; ``p_value`` is adjusted for all spans looked at.
    """

    narrative: str
    begin: datetime
    end: datetime
    n_posts: int
    expected: float
    p_value: float
    sources: tuple[str, ...]
    first_post: str
    cluster: str | None


@dataclass(frozen=True, slots=True)
class Echo:
    """A post of a cluster: how long after the first, and how alike to ``nearest``, the earlier post most like it.

    ``how`` is "first"; "copy", where ``similarity`` is the share of common character 5-grams; or "reworded", where it
    is the cosine of the sentences that carry the claim. Both are 0 to 1. ``again`` marks a source that had spoken in
    the cluster before: a repetition, no echo of somebody else.
    """

    post: str
    source: str
    time: datetime
    lag: timedelta
    similarity: float
    nearest: str | None
    voice: Voices | None
    how: Literal["first", "copy", "reworded"]
    again: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """Posts that say the same: near-duplicates, or the same claim in other words.

    ``echoes`` are ordered in time, the first one has no lag; ``narratives`` are those that half of them or more, and
    two at least, are tagged "yes" with. ``sources`` stand in the order in which they spoke. ``kind`` is "copies" where
    each is a near-duplicate of an earlier one, else "claim". ``summary`` is the sentence most like all others.
    """

    id: str
    kind: Literal["copies", "claim"]
    narratives: tuple[str, ...]
    echoes: tuple[Echo, ...]
    sources: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class VoiceShift:
    """How the voice of a narrative changed: shares of tagged posts before and after ``at``.

    ``difference`` is after less before for ``voice``, with its interval and a p-value adjusted for all that was tried.
    """

    narrative: str
    voice: Voices
    at: datetime
    before: float
    after: float
    n_before: int
    n_after: int
    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class VoicePoint:
    """Tagged posts of a narrative by voice, from ``begin`` until before ``end``."""

    narrative: str
    begin: datetime
    end: datetime
    counts: Mapping[Voices, int]


@dataclass(frozen=True, slots=True)
class SourcePair:
    """In how many clusters ``follower`` spoke after ``leader``, who was the first to, and the median lag.

    Posts that reject the claim neither lead nor follow, and posts of the same moment do not follow each other.
    """

    leader: str
    follower: str
    n_clusters: int
    median_lag: timedelta


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it.

    ``names`` maps narrative ids to names; ``skipped`` counts records left out, by reason. ``prevalence`` has each
    narrative that was tagged, over all sources, bin by bin (bins without a post are left out); ``overall`` has every
    narrative over the whole time, for all sources together (``source`` None) and for each. ``error_rates`` has one
    entry for each narrative; none where no rates are known: shares are then from 0 to 1.
    """

    model: ModelIdentity
    names: Mapping[str, str]
    definitions: Mapping[str, str]
    posts: tuple[TaggedPost, ...]
    bin: timedelta
    error_rates: tuple[ErrorRates, ...]
    prevalence: tuple[PrevalencePoint, ...]
    overall: tuple[PrevalencePoint, ...]
    bursts: tuple[Burst, ...]
    clusters: tuple[Cluster, ...]
    pairs: tuple[SourcePair, ...]
    voices: tuple[VoicePoint, ...]
    shifts: tuple[VoiceShift, ...]
    skipped: Mapping[str, int]
    parameters: Mapping[str, Any]
