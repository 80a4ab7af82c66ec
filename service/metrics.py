"""What Prometheus reads at ``/metrics``.

One registry an application. With several workers ``narratives serve`` sets ``PROMETHEUS_MULTIPROC_DIR``: every worker
then keeps its figures in files there, and whichever is asked adds them up.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Lock
from typing import cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from classifier.model.answer import Answer, ModelIdentity
from classifier.model.scoring import NarrativeModel

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)

SETTLE_SECONDS = 1.0

router = APIRouter()


class Metrics:
    """The figures of one application in one worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the answer's last byte.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_hand = Gauge(
            "http_requests_in_progress", "In hand now.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.refused = Counter(
            "http_requests_refused_total",
            "Turned away before they reached a route.",
            ["reason"],
            registry=self.registry,
        )
        self.decisions = Counter(
            "narrative_decisions_total",
            "Decisions on whole texts.",
            ["label", "decision"],
            registry=self.registry,
        )
        self.unsure = Counter(
            "narrative_unsure_total", "Decisions 'unsure' on whole texts.", ["reason"], registry=self.registry
        )
        self.unknown = Histogram(
            "narrative_out_of_vocabulary_ratio",
            "Share of a text's words that training has not seen.",
            buckets=SHARES,
            registry=self.registry,
        )
        self.reloads = Counter(
            "narrative_model_reloads_total", "New versions seen in CURRENT.", ["result"], registry=self.registry
        )
        self.model_info = Gauge(
            "narrative_model_info",
            "1 for the model that answers.",
            ["name", "version", "digest"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._answering: ModelIdentity | None = None
        self.begun = 0
        self.ended = 0
        self._served: dict[tuple[str, str, int], list[float]] = {}
        # Counted here, handed over when read: many labels a text would cost more than its scoring. Threads score too.
        self._decided: Tally[tuple[str, str]] = Tally()
        self._doubted: Tally[str] = Tally()
        self._coverages: list[float] = []
        self._texts: Tally[tuple[str, ...]] = Tally()
        self._lock = Lock()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        self.ended += 1
        self._served.setdefault(key, []).append(seconds)

    def scored(self, model: NarrativeModel, answer: Answer) -> None:
        """Count the decisions of an answer, those of "no" too, which it may leave out."""
        with self._lock:
            self._texts[model.ids] += len(answer.results)
            for result in answer.results:
                self._coverages.append(result.coverage)
                for label in result.labels:
                    if label.decision != "no":
                        self._decided[label.id, label.decision] += 1
                        if label.reason is not None:
                            self._doubted[label.reason] += 1

    def settle(self) -> None:
        """Hand over what was counted aside. Called before figures are read, and by a worker now and then."""
        with self._lock:
            decided, self._decided = self._decided, Tally()
            texts, self._texts = self._texts, Tally()
            doubted, self._doubted = self._doubted, Tally()
            coverages, self._coverages = self._coverages, []
        for ids, n_texts in texts.items():
            for label in ids:
                decided[label, "no"] += n_texts
        for (label, decision), n in decided.items():
            if decision != "no":
                decided[label, "no"] -= n
        self.in_hand.set(self.begun - self.ended)
        served, self._served = self._served, {}
        for (method, route, status), times in served.items():
            self.requests.labels(method, route, str(status)).inc(len(times))
            histogram = self.seconds.labels(method, route)
            for seconds in times:
                histogram.observe(seconds)
        for coverage in coverages:
            self.unknown.observe(1.0 - coverage)
        for (label, decision), n in decided.items():
            self.decisions.labels(label, decision).inc(max(n, 0))
        for reason, n in doubted.items():
            self.unsure.labels(reason).inc(n)

    def serving(self, identity: ModelIdentity) -> None:
        """Say which model answers from now on."""
        if self._answering is not None:
            old = self._answering
            self.model_info.labels(old.name, old.version, old.digest).set(0)
        self._answering = identity
        self.model_info.labels(identity.name, identity.version, identity.digest).set(1)

    @asynccontextmanager
    async def settling(self) -> AsyncIterator[None]:
        """Hand over every second while it lasts, so that another worker that is asked has these figures too."""

        async def now_and_then() -> None:
            while True:
                await asyncio.sleep(SETTLE_SECONDS)
                self.settle()

        task = asyncio.create_task(now_and_then())
        try:
            yield
        finally:
            task.cancel()

    def retire(self, pid: int) -> None:
        """Hand over what is left when a worker stops; its gauges count no more."""
        self.settle()
        if MULTIPROCESS in os.environ:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]

    def exposition(self) -> bytes:
        """The text that Prometheus reads; of all workers where there are several."""
        self.settle()
        if MULTIPROCESS not in os.environ:
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)


def metrics_of(request: Request) -> Metrics:
    """The figures of the application that a request came to."""
    return cast(Metrics, request.app.state.metrics)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Requests, decisions, doubts, unknown words, reloads, and which model answers."""
    return Response(metrics_of(request).exposition(), media_type=CONTENT_TYPE_LATEST)
