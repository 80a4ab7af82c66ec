"""``POST /v1/score`` as NDJSON: a text a line in, an answer a line out, streamed in constant memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from service.bodies import PART, body_parts
from service.problems import Problem, problem_body
from service.settings import settings_of

NDJSON = "application/x-ndjson"
IN_MEMORY = 1 << 20
LINES_AT_ONCE = 100

_log = logging.getLogger("narratives.bulk")


class Spool:
    """What has arrived and was not read yet: in memory up to a mebibyte, on disk beyond.

    Many clients send everything before they read anything. So that the two do not wait for each other for ever, reading
    from the client never waits for writing to it.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._read = 0
        self._written = 0
        self._more = asyncio.Event()
        self._end: Problem | None = None
        self._ended = False

    def write(self, part: bytes) -> None:
        """Append."""
        self._file.seek(self._written)
        self._file.write(part)
        self._written += len(part)
        self._more.set()

    def end(self, problem: Problem | None = None) -> None:
        """Say that no more comes; ``problem`` where that is too early."""
        self._end = problem
        self._ended = True
        self._more.set()

    async def read(self) -> bytes:
        """Up to 256 KiB; empty at the end. Raises the :class:`Problem` that ended it."""
        while self._read == self._written:
            if self._ended:
                if self._end is not None:
                    raise self._end
                return b""
            self._more.clear()
            await self._more.wait()
        self._file.seek(self._read)
        part = self._file.read(PART)
        self._read += len(part)
        if self._read == self._written:
            # Everything was read: begin anew, so that a reader that keeps up needs no disk.
            self._read = self._written = 0
            self._file.seek(0)
            self._file.truncate()
        return part

    def close(self) -> None:
        """Give memory and disk back."""
        self._file.close()


class LineResponse(Response):
    """Sends lines as they come. Starlette's own streaming response listens for the caller meanwhile, and would take
    the request's lines for itself."""

    media_type = NDJSON

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, every line, and the end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for lines in self._lines:
            await send({"type": "http.response.body", "body": lines, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer_lines(request: Request, answer: Callable[[list[bytes]], bytes]) -> AsyncIterator[bytes]:
    """Answers as they are ready. ``answer`` takes lines and gives as many, each with its end; it runs in a thread.

    What goes wrong with the whole (the connection, the packing) is told in a last line, since the status went out long
    before.
    """
    settings = settings_of(request)
    spool = Spool()

    async def arrive() -> None:
        try:
            async for part in body_parts(request, settings.request_seconds, each=True):
                spool.write(part)
            spool.end()
        except Problem as problem:
            spool.end(problem)
        except OSError as error:
            _log.error("cannot keep what arrives: %s", error)
            spool.end(Problem(503, f"the service cannot keep what arrives: {error.strerror}"))

    arriving = asyncio.create_task(arrive())
    try:
        async for lines in _lines(spool, settings.max_body_bytes):
            yield await run_in_threadpool(answer, lines)
    except Problem as problem:
        told = {"error": problem_body(problem.status, problem.detail, problem.field)}
        yield msgspec.json.encode(told) + b"\n"
    finally:
        arriving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await arriving
        spool.close()


async def _lines(spool: Spool, limit: int) -> AsyncIterator[list[bytes]]:
    """Lines that are there, some at once; one over ``limit`` bytes is cut one byte after that."""
    rest = b""
    while part := await spool.read():
        *lines, last = part.split(b"\n")
        if lines:
            lines[0] = rest + lines[0]
            rest = last
        else:
            rest += last
        rest = rest[: limit + 1]
        lines = [line for line in lines if line.strip()]
        for begin in range(0, len(lines), LINES_AT_ONCE):
            yield lines[begin : begin + LINES_AT_ONCE]
    if rest.strip():
        yield [rest]
