"""The discovery document that clients of Google's APIs build their methods from.

https://developers.google.com/discovery/v1/reference/apis
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_FLAG = {"type": "boolean"}
_SCORE_TYPE = {
    "type": "string",
    "enum": ["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"],
}


def _object(id: str, **properties: Any) -> dict[str, Any]:
    return {"id": id, "type": "object", "properties": properties}


def _ref(id: str) -> dict[str, str]:
    return {"$ref": id}


def _by_attribute(id: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _ref(id), "description": "By attribute, such as INEVITABLE_WAR"}


def _method(name: str, asks: str, answers: str, description: str) -> dict[str, Any]:
    path = f"v1alpha1/comments:{name}"
    return {
        "id": f"commentanalyzer.comments.{name}",
        "path": path,
        "flatPath": path,
        "httpMethod": "POST",
        "description": description,
        "parameters": {},
        "parameterOrder": [],
        "request": _ref(asks),
        "response": _ref(answers),
    }


_SCHEMAS = (
    _object(
        "TextEntry",
        text=_TEXT,
        type={"type": "string", "enum": ["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"]},
    ),
    _object("ArticleAndParentComment", article=_ref("TextEntry"), parentComment=_ref("TextEntry")),
    _object(
        "Context",
        entries={"type": "array", "items": _ref("TextEntry")},
        articleAndParentComment=_ref("ArticleAndParentComment"),
    ),
    _object("AttributeParameters", scoreType=_SCORE_TYPE, scoreThreshold={"type": "number", "format": "float"}),
    _object("Score", value={"type": "number", "format": "float"}, type=_SCORE_TYPE),
    _object(
        "SpanScore",
        begin={"type": "integer", "format": "int32", "description": "UTF-16 code units"},
        end={"type": "integer", "format": "int32", "description": "UTF-16 code units, exclusive"},
        score=_ref("Score"),
    ),
    _object(
        "AttributeScores",
        summaryScore=_ref("Score"),
        spanScores={"type": "array", "items": _ref("SpanScore")},
    ),
    _object(
        "AnalyzeCommentRequest",
        comment=_ref("TextEntry"),
        context=_ref("Context"),
        requestedAttributes=_by_attribute("AttributeParameters"),
        languages=_TEXTS,
        spanAnnotations=_FLAG,
        doNotStore=_FLAG,
        clientToken=_TEXT,
        sessionId=_TEXT,
        communityId=_TEXT,
    ),
    _object(
        "AnalyzeCommentResponse",
        attributeScores=_by_attribute("AttributeScores"),
        languages=_TEXTS,
        detectedLanguages=_TEXTS,
        clientToken=_TEXT,
    ),
    _object(
        "SuggestCommentScoreRequest",
        comment=_ref("TextEntry"),
        context=_ref("Context"),
        attributeScores=_by_attribute("AttributeScores"),
        languages=_TEXTS,
        clientToken=_TEXT,
        sessionId=_TEXT,
        communityId=_TEXT,
    ),
    _object(
        "SuggestCommentScoreResponse",
        requestedLanguages=_TEXTS,
        detectedLanguages=_TEXTS,
        clientToken=_TEXT,
    ),
)


def discovery_document(root: str) -> dict[str, Any]:
    """The description of both methods; ``root`` is the address of this service, with a slash at its end."""
    methods = (
        ("analyze", "AnalyzeCommentRequest", "AnalyzeCommentResponse", "Scores a text on the attributes asked for."),
        ("suggestscore", "SuggestCommentScoreRequest", "SuggestCommentScoreResponse", "Says what scores ought to be."),
    )
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer",
        "version": "v1alpha1",
        "title": "Narratives in the shape of the Perspective Comment Analyzer API",
        "description": "The attributes are narratives.",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "baseUrl": root,
        "batchPath": "batch",
        "parameters": {"key": {"type": "string", "location": "query", "description": "API key"}},
        "schemas": {schema["id"]: schema for schema in _SCHEMAS},
        "resources": {"comments": {"methods": {name: _method(name, *rest) for name, *rest in methods}}},
    }
