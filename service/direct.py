"""The short way for the route that matters: straight to its function, past the web framework's layers.

The route stands in the framework too, which describes it and serves it in the same words; only resolving dependencies,
exit stacks and exception layers, which it does not use and which cost more than the scoring, are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from classifier.errors import InputError
from service.bodies import header
from service.problems import Problem, problem_response

GZIP_FROM = 1_000
"""Answers of fewer bytes are not packed."""
GZIP_LEVEL = 5

Endpoint = Callable[[Request], Awaitable[Response]]


class Direct:
    """ASGI middleware, the innermost: what is asked of ``routes`` is answered here."""

    def __init__(self, app: ASGIApp, routes: list[APIRoute]) -> None:
        self.app = app
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        answer: ASGIApp
        try:
            answer = await route.endpoint(Request(scope, receive))
        except Problem as problem:
            answer = problem_response(problem.status, problem.detail, problem.field, problem.headers)
        except InputError as error:
            answer = problem_response(422, str(error), error.field)
        if b"gzip" in header(scope, b"accept-encoding"):
            answer = GZipMiddleware(answer, GZIP_FROM, GZIP_LEVEL)
        await answer(scope, receive, send)
