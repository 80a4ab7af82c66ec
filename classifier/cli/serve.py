"""``narratives serve``"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from classifier.errors import MissingExtra
from classifier.model.versions import ENVIRONMENT, load_model

HOST = "NARRATIVES_HOST"
LOG_LEVEL = "NARRATIVES_LOG_LEVEL"
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def serve(
    host: Annotated[str, typer.Option("--host", envvar=HOST, help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="PORT", min=0, max=65535, help="Port to bind.")] = 8000,
    models: Annotated[Path | None, typer.Option("--models", help="Model or models directory.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
) -> None:
    """Serve the model over HTTP: the page at /, POST /v1/score, the documentation at /docs.

    Everything else is set in the environment (NARRATIVES_...): see docs/http.md.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("Serving", "serve") from error
    # Workers are processes of their own: the environment is how they learn of it.
    os.environ[HOST] = host
    if models is not None:
        os.environ[ENVIRONMENT] = str(models)
    load_model()  # a broken model is told in one line here, before any worker starts
    with tempfile.TemporaryDirectory(prefix="narratives-metrics-") as shared:
        if workers > 1:
            os.environ.setdefault(MULTIPROCESS, shared)
        # By name: the command line knows nothing of the service.
        has_httptools = find_spec("httptools") is not None
        uvicorn.run(
            "service.app:app_from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            http="service.protocol:BoundedProtocol" if has_httptools else "h11",
            ws="none",
            server_header=False,
            access_log=False,
            log_config=log_config(os.environ.get(LOG_LEVEL, "info")),
            timeout_graceful_shutdown=30,
        )


def log_config(level: str) -> dict[str, object]:
    """For ``logging.config.dictConfig``: JSON lines on standard error; uvicorn's own access log stays silent."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "service.logs.JSONFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {
            "narratives": {"handlers": ["stderr"], "level": level.upper(), "propagate": False},
            "uvicorn": {"handlers": ["stderr"], "level": level.upper(), "propagate": False},
            "uvicorn.access": {"handlers": [], "level": "ERROR", "propagate": False},
        },
    }
