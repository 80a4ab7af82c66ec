"""Everything at once for a while: does the service stay up, right, and the same size?

    python benchmarks/soak.py [MINUTES]

One worker. Six threads send, again and again: short and long texts, batches, NDJSON, feedback, hostile bodies, half
requests, connections that say nothing; another swaps the model to and fro. Loopback only; bounded in time. Prints
requests by status, failures, and resident memory minute by minute; exit code 1 where an answer was wrong, a status was
5xx, or memory grew by more than a tenth in the second half.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = [
    b"{",
    b"[" * 100_000,
    b'{"text": ' + b"1" * 50_000 + b"}",
    b'{"text": "a", "text": "b"}',
    b"\xff\xfe",
    b'"\\ud800"',
    b"",
]


class Soak:
    """One run against one server."""

    def __init__(self, port: int, models: Path) -> None:
        self.port = port
        self.models = models
        self.until = 0.0
        self.statuses: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def post(self, path: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        """Send one request; every status is an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"content-type": kind})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, told = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, told = error.code, error.read()
        with self.lock:
            self.statuses[f"{path} {status}"] += 1
            if status >= 500:
                self.faults.append(f"{path}: {status} {told[:200]!r}")
        return status, told

    def client(self, seed: int, sentences: list[str], expected: dict[str, dict[str, float]]) -> None:
        """Send whatever comes up until time is over."""
        rng = random.Random(seed)
        while time.monotonic() < self.until:
            try:
                self.step(rng, sentences, expected)
            except OSError as error:
                with self.lock:
                    self.faults.append(f"{type(error).__name__}: {error}")

    def step(self, rng: random.Random, sentences: list[str], expected: dict[str, dict[str, float]]) -> None:
        """One request of one kind."""
        kind = rng.randrange(10)
        if kind < 4:
            text = rng.choice(sentences)
            status, told = self.post("/v1/score", json.dumps({"text": text, "all": True}).encode())
            answer = json.loads(told)
            logits = {d["id"]: d["logit"] for d in answer["results"][0]["labels"]} if status == 200 else {}
            wrong = [k for k, v in expected[text].items() if abs(logits.get(k, 1e9) - v) > 1e-6]
            if status != 429 and wrong:
                with self.lock:
                    self.faults.append(f"wrong figures for {text!r}: {wrong}")
        elif kind == 4:
            self.post("/v1/score", json.dumps({"text": " ".join(rng.choices(sentences, k=800))}).encode())
        elif kind == 5:
            items = [{"text": t} for t in rng.choices(sentences, k=100)]
            self.post("/v1/score", json.dumps({"texts": items, "explain": None}).encode())
        elif kind == 6:
            lines = "\n".join(json.dumps({"text": t}) for t in rng.choices(sentences, k=300))
            _, told = self.post("/v1/score?explain=0", lines.encode(), "application/x-ndjson")
            if told.count(b"\n") not in (300, 0):
                with self.lock:
                    self.faults.append(f"{told.count(chr(10).encode())} lines for 300")
        elif kind == 7:
            given = {"text": rng.choice(sentences), "label": "inevitable-war", "verdict": "correct"}
            self.post("/v1/feedback", json.dumps({**given, "client_id": str(rng.randrange(200))}).encode())
        elif kind == 8:
            self.post("/v1/score", rng.choice(HOSTILE))
        else:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                head = b"POST /v1/score HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                connection.sendall(rng.choice([b"", head, head + b"content-length: 100\r\n\r\n{", b"\x16\x03\x01\x00"]))

    def swap(self, versions: list[str]) -> None:
        """Let another version answer, every two seconds."""
        n = 0
        while time.monotonic() < self.until:
            n += 1
            aside = self.models / ".tmp-current"
            aside.write_text(versions[n % len(versions)] + "\n")
            aside.replace(self.models / "CURRENT")
            time.sleep(2)


def resident(pid: int) -> float:
    """Megabytes."""
    told = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmRSS")) / 1024


def main(minutes: float) -> int:
    """Run, print, judge."""
    from classifier import load_model

    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        models = place / "models"
        shutil.copytree(ROOT / "models", models)
        version = (models / "CURRENT").read_text().strip()
        shutil.copytree(models / version, models / "again")
        model = load_model(models)
        articles = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "seeds").glob("*.txt"))]
        sentences = [s.text for a in articles for s in model.score([a], explain=None).results[0].sentences]
        answers = [model.score([s], explain=None, all=True).results[0] for s in sentences]
        expected = {s: {d.id: d.logit for d in r.labels} for s, r in zip(sentences, answers, strict=True)}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "NARRATIVES_FEEDBACK_URL": f"sqlite:///{place}/feedback.db",
            "NARRATIVES_REQUEST_SECONDS": "5",
            "NARRATIVES_POLL_SECONDS": "0.5",
            "NARRATIVES_LOG_LEVEL": "warning",
        }
        command = [sys.executable, "-m", "classifier.cli.app", "serve", "--models", str(models), "--port", str(port)]
        server = subprocess.Popen(command, env=environment, cwd=ROOT)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            soak = Soak(port, models)
            soak.until = time.monotonic() + minutes * 60
            threads = [threading.Thread(target=soak.client, args=(i, sentences, expected)) for i in range(6)]
            threads.append(threading.Thread(target=soak.swap, args=([version, "again"],)))
            for thread in threads:
                thread.start()
            memory = []
            while time.monotonic() < soak.until:
                time.sleep(min(minutes * 6, max(0.0, soak.until - time.monotonic())))
                memory.append(resident(server.pid))
                print(f"{memory[-1]:.0f} MB, {sum(soak.statuses.values()):,} requests", flush=True)
            for thread in threads:
                thread.join()
            alive = server.poll() is None
        finally:
            server.terminate()
            code = server.wait(60)
        for name, n in sorted(soak.statuses.items()):
            print(f"{name}: {n:,}")
        for fault in soak.faults[:20]:
            print("FAULT", fault)
        half = memory[len(memory) // 2]
        grown = memory[-1] / half - 1
        print(f"{len(soak.faults)} faults")
        print(f"memory {half:.0f} MB at half time, {memory[-1]:.0f} MB at the end ({grown:+.1%})")
        print(f"alive at the end: {alive}; stopped with code {code}")
        return int(bool(soak.faults) or grown > 0.1 or not alive)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
