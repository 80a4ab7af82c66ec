"""A machine learning backend for Label Studio, under ``/label-studio``.

Label Studio counts offsets in a ``Text`` in code points, as this project does.
https://labelstud.io/guide/ml_create and https://labelstud.io/guide/predictions
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET, UnsetType

from classifier.model.answer import Decision, ModelIdentity, TextAnswer
from classifier.model.scoring import NarrativeModel
from service.adapters.decoding import decode_or_400
from service.adapters.labeling_config import ConfigError, Control, read_config
from service.bodies import read_json_body
from service.live import models_of
from service.problems import Problem
from service.scoring import in_hand, score_texts
from service.settings import Settings, settings_of
from service.texts import text_fault

PREFIX = "/label-studio"

router = APIRouter(prefix=PREFIX, tags=["Label Studio ML backend"])


class LabelStudioTask(msgspec.Struct):
    """``data`` holds the text where the labeling configuration says."""

    data: dict[str, Any]


class LabelStudioPredictRequest(msgspec.Struct):
    """What Label Studio sends; the rest of it is not looked at."""

    tasks: list[LabelStudioTask]
    label_config: str


class LabelStudioSetupRequest(msgspec.Struct):
    """``schema`` is the labeling configuration; it is looked at when predictions are asked for."""

    schema: str | None = None


class LabelStudioEvent(msgspec.Struct):
    """A webhook's event."""

    action: str


class LabelStudioRegion(msgspec.Struct):
    """Choices for the whole text, or a label on a sentence (``start`` and ``end`` in code points)."""

    id: str
    from_name: str
    to_name: str
    type: Literal["choices", "labels"]
    value: dict[str, Any]
    score: float


class LabelStudioPrediction(msgspec.Struct):
    """``score``: how sure the answer is, for sorting tasks. ``error`` says why a task got no prediction."""

    result: list[LabelStudioRegion]
    score: float
    model_version: str
    error: str | UnsetType = UNSET


class LabelStudioPredictResponse(msgspec.Struct):
    """One prediction for each task, in order."""

    results: list[LabelStudioPrediction]
    model_version: str


class LabelStudioModelVersion(msgspec.Struct):
    """Name, version and the beginning of the digest."""

    model_version: str


class LabelStudioError(msgspec.Struct):
    """Every error under this prefix."""

    error: str


SCHEMAS = (
    LabelStudioPredictRequest,
    LabelStudioPredictResponse,
    LabelStudioSetupRequest,
    LabelStudioModelVersion,
    LabelStudioEvent,
    LabelStudioError,
)
"""What the OpenAPI description needs of this file."""

CONFIG_EXAMPLE = """<View>
  <Text name="text" value="$text"/>
  <Choices name="narratives" toName="text" choice="multiple">
    <Choice value="Inevitable war"/>
    <Choice value="Russophobia"/>
  </Choices>
  <Labels name="sentences" toName="text">
    <Label value="inevitable-war"/>
    <Label value="russophobia"/>
  </Labels>
</View>"""
EXAMPLE = {
    "tasks": [{"id": 1, "data": {"text": "A war with Azerbaijan is inevitable, military bloggers wrote."}}],
    "project": "1.1700000000",
    "label_config": CONFIG_EXAMPLE,
    "params": {"context": None},
}


def error_body(status: int, detail: str, field: str) -> dict[str, str]:
    """An error as Label Studio reads it."""
    return {"error": detail}


def _json(schema: str, description: str) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": ref}}}


def _takes(schema: str, example: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref, "example": example}}},
        "responses": {
            **answers,
            "400": _json("LabelStudioError", "Something in the request cannot be taken"),
            "408": _json("LabelStudioError", "The body did not arrive in time"),
            "413": _json("LabelStudioError", "Too large, or too many tasks"),
            "415": _json("LabelStudioError", "Not application/json"),
            "429": _json("LabelStudioError", "Too many requests"),
            "503": _json("LabelStudioError", "No model is loaded yet"),
        },
    }


@router.get("", summary="Is the backend up?", include_in_schema=False)
@router.get("/health", summary="Is the backend up?")
async def health() -> dict[str, str]:
    """As Label Studio asks it before everything else."""
    return {"status": "UP", "model_class": "NarrativeModel"}


@router.post(
    "/setup",
    summary="Which model answers",
    openapi_extra=_takes(
        "LabelStudioSetupRequest",
        {"project": "1.1700000000", "schema": CONFIG_EXAMPLE},
        {"200": _json("LabelStudioModelVersion", "The version that predictions will name")},
    ),
)
async def setup(request: Request) -> Response:
    """Keeps nothing: every request for predictions brings its labeling configuration."""
    decode_or_400(await read_json_body(request), LabelStudioSetupRequest)
    told = LabelStudioModelVersion(model_version(models_of(request).current.identity))
    return Response(msgspec.json.encode(told), media_type="application/json")


@router.get("/versions", summary="Which versions there are")
async def versions(request: Request) -> dict[str, list[str]]:
    """The one that answers."""
    return {"versions": [model_version(models_of(request).current.identity)]}


@router.post(
    "/predict",
    summary="Predictions for tasks",
    openapi_extra=_takes(
        "LabelStudioPredictRequest",
        EXAMPLE,
        {"200": _json("LabelStudioPredictResponse", "One prediction for each task, in order")},
    ),
)
async def predict(request: Request) -> Response:
    """`Choices` over a `Text` get the narratives of the whole text, `Labels` those of each sentence.

    Only what is decided "yes" is predicted. A task whose text cannot be taken has an empty result, and an `error`.
    """
    body = await read_json_body(request)
    return Response(await in_hand(len(body), _predictions, request, body), media_type="application/json")


@router.post(
    "/webhook",
    summary="Events of Label Studio, of which nothing is kept",
    openapi_extra=_takes("LabelStudioEvent", {"action": "ANNOTATION_CREATED"}, {}),
)
async def webhook(request: Request) -> dict[str, str]:
    """Annotations are not stored here: export them from Label Studio, or send them to /v1/feedback."""
    decode_or_400(await read_json_body(request), LabelStudioEvent)
    return {"status": "ignored", "detail": "annotations are not kept here: export them, or send them to /v1/feedback"}


@router.post("/train", include_in_schema=False)
async def train() -> Response:
    """Models are trained from the command line."""
    raise Problem(501, "this service does not train: export the annotations and run 'narratives train'")


def model_version(identity: ModelIdentity) -> str:
    """What Label Studio shows and stores as the version of a prediction: ``narratives-v2-71724732935c``."""
    return f"{identity.name}-{identity.version}-{identity.digest.removeprefix('sha256:')[:12]}"


def _predictions(request: Request, body: bytes) -> bytes:
    settings = settings_of(request)
    model = models_of(request).current
    asked = decode_or_400(body, LabelStudioPredictRequest)
    if len(asked.tasks) > settings.max_items:
        told = f"{len(asked.tasks)} tasks; at most {settings.max_items} are taken: send several requests"
        raise Problem(413, told, field="tasks")
    try:
        controls = read_config(asked.label_config, model.taxonomy.narratives)
    except ConfigError as error:
        raise Problem(400, f"label_config: {error}", field="label_config") from None
    texts = [{key: _text(task, key, settings) for key in {c.data_key for c in controls}} for task in asked.tasks]
    good = list(dict.fromkeys(text for found in texts for text, fault in found.values() if fault is None))
    answer = score_texts(request, model, good, explain=None, all=True)
    answers = dict(zip(good, answer.results, strict=True))
    results = [_prediction(found, answers, controls, model) for found in texts]
    return msgspec.json.encode(LabelStudioPredictResponse(results, model_version(model.identity)))


def _text(task: LabelStudioTask, key: str, settings: Settings) -> tuple[str, str | None]:
    """The text at a key of a task's data, and what keeps it from being scored (None where nothing does)."""
    text = task.data.get(key)
    if not isinstance(text, str):
        return "", f"data.{key}: {'missing' if text is None else 'no text'}"
    fault = text_fault(text, settings)
    return text, fault and f"data.{key}: {fault}"


def _prediction(
    texts: dict[str, tuple[str, str | None]],
    answers: dict[str, TextAnswer],
    controls: list[Control],
    model: NarrativeModel,
) -> LabelStudioPrediction:
    version = model_version(model.identity)
    faults = [fault for _, fault in texts.values() if fault is not None]
    if faults:
        return LabelStudioPrediction([], 0.0, version, error="; ".join(sorted(faults)))
    regions: list[LabelStudioRegion] = []
    unclaimed = 1.0
    for control in controls:
        answer = answers[texts[control.data_key][0]]
        regions += _choices(control, answer) if control.kind == "choices" else _labels(control, answer)
        highest = max(label.probability for label in answer.labels if label.id in control.values)
        unclaimed = min(unclaimed, 1.0 - highest)
    return LabelStudioPrediction(regions, min((r.score for r in regions), default=unclaimed), version)


def _choices(control: Control, answer: TextAnswer) -> list[LabelStudioRegion]:
    """One region with the narratives of the whole text, or none."""
    found = _decided(control, answer.labels)
    if not found:
        return []
    taken = found if control.multiple else found[:1]
    value = {"choices": [control.values[label.id] for label in taken]}
    score = min(label.probability for label in taken)
    return [
        LabelStudioRegion(control.from_name, control.from_name, control.to_name, control.kind, value, score),
    ]


def _labels(control: Control, answer: TextAnswer) -> list[LabelStudioRegion]:
    """A region for each narrative of each sentence."""
    return [
        LabelStudioRegion(
            f"{control.from_name}-{sentence.begin}-{label.id}",
            control.from_name,
            control.to_name,
            control.kind,
            {
                "start": sentence.begin,
                "end": sentence.end,
                "text": sentence.text,
                "labels": [control.values[label.id]],
            },
            label.probability,
        )
        for sentence in answer.sentences
        for label in _decided(control, sentence.labels)
    ]


def _decided(control: Control, labels: tuple[Decision, ...]) -> list[Decision]:
    """What is decided "yes" and has a value in the configuration, likeliest first."""
    return [label for label in labels if label.decision == "yes" and label.id in control.values]
