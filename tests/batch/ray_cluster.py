"""A real Ray cluster on loopback: two nodes with an address each (127.0.0.2, 127.0.0.3), started as on two machines."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service.servers import free_port

HEAD, SECOND = "127.0.0.2", "127.0.0.3"
# With one CPU a node, readers and scorers would wait for each other after a kill.
CPUS = 4


@dataclass
class Cluster:
    """``address`` of the head, and what a process needs in its environment to join."""

    address: str
    environment: dict[str, str]
    place: Path

    def kill_second_node(self) -> None:
        """As when a machine loses its power: its raylet and all that it has started, at once."""
        raylets = [pid for pid, told in self._processes().items() if "raylet/raylet" in told and SECOND in told]
        assert raylets
        _kill(_with_children(raylets))

    def stop(self) -> None:
        """End all processes of the cluster."""
        for _ in range(20):
            left = _with_children(list(self._processes()))
            if not left:
                return
            _kill(left)
            time.sleep(0.1)

    def _processes(self) -> dict[int, str]:
        """Processes that name this cluster's directory: number and command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    told = (entry / "cmdline").read_bytes().decode(errors="replace")
                    if str(self.place) in told:
                        found[int(entry.name)] = told
        return found


def _with_children(pids: list[int]) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], list(pids)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def ray_cluster() -> Iterator[Cluster]:
    """Two nodes of four logical CPUs each; left out where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("no Ray here: pip install 'narrative-classifier[cluster]'")
    if not sys.platform.startswith("linux"):
        pytest.skip("two nodes on loopback need Linux")
    # Short: the names of Ray's sockets may have 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="nray-", dir="/tmp"))
    port = free_port()
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Nodes listen on all addresses of the machine: nobody else may give them work.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # Other tests may fill the machine's memory, which is no reason to kill ours.
        "RAY_memory_monitor_refresh_ms": "0",
    }
    environment.pop("RAY_ADDRESS", None)
    cluster = Cluster(f"{HEAD}:{port}", environment, place)
    program = Path(sys.executable).with_name("ray")
    common = [
        f"--num-cpus={CPUS}",
        "--object-store-memory=100000000",
        "--include-log-monitor=false",
        "--min-worker-port=0",
        "--max-worker-port=0",
        "--disable-usage-stats",
    ]
    head = ["--head", f"--port={port}", f"--node-ip-address={HEAD}", "--include-dashboard=false", f"--temp-dir={place}"]
    second = [f"--address={cluster.address}", f"--node-ip-address={SECOND}"]
    try:
        for of_node in (head, second):
            started = subprocess.run(
                [program, "start", *of_node, *common],
                env=environment,
                cwd=place,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            assert started.returncode == 0, started.stdout
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(place, ignore_errors=True)
