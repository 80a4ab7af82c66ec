"""The log: one JSON object a line on standard error. Texts, keys and addresses never stand in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

FLUSH_SECONDS = 0.2
"""How long a line of a request may wait; whatever is worse than that is written at once."""

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message", "taskName"}


class JSONFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, whatever was given as ``extra``, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Never fails: what JSON cannot say is told as its ``repr``."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told.update((k, v) for k, v in record.__dict__.items() if k not in _OWN and not k.startswith("_"))
        if record.exc_info and record.exc_info[0] is not None:
            # Where it went wrong, not what was being read: messages of exceptions may quote a text.
            kind, _, trace = record.exc_info
            told["exception"] = kind.__name__
            told["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
        return msgspec.json.encode(told, enc_hook=repr).decode()


class RequestLine(msgspec.Struct, tag_field="message", tag="request"):
    """What the log says of a request."""

    time: str
    request_id: str
    method: str
    route: str
    status: int
    milliseconds: float
    key: str | None
    level: str = "info"
    logger: str = "narratives.requests"


class RequestLog:
    """A line for each request, gathered for a fifth of a second and written together.

    Through ``logging`` a line would cost more than the scoring. Whether lines are written is asked of the logger
    ``narratives.requests``, as for every other; a process that is killed loses those that wait.
    """

    def __init__(self, write: Callable[[bytes], object] | None = None) -> None:
        self._write = write or _to_stderr
        self._waiting: list[tuple[float, str, str, str, int, float, str | None]] = []
        self._logger = logging.getLogger("narratives.requests")

    def add(self, request_id: str, method: str, route: str, status: int, seconds: float, key: str | None) -> None:
        """Add a line. Called in the event loop."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._waiting.append((time.time(), request_id, method, route, status, seconds, key))

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        lines, second, told = [], -1, ""
        for when, request_id, method, route, status, seconds, key in waiting:
            if int(when) != second:
                second = int(when)
                told = datetime.fromtimestamp(second, UTC).isoformat()[:19]
            stamp = f"{told}.{int(when % 1 * 1000):03d}+00:00"
            line = RequestLine(stamp, request_id, method, route, status, round(seconds * 1000, 3), key)
            lines.append(msgspec.json.encode(line))
        lines.append(b"")
        self._write(b"\n".join(lines))


def _to_stderr(lines: bytes) -> None:
    # In one call, so that lines of several workers do not mix.
    with contextlib.suppress(OSError):
        os.write(2, lines)
