"""The answer, as frozen plain objects: the library returns them and the service writes them as JSON.

All offsets are half-open and count code points of the caller's own text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Verdict = Literal["yes", "unsure", "no"]
Reason = Literal["close", "unfamiliar", "short"]


@dataclass(frozen=True, slots=True)
class TextItem:
    """A text to score. ``id`` comes back with the answer; ``language`` (ISO 639-1) wins over detection."""

    text: str
    id: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered. ``digest`` is the SHA-256 of its manifest; ``taxonomy`` is the codebook's version."""

    name: str
    version: str
    digest: str
    taxonomy: int


@dataclass(frozen=True, slots=True)
class Voice:
    """Probabilities that sum to 1."""

    asserted: float
    attributed: float
    rejected: float

    @property
    def likeliest(self) -> str:
        """The id of the likeliest voice."""
        return max(
            (("asserted", self.asserted), ("attributed", self.attributed), ("rejected", self.rejected)),
            key=lambda pair: pair[1],
        )[0]


@dataclass(frozen=True, slots=True)
class Decision:
    """One narrative of one sentence or text.

    ``probability`` is ``1 / (1 + exp(-logit))``. ``threshold`` is on the probability: from it on the decision is
    "yes". ``reason`` says why a decision is "unsure": "close" below the threshold, "unfamiliar" or too "short" text.
    ``voice`` is None for a decision of "no" and for models trained without voices. ``support`` counts the training
    sentences that carry the narrative; ``trained_enough`` is false where they are too few to judge it.
    """

    id: str
    theme: str
    probability: float
    logit: float
    threshold: float
    decision: Verdict
    reason: Reason | None
    voice: Voice | None
    support: int
    trained_enough: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one n-gram (or one word) adds to the logit of ``label``, at one place of the text."""

    label: str
    begin: int
    end: int
    feature: str
    contribution: float


@dataclass(frozen=True, slots=True)
class SentenceAnswer:
    """One sentence of a text. Evidence is there for each label decided "yes" or "unsure"."""

    begin: int
    end: int
    text: str
    labels: tuple[Decision, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ThemeProbability:
    """How likely the text carries any narrative of a theme."""

    id: str
    probability: float


@dataclass(frozen=True, slots=True)
class Language:
    """A language (ISO 639-1). ``probability`` is 1 where the caller named the language."""

    code: str
    probability: float


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """The answer for one text. ``coverage`` is the share of its words that the model knows, 0 to 1."""

    id: str | None
    text_sha256: str
    offset_unit: Literal["codepoint"]
    coverage: float
    language: Language | None
    themes: tuple[ThemeProbability, ...]
    labels: tuple[Decision, ...]
    sentences: tuple[SentenceAnswer, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for a batch: one result for each text, in order."""

    model: ModelIdentity
    results: tuple[TextAnswer, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, as the service sends them."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def to_plain(value: Any) -> Any:
    """Turn answer objects into plain JSON types; ``reason`` and ``voice`` are left out where they are None."""
    if value is None or isinstance(value, (str, float, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    kind = type(value)
    names = _field_names.get(kind)
    if names is None:
        if not is_dataclass(kind):
            return value
        names = _field_names[kind] = tuple([field.name for field in fields(kind)])
    plain = {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Decision):
        for name in ("reason", "voice"):
            if plain[name] is None:
                del plain[name]
    return plain


_field_names: dict[type, tuple[str, ...]] = {}
