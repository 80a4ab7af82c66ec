"""``POST /v1/score``"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool

from classifier.model.answer import Answer, TextItem, to_plain
from classifier.model.scoring import NarrativeModel
from service.bodies import decode_body, read_json_body
from service.live import models_of
from service.problems import Problem, problem_body
from service.schemas import BATCH_EXAMPLE, EXAMPLE, Item, ScoreRequest
from service.settings import Settings, settings_of

T = TypeVar("T")

router = APIRouter()

INLINE_BYTES = 8_192
"""Larger bodies are scored in a thread, so that they do not keep others waiting."""

_problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}


@router.post(
    "/v1/score",
    summary="Score one text or several",
    response_description="One result for each text, in order",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ScoreRequest"},
                    "examples": {"one": {"value": EXAMPLE}, "several": {"value": BATCH_EXAMPLE}},
                }
            },
        },
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ScoreResponse"}}}},
            "400": {"description": "Broken JSON", **_problem},
            "413": {"description": "Too large", **_problem},
            "415": {"description": "Not application/json", **_problem},
            "422": {"description": "Something in the request cannot be taken; errors names the field", **_problem},
        },
    },
)
async def score(request: Request) -> Response:
    """Tag narratives sentence by sentence and for the whole text.

    Labels decided "no" are left out unless `all` is true. All offsets count code points of the text as sent. A text of
    a batch that cannot be taken has an `error` in its place; as the single text it is a 422.
    """
    body = await read_json_body(request, settings_of(request).max_body_bytes)
    slow = b"detect_language" in body
    content = await in_hand(INLINE_BYTES + 1 if slow else len(body), answer_request, request, body)
    return Response(content, media_type="application/json")


async def in_hand(n_bytes: int, function: Callable[..., T], *args: Any) -> T:
    """Run what scores: at once where the texts are short, in a thread where others would wait for it."""
    if n_bytes <= INLINE_BYTES:
        return function(*args)
    return await run_in_threadpool(function, *args)


def score_texts(request: Request, model: NarrativeModel, items: Sequence[str | TextItem], **options: Any) -> Answer:
    """``model.score``, counted in the metrics. Every route that scores comes through here."""
    return model.score(items, **options)


def answer_request(request: Request, body: bytes) -> bytes:
    """The whole way from a request's body to the answer's. Raises :class:`Problem`."""
    settings = settings_of(request)
    model = models_of(request).current
    asked = decode_body(body, ScoreRequest)
    items, single = _items(asked, settings)
    top_k = None if asked.explain is None else asked.explain.top_k
    if top_k is not None and top_k > settings.max_evidence:
        raise Problem(422, f"explain.top_k: at most {settings.max_evidence}", field="explain.top_k")
    faults = [_fault(item, settings) for item in items]
    if single and faults[0]:
        field, detail = faults[0]
        raise Problem(422, f"{field}: {detail}", field=field)
    good = [TextItem(i.text, i.id, i.language) for i, fault in zip(items, faults, strict=True) if fault is None]
    answer = score_texts(
        request,
        model,
        good,
        explain=top_k,
        evidence_unit="ngram" if asked.explain is None else asked.explain.unit,
        all=asked.all,
        detect_language=asked.detect_language,
    )
    scored = iter(answer.results)
    results: list[Any] = []
    for item, fault in zip(items, faults, strict=True):
        if fault is None:
            results.append(to_plain(next(scored)))
        else:
            field, detail = fault
            results.append({"id": None if field == "id" else item.id, "error": problem_body(422, detail, field)})
    return msgspec.json.encode({"model": to_plain(answer.model), "results": results})


def _items(asked: ScoreRequest, settings: Settings) -> tuple[list[Item], bool]:
    if (asked.text is UNSET) == (asked.texts is UNSET):
        told = "both text and texts given" if asked.texts is not UNSET else "neither text nor texts given"
        raise Problem(422, f"text: {told}; give exactly one of them", field="text")
    if not isinstance(asked.text, msgspec.UnsetType):
        return [Item(asked.text, asked.id, asked.language)], True
    if isinstance(asked.texts, msgspec.UnsetType):
        raise AssertionError("one of the two is set")
    for name, value in (("id", asked.id), ("language", asked.language)):
        if value is not None:
            raise Problem(422, f"{name}: goes with text; in texts give it to each item", field=name)
    if not asked.texts:
        raise Problem(422, "texts: empty; give at least one text", field="texts")
    if len(asked.texts) > settings.max_items:
        detail = f"texts: {len(asked.texts)} items; at most {settings.max_items} are taken: send several requests"
        raise Problem(422, detail, field="texts")
    return asked.texts, False


def _fault(item: Item, settings: Settings) -> tuple[str, str] | None:
    """The field that keeps a text from being scored and why, None where nothing does."""
    text = item.text
    if item.id is not None and _has_surrogate(item.id):
        return "id", "it holds a lone surrogate, which is no character"
    if not text.strip():
        return "text", "the text is empty"
    if len(text) > settings.max_text_length:
        return "text", f"{len(text)} characters; at most {settings.max_text_length} are taken: cut the text"
    if _has_surrogate(text):
        return "text", "the text holds a lone surrogate, which is no character: decode it as UTF-16 or replace it"
    return None


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
