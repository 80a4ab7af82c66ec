"""A real server on a free port of loopback, with limits that tests can reach."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from service.app import create_app
from service.settings import Settings

MAX_ITEMS = 20


def small_settings(models: Path, folder: Path, **more: object) -> Settings:
    """Limits that tests can reach, and a feedback database of one's own."""
    limits = {"max_body_bytes": 200_000, "max_items": MAX_ITEMS, "max_text_length": 20_000}
    return Settings(models=models, feedback_url=f"sqlite:///{folder}/feedback.db", **{**limits, **more})


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """``host:port`` of a server in a thread, which ends with the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", ws="none", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
