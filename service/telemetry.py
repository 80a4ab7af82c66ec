"""Around every request: an id, the time it took, a line in the log, figures, and the headers that every answer has."""

from __future__ import annotations

import logging
import re
from random import getrandbits
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import RequestLog
from service.metrics import Metrics
from service.problems import error_response

_log = logging.getLogger("narratives.requests")
_id = re.compile(rb"[A-Za-z0-9._-]{1,128}")

# Everything that the page needs comes from here, and nothing may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Telemetry:
    """ASGI middleware, the outermost. An exception that nobody caught ends here: logged with its id, answered 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: RequestLog) -> None:
        self.app = app
        self.log = log
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = perf_counter()
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id), *SECURITY_HEADERS]
            await send(message)

        self.metrics.begun += 1
        try:
            await self.app(scope, receive, tell)
        except Exception:  # noqa: BLE001 - the last place where it can be caught
            _log.exception("a fault of ours", extra={"request_id": request_id.decode()})
            if status == 0:
                detail = f"an error of the service; it has been logged as {request_id.decode()}"
                await error_response(scope, 500, detail)(scope, receive, tell)
        finally:
            seconds = perf_counter() - begin
            method = scope["method"] if scope["method"] in METHODS else "other"
            # The route, not the path: what callers may write into an address has no place among the figures.
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.answered(method, route, status, seconds)
            self.log.add(request_id.decode(), method, route, status, seconds, scope.get("key_name"))


def _request_id(scope: Scope) -> bytes:
    """The caller's own, where it can stand in a header and a log; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _id.fullmatch(value):
            return bytes(value)
    # To tell requests apart, not to keep anything secret.
    return b"%032x" % getrandbits(128)
