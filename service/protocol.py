"""HTTP as uvicorn speaks it, with bounds on the head of a request, which uvicorn leaves open."""

from __future__ import annotations

import asyncio
from time import monotonic

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
HEAD_SECONDS = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head takes longer than 15 seconds, and answers 400 to one over 64 KiB.

    A timer of the connection looks now and then, so that a request costs no timer of its own.
    """

    _head_since = 0.0
    _head_bytes = 0
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        self._head_since = monotonic()
        self._look = self.loop.call_later(HEAD_SECONDS, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        waited = monotonic() - self._head_since if self._head_since else 0.0
        if waited >= HEAD_SECONDS:
            self.transport.abort()
            return
        self._look = self.loop.call_later(HEAD_SECONDS - waited, self._look_again)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_since = monotonic()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head_since = 0.0
        super().on_headers_complete()

    def _count(self, n_bytes: int) -> None:
        self._head_bytes += n_bytes
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError(f"the head of a request is longer than {MAX_HEAD_BYTES} bytes")
