import os
import time

import pytest
from fastapi.testclient import TestClient

from classifier.errors import InputError
from classifier.keys import add_key, revoke_key
from service import guard
from service.app import create_app
from service.guard import scope_of
from service.settings import Settings

TEXT = {"text": "War is inevitable."}


@pytest.fixture(scope="module")
def open_client(small_models):
    with TestClient(create_app(Settings(models=small_models)), base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.json"
    return path, {scope: add_key(path, scope, [scope]) for scope in ("score", "feedback", "admin")}


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "LOCALHOST"])
def test_our_own_names_are_let_in(open_client, host):
    assert open_client.post("/v1/score", json=TEXT, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:80:80", "", "127.0.0.2", "é"])
def test_a_name_that_is_not_ours_is_refused(open_client, host):
    answer = open_client.get("/health/live", headers={"host": host.encode("latin-1")})
    assert answer.status_code == 400
    assert "NARRATIVES_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:9000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_no_other_page_may_write(open_client, headers, status):
    assert open_client.post("/v1/score", json=TEXT, headers=headers).status_code == status
    assert open_client.get("/health/live", headers=headers).status_code == 200


def test_no_origin_is_let_read_answers_unless_told(open_client, small_models):
    asked = {"origin": "https://desk.example"}
    assert "access-control-allow-origin" not in open_client.get("/v1/taxonomy", headers=asked).headers
    settings = Settings(models=small_models, allowed_origins=("https://desk.example",))
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        answer = client.post("/v1/score", json=TEXT, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://desk.example"
        assert client.post("/v1/score", json=TEXT, headers={"origin": "https://other.example"}).status_code == 403


def test_without_a_key_file_nobody_else_is_served():
    with pytest.raises(InputError, match="narratives keys add"):
        TestClient(create_app(Settings(host="0.0.0.0"))).get("/health/live")


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/", None),
        ("/health/ready", None),
        ("/static/page.js", None),
        ("/v1/score", "score"),
        ("/v1/feedback", "feedback"),
        ("/v1/review", "admin"),
        ("/v1/review/1", "admin"),
        ("/metrics", "admin"),
        ("/v1/reviews", "score"),
        ("/static", "score"),
        ("//v1/feedback", "score"),
    ],
)
def test_what_a_path_asks_for(path, scope):
    assert scope_of(path) == scope


def test_keys_and_scopes(small_models, keys):
    path, key = keys
    with TestClient(create_app(Settings(models=small_models, host="0.0.0.0", keys_file=path))) as client:

        def status(given, target="/v1/score"):
            ask = client.get if target == "/metrics" else client.post
            kwargs = {} if target == "/metrics" else {"json": TEXT}
            return ask(target, headers=given, **kwargs).status_code

        assert client.get("/health/live").status_code == 200
        assert status({}) == 401
        assert status({"x-api-key": "nonsense"}) == 401
        assert status({"x-api-key": key["score"]}) == 200
        assert status({"authorization": f"Bearer {key['score']}"}) == 200
        assert status({"authorization": f"bearer {key['admin']}"}) == 200
        assert status({"x-api-key": key["feedback"]}) == 403
        assert status({"x-api-key": key["score"]}, "/metrics") == 403
        assert status({"x-api-key": key["admin"]}, "/metrics") == 200
        refused = client.post("/v1/score", json=TEXT)
        assert refused.headers["www-authenticate"] == 'Bearer realm="narratives"'
        assert refused.headers["content-type"] == "application/problem+json"


def test_a_key_that_is_taken_back_or_added_counts_at_once(small_models, keys, monkeypatch):
    path, key = keys
    monkeypatch.setattr(guard, "RELOAD_SECONDS", 0.0)
    settings = Settings(models=small_models, require_keys=True, keys_file=path)
    with TestClient(create_app(settings), base_url="http://localhost") as client:

        def status(given):
            return client.post("/v1/score", json=TEXT, headers={"x-api-key": given}).status_code

        assert status(key["score"]) == 200
        revoke_key(path, "score")
        assert status(key["score"]) == 401
        assert status(add_key(path, "new", ["score"])) == 200
        path.write_text("broken")
        os.utime(path, (time.time() + 5, time.time() + 5))
        assert status(key["admin"]) == 200
