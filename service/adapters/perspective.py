"""Perspective's ``comments:analyze`` and ``comments:suggestscore``, with narratives as the attributes.

https://developers.perspectiveapi.com/s/about-the-api-methods. Offsets count UTF-16 code units, as Perspective's do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET, Meta, UnsetType

from classifier.errors import InputError, MissingExtra
from classifier.feedback import MAX_NAME, Feedback, FeedbackStore
from classifier.model.answer import Decision, TextAnswer, TextItem
from classifier.taxonomy import Taxonomy
from classifier.text.languages import detect_language
from service.adapters.decoding import decode_or_400
from service.adapters.perspective_discovery import discovery_document
from service.adapters.utf16 import Utf16Offsets
from service.bodies import read_json_body
from service.feedback import feedback_of
from service.live import models_of
from service.problems import Problem
from service.scoring import INLINE_BYTES, in_hand, score_texts
from service.settings import settings_of
from service.texts import has_surrogate, text_fault

router = APIRouter(tags=["Perspective"])

ScoreType = Literal["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"]


class TextEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A text. Only plain text is taken, as by Perspective."""

    text: str | None = None
    type: Literal["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"] | None = None


class AttributeParameters(msgspec.Struct, forbid_unknown_fields=True):
    """Scores below ``scoreThreshold`` are left out."""

    scoreType: ScoreType | None = None
    scoreThreshold: float | None = None


class AnalyzeCommentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Attributes are narratives' ids in capitals (``INEVITABLE_WAR``), and themes' after ``THEME_``.

    ``context``, ``doNotStore``, ``sessionId`` and ``communityId`` change nothing: nothing is stored.
    """

    comment: TextEntry
    requestedAttributes: dict[str, AttributeParameters | None]
    languages: list[str] | None = None
    spanAnnotations: Annotated[bool, Meta(description="A score for each sentence too")] | None = None
    doNotStore: bool | None = None
    clientToken: str | None = None
    sessionId: str | None = None
    communityId: str | None = None
    context: dict[str, Any] | None = None


class Score(msgspec.Struct):
    """RAW is the logit."""

    value: float
    type: Literal["PROBABILITY", "RAW"]


class SpanScore(msgspec.Struct):
    """``begin`` and ``end`` count UTF-16 code units, half-open."""

    begin: int
    end: int
    score: Score


class AttributeScores(msgspec.Struct):
    """Of the parts (sentences, or the whole), and of the whole text."""

    spanScores: list[SpanScore]
    summaryScore: Score


class AnalyzeCommentResponse(msgspec.Struct):
    """``languages`` are those named in the request, else those detected."""

    attributeScores: dict[str, AttributeScores]
    languages: list[str] | UnsetType = UNSET
    detectedLanguages: list[str] | UnsetType = UNSET
    clientToken: str | UnsetType = UNSET


class SuggestedScore(msgspec.Struct, forbid_unknown_fields=True):
    """What a score ought to be: from .5 on the narrative is there."""

    value: Annotated[float, Meta(ge=0.0, le=1.0)]
    type: ScoreType | None = None


class SuggestedSpan(msgspec.Struct, forbid_unknown_fields=True):
    """What the score of a part ought to be; offsets in UTF-16 code units."""

    score: SuggestedScore
    begin: int | None = None
    end: int | None = None


class SuggestedScores(msgspec.Struct, forbid_unknown_fields=True):
    """One of them at least."""

    summaryScore: SuggestedScore | None = None
    spanScores: list[SuggestedSpan] | None = None


class SuggestCommentScoreRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the scores of narratives ought to be."""

    comment: TextEntry
    attributeScores: dict[str, SuggestedScores]
    languages: list[str] | None = None
    clientToken: str | None = None
    sessionId: str | None = None
    communityId: str | None = None
    context: dict[str, Any] | None = None


class SuggestCommentScoreResponse(msgspec.Struct):
    """The suggestion is stored."""

    requestedLanguages: list[str] | UnsetType = UNSET
    detectedLanguages: list[str] | UnsetType = UNSET
    clientToken: str | UnsetType = UNSET


class GoogleErrorBody(msgspec.Struct):
    """``details`` name the field or the kind of error where there is one."""

    code: int
    message: str
    status: str
    details: list[dict[str, Any]] | UnsetType = UNSET


class GoogleError(msgspec.Struct):
    """Every error of these methods."""

    error: GoogleErrorBody


SCHEMAS = (
    AnalyzeCommentRequest,
    AnalyzeCommentResponse,
    SuggestCommentScoreRequest,
    SuggestCommentScoreResponse,
    GoogleError,
)
"""What the OpenAPI description needs of this file."""

ANALYZE_EXAMPLE = {
    "comment": {"text": "A war with Azerbaijan is inevitable. The trains run again."},
    "requestedAttributes": {"INEVITABLE_WAR": {}, "THEME_VICTIMHOOD": {"scoreThreshold": 0.1}},
    "languages": ["en"],
    "spanAnnotations": True,
}
SUGGEST_EXAMPLE = {
    "comment": {"text": "They hate everything Russian there, he said."},
    "attributeScores": {"RUSSOPHOBIA": {"summaryScore": {"value": 1.0}}},
    "languages": ["en"],
    "communityId": "desk 3",
}

MAX_SUGGESTIONS = 100
"""Scores in one request."""

EMPTY = "Comment must be non-empty."
TOO_LONG = "Comment text too long."
# As Perspective names them.
_ERROR_TYPES = {EMPTY: "COMMENT_EMPTY", TOO_LONG: "COMMENT_TOO_LONG"}
_STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8}){0,3}")


class Attribute(NamedTuple):
    """What an attribute stands for."""

    kind: Literal["narrative", "theme"]
    id: str


def error_body(status: int, detail: str, field: str) -> dict[str, Any]:
    """An error as Google's APIs have it (google.rpc.Status in JSON)."""
    error: dict[str, Any] = {"code": status, "message": detail, "status": _STATUS.get(status, "INVALID_ARGUMENT")}
    message = next((told for told in _ERROR_TYPES if detail.startswith(told)), None)
    if message is not None:
        kind = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
        error["details"] = [{"@type": kind, "errorType": _ERROR_TYPES[message]}]
    elif field:
        kind = "type.googleapis.com/google.rpc.BadRequest"
        error["details"] = [{"@type": kind, "fieldViolations": [{"field": field, "description": detail}]}]
    return {"error": error}


def _json(schema: str, description: str) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": ref}}}


def _method(asks: str, example: dict[str, Any], answers: str, description: str, **more: Any) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{asks}"}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref, "example": example}}},
        "responses": {
            "200": _json(answers, description),
            "400": _json("GoogleError", "Something in the request cannot be taken"),
            "408": _json("GoogleError", "The body did not arrive in time"),
            "413": _json("GoogleError", "Too large"),
            "415": _json("GoogleError", "Not application/json"),
            "429": _json("GoogleError", "Too many requests"),
            "503": _json("GoogleError", "It cannot answer now"),
            **more,
        },
    }


@router.post(
    "/v1alpha1/comments:analyze",
    summary="Score a text, as Perspective does",
    openapi_extra=_method(
        "AnalyzeCommentRequest", ANALYZE_EXAMPLE, "AnalyzeCommentResponse", "Scores of the attributes asked for"
    ),
)
async def analyze(request: Request) -> Response:
    """Attributes are narratives (`INEVITABLE_WAR`) and themes (`THEME_WAR`). Nothing is stored."""
    body = await read_json_body(request)
    slow = b'"languages"' not in body  # then they are detected
    content = await in_hand(INLINE_BYTES + 1 if slow else len(body), _analyzed, request, body)
    return Response(content, media_type="application/json")


@router.post(
    "/v1alpha1/comments:suggestscore",
    summary="Say what scores ought to be, as to Perspective",
    openapi_extra=_method(
        "SuggestCommentScoreRequest",
        SUGGEST_EXAMPLE,
        "SuggestCommentScoreResponse",
        "Stored durably",
        **{"404": _json("GoogleError", "Feedback is switched off here")},
    ),
)
async def suggestscore(request: Request) -> Response:
    """Feedback: below .5 the narrative is "incorrect", from .5 on "correct" or, where it was not found, "missing".

    Every score of a request becomes feedback of its own, to be reviewed as that of `/v1/feedback` is.
    """
    body = await read_json_body(request)
    content, suggestions = await in_hand(INLINE_BYTES + 1, _suggested, request, body)
    await _store(request, suggestions)
    return Response(content, media_type="application/json")


@router.get(
    "/$discovery/rest",
    summary="What Google's client libraries build their methods from",
    openapi_extra={
        "parameters": [
            {"name": "version", "in": "query", "schema": {"type": "string", "enum": ["v1alpha1"]}, "required": False}
        ],
        "responses": {"404": _json("GoogleError", "Another version")},
    },
)
async def discovery(request: Request) -> dict[str, Any]:
    """A discovery document that names the address under which it was asked for."""
    version = request.query_params.get("version", "v1alpha1")
    if version != "v1alpha1":
        raise Problem(404, f"there is no version {version!r}; there is 'v1alpha1'", field="version")
    return discovery_document(str(request.base_url))


def attributes_of(taxonomy: Taxonomy) -> dict[str, Attribute]:
    """What each attribute's name stands for. A narrative goes before a theme of the same name."""
    known = {f"THEME_{_attribute(theme.id)}": Attribute("theme", theme.id) for theme in taxonomy.themes}
    known.update({_attribute(id): Attribute("narrative", id) for id in taxonomy.ids})
    return known


def _attribute(id: str) -> str:
    return id.upper().replace("-", "_")


def _analyzed(request: Request, body: bytes) -> bytes:
    model = models_of(request).current
    asked = decode_or_400(body, AnalyzeCommentRequest)
    text = _comment(request, asked.comment)
    languages = _languages(asked.languages)
    _check_token(asked.clientToken)
    known = attributes_of(model.taxonomy)
    if not asked.requestedAttributes:
        raise Problem(400, "Missing requested_attributes", field="requestedAttributes")
    for name, parameters in asked.requestedAttributes.items():
        if name not in known:
            raise _unknown(name, known, "requestedAttributes")
        _check_score_type(name, parameters, known[name])
    item = TextItem(text, language=languages[0] if languages else None)
    result = score_texts(request, model, [item], explain=None, all=True).results[0]
    parts = _Parts(result, Utf16Offsets(text), each=bool(asked.spanAnnotations))
    scores: dict[str, AttributeScores] = {}
    for name, parameters in asked.requestedAttributes.items():
        given = _scores(known[name], parameters or AttributeParameters(), parts)
        if given is not None:
            scores[name] = given
    detected: list[str] | UnsetType = _detected(text) if not languages else UNSET
    told = AnalyzeCommentResponse(scores, asked.languages or detected, detected, _token(asked.clientToken))
    return msgspec.json.encode(told)


def _suggested(request: Request, body: bytes) -> tuple[bytes, list[Feedback]]:
    """The answer, and what is to be stored before it is given."""
    model = models_of(request).current
    asked = decode_or_400(body, SuggestCommentScoreRequest)
    text = _comment(request, asked.comment)
    languages = _languages(asked.languages)
    _check_token(asked.clientToken)
    if asked.communityId is not None and (has_surrogate(asked.communityId) or len(asked.communityId) > MAX_NAME):
        raise Problem(400, f"communityId: up to {MAX_NAME} characters are taken", field="communityId")
    known = {name: it.id for name, it in attributes_of(model.taxonomy).items() if it.kind == "narrative"}
    language = languages[0] if languages else None
    result = score_texts(request, model, [TextItem(text, language=language)], explain=None).results[0]
    found = {label.id for label in result.labels if label.decision == "yes"}
    offsets = Utf16Offsets(text)
    suggestions = []
    for name, scores in asked.attributeScores.items():
        if name not in known:
            raise _unknown(name, known, "attributeScores")
        for field, score, begin, end in _suggested_scores(name, scores, offsets):
            if score.type not in (None, "SCORE_TYPE_UNSPECIFIED", "PROBABILITY"):
                raise Problem(400, f"{field}: {score.type} cannot be suggested; PROBABILITY can", field=field)
            verdict = "incorrect" if score.value < 0.5 else "correct" if known[name] in found else "missing"
            suggestions.append(
                Feedback(
                    text=text,
                    label=known[name],
                    verdict=verdict,
                    begin=begin,
                    end=end,
                    annotator=asked.communityId or None,
                    digest=model.identity.digest,
                    language=language,
                )
            )
    if not suggestions:
        told = "attributeScores: no scores; give a summaryScore or spanScores to one attribute at least"
        raise Problem(400, told, field="attributeScores")
    if len(suggestions) > MAX_SUGGESTIONS:
        told = f"attributeScores: {len(suggestions)} scores; at most {MAX_SUGGESTIONS} are taken: send several requests"
        raise Problem(400, told, field="attributeScores")
    answer = SuggestCommentScoreResponse(
        asked.languages or UNSET, _detected(text) if not languages else UNSET, _token(asked.clientToken)
    )
    return msgspec.json.encode(answer), suggestions


def _suggested_scores(
    name: str, scores: SuggestedScores, offsets: Utf16Offsets
) -> Iterator[tuple[str, SuggestedScore, int | None, int | None]]:
    """Field, score and span in code points (None for the whole text) of everything suggested for an attribute."""
    if scores.summaryScore is not None:
        yield f"attributeScores.{name}.summaryScore", scores.summaryScore, None, None
    for place, span in enumerate(scores.spanScores or ()):
        field = f"attributeScores.{name}.spanScores[{place}]"
        if span.begin is None and span.end is None:
            yield field, span.score, None, None
            continue
        try:
            begin = offsets.to_code_points(span.begin or 0)
            end = offsets.length if span.end is None else offsets.to_code_points(span.end)
        except ValueError as error:
            raise Problem(400, f"{field}: {error}", field=field) from None
        if begin >= end:
            raise Problem(400, f"{field}: begin {span.begin} is not before end {span.end}", field=field)
        yield field, span.score, begin, end


async def _store(request: Request, suggestions: Sequence[Feedback]) -> None:
    """Keep them durably, each on its own. Raises :class:`Problem` (400, 404, 503)."""
    for suggestion in suggestions:
        try:
            await feedback_of(request).ask(FeedbackStore.add, suggestion)
        except InputError as error:
            raise Problem(400, str(error), field=error.field) from None


def _comment(request: Request, comment: TextEntry) -> str:
    """The text to score. Raises :class:`Problem` (400)."""
    if comment.type == "HTML":
        raise Problem(400, "Currently, only 'PLAIN_TEXT' comments are supported", field="comment.type")
    text = comment.text or ""
    if not text.strip():
        raise Problem(400, EMPTY, field="comment.text")
    limit = settings_of(request).max_text_length
    if len(text) > limit:
        raise Problem(400, f"{TOO_LONG} {len(text)} characters; at most {limit} are taken", field="comment.text")
    told = text_fault(text, settings_of(request))
    if told:
        raise Problem(400, told, field="comment.text")
    return text


def _languages(named: Sequence[str] | None) -> list[str]:
    """The primary language subtags of those named (``zh-Latn`` is ``zh``)."""
    found = []
    for language in named or ():
        if not _LANGUAGE.fullmatch(language):
            raise Problem(400, f"{language!r} is no language code; give such as 'ru'", field="languages")
        found.append(language.partition("-")[0].lower())
    return found


def _detected(text: str) -> list[str] | UnsetType:
    try:
        return [detect_language(text)[0]]
    except MissingExtra:
        return UNSET


def _check_token(token: str | None) -> None:
    if token is not None and has_surrogate(token):
        raise Problem(400, "clientToken: it holds a lone surrogate, which is no character", field="clientToken")


def _token(token: str | None) -> str | UnsetType:
    return UNSET if token is None else token


def _unknown(name: str, known: dict[str, Any], field: str) -> Problem:
    return Problem(400, f"Unknown requested attribute: {name!r}; there are {', '.join(known)}", field=field)


def _check_score_type(name: str, parameters: AttributeParameters | None, attribute: Attribute) -> None:
    asked = parameters.scoreType if parameters else None
    if asked in ("STD_DEV_SCORE", "PERCENTILE") or (asked == "RAW" and attribute.kind == "theme"):
        told = f"Requested score type {asked} is not supported by attribute {name}"
        raise Problem(400, told, field=f"requestedAttributes.{name}.scoreType")


class _Parts:
    """A result made ready for many attributes: the whole text, and its sentences where each is asked for."""

    def __init__(self, result: TextAnswer, offsets: Utf16Offsets, *, each: bool) -> None:
        self.themes = {theme.id: theme.probability for theme in result.themes}
        self.labels = {label.id: label for label in result.labels}
        self.end = offsets.to_units(offsets.length)
        self.sentences = [
            (offsets.to_units(s.begin), offsets.to_units(s.end), {label.id: label for label in s.labels})
            for s in (result.sentences if each else ())
        ]


def _scores(attribute: Attribute, parameters: AttributeParameters, parts: _Parts) -> AttributeScores | None:
    """Of one attribute; None where the text's own lies below the threshold."""
    lowest = -math.inf if parameters.scoreThreshold is None else parameters.scoreThreshold
    raw = parameters.scoreType == "RAW"
    if attribute.kind == "theme":
        summary = Score(parts.themes[attribute.id], "PROBABILITY")
    else:
        summary = _score(parts.labels[attribute.id], raw)
    if summary.value < lowest:
        return None
    spans = [SpanScore(0, parts.end, summary)]
    if parts.sentences and attribute.kind == "narrative":
        spans = [SpanScore(begin, end, _score(labels[attribute.id], raw)) for begin, end, labels in parts.sentences]
    return AttributeScores([span for span in spans if span.score.value >= lowest], summary)


def _score(label: Decision, raw: bool) -> Score:
    return Score(label.logit, "RAW") if raw else Score(label.probability, "PROBABILITY")
