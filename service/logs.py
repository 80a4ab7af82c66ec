"""The log: one JSON object a line on standard error. Texts, keys and addresses never stand in it."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

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
