"""What clients do wrong, on real sockets: the service answers everybody else, and then stops when it is told to."""

import contextlib
import json
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import pytest

from tests.service.servers import serving

HEAD = b"POST /v1/score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
TEXT = b'{"text": "War is inevitable."}'


@pytest.fixture(scope="module")
def server(small_models, tmp_path_factory):
    with serving(small_models, tmp_path_factory.mktemp("server"), request_seconds="1") as server:
        yield server


def received(connection):
    with connection, contextlib.suppress(ConnectionResetError):
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
            if b"\r\n\r\n" in (told := b"".join(parts)):
                length = re.search(rb"content-length: (\d+)", told)
                if length and len(told.partition(b"\r\n\r\n")[2]) >= int(length[1]):
                    return told
        return b"".join(parts)
    return b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"content-length: 30\r\n\r\n" + TEXT, b"200"),
        (HEAD + b"content-length: 30\r\n\r\n" + TEXT[:10], b"408"),
        (HEAD + b'transfer-encoding: chunked\r\n\r\n5\r\n{"tex', b"408"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nZZ\r\n", b"400"),
        (HEAD + b"content-length: 999999999999999999999999\r\n\r\n", b"4"),
        (HEAD + b"content-length: -1\r\n\r\n", b"400"),
        (HEAD + b"x: " + b"a" * 70_000 + b"\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"4"),
        (b"GET /%00%ff HTTP/1.1\r\nhost: localhost\r\n\r\n", b"4"),
    ],
)
def test_broken_requests_are_answered_and_harm_nobody(server, sent, status):
    told = received(server.connect(sent))
    assert told.startswith(b"HTTP/1.1 " + status), told[:300]
    assert server.ready()


def test_clients_that_go_away_half_way_harm_nobody(server):
    for sent in (
        b"",
        HEAD,
        HEAD + b"content-length: 30\r\n\r\n" + TEXT[:10],
        HEAD + b"content-length: 30\r\n\r\n" + TEXT,
    ):
        for _ in range(50):
            server.connect(sent).close()
    assert server.ready()


def test_slow_clients_keep_no_one_waiting(server):
    slow = [server.connect(HEAD + b"content-length: 30\r\n\r\n", TEXT[:3]) for _ in range(200)]
    request = urllib.request.Request(f"{server.url}/v1/score", TEXT, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    assert received(slow[0]).startswith(b"HTTP/1.1 408")
    for connection in slow[1:]:
        connection.close()


def test_ten_thousand_connections_in_turn(server):
    for i in range(10_000):
        sent = [HEAD + b"content-length: 30\r\n\r\n" + TEXT] if i % 50 == 0 else []
        connection = server.connect(*sent)
        if sent:
            assert received(connection).startswith(b"HTTP/1.1 200")
        connection.close()
    assert server.ready()


def test_the_log_is_json_and_holds_no_text(server):
    received(server.connect(HEAD + b"content-length: 30\r\n\r\n" + TEXT))
    lines = server.log.read_text().splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert "inevitable" not in server.log.read_text()


def test_what_is_in_hand_is_finished_before_the_service_stops(small_models, tmp_path):
    text = "The war with Azerbaijan is inevitable, military bloggers wrote on Monday. " * 6_000
    body = json.dumps({"text": text}).encode()
    with serving(small_models, tmp_path) as server:
        told = []

        def ask():
            request = urllib.request.Request(f"{server.url}/v1/score", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                told.append(json.loads(answer.read()))

        asking = threading.Thread(target=ask)
        asking.start()
        in_progress = "http_requests_in_progress 2.0"
        while in_progress not in urllib.request.urlopen(f"{server.url}/metrics").read().decode():
            assert asking.is_alive(), "answered before it could be stopped: use a longer text"
        server.process.send_signal(signal.SIGTERM)
        asking.join()
        assert len(told[0]["results"][0]["sentences"]) == 6_000
        assert server.process.wait(60) in (0, -signal.SIGTERM)


def test_several_workers_answer_and_their_figures_add_up(small_models, tmp_path):
    with serving(small_models, tmp_path, "--workers", "2") as server:
        for _ in range(40):
            assert received(server.connect(HEAD + b"content-length: 30\r\n\r\n" + TEXT)).startswith(b"HTTP/1.1 200")
        # A request is counted when its last byte is out: the client may be faster.
        counted = decided = 0.0
        for _ in range(100):
            told = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
            found = re.findall(
                r'^http_requests_total\{method="POST",route="/v1/score",status="200"\} (.*)$', told, re.M
            )
            counted = sum(map(float, found))
            found = re.findall(r'^narrative_decisions_total\{decision="\w+",label="russophobia"\} (.*)$', told, re.M)
            decided = sum(map(float, found))
            if counted == decided == 40:
                break
            time.sleep(0.1)
        assert (counted, decided) == (40, 40)
