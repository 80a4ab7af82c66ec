"""Requests per second of the service beside its peers: one worker on one core, wrk on another, medians of three rounds.

    python benchmarks/serving.py PEERS_PYTHON [SECONDS]    # PEERS_PYTHON has what serving_peers.txt lists

Prints Markdown tables. Every service runs all the time; within a round each is loaded in turn, so that a drift of the
machine's speed hits all. wrk (Debian's package) keeps 8 connections busy. Loopback only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
CONNECTIONS = 8
PORTS = {"narratives": 8600, "echo": 8601, "pipeline": 8602, "mlserver": 8603, "litserve": 8604, "bentoml": 8605}
SENTENCE = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."


def article() -> str:
    """The first 30 sentences of the longest article."""
    from classifier.text.sentences import split_sentences

    text = max((p.read_text(encoding="utf-8") for p in (ROOT / "seeds").glob("*.txt")), key=len)
    return text[: split_sentences(text)[29].end]


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> Iterator[float]:
    """A service pinned to the first core; gives the seconds that it took to accept connections."""
    begin = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", "0", *command],
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        while not listening(port):
            if process.poll() is not None or time.perf_counter() - begin > 90:
                raise RuntimeError(f"{command} did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.01)
        yield time.perf_counter() - begin
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def listening(port: int) -> bool:
    """Whether HTTP is answered, however."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def load(port: int, path: str, body: bytes, seconds: int, place: Path) -> tuple[float, float]:
    """Requests a second and the 99th percentile in milliseconds. Any answer but 200 is an error."""
    script = place / "body.lua"
    (place / "body.json").write_bytes(body)
    script.write_text(
        f'local f = io.open("{place}/body.json", "rb"); wrk.body = f:read("*a"); f:close()\n'
        'wrk.method = "POST"; wrk.headers["Content-Type"] = "application/json"\n'
    )
    done = subprocess.run(
        [
            *("taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"),
            *("-s", str(script), f"http://127.0.0.1:{port}{path}"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in done:
        raise RuntimeError(done)
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", done)
    ((slow, unit),) = re.findall(r"99%\s+([\d.]+)(us|ms|s)", done)
    return float(rate), float(slow) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def bodies(name: str, text: str, evidence: bool) -> tuple[str, bytes]:
    """Path and body of one request, as each service wants it."""
    if name == "mlserver":
        tensor = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "parameters": {"content_type": "str"}}
        asked = {
            "parameters": {"content_type": "str"},
            "inputs": [{**tensor, "data": [text]}],
            "outputs": [{"name": "predict_proba"}],
        }
        return "/v2/models/narratives/infer", json.dumps(asked).encode()
    told: dict[str, object] = {"text": text}
    if name in ("narratives", "echo"):
        told["explain"] = {"top_k": 5} if evidence else None
    return "/v1/score", json.dumps(told).encode()


def resident(port: int) -> float:
    """Megabytes resident of the process that listens on ``port``."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        words = status.read_bytes().split(b"\0")
        if str(port).encode() in words and b"serve" in words and b"taskset" not in words:
            told = (status.parent / "status").read_text()
            return int(re.findall(r"VmRSS:\s+(\d+)", told)[0]) / 1024
    raise RuntimeError(f"nobody serves on {port}")


def main(peers: str, seconds: int) -> None:
    """Start everything, load each in turn, print."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        place = Path(temporary)
        exported = place / "pipeline.joblib"
        narratives = str(Path(sys.executable).parent / "narratives")
        subprocess.run(
            [narratives, "export", "--joblib", str(exported)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        commands = {
            "narratives": [narratives, "serve", "--port", str(PORTS["narratives"])],
            "echo": [sys.executable, "benchmarks/serving_peers.py", "echo", str(PORTS["echo"]), str(exported)],
        }
        for kind in ("pipeline", "mlserver", "litserve", "bentoml"):
            commands[kind] = [peers, "benchmarks/serving_peers.py", kind, str(PORTS[kind]), str(exported)]
        services, ready = [], {}
        for name, command in commands.items():
            quiet = {"NARRATIVES_FEEDBACK_URL": ""}
            try:
                ready[name] = stack.enter_context(running(command, PORTS[name], place / f"{name}.log", quiet))
            except RuntimeError as error:
                print(f"{name} left out: {error}", file=sys.stderr)
                continue
            services.append(name)
        cases = {
            "one sentence": (SENTENCE, False, services),
            "one sentence, evidence": (SENTENCE, True, ["narratives", "echo"]),
            "article of 30 sentences": (article(), False, services),
            "article of 30 sentences, evidence": (article(), True, ["narratives", "echo"]),
        }
        print("| request | service | requests per second | narratives' ratio to it | 99th percentile, ms |")
        print("|---|---|---|---|---|")
        for case, (text, evidence, names) in cases.items():
            rates: dict[str, list[float]] = {name: [] for name in names}
            slow: dict[str, list[float]] = {name: [] for name in names}
            for name in list(names):
                path, body = bodies(name, text, evidence)
                try:
                    load(PORTS[name], path, body, 1, place)  # warm
                except RuntimeError as error:
                    print(f"{name}, {case}, left out: {error}", file=sys.stderr)
                    del rates[name]
            for _ in range(ROUNDS):
                for name in rates:
                    path, body = bodies(name, text, evidence)
                    rate, tail = load(PORTS[name], path, body, seconds, place)
                    rates[name].append(rate)
                    slow[name].append(tail)
            for name in rates:
                ratio = statistics.median(a / b for a, b in zip(rates["narratives"], rates[name], strict=True))
                tail = statistics.median(slow[name])
                rate = statistics.median(rates[name])
                print(f"| {case} | {name} | {rate:,.0f} | {ratio:,.2f} | {tail:.1f} |", flush=True)
        memory = resident(PORTS["narratives"])
        print(f"\nReady {ready['narratives']:.2f} s after start; {memory:.0f} MB resident after it.")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
