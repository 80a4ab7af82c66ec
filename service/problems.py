"""Errors as RFC 9457 problem details: ``application/problem+json``; elsewhere in the shape of the protocol asked."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from classifier.errors import InputError, MissingExtra

MEDIA_TYPE = "application/problem+json"

ErrorShape = Callable[[int, str, str], Any]
"""From status, detail and field to the JSON value that another protocol sends for an error."""


class Problem(Exception):
    """An answer that is an error. ``field`` names the part of the request at fault."""

    def __init__(self, status: int, detail: str, *, field: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers


def problem_body(status: int, detail: str, field: str = "") -> dict[str, Any]:
    """The members of a problem; ``errors`` names the field where there is one."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field:
        body["errors"] = [{"field": field, "detail": detail}]
    return body


def problem_response(status: int, detail: str, field: str = "", headers: dict[str, str] | None = None) -> Response:
    """A response of one problem."""
    body = msgspec.json.encode(problem_body(status, detail, field))
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def error_response(
    scope: Scope, status: int, detail: str, field: str = "", headers: dict[str, str] | None = None
) -> Response:
    """One error, in the shape that the protocol at the request's path has for errors; a problem where there is none."""
    shapes: dict[str, ErrorShape] = scope["app"].state.error_shapes
    path: str = scope["path"]
    for prefix, shape in shapes.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return Response(
                msgspec.json.encode(shape(status, detail, field)),
                status_code=status,
                media_type="application/json",
                headers=headers,
            )
    return problem_response(status, detail, field, headers)


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem, or as ``app.state.error_shapes`` (by path prefix) says."""
    app.state.error_shapes = {}

    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return error_response(request.scope, error.status, error.detail, error.field, error.headers)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        return error_response(request.scope, error.status_code, _told(request, error), headers=headers)

    @app.exception_handler(InputError)
    async def on_input(request: Request, error: InputError) -> Response:
        return error_response(request.scope, 422, str(error), error.field)

    @app.exception_handler(MissingExtra)
    async def on_missing(request: Request, error: MissingExtra) -> Response:
        return error_response(request.scope, 501, str(error))

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        # The traceback goes to the log (starlette raises again after this); the caller gets none of it.
        return error_response(request.scope, 500, "an error of the service; it has been logged")


def _told(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:
        return f"nothing at {request.url.path}; see /docs for what there is"
    if error.status_code == 405:
        return f"{request.method} is not allowed at {request.url.path}"
    return str(error.detail)
