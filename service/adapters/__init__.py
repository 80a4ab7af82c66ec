"""Other people's protocols over the same scoring call."""

from __future__ import annotations

from fastapi import FastAPI

from service.adapters import label_studio, open_inference, perspective, text_embeddings_inference

SCHEMAS = (
    *open_inference.SCHEMAS,
    *text_embeddings_inference.SCHEMAS,
    *label_studio.SCHEMAS,
    *perspective.SCHEMAS,
)
"""What the OpenAPI description needs of the adapters."""


def install(app: FastAPI) -> None:
    """Add the routes of every protocol, and answer errors at their paths as each protocol has them."""
    for adapter in (open_inference, text_embeddings_inference, label_studio, perspective):
        app.include_router(adapter.router)
    app.state.error_shapes |= {
        "/v2": open_inference.error_body,
        "/predict": text_embeddings_inference.error_body,
        "/info": text_embeddings_inference.error_body,
        "/label-studio": label_studio.error_body,
        "/v1alpha1": perspective.error_body,
        "/$discovery": perspective.error_body,
    }
