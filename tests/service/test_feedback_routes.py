"""Feedback and its review over HTTP: contract, durability, faults."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from fastapi.testclient import TestClient

from classifier import InputError
from classifier.feedback import Feedback, FeedbackStore
from service.app import create_app
from service.feedback import EXAMPLES, MAX_THREADS
from service.settings import Settings

GOOD = {"text": "War is inevitable, they say.", "label": "inevitable-war", "verdict": "correct"}


@pytest.fixture
def client(small_models, feedback_url):
    with TestClient(
        create_app(Settings(models=small_models, feedback_url=feedback_url)), base_url="http://localhost"
    ) as client:
        yield client


@pytest.fixture
def plain(small_models, tmp_path):
    """On SQLite only, where the database makes no difference."""
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    with TestClient(
        create_app(Settings(models=small_models, feedback_url=url, max_body_bytes=50_000)), base_url="http://localhost"
    ) as client:
        yield client


def items(client, **parameters):
    answer = client.get("/v1/review", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_feedback_is_stored_reviewed_and_decided(client):
    given = {
        **GOOD,
        "voice": "attributed",
        "begin": 0,
        "end": 3,
        "annotator": "Ann",
        "client_id": "c1",
        "digest": "sha256:abc",
        "language": "en",
    }
    answer = client.post("/v1/feedback", json=given)
    assert answer.status_code == 201
    assert answer.json()["status"] == "stored"
    id = answer.json()["id"]
    again = client.post("/v1/feedback", json=given)
    assert (again.status_code, again.json()) == (200, {"id": id, "status": "known"})
    other = client.post("/v1/feedback", json={**given, "verdict": "incorrect"})
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"

    (item,) = items(client)
    created = item.pop("created")
    assert created.endswith("Z")
    assert created[10] == "T"
    expected = {name: value for name, value in given.items() if name != "client_id"}
    assert item == {**expected, "id": id, "priority": None, "state": "pending", "reviewer": None}

    answer = client.post(f"/v1/review/{id}", json={"decision": "accept", "reviewer": "Bo"})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["reviewer"]) == ("accepted", "Bo")
    assert client.post(f"/v1/review/{id}", json={"decision": "accept"}).json() == answer.json()
    assert items(client) == []
    assert [item["id"] for item in items(client, state="accepted")] == [id]
    assert client.post(f"/v1/review/{id}", json={"decision": "reject"}).json()["state"] == "rejected"


def test_what_stands_in_the_labels_is_not_rejected_any_more(client, feedback_url):
    id = client.post("/v1/feedback", json=GOOD).json()["id"]
    client.post(f"/v1/review/{id}", json={"decision": "accept"})
    store = FeedbackStore(feedback_url)
    store.mark_moved([id])
    store.close()
    assert client.post(f"/v1/review/{id}", json={"decision": "accept"}).json()["state"] == "moved"
    assert client.post(f"/v1/review/{id}", json={"decision": "reject"}).status_code == 409


def test_the_queue_comes_in_pages(client):
    ids = [client.post("/v1/feedback", json={**GOOD, "text": f"Text {i}."}).json()["id"] for i in range(5)]
    seen, after = [], {}
    for _ in range(3):
        page = client.get("/v1/review", params={"limit": 2, **after}).json()
        seen += [item["id"] for item in page["items"]]
        after = {"after": page["next"]}
    assert seen == ids
    assert page["next"] is None


def test_many_at_once_with_one_client_id_store_one(client):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/feedback", json={**GOOD, "client_id": "x"}), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(items(client)) == 1


def test_nul_and_astral_characters_survive(client):
    text = "A \0 nul, a \x10n, a 😀 and Ё."
    client.post("/v1/feedback", json={**GOOD, "text": text, "annotator": "\0"})
    (item,) = items(client)
    assert (item["text"], item["annotator"]) == (text, "\0")


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"text": "  "}, "text", "empty"),
        ({"text": "x" * 20_001}, "text", "20000"),
        ({"text": "a \ud800"}, "text", "surrogate"),
        ({"text": None}, "text", "str"),
        ({"label": "nonsense"}, "label", "allowed are inevitable-war, "),
        ({"label": "\ud800"}, "label", "allowed are"),
        ({"verdict": "wrong"}, "verdict", "allowed are correct, incorrect, missing"),
        ({"voice": "ironic"}, "voice", "allowed are asserted, attributed, rejected"),
        ({"begin": 1}, "end", "go together"),
        ({"begin": 1, "end": 1}, "begin", "no span"),
        ({"begin": 1, "end": 1_000}, "begin", "no span"),
        ({"begin": 10**30, "end": 1}, "begin", ""),
        ({"annotator": "x" * 201}, "annotator", "200"),
        ({"language": "English"}, "language", ""),
        ({"client": "x"}, "client", "unknown"),
    ],
)
def test_a_request_at_fault_is_told_its_field(plain, change, field, told):
    answer = plain.post(
        "/v1/feedback", content=json.dumps({**GOOD, **change}), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"][0]["field"] == field
    assert told in problem["detail"]
    assert items(plain) == []


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/v1/feedback", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/v1/feedback", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/v1/feedback", {"json": {"text": "x" * 100_000}}, 413),
        ("POST", "/v1/feedback", {"json": [GOOD]}, 422),
        ("GET", "/v1/review?state=lost", {}, 422),
        ("GET", "/v1/review?limit=0", {}, 422),
        ("GET", "/v1/review?limit=201", {}, 422),
        ("GET", "/v1/review?limit=%D9%A1", {}, 422),
        ("GET", "/v1/review?after=x", {}, 422),
        ("GET", "/v1/review?page=2", {}, 422),
        ("POST", "/v1/review/nonsense", {"json": {"decision": "accept"}}, 404),
        ("POST", "/v1/review/%00", {"json": {"decision": "accept"}}, 404),
        ("POST", "/v1/review/00000000-0000-0000-0000-000000000000", {"json": {"decision": "accept"}}, 404),
        ("POST", "/v1/review/00000000-0000-0000-0000-000000000000", {"json": {"decision": "perhaps"}}, 422),
        ("POST", "/v1/review/00000000-0000-0000-0000-000000000000", {"json": {}}, 422),
    ],
)
def test_faults_are_problems(plain, method, path, options, status):
    answer = plain.request(method, path, **options)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_switched_off(small_models):
    with TestClient(create_app(Settings(models=small_models, feedback_url="")), base_url="http://localhost") as client:
        for answer in (
            client.post("/v1/feedback", json=GOOD),
            client.get("/v1/review"),
            client.post("/v1/review/00000000-0000-0000-0000-000000000000", json={"decision": "accept"}),
        ):
            assert answer.status_code == 404
            assert "switched off here" in answer.json()["detail"]


def test_an_address_of_another_kind_is_told_before_the_start():
    with pytest.raises(InputError, match="'mysql' is no kind") as told:
        Settings.from_environment({"NARRATIVES_FEEDBACK_URL": "mysql://ann:secret@host/x"})
    assert "secret" not in str(told.value)


def test_openapi_describes_it_and_its_examples_work(plain):
    schema = plain.get("/openapi.json").json()
    shapes = schema["components"]["schemas"]
    assert {"FeedbackRequest", "FeedbackReceipt", "ReviewPage", "ReviewItem", "ReviewDecision"} <= set(shapes)
    assert shapes["FeedbackRequest"]["additionalProperties"] is False
    post = schema["paths"]["/v1/feedback"]["post"]
    assert set(post["responses"]) == {*("200", "201", "400", "404", "408", "409", "413", "415", "422", "429", "503")}
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    assert {name: example["value"] for name, example in examples.items()} == EXAMPLES
    for example in EXAMPLES.values():
        assert plain.post("/v1/feedback", json=example).status_code == 201
    item = items(plain)[0]
    assert set(item) == set(shapes["ReviewItem"]["properties"]) == set(shapes["ReviewItem"]["required"])
    decide = schema["paths"]["/v1/review/{id}"]["post"]
    example = decide["requestBody"]["content"]["application/json"]["example"]
    assert plain.post(f"/v1/review/{item['id']}", json=example).status_code == 200


def test_texts_are_never_logged(small_models, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    url = f"sqlite:///{tmp_path / 'absent' / 'feedback.db'}"
    with TestClient(create_app(Settings(models=small_models, feedback_url=url)), base_url="http://localhost") as client:
        assert client.post("/v1/feedback", json={**GOOD, "text": "Private words."}).status_code == 503
        (tmp_path / "absent").mkdir()
        assert client.post("/v1/feedback", json={**GOOD, "text": "Private words."}).status_code == 201
    assert "feedback database" in caplog.text
    assert "Private" not in caplog.text


def unavailable(answer):
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    return True


def test_the_service_starts_and_scores_while_the_database_is_down(small_models):
    url = "postgresql://ann:secret@127.0.0.1:1/x"
    with TestClient(create_app(Settings(models=small_models, feedback_url=url)), base_url="http://localhost") as client:
        answer = client.post("/v1/feedback", json=GOOD)
        assert unavailable(answer)
        assert "127.0.0.1" not in answer.text
        assert unavailable(client.get("/v1/review"))
        assert client.post("/v1/score", json={"text": GOOD["text"]}).status_code == 200
        assert client.get("/health/ready").status_code == 200


def test_a_slow_database_keeps_nobody_from_scoring(small_models, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    monkeypatch.setattr("service.feedback.WAIT_SECONDS", 0.05)
    go_on = threading.Event()
    monkeypatch.setattr(FeedbackStore, "add", lambda self, feedback: (str(go_on.wait(60)), True))
    with (
        TestClient(
            create_app(Settings(models=small_models, feedback_url=url, max_concurrent=20)), base_url="http://localhost"
        ) as client,
        ThreadPoolExecutor(30) as pool,
    ):
        sent = [pool.submit(client.post, "/v1/feedback", json=GOOD) for _ in range(12)]
        try:
            done, waiting = wait(sent, timeout=30, return_when=FIRST_COMPLETED)
            while len(waiting) > MAX_THREADS:
                done, waiting = wait(sent, timeout=30, return_when=FIRST_COMPLETED)
            assert all(unavailable(answer.result()) for answer in done)
            long = {"text": "War is inevitable. " * 1_000}
            scored = [pool.submit(client.post, "/v1/score", json=long) for _ in range(5)]
            assert {answer.result(timeout=60).status_code for answer in scored} == {200}
        finally:
            go_on.set()
        assert {answer.result().status_code for answer in waiting} == {201}


def until(act, expected):
    """The first answer of the expected status, within half a minute."""
    for _ in range(150):
        answer = act()
        if answer.status_code == expected:
            return answer
        time.sleep(0.2)
    raise AssertionError(answer.text)


def test_postgresql_killed_and_started_again_loses_nothing(small_models, postgresql):
    with TestClient(
        create_app(Settings(models=small_models, feedback_url=postgresql.url)), base_url="http://localhost"
    ) as client:
        before = [client.post("/v1/feedback", json={**GOOD, "text": f"Before {i}."}) for i in range(3)]
        postgresql.stop()
        try:
            assert unavailable(client.post("/v1/feedback", json={**GOOD, "text": "Meanwhile."}))
            assert unavailable(client.get("/v1/review"))
            assert client.post("/v1/score", json={"text": GOOD["text"]}).status_code == 200
        finally:
            postgresql.start()
        after = until(lambda: client.post("/v1/feedback", json={**GOOD, "text": "After."}), 201)
        found = {item["id"]: item["text"] for item in items(client, limit=200)}
        assert {answer.json()["id"] for answer in [*before, after]} <= set(found)
        assert "Meanwhile." not in found.values()


def test_a_full_disk_is_503_and_recovers(plain):
    kept = plain.post("/v1/feedback", json=GOOD).json()["id"]
    # SQLITE_FULL, as of a full disk; the pool has one connection so far, and keeps it.
    store = plain.app.state.feedback._store
    with store._begin(write=True) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 8")
    long = {**GOOD, "text": "x" * 20_000}
    assert unavailable(until(lambda: plain.post("/v1/feedback", json=long), 503))
    assert kept in {item["id"] for item in items(plain)}
    assert plain.post("/v1/feedback", json=GOOD).status_code == 201


class Server:
    """``service.app`` in uvicorn, in a process of its own."""

    def __init__(self, models, url):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "service.app:app_from_environment", "--factory"),
                *("--port", str(self.port), "--log-level", "error"),
            ],
            env={**os.environ, "NARRATIVES_MODELS": str(models), "NARRATIVES_FEEDBACK_URL": url},
        )
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None
                time.sleep(0.1)
        raise AssertionError("the service does not start")

    def post(self, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/feedback", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())["id"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


def test_kill_9_right_after_the_answer_loses_nothing(small_models, feedback_url):
    kept = {}
    for round in range(4):
        server = Server(small_models, feedback_url)
        try:
            for i in range(round + 1):
                status, id = server.post({**GOOD, "text": f"Round {round}, {i}."})
                assert status == 201
                kept[id] = f"Round {round}, {i}."
        finally:
            server.kill()
        store = FeedbackStore(feedback_url)
        assert {row.id: row.text for row in store.all("pending")} == kept
        store.close()


def test_kill_9_while_many_are_sending_keeps_every_one_that_was_answered(small_models, feedback_url):
    server = Server(small_models, feedback_url)
    answered = {}

    def send(number):
        for i in range(10_000):
            text = f"Sender {number}, {i}."
            try:
                _, id = server.post({**GOOD, "text": text, "client_id": text})
            except (OSError, urllib.error.URLError):
                return
            answered[id] = text

    with ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(send, n) for n in range(4)]
        while len(answered) < 40:
            time.sleep(0.02)
            assert not all(sender.done() for sender in senders)
        server.kill()
    store = FeedbackStore(feedback_url)
    found = {row.id: row.text for row in store.all("pending")}
    assert answered.items() <= found.items()
    assert len(set(found.values())) == len(found)
    # Those in flight may be sent again.
    for text in set(answered.values()):
        assert store.add(Feedback(**{**GOOD, "text": text, "client_id": text}))[1] is False
    store.close()
