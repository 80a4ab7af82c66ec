"""A real server on a free port of loopback, as ``narratives serve`` starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Server:
    """A running server; ``log`` is its standard error."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *sent: bytes) -> socket.socket:
        """A connection on which ``sent`` was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        for part in sent:
            connection.sendall(part)
        return connection

    def ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(models: Path, place: Path, *options: str, port: int | None = None, **settings: str) -> Iterator[Server]:
    """Start a server, wait until it can score, and stop it with SIGTERM; ``settings`` without their prefix."""
    port = port or free_port()
    log = place / f"server-{port}.log"
    environment = {f"NARRATIVES_{name.upper()}": value for name, value in settings.items()}
    environment.setdefault("NARRATIVES_FEEDBACK_URL", f"sqlite:///{place}/feedback-{port}.db")
    command = [sys.executable, "-m", "classifier.cli.app", "serve", "--models", str(models), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, *options], env={**os.environ, **environment}, stderr=out)
    server = Server(port, process, log)
    try:
        until = time.monotonic() + 120
        while not server.ready():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
