"""``GET /v1/model``, ``GET /v1/taxonomy`` and the health checks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from classifier.model.answer import to_plain
from classifier.text.engine import engine
from service.live import models_of

router = APIRouter()


@router.get("/v1/taxonomy", summary="The codebook: themes, narratives, voices, border rules")
async def taxonomy(request: Request) -> dict[str, Any]:
    """As the model was trained with it; narratives in column order."""
    model = models_of(request).current
    return model.taxonomy.to_dict()


@router.get("/v1/model", summary="Which model answers: card, figures, thresholds")
async def current_model(request: Request) -> dict[str, Any]:
    """Everything that is needed to judge and to recompute an answer, but the weights."""
    model = models_of(request).current
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
