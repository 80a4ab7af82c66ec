"""How much at once: a gate for requests in hand, a rate for each caller. Both answer 429 and say when to come back."""

from __future__ import annotations

import math
from collections import OrderedDict
from time import monotonic

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.guard import scope_of
from service.metrics import Metrics
from service.problems import Problem, error_response
from service.settings import Settings

GATE = "narratives.gate"
_ADMITTED = "narratives.admitted"
MAX_CALLERS = 100_000
"""Callers whose rate is remembered; the one that was silent longest is forgotten first."""


class TokenBuckets:
    """A bucket of ``per_minute`` tokens for each caller, filled evenly (a token bucket, as in RFC 2697)."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take a token. 0 where there was one, else the seconds until there is."""
        tokens, then = self._buckets.pop(caller, (float(self.per_minute), now))
        tokens = min(float(self.per_minute), tokens + (now - then) * self.per_minute / 60.0)
        wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) * 60.0 / self.per_minute
        self._buckets[caller] = (tokens - 1.0 if wait == 0.0 else tokens, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class Limits:
    """ASGI middleware. What is open to everybody (the page, health checks) passes."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self._refused = metrics.refused
        self._max_concurrent = settings.max_concurrent
        self._in_hand = 0
        self._per_minute = settings.rate_limit
        self._buckets = TokenBuckets(settings.rate_limit) if settings.rate_limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 429."""
        if scope["type"] != "http" or scope_of(scope["path"]) in (None, "admin"):
            await self.app(scope, receive, send)
            return
        if self._buckets is not None:
            client = scope.get("client")
            caller = scope.get("key_name") or (client[0] if client else "")
            wait = self._buckets.take(caller, monotonic())
            if wait:
                await self._too_often(wait, scope, receive, send)
                return
        scope[GATE] = self
        try:
            await self.app(scope, receive, send)
        finally:
            self._in_hand -= scope.get(_ADMITTED, 0)

    def admit(self, scope: Scope) -> None:
        """Take a request in hand until it is answered. Raises :class:`Problem` (429) where too many are."""
        if _ADMITTED in scope:
            return
        if self._in_hand >= self._max_concurrent:
            self._refused.labels("busy").inc()
            detail = f"{self._in_hand} requests are in hand; come back in a second"
            raise Problem(429, detail, headers={"Retry-After": "1"})
        scope[_ADMITTED] = 1
        self._in_hand += 1

    async def _too_often(self, wait: float, scope: Scope, receive: Receive, send: Send) -> None:
        self._refused.labels("rate").inc()
        detail = f"over {self._per_minute} requests a minute; come back in {wait:.1f} s"
        answer = error_response(scope, 429, detail, headers={"Retry-After": str(math.ceil(wait))})
        await answer(scope, receive, send)


def admit(request: Request) -> None:
    """Take a request in hand, once its body is there: slow senders hold no place. Raises :class:`Problem` (429)."""
    gate: Limits | None = request.scope.get(GATE)
    if gate is not None:
        gate.admit(request.scope)
