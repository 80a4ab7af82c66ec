"""The application: ``create_app(settings)``, and a factory for uvicorn that reads the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service import models, problems, scoring
from service.live import LiveModels
from service.schemas import components
from service.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application. The model is loaded when it starts; :class:`ModelError` stops the start."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.models.load()
        yield

    app = FastAPI(
        title="Narrative classifier",
        version=_own_version(),
        summary="Tags propaganda narratives, sentence by sentence and for the whole text.",
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.models = LiveModels(settings)
    problems.install(app)
    app.include_router(scoring.router)
    app.include_router(models.router)

    @app.get("/", include_in_schema=False)
    async def root() -> dict[str, str]:
        return {"score": "POST /v1/score", "model": "/v1/model", "taxonomy": "/v1/taxonomy", "documentation": "/docs"}

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            schema.setdefault("components", {}).setdefault("schemas", {}).update(components())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def app_from_environment() -> FastAPI:
    """What ``narratives serve`` hands uvicorn."""
    return create_app(Settings.from_environment())


def _own_version() -> str:
    try:
        return version("narrative-classifier")
    except PackageNotFoundError:
        return "0"
