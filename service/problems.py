"""Errors as RFC 9457 problem details: ``application/problem+json``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from classifier.errors import InputError, MissingExtra

MEDIA_TYPE = "application/problem+json"


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


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return problem_response(error.status, error.detail, error.field, error.headers)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        return problem_response(error.status_code, _told(request, error), headers=headers)

    @app.exception_handler(InputError)
    async def on_input(request: Request, error: InputError) -> Response:
        return problem_response(422, str(error), error.field)

    @app.exception_handler(MissingExtra)
    async def on_missing(request: Request, error: MissingExtra) -> Response:
        return problem_response(501, str(error))

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        # The traceback goes to the log (starlette raises again after this); the caller gets none of it.
        return problem_response(500, "an error of the service; it has been logged")


def _told(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:
        return f"nothing at {request.url.path}; see /docs for what there is"
    if error.status_code == 405:
        return f"{request.method} is not allowed at {request.url.path}"
    return str(error.detail)
