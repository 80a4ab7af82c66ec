"""The shapes of requests and answers, and their OpenAPI schemas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from classifier.model.answer import ModelIdentity, TextAnswer

LanguageCode = Annotated[str, Meta(pattern="^[a-z]{2,3}$", description="ISO 639 code, such as 'ru'")]

ModelVersion = Annotated[
    str, Meta(min_length=1, max_length=64, description="Another version, as `GET /v1/models` lists them")
]


class Explain(msgspec.Struct, forbid_unknown_fields=True):
    """How much evidence: ``top_k`` n-grams (or words) for each label."""

    top_k: Annotated[int, Meta(ge=1)] = 5
    unit: Literal["ngram", "word"] = "ngram"


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """One text of a batch."""

    text: str
    id: str | None = None
    language: LanguageCode | None = None


class ScoreRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of ``text`` and ``texts``; ``id`` and ``language`` go with ``text``."""

    text: str | UnsetType = UNSET
    texts: list[Item] | UnsetType = UNSET
    id: str | None = None
    language: LanguageCode | None = None
    explain: Explain | None = msgspec.field(default_factory=Explain)
    all: bool = False
    detect_language: bool = False
    model_version: ModelVersion | None = None


class BulkOptions(msgspec.Struct, forbid_unknown_fields=True):
    """What the query of a request of lines says; ``explain`` is ``top_k``, 0 for no evidence."""

    explain: Annotated[int, Meta(ge=0)] = 5
    unit: Literal["ngram", "word"] = "ngram"
    all: bool = False
    detect_language: bool = False
    model_version: ModelVersion | None = None


class VersionEntry(msgspec.Struct):
    """One version; ``loaded`` tells of the worker that answers."""

    version: str
    digest: str
    current: bool
    loaded: bool


class ModelVersions(msgspec.Struct):
    """The versions in the models directory, by name."""

    current: str
    versions: list[VersionEntry]


class ItemProblem(msgspec.Struct):
    """What is wrong with one text of a batch."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


class ItemFailure(msgspec.Struct):
    """Stands in the place of a result that could not be given."""

    id: str | None
    error: ItemProblem


class ScoreResponse(msgspec.Struct):
    """One result for each text, in order."""

    model: ModelIdentity
    results: list[TextAnswer]


class ProblemDetails(msgspec.Struct):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


EXAMPLE = {
    "text": "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku.",
}
BATCH_EXAMPLE = {
    "texts": [
        {"id": "a1", "text": "There will be no war with Azerbaijan, the deputy said."},
        {"id": "a2", "text": "The trains between Baku and Tbilisi run again.", "language": "en"},
    ],
    "explain": None,
}

LINES_EXAMPLE = """{"id": "a1", "text": "There will be no war with Azerbaijan, the deputy said."}
{"id": "a2", "text": "The trains between Baku and Tbilisi run again.", "language": "en"}
"""
BULK_PARAMETERS: list[tuple[str, dict[str, Any], str]] = [
    ("explain", {"type": "integer", "minimum": 0, "default": 5}, "Evidence for each label, 0 for none"),
    ("unit", {"type": "string", "enum": ["ngram", "word"], "default": "ngram"}, "Evidence by n-gram or by word"),
    ("all", {"type": "boolean", "default": False}, "Report labels decided 'no' too"),
    ("detect_language", {"type": "boolean", "default": False}, "Identify the language of texts that name none"),
    ("model_version", {"type": "string", "minLength": 1, "maxLength": 64}, "Another version, as /v1/models lists them"),
]


def components(*more: type) -> dict[str, Any]:
    """OpenAPI component schemas of everything above, and of the types given."""
    types = (ScoreRequest, Item, ScoreResponse, ItemFailure, ModelVersions, ProblemDetails, *more)
    _, found = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    # A batch may hold failures in place of results; msgspec's unions cannot mix a dataclass with a struct.
    found["ScoreResponse"]["properties"]["results"]["items"] = {
        "anyOf": [{"$ref": "#/components/schemas/TextAnswer"}, {"$ref": "#/components/schemas/ItemFailure"}]
    }
    decision = found["Decision"]
    decision["required"] = [name for name in decision["required"] if name not in ("reason", "voice")]
    return dict(found)
