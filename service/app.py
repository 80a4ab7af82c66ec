"""The application: ``create_app(settings)``, and a factory for uvicorn that reads the environment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from service import adapters, feedback, metrics, models, page, problems, scoring
from service.direct import GZIP_FROM, GZIP_LEVEL, Direct
from service.guard import Guard
from service.limits import Limits
from service.live import LiveModels
from service.logs import RequestLog
from service.metrics import Metrics
from service.schemas import components
from service.settings import Settings
from service.telemetry import Telemetry


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application. The model is loaded when it starts; :class:`ModelError` stops the start."""
    settings = settings or Settings()
    figures = Metrics()
    requests = RequestLog()

    def reloaded(event: str) -> None:
        figures.reloads.labels(event).inc()
        if event == "loaded":
            figures.serving(app.state.models.current.identity)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.models.load()
        figures.serving(app.state.models.current.identity)
        app.state.feedback = feedback.LiveFeedback(settings)
        async with app.state.models.following(), figures.settling():
            yield
        await app.state.feedback.close()
        figures.retire(os.getpid())
        requests.flush()

    app = FastAPI(
        title="Narrative classifier",
        version=_own_version(),
        summary="Tags propaganda narratives, sentence by sentence and for the whole text.",
        lifespan=lifespan,
        # FastAPI's own pages load scripts from elsewhere; ours is service/page.py's.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.metrics = figures
    app.state.request_log = requests
    app.state.models = LiveModels(settings, on_event=reloaded)
    # The one that is added last is the outermost.
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM, compresslevel=GZIP_LEVEL)
    app.add_middleware(Direct, routes=[r for r in scoring.router.routes if isinstance(r, APIRoute)])
    app.add_middleware(Limits, settings=settings, metrics=figures)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(Guard, settings=settings, metrics=figures)
    app.add_middleware(Telemetry, metrics=figures, log=requests)
    problems.install(app)
    app.include_router(scoring.router)
    app.include_router(models.router)
    app.include_router(metrics.router)
    app.include_router(feedback.router)
    app.include_router(page.router)
    adapters.install(app)

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            schema.setdefault("components", {}).setdefault("schemas", {}).update(
                components(*feedback.SCHEMAS, *adapters.SCHEMAS)
            )
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
