"""``/predict`` and ``/info`` of text-embeddings-inference, and of Hugging Face's inference endpoints on the same path.

https://huggingface.github.io/text-embeddings-inference/ has the first; the second is what
``huggingface_hub.InferenceClient.text_classification`` sends and expects.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET, Meta, UnsetType

from classifier.model.answer import TextAnswer
from service.bodies import decode_body, read_json_body
from service.live import models_of
from service.problems import Problem
from service.scoring import in_hand, score_texts
from service.settings import Settings, settings_of
from service.texts import text_fault

router = APIRouter(tags=["text-embeddings-inference"])


class ClassificationParameters(msgspec.Struct):
    """What Hugging Face's clients send beside ``inputs``."""

    function_to_apply: Literal["sigmoid", "softmax", "none"] | None = None
    top_k: Annotated[int, Meta(ge=1)] | None = None


class PredictRequest(msgspec.Struct):
    """``inputs``: a text, a list of texts, or a list of lists of one text each.

    With ``parameters``, be they empty, the answer is that of Hugging Face's inference endpoints: always a list of
    lists. ``truncate`` changes nothing: texts are read whole.
    """

    inputs: str | list[str | list[str]]
    raw_scores: Annotated[bool, Meta(description="Logits in place of probabilities")] = False
    truncate: bool | None = None
    parameters: ClassificationParameters | UnsetType | None = UNSET


class Prediction(msgspec.Struct):
    """A narrative of the whole text."""

    label: str
    score: float


class ClassifierLabels(msgspec.Struct):
    """Names of the columns."""

    id2label: dict[str, str]
    label2id: dict[str, int]


class ModelType(msgspec.Struct):
    """Which kind of model is served."""

    classifier: ClassifierLabels


class ServerInfo(msgspec.Struct):
    """``model_sha`` is the model's digest; ``max_input_length`` counts code points, not tokens."""

    model_id: str
    model_sha: str
    model_dtype: str
    model_type: ModelType
    max_concurrent_requests: int
    max_input_length: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str


class PredictError(msgspec.Struct):
    """Every error of the protocol."""

    error: str
    error_type: Literal["unhealthy", "backend", "overloaded", "validation", "tokenizer"]


SCHEMAS = (PredictRequest, Prediction, ServerInfo, PredictError)
"""What the OpenAPI description needs of this file."""

EXAMPLES = {
    "one": {"inputs": "A war with Azerbaijan is inevitable, military bloggers wrote."},
    "several": {"inputs": [["A war is inevitable."], ["The trains run again."]], "raw_scores": True},
    "inference_client": {"inputs": "A war is inevitable.", "parameters": {"top_k": 3}},
}

_TYPES = {413: "validation", 422: "tokenizer", 424: "backend", 429: "overloaded", 503: "unhealthy"}


def error_body(status: int, detail: str, field: str) -> dict[str, str]:
    """An error as the protocol has it."""
    return {"error": detail, "error_type": _TYPES.get(status, "validation" if status < 500 else "backend")}


def _error(description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/PredictError"}}
    return {"description": description, "content": {"application/json": schema}}


_predictions = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}


@router.post(
    "/predict",
    summary="Score texts, as text-embeddings-inference does",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/PredictRequest"},
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": {
                "description": "All narratives, likeliest first: a list for a text, a list of lists for a list",
                "content": {
                    "application/json": {
                        "schema": {"anyOf": [_predictions, {"type": "array", "items": _predictions}]},
                    }
                },
            },
            "400": _error("Broken JSON"),
            "408": _error("The body did not arrive in time"),
            "413": _error("Too large, or too many texts"),
            "415": _error("Not application/json"),
            "422": _error("Something in the request cannot be taken; a text at fault is named"),
            "429": _error("Too many requests"),
            "503": _error("No model is loaded yet"),
        },
    },
)
async def predict(request: Request) -> Response:
    """Whole texts. One bad text refuses the request, since the protocol has no errors for items; it is named."""
    body = await read_json_body(request)
    return Response(await in_hand(len(body), _predictions_of, request, body), media_type="application/json")


@router.get(
    "/info",
    summary="Which model, as text-embeddings-inference tells it",
    openapi_extra={
        "responses": {
            "200": {
                "description": "Model and limits",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ServerInfo"}}},
            },
            "503": _error("No model is loaded yet"),
        }
    },
)
async def info(request: Request) -> Response:
    """Model, labels and limits."""
    model = models_of(request).current
    settings = settings_of(request)
    labels = ClassifierLabels(
        {str(column): narrative for column, narrative in enumerate(model.ids)},
        {narrative: column for column, narrative in enumerate(model.ids)},
    )
    told = ServerInfo(
        model_id=model.identity.name,
        model_sha=model.identity.digest,
        model_dtype="float32",
        model_type=ModelType(labels),
        max_concurrent_requests=settings.max_concurrent,
        max_input_length=settings.max_text_length,
        max_client_batch_size=settings.max_items,
        auto_truncate=False,
        version=request.app.version,
    )
    return Response(msgspec.json.encode(told), media_type="application/json")


def _predictions_of(request: Request, body: bytes) -> bytes:
    asked = decode_body(body, PredictRequest)
    texts = _texts(asked, settings_of(request))
    answer = score_texts(request, models_of(request).current, texts, explain=None, all=True)
    parameters = asked.parameters or ClassificationParameters()
    function = parameters.function_to_apply or ("none" if asked.raw_scores else "sigmoid")
    found = [_scored(result, function)[: parameters.top_k] for result in answer.results]
    nested = not isinstance(asked.inputs, str) or asked.parameters is not UNSET
    return msgspec.json.encode(found if nested else found[0])


def _texts(asked: PredictRequest, settings: Settings) -> list[str]:
    given = [asked.inputs] if isinstance(asked.inputs, str) else asked.inputs
    if not given:
        raise Problem(422, "inputs: empty; give at least one text", field="inputs")
    if len(given) > settings.max_items:
        told = f"batch size {len(given)} > maximum allowed batch size {settings.max_items}; send several requests"
        raise Problem(413, told, field="inputs")
    texts = []
    for place, item in enumerate(given):
        name = "inputs" if isinstance(asked.inputs, str) else f"inputs[{place}]"
        if isinstance(item, list):
            if len(item) != 1:
                told = f"{name}: {len(item)} texts; a list of one is taken, since this model knows no pairs of texts"
                raise Problem(422, told, field=name)
            item = item[0]
        fault = text_fault(item, settings)
        if fault:
            raise Problem(422, f"{name}: {fault}", field=name)
        texts.append(item)
    return texts


def _scored(result: TextAnswer, function: str) -> list[Prediction]:
    """All narratives of a text, highest score first."""
    if function == "sigmoid":
        found = [Prediction(label.id, label.probability) for label in result.labels]
    elif function == "none":
        found = [Prediction(label.id, label.logit) for label in result.labels]
    else:
        highest = max(label.logit for label in result.labels)
        powers = [math.exp(label.logit - highest) for label in result.labels]
        total = sum(powers)
        found = [Prediction(label.id, power / total) for label, power in zip(result.labels, powers, strict=True)]
    return sorted(found, key=lambda prediction: -prediction.score)
