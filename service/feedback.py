"""``POST /v1/feedback`` and the review of what came in: ``GET`` and ``POST /v1/review``."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from classifier.errors import FeedbackConflict, FeedbackUnavailable
from classifier.feedback import (
    DECISIONS,
    MAX_NAME,
    MAX_TEXT,
    STATES,
    VERDICTS,
    VOICES,
    Feedback,
    FeedbackStore,
    StoredFeedback,
    timestamp,
)
from service.bodies import decode_body, read_json_body
from service.live import models_of
from service.problems import Problem
from service.settings import Settings

T = TypeVar("T")

_log = logging.getLogger("narratives.feedback")

router = APIRouter()

MAX_LIMIT = 200
"""Rows of one page of the queue."""

MAX_THREADS = 8
"""Database calls at once: a slow database must not take the threads that score."""

WAIT_SECONDS = 1.0
"""How long a request waits for one of them, for while it waits it keeps others from being admitted."""

RETRY_SECONDS = "2"

Name = Annotated[str, Meta(max_length=MAX_NAME)]


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of one label of one text. "X instead of A" is two of them: ``incorrect`` on A, ``missing`` on X."""

    text: Annotated[str, Meta(max_length=MAX_TEXT, description="The sentence or text that is judged")]
    label: Annotated[str, Meta(max_length=MAX_NAME, description="A narrative id of the current model")]
    verdict: Literal["correct", "incorrect", "missing"]
    voice: Annotated[Literal["asserted", "attributed", "rejected"] | None, Meta(description="What it is in truth")] = (
        None
    )
    begin: Annotated[int, Meta(ge=0, description="With end: the words meant, half-open, code points")] | None = None
    end: Annotated[int, Meta(ge=1)] | None = None
    annotator: Name | None = None
    client_id: Annotated[Name, Meta(description="Makes sending it again harmless")] | None = None
    digest: Annotated[Name, Meta(description="Digest of the model whose answer is judged")] | None = None
    language: Annotated[str, Meta(pattern="^[a-z]{2,3}$", description="ISO 639 code, such as 'ru'")] | None = None


class FeedbackReceipt(msgspec.Struct):
    """``known``: the same ``client_id`` brought the same before."""

    id: str
    status: Literal["stored", "known"]


class ReviewItem(msgspec.Struct):
    """One piece of feedback in the queue. ``created`` is RFC 3339, UTC; ``moved`` rows stand in the labels."""

    id: str
    created: str
    text: str
    label: str
    verdict: Literal["correct", "incorrect", "missing"]
    voice: Literal["asserted", "attributed", "rejected"] | None
    begin: int | None
    end: int | None
    annotator: str | None
    digest: str | None
    language: str | None
    priority: float | None
    state: Literal["pending", "accepted", "rejected", "moved"]
    reviewer: str | None


class ReviewPage(msgspec.Struct):
    """A page of the queue; ``next`` is the ``after`` of the following one."""

    items: list[ReviewItem]
    next: str | None


class ReviewDecision(msgspec.Struct, forbid_unknown_fields=True):
    """What a reviewer decides."""

    decision: Literal["accept", "reject"]
    reviewer: Name | None = None


SCHEMAS = (FeedbackRequest, FeedbackReceipt, ReviewPage, ReviewDecision)
"""What the OpenAPI description needs of this file."""

EXAMPLES = {
    "right": {
        "text": "A war with Azerbaijan is inevitable, military bloggers wrote.",
        "label": "inevitable-war",
        "verdict": "correct",
        "voice": "attributed",
        "annotator": "desk 3",
    },
    "wrong": {
        "text": "The trains between Baku and Tbilisi run again.",
        "label": "territorial-designs",
        "verdict": "incorrect",
        "language": "en",
    },
    "missed": {
        "text": "They hate everything Russian there, he said, and it is getting worse.",
        "label": "russophobia",
        "verdict": "missing",
        "begin": 0,
        "end": 32,
        "client_id": "5f2c8a1e-browser-17",
    },
}

_ALLOWED = {"verdict": VERDICTS, "voice": VOICES, "decision": tuple(DECISIONS)}


def _problem(description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    return {"description": description, "content": {"application/problem+json": schema}}


def _json(name: str, description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return {"description": description, "content": {"application/json": schema}}


_unavailable = {
    "404": _problem("Feedback is switched off here"),
    "503": {
        **_problem("The database cannot answer now; nothing was stored"),
        "headers": {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds"}},
    },
}
_bad_body = {
    "400": _problem("Broken JSON"),
    "408": _problem("The body did not arrive in time"),
    "413": _problem("Too large"),
    "415": _problem("Not application/json"),
}


class LiveFeedback:
    """The feedback database of an application: opened at its first use, asked in threads of its own."""

    def __init__(self, settings: Settings) -> None:
        self._store = FeedbackStore(settings.feedback_url) if settings.feedback_url else None
        self._limiter = anyio.CapacityLimiter(MAX_THREADS)
        self._places = anyio.Semaphore(MAX_THREADS)

    async def ask(self, method: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a method of :class:`FeedbackStore` in a thread. Raises :class:`Problem` 404, 409 or 503."""
        if self._store is None:
            raise Problem(404, "feedback is switched off here")
        call = partial(method, self._store, *args, **options)
        try:
            with anyio.fail_after(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise _unavailable_problem("it is slow, and others wait for it already") from None
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._limiter)
        except FeedbackConflict as error:
            raise Problem(409, str(error)) from None
        except FeedbackUnavailable as error:
            _log.warning("feedback database: %s", error)
            raise _unavailable_problem(error.reason) from None
        finally:
            self._places.release()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


def _unavailable_problem(reason: str) -> Problem:
    told = f"the feedback database cannot be used now: {reason}; try again later"
    return Problem(503, told, headers={"Retry-After": RETRY_SECONDS})


def feedback_of(request: Request) -> LiveFeedback:
    """The feedback database of the application that a request came to."""
    found: LiveFeedback | None = getattr(request.app.state, "feedback", None)
    if found is None:
        raise Problem(503, "the service is still starting", headers={"Retry-After": "1"})
    return found


@router.post(
    "/v1/feedback",
    summary="Say that a label is right, wrong or missing",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/FeedbackRequest"},
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": _json("FeedbackReceipt", "The same client_id brought the same before"),
            "201": _json("FeedbackReceipt", "Stored durably"),
            "409": _problem("The client_id stands for other content"),
            "422": _problem("Something in the request cannot be taken; errors names the field"),
            "429": _problem("Too many requests; Retry-After says when to come back"),
            **_bad_body,
            **_unavailable,
        },
    },
)
async def give_feedback(request: Request) -> Response:
    """Stored when the answer is there: a killed process or a power cut afterwards loses nothing.

    The text is kept in the feedback database, and in the labels where a reviewer accepts it; it is never logged.
    """
    body = await read_json_body(request)
    given = _decoded(body, FeedbackRequest)
    ids = models_of(request).current.ids
    if given.label not in ids:
        told = f"label: {given.label!r} is no narrative of the current model; allowed are {', '.join(ids)}"
        raise Problem(422, told, field="label")
    feedback = Feedback(**{name: getattr(given, name) for name in given.__struct_fields__})
    id, is_new = await feedback_of(request).ask(FeedbackStore.add, feedback)
    receipt = FeedbackReceipt(id, "stored" if is_new else "known")
    return _answer(receipt, 201 if is_new else 200)


@router.get(
    "/v1/review",
    summary="The queue of feedback, most worth a look first",
    openapi_extra={
        "parameters": [
            {
                "name": "state",
                "in": "query",
                "schema": {"type": "string", "enum": list(STATES), "default": "pending"},
            },
            {
                "name": "limit",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50},
            },
            {
                "name": "after",
                "in": "query",
                "description": "`next` of the page before",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": _json("ReviewPage", "Highest priority first, unranked ones last, then oldest first"),
            "422": _problem("A parameter cannot be taken; errors names it"),
            **_unavailable,
        },
    },
)
async def review(request: Request) -> Response:
    """Page by page. `narratives labels review` ranks the queue; what came in since is unranked."""
    query = request.query_params
    for name in query:
        if name not in ("state", "limit", "after"):
            raise Problem(422, f"{name}: unknown parameter; allowed are state, limit, after", field=name)
    limit = query.get("limit", "50")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= MAX_LIMIT):
        raise Problem(422, f"limit: {limit!r}; a whole number from 1 to {MAX_LIMIT} is allowed", field="limit")
    rows, cursor = await feedback_of(request).ask(
        FeedbackStore.page, query.get("state", "pending"), limit=int(limit), after=query.get("after")
    )
    return _answer(ReviewPage([_item(row) for row in rows], cursor))


@router.post(
    "/v1/review/{id}",
    summary="Accept or reject a piece of feedback",
    openapi_extra={
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ReviewDecision"},
                    "example": {"decision": "accept", "reviewer": "desk 1"},
                }
            },
        },
        "responses": {
            "200": _json("ReviewItem", "The item as it now is"),
            "409": _problem("It stands in the labels already"),
            "422": _problem("Something in the request cannot be taken; errors names the field"),
            **_bad_body,
            **_unavailable,
            "404": _problem("No feedback has this id, or feedback is switched off here"),
        },
    },
)
async def decide(request: Request) -> Response:
    """The same decision again changes nothing; the other one changes it, until the item stands in the labels (409).

    `narratives labels review` moves accepted items into the labels.
    """
    body = await read_json_body(request)
    given = _decoded(body, ReviewDecision)
    asked = request.path_params["id"]
    try:
        id = str(uuid.UUID(asked))
    except ValueError:
        raise Problem(404, f"{asked!r} is no id of feedback; see GET /v1/review") from None
    row = await feedback_of(request).ask(FeedbackStore.decide, id, given.decision, reviewer=given.reviewer)
    if row is None:
        raise Problem(404, f"no feedback has the id {id}; see GET /v1/review")
    return _answer(_item(row))


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return decode_body(body, shape)
    except Problem as problem:
        allowed = _ALLOWED.get(problem.field)
        if allowed and "enum" in problem.detail:
            told = f"{problem.detail}; allowed are {', '.join(allowed)}"
            raise Problem(problem.status, told, field=problem.field) from None
        raise


def _item(row: StoredFeedback) -> ReviewItem:
    values = {name: getattr(row, name) for name in ReviewItem.__struct_fields__}
    return ReviewItem(**{**values, "created": timestamp(row.created)})


def _answer(content: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
