import asyncio
import json
import logging
import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.logs import JSONFormatter, RequestLog
from service.settings import Settings

TEXT = {"text": "War is inevitable, secret-word said."}


@pytest.fixture
def client(small_models):
    app = create_app(Settings(models=small_models))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def figures(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_every_answer_has_an_id_and_the_headers(client):
    for answer in (client.get("/health/live"), client.get("/nowhere"), client.post("/v1/score", content=b"{")):
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
    ids = {client.get("/health/live").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("a" * 128, True), ("a" * 129, False), ("a b", False)]
)
def test_the_caller_s_own_id_comes_back(client, given, kept):
    assert (client.get("/health/live", headers={"x-request-id": given}).headers["x-request-id"] == given) is kept


def test_the_log_says_what_happened_and_no_text(client, monkeypatch):
    monkeypatch.setattr(logging.getLogger("narratives.requests"), "level", logging.INFO)
    logging.getLogger("narratives.requests").manager._clear_cache()
    written = []
    monkeypatch.setattr(client.app.state.request_log, "_write", written.append)
    client.post("/v1/score", json=TEXT, headers={"x-request-id": "r1"})
    client.get("/no/secret-word/here")
    client.app.state.request_log.flush()
    scored, missed = [json.loads(line) for line in b"".join(written).splitlines()]
    assert (scored["request_id"], scored["method"], scored["route"], scored["status"]) == (
        "r1",
        "POST",
        "/v1/score",
        200,
    )
    assert (missed["route"], missed["status"]) == ("other", 404)
    assert scored["milliseconds"] > 0
    assert datetime.fromisoformat(scored["time"]) <= datetime.now(UTC)
    assert b"secret-word" not in b"".join(written)


def test_lines_are_written_soon_by_themselves():
    async def run():
        written = []
        log = RequestLog(written.append)
        log._logger = logging.getLogger("narratives.test-of-requests")
        log._logger.setLevel(logging.INFO)
        for i in range(3):
            log.add(str(i), "GET", "/", 200, 0.001, "desk")
        assert not written
        while not written:
            await asyncio.sleep(0.01)
        (lines,) = written
        assert [json.loads(line)["request_id"] for line in lines.splitlines()] == ["0", "1", "2"]
        assert json.loads(lines.splitlines()[0])["key"] == "desk"
        log.flush()
        assert len(written) == 1

    asyncio.run(run())


def test_a_fault_is_logged_with_its_id_and_without_the_text(client, caplog, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret-word")

    monkeypatch.setattr(type(client.app.state.models.current), "score", fail)
    answer = client.post("/v1/score", json=TEXT, headers={"x-request-id": "r2"})
    assert answer.status_code == 500
    assert "r2" in answer.json()["detail"]
    assert answer.headers["x-request-id"] == "r2"
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    line = JSONFormatter().format(record)
    assert "secret-word" not in line
    told = json.loads(line)
    assert told["exception"] == "RuntimeError"
    assert any("test_telemetry.py" in place for place in told["trace"])


def test_what_json_cannot_say_is_logged_all_the_same():
    record = logging.makeLogRecord({"msg": "x", "levelname": "INFO", "thing": object(), "nan": float("nan")})
    assert "object object" in json.loads(JSONFormatter().format(record))["thing"]


def test_figures_count_what_was_answered(client, small_model):
    before = figures(client)
    texts = ["War is inevitable.", "Trains run.", "The war with Azerbaijan is inevitable, bloggers wrote on Monday."]
    answer = client.post("/v1/score", json={"texts": [{"text": t} for t in texts]}).json()
    client.post("/v1/score", json={"text": ""})
    after = figures(client)

    def grown(name, **labels):
        key = (name, tuple(sorted(labels.items())))
        return after.get(key, 0) - before.get(key, 0)

    assert grown("http_requests_total", method="POST", route="/v1/score", status="200") == 1
    assert grown("http_requests_total", method="POST", route="/v1/score", status="422") == 1
    assert grown("http_request_duration_seconds_count", method="POST", route="/v1/score") == 2
    assert grown("narrative_out_of_vocabulary_ratio_count") == 3
    for label in small_model.ids:
        for decision in ("yes", "unsure", "no"):
            told = sum(
                any(d["id"] == label and d["decision"] == decision for d in r["labels"]) for r in answer["results"]
            )
            if decision == "no":
                told = 3 - sum(any(d["id"] == label for d in r["labels"]) for r in answer["results"])
            assert grown("narrative_decisions_total", label=label, decision=decision) == told
    reasons = [d["reason"] for r in answer["results"] for d in r["labels"] if d["decision"] == "unsure"]
    for reason in ("close", "unfamiliar", "short"):
        assert grown("narrative_unsure_total", reason=reason) == reasons.count(reason)
    identity = small_model.identity
    info = ("narrative_model_info", (("digest", identity.digest), ("name", identity.name), ("version", "v1")))
    assert after[info] == 1


def test_paths_and_methods_of_callers_make_no_new_series(client):
    client.get("/metrics")
    n_series = len(figures(client))
    for i in range(20):
        client.request(f"METHOD{i}", f"/nowhere/{i}")
    assert len(figures(client)) <= n_series + 40  # one route "other", one method "other", and its buckets
    assert not any("METHOD" in str(key) or "nowhere" in str(key) for key in figures(client))
