"""``POST /v1/score``"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool

from classifier.model.answer import Answer, ModelIdentity, TextAnswer, TextItem
from classifier.model.scoring import NarrativeModel
from service.bodies import decode_body, header, media_type, read_json_body, shape_problem
from service.bulk import NDJSON, LineResponse, answer_lines
from service.encoding import encode_answer
from service.limits import admit
from service.live import NotLoaded, models_of
from service.metrics import metrics_of
from service.problems import Problem, problem_body
from service.schemas import BATCH_EXAMPLE, BULK_PARAMETERS, EXAMPLE, LINES_EXAMPLE, BulkOptions, Item, ScoreRequest
from service.settings import Settings, settings_of
from service.texts import has_surrogate, text_fault

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
                },
                NDJSON: {
                    "schema": {"type": "string", "description": "An Item a line; answers come back a line each"},
                    "examples": {"two": {"value": LINES_EXAMPLE}},
                },
            },
        },
        "parameters": [
            {"name": name, "in": "query", "schema": schema, "description": f"{what} (with {NDJSON} only)"}
            for name, schema, what in BULK_PARAMETERS
        ],
        "responses": {
            "200": {
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/ScoreResponse"}},
                    NDJSON: {"schema": {"type": "string", "description": "A ScoreResponse of one result a line"}},
                }
            },
            "400": {"description": "Broken JSON", **_problem},
            "404": {"description": "No such model_version", **_problem},
            "408": {"description": "The body did not arrive in time", **_problem},
            "413": {"description": "Too large", **_problem},
            "415": {"description": "Neither application/json nor application/x-ndjson", **_problem},
            "422": {"description": "Something in the request cannot be taken; errors names the field", **_problem},
            "429": {"description": "Too many requests; Retry-After says when to come back", **_problem},
            "503": {"description": "No model is loaded yet", **_problem},
        },
    },
)
async def score(request: Request) -> Response:
    """Tag narratives sentence by sentence and for the whole text.

    Labels decided "no" are left out unless `all` is true. All offsets count code points of the text as sent. A text of
    a batch that cannot be taken has an `error` in its place; as the single text it is a 422.
    """
    if b"ndjson" in (kind := header(request.scope, b"content-type")) and media_type(kind.decode("latin-1")) == NDJSON:
        options = bulk_options(request)
        admit(request)
        # The one that answers now answers to the last line.
        model = await in_hand(0, models_of(request).version, options.model_version)
        return LineResponse(answer_lines(request, partial(answer_batch, request, model, options)))
    body = await read_json_body(request)
    slow = b"detect_language" in body
    content = await in_hand(INLINE_BYTES + 1 if slow else len(body), answer_request, request, body)
    return Response(content, media_type="application/json")


async def in_hand(n_bytes: int, function: Callable[..., T], *args: Any) -> T:
    """Run what scores: at once where the texts are short, in a thread where others would wait for it."""
    if n_bytes > INLINE_BYTES:
        return await run_in_threadpool(function, *args)
    try:
        return function(*args)
    except NotLoaded:
        return await run_in_threadpool(function, *args)


def score_texts(request: Request, model: NarrativeModel, items: Sequence[str | TextItem], **options: Any) -> Answer:
    """``model.score``, counted in the metrics. Every route that scores comes through here."""
    answer = model.score(items, **options)
    metrics_of(request).scored(model, answer)
    return answer


def answer_request(request: Request, body: bytes) -> bytes:
    """The whole way from a request's body to the answer's. Raises :class:`Problem`."""
    settings = settings_of(request)
    asked = decode_body(body, ScoreRequest)
    model = models_of(request).version(asked.model_version)
    items, single = _items(asked, settings)
    top_k = None if asked.explain is None else asked.explain.top_k
    if top_k is not None and top_k > settings.max_evidence:
        raise Problem(422, f"explain.top_k: at most {settings.max_evidence}", field="explain.top_k")
    faults = [_fault(item, settings) for item in items]
    if single and faults[0]:
        raise faults[0]
    identity, results = _answered(
        request,
        model,
        items,
        faults,
        explain=top_k,
        evidence_unit="ngram" if asked.explain is None else asked.explain.unit,
        all=asked.all,
        detect_language=asked.detect_language,
    )
    return encode_answer({"model": identity, "results": results})


def bulk_options(request: Request) -> BulkOptions:
    """What a request of lines asks for, from its query. Raises :class:`Problem`."""
    try:
        options = msgspec.convert(dict(request.query_params), BulkOptions, strict=False)
    except msgspec.ValidationError as error:
        raise shape_problem(error) from None
    limit = settings_of(request).max_evidence
    if options.explain > limit:
        raise Problem(422, f"explain: at most {limit}", field="explain")
    return options


def answer_batch(request: Request, model: NarrativeModel, options: BulkOptions, lines: list[bytes]) -> bytes:
    """Answer some lines, each by a line: an answer of one result, or of one failure."""
    settings = settings_of(request)
    items: list[Item] = []
    faults: list[Problem | None] = []
    for line in lines:
        item = Item("")
        try:
            if len(line) > settings.max_body_bytes:
                raise Problem(413, f"the line is longer than {settings.max_body_bytes} bytes")
            item = decode_body(line, Item)
            faults.append(_fault(item, settings))
        except Problem as problem:
            faults.append(problem)
        items.append(item)
    identity, results = _answered(
        request,
        model,
        items,
        faults,
        explain=options.explain or None,
        evidence_unit=options.unit,
        all=options.all,
        detect_language=options.detect_language,
    )
    return b"".join(encode_answer({"model": identity, "results": [result]}) + b"\n" for result in results)


def _answered(
    request: Request, model: NarrativeModel, items: list[Item], faults: list[Problem | None], **options: Any
) -> tuple[ModelIdentity, list[TextAnswer | dict[str, Any]]]:
    """A result for each item, or what is wrong with it in its place."""
    pairs = list(zip(items, faults, strict=True))
    good = [TextItem(item.text, item.id, item.language) for item, fault in pairs if fault is None]
    answer = score_texts(request, model, good, **options)
    scored = iter(answer.results)
    return answer.model, [next(scored) if fault is None else _failure(item, fault) for item, fault in pairs]


def _failure(item: Item, fault: Problem) -> dict[str, Any]:
    told = problem_body(fault.status, fault.detail.removeprefix(f"{fault.field}: "), fault.field)
    return {"id": None if fault.field == "id" else item.id, "error": told}


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


def _fault(item: Item, settings: Settings) -> Problem | None:
    """What keeps a text from being scored, None where nothing does."""
    field, told = "text", text_fault(item.text, settings)
    if item.id is not None and has_surrogate(item.id):
        field, told = "id", "it holds a lone surrogate, which is no character"
    return Problem(422, f"{field}: {told}", field=field) if told else None
