import threading

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service import scoring
from service.app import create_app
from service.limits import TokenBuckets
from service.settings import Settings

TEXT = {"text": "War is inevitable."}


@given(st.integers(1, 1_000), st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_no_minute_has_more_than_the_rate_twice_over(per_minute, pauses):
    """A full bucket and what flows in within a minute: never more."""
    buckets = TokenBuckets(per_minute)
    now, taken = 1_000.0, []
    for pause in pauses:
        now += pause
        if buckets.take("caller", now) == 0.0:
            taken.append(now)
    for begin in taken:
        assert sum(begin <= t < begin + 60 for t in taken) <= 2 * per_minute


@given(st.integers(1, 1_000))
def test_the_wait_that_is_told_is_enough_and_needed(per_minute):
    buckets = TokenBuckets(per_minute)
    for _ in range(per_minute):
        assert buckets.take("a", 0.0) == 0.0
    wait = buckets.take("a", 0.0)
    assert 0 < wait <= 60 / per_minute + 1e-9
    assert buckets.take("a", wait * 0.9) > 0
    assert buckets.take("a", wait + 1e-6) == 0.0
    assert buckets.take("b", 0.0) == 0.0


def test_over_the_rate_is_429(small_models):
    with TestClient(create_app(Settings(models=small_models, rate_limit=2)), base_url="http://localhost") as client:
        answers = [client.post("/v1/score", json=TEXT) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 30
        assert client.get("/health/ready").status_code == 200


def test_over_the_gate_is_429_and_the_place_comes_back(small_models, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    real = scoring.answer_request

    def slow(request, body):
        begun.set()
        assert go_on.wait(30)
        return real(request, body)

    monkeypatch.setattr(scoring, "answer_request", slow)
    monkeypatch.setattr(scoring, "INLINE_BYTES", 0)
    with TestClient(create_app(Settings(models=small_models, max_concurrent=1)), base_url="http://localhost") as client:
        statuses = []
        first = threading.Thread(target=lambda: statuses.append(client.post("/v1/score", json=TEXT).status_code))
        first.start()
        assert begun.wait(30)
        refused = client.post("/v1/score", json=TEXT)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health/live").status_code == 200
        go_on.set()
        first.join()
        assert statuses == [200]
        assert client.post("/v1/score", json=TEXT).status_code == 200
        assert 'http_requests_refused_total{reason="busy"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/v1/score", "/nowhere"])
def test_a_place_is_given_back_whatever_happens(small_models, path):
    with TestClient(create_app(Settings(models=small_models, max_concurrent=1)), base_url="http://localhost") as client:
        for body in (b"{", b"{}", b'{"text": " "}'):
            client.post(path, content=body, headers={"content-type": "application/json"})
        assert client.post("/v1/score", json=TEXT).status_code == 200
