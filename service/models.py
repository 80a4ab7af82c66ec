"""``GET /v1/models``, ``GET /v1/model``, ``GET /v1/taxonomy`` and the health checks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from classifier.model.answer import to_plain
from classifier.model.scoring import NarrativeModel
from classifier.text.engine import engine
from service.live import models_of

router = APIRouter()


@router.get("/v1/taxonomy", summary="The codebook: themes, narratives, voices, border rules")
async def taxonomy(request: Request) -> dict[str, Any]:
    """As the model was trained with it; narratives in column order."""
    model = models_of(request).current
    return model.taxonomy.to_dict()


@router.get(
    "/v1/models",
    summary="Versions: digests, which is current, which are loaded",
    openapi_extra={
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ModelVersions"}}}},
        }
    },
)
async def versions(request: Request) -> dict[str, Any]:
    """Those in the models directory, sorted by name. `loaded` tells of the worker that happens to answer."""
    models = models_of(request)
    return {"current": models.current.identity.version, "versions": await run_in_threadpool(models.listing)}


@router.get(
    "/v1/model",
    summary="Which model answers: card, figures, thresholds",
    openapi_extra={
        "parameters": [
            {
                "name": "version",
                "in": "query",
                "schema": {"type": "string"},
                "description": "Another version, as `/v1/models` lists them",
            }
        ],
        "responses": {
            "404": {
                "description": "No such version",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
            }
        },
    },
)
async def model(request: Request) -> dict[str, Any]:
    """Everything that is needed to judge and to recompute an answer, but the weights; `version` asks for another's."""
    models = models_of(request)
    version = request.query_params.get("version")
    chosen = models.ready(version)
    if chosen is None:
        chosen = await run_in_threadpool(models.version, version, field="version")
    return _described(chosen)


def _described(model: NarrativeModel) -> dict[str, Any]:
    return {
        "model": to_plain(model.identity),
        "engine": engine,
        "parameters": model.parameters,
        "training_data": model.manifest["training_data"],
        "packages": model.manifest["packages"],
        "narratives": [
            {
                "id": narrative,
                "bias": float(model.intercept_[k]),
                **to_plain(model.rules[narrative]),
            }
            for k, narrative in enumerate(model.ids)
        ],
        "report": model.report,
        "card": model.card,
    }


@router.get("/health/live", summary="Is the process up?")
async def live() -> dict[str, str]:
    """Always says that it is alive while it can answer at all."""
    return {"status": "alive"}


@router.get("/health/ready", summary="Can it score?")
async def ready(request: Request) -> dict[str, str]:
    """503 until a model is loaded."""
    return {"status": "ready", "digest": models_of(request).current.identity.digest}
