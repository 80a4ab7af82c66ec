"""``narratives serve``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from classifier.errors import MissingExtra
from classifier.model.versions import ENVIRONMENT, load_model


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="PORT", min=0, max=65535, help="Port to bind.")] = 8000,
    models: Annotated[Path | None, typer.Option("--models", help="Model or models directory.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
) -> None:
    """Serve the model over HTTP (POST /v1/score; the documentation is at /docs)."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("Serving", "serve") from error
    if models is not None:
        # Workers are processes of their own: the environment is how they learn of it.
        os.environ[ENVIRONMENT] = str(models)
    load_model()  # a broken model is told in one line here, before any worker starts
    uvicorn.run("service.app:app_from_environment", factory=True, host=host, port=port, workers=workers)
