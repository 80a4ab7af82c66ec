import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from fastapi.testclient import TestClient

from classifier import InputError, ModelError
from service.app import create_app
from service.settings import Settings


@pytest.fixture(scope="module")
def client(small_models):
    with TestClient(create_app(Settings(models=small_models)), base_url="http://localhost") as client:
        yield client


def test_taxonomy_and_model(client, small_model):
    assert client.get("/v1/taxonomy").json() == small_model.taxonomy.to_dict()
    told = client.get("/v1/model").json()
    assert told["model"]["digest"] == small_model.identity.digest
    assert [n["id"] for n in told["narratives"]] == list(small_model.ids)
    for k, narrative in enumerate(told["narratives"]):
        assert narrative["bias"] == small_model.intercept_[k]
        assert narrative["threshold"] == small_model.rules[narrative["id"]].threshold
    assert told["card"] == small_model.card
    assert told["report"]["cross_validation"]["all"]["micro"]


def test_health(client, small_model):
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready", "digest": small_model.identity.digest}
    # Without "with" the application has not started: no model is loaded.
    answer = TestClient(create_app(Settings()), base_url="http://localhost").get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/score", 405)])
def test_routing_errors_are_problems_too(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in answer.json()["detail"]


def test_a_fault_of_ours_is_a_problem_without_a_traceback(small_models, monkeypatch):
    with TestClient(
        create_app(Settings(models=small_models)), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        monkeypatch.setattr(type(client.app.state.models.current), "score", lambda *a, **k: 1 / 0)
        answer = client.post("/v1/score", json={"text": "a b"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "division" not in answer.text


def test_openapi_is_complete(client):
    schema = client.get("/openapi.json").json()
    assert {"/v1/score", "/v1/taxonomy", "/v1/model", "/v1/models", "/metrics", "/health/live", "/health/ready"} <= set(
        schema["paths"]
    )
    named = set(re.findall(r"#/components/schemas/(\w+)", client.get("/openapi.json").text))
    assert named <= set(schema["components"]["schemas"])
    assert {"ScoreRequest", "ScoreResponse", "TextAnswer", "ItemFailure", "ProblemDetails"} <= named
    examples = schema["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        assert client.post("/v1/score", json=example["value"]).status_code == 200


def test_a_broken_model_stops_the_start(model_copy):
    (model_copy / "v1" / "coef.npy").write_bytes(b"")
    with pytest.raises(ModelError), TestClient(create_app(Settings(models=model_copy)), base_url="http://localhost"):
        pass


def test_settings_come_from_the_environment():
    settings = Settings.from_environment({"NARRATIVES_MODELS": "/m", "NARRATIVES_MAX_ITEMS": "7"})
    assert str(settings.models) == "/m"
    assert settings.max_items == 7
    assert Settings.from_environment({}) == Settings()
    for bad in ("0", "-1", "many", "1e3", "١", "9" * 5_000):
        with pytest.raises(InputError, match=f"NARRATIVES_MAX_ITEMS is '{bad[:9]}"):
            Settings.from_environment({"NARRATIVES_MAX_ITEMS": bad})


def test_the_environment_is_read_only_where_asked(monkeypatch):
    monkeypatch.setenv("NARRATIVES_MAX_ITEMS", "7")
    assert Settings().max_items == 1_000
    assert Settings.from_environment().max_items == 7
    assert Settings.from_environment({"NARRATIVES_FEEDBACK_URL": ""}).feedback_url == ""
    assert Settings.from_environment({"NARRATIVES_ALLOWED_HOSTS": "a.org, b.org"}).allowed_hosts == ("a.org", "b.org")


@pytest.mark.parametrize(
    ("host", "required"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("10.0.0.1", True), ("x", True)],
)
def test_keys_are_required_where_others_can_reach_the_service(host, required):
    assert Settings(host=host).keys_required is required
    assert Settings(host=host, require_keys=not required).keys_required is not required


def test_narratives_serve_answers_over_a_real_socket(small_models):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "classifier.cli.app", "serve", "--models", str(small_models)],
        env={**os.environ, "PORT": str(port)},
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert server.poll() is None, server.stderr.read()
                time.sleep(0.1)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/score", b'{"text": "War is inevitable."}', {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert b'"digest":"sha256:' in answer.read()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
