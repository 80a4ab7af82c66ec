"""The deployment of ``docs/deployment.md``: nginx with the documented file, two replicas, one PostgreSQL."""

import contextlib
import datetime
import http.client
import ipaddress
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from classifier import load_model
from classifier.cli.app import app
from classifier.keys import add_key
from classifier.model import versions
from service.settings import Settings
from tests.service.servers import Server, free_port, serving
from tests.system import find_nginx

NAME = "narratives.example.org"
TEXTS = [
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku.",
    "The trains run again. There will be no war, the deputy said.",
]


@dataclass
class Front:
    """nginx on a port of loopback, and the replicas behind it by their place in the file."""

    port: int
    place: Path
    settings: dict[str, str]
    models: Path
    key: str | None
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    replicas: dict[int, Server] = field(default_factory=dict)
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, n: int) -> None:
        """Start a replica (again)."""
        place = self.place / f"replica-{n}-{time.monotonic_ns()}"
        place.mkdir()
        started = serving(self.models, place, port=self.ports[n], **self.settings)
        self.replicas[n] = self.running.enter_context(started)

    def connect(self, source: str = "127.0.0.1", port: int | None = None) -> http.client.HTTPConnection:
        """A connection from an address of loopback, through nginx or (``port``) past it."""
        if port is not None:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
        context = ssl.create_default_context(cafile=str(self.place / "certificate.pem"))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, context=context, source_address=(source, 0)
        )

    def headers(self, **more: str) -> dict[str, str]:
        key = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return {"host": NAME, "content-type": "application/json", **key, **more}

    def ask(self, method: str, path: str, body: object = None, port: int | None = None) -> tuple[int, dict]:
        with contextlib.closing(self.connect(port=port)) as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, self.headers())
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def log(self) -> list[str]:
        return (self.place / "access.log").read_text().splitlines()


def write_certificate(place: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (place / "private.key").write_bytes(key.private_bytes(*pem))


def write_configuration(front: Front, documented: str) -> Path:
    """The documented file with this test's ports and places, in the smallest nginx.conf that can include it."""
    changed = documented
    for old, new in {
        "127.0.0.1:8001 ": f"127.0.0.1:{front.ports[0]} ",
        "127.0.0.1:8002 ": f"127.0.0.1:{front.ports[1]} ",
        "listen 443 ssl": f"listen 127.0.0.1:{front.port} ssl",
        "/etc/ssl/narratives.pem": f"{front.place}/certificate.pem",
        "/etc/ssl/private/narratives.key": f"{front.place}/private.key",
        "/var/log/nginx/narratives.log": f"{front.place}/access.log",
    }.items():
        assert changed.count(old) in (1, 2), old
        changed = changed.replace(old, new)
    (front.place / "narratives.conf").write_text(changed)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    aside = "\n".join(f"{kind}_temp_path {front.place}/{kind};" for kind in kinds)
    main = front.place / "nginx.conf"
    # As root nginx would give up its rights, and could not read what lies here.
    user = "user root;" if os.geteuid() == 0 else ""
    main.write_text(
        f"daemon off; worker_processes 2; pid {front.place}/pid; error_log {front.place}/error.log;\n"
        f"{user} events {{ worker_connections 256; }}\n"
        f"http {{ {aside}\ninclude {front.place}/narratives.conf; }}\n"
    )
    return main


@contextlib.contextmanager
def deployed(root: Path, models: Path, place: Path, *, key: str | None = None, **settings: str):
    nginx = find_nginx() or pytest.skip("no nginx here: apt-get install nginx")
    front = Front(free_port(), place, {"allowed_hosts": f"{NAME}, 127.0.0.1", **settings}, models, key)
    write_certificate(place)
    main = write_configuration(front, (root / "docs" / "deployment" / "nginx.conf").read_text())
    with front.running:
        front.start(0)
        front.start(1)
        process = subprocess.Popen([nginx, "-e", str(place / "error.log"), "-c", str(main)])
        try:
            until = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    if front.ask("GET", "/health/ready")[0] == 200:
                        break
                assert process.poll() is None, (place / "error.log").read_text()
                assert time.monotonic() < until, (place / "error.log").read_text()
                time.sleep(0.05)
            yield front
        finally:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)


@pytest.fixture
def front(root, two_models, tmp_path, postgresql_url):
    """As documented: keys, one database, a models directory that both replicas see."""
    name = f"replicas_{time.monotonic_ns()}"
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    settings = {
        "keys_file": str(tmp_path / "keys.json"),
        "require_keys": "true",
        "feedback_url": postgresql_url.removesuffix("postgres") + name,
        "poll_seconds": "0.2",
    }
    key = add_key(tmp_path / "keys.json", "tests", ["admin"])
    with deployed(root, two_models, tmp_path, key=key, **settings) as front:
        yield front


class Traffic:
    """Threads that score through nginx, each answer compared with the library's, until they are told to stop."""

    def __init__(self, front, expected, n_threads=4):
        self.front, self.expected = front, expected
        self.faults, self.digests = [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(n_threads)]

    def run(self):
        connection = self.front.connect()
        body = json.dumps({"texts": [{"text": text} for text in TEXTS], "explain": None})
        # Four threads stay below the rate that nginx gives to one address.
        while not self.stopped.wait(0.05):
            try:
                connection.request("POST", "/v1/score", body, self.front.headers())
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200 or told["results"] != self.expected.get(told["model"]["digest"]):
                    self.faults.append((answer.status, told))
                else:
                    self.digests.append(told["model"]["digest"])
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.faults.append(repr(error))
                connection.close()
        connection.close()

    def wait_for(self, n_answers, digest=None):
        """Until so many more answers are there, the last of them all of one digest where one is named."""
        begin = len(self.digests)
        until = time.monotonic() + 120
        while len(self.digests) < begin + n_answers or (digest and set(self.digests[-n_answers:]) != {digest}):
            assert not self.faults, self.faults[:3]
            assert time.monotonic() < until, (begin, len(self.digests))
            time.sleep(0.02)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(90)


def without_evidence(models):
    """What :class:`Traffic` asks for."""
    return {
        told["model"]["digest"]: told["results"]
        for told in (load_model(models / version).score(TEXTS, explain=None).to_dict() for version in ("v1", "v2"))
    }


def test_replicas_die_and_return_and_models_change_and_no_request_for_scores_fails(front):
    expected = without_evidence(front.models)
    first, second = (load_model(front.models / version).identity.digest for version in ("v1", "v2"))
    with Traffic(front, expected) as traffic:
        traffic.wait_for(40, first)
        # A crash, with requests in hand.
        front.replicas[0].process.kill()
        traffic.wait_for(60)
        front.replicas[0].process.wait(30)
        front.start(0)
        # A restart as systemd does it, while the other one answers.
        front.replicas[1].process.send_signal(signal.SIGTERM)
        traffic.wait_for(60)
        front.replicas[1].process.wait(60)
        front.start(1)
        traffic.wait_for(40, first)
        versions.promote(front.models, "v2")
        traffic.wait_for(40, second)
        versions.rollback(front.models)
        traffic.wait_for(40, first)
    assert not traffic.faults, traffic.faults[:3]
    assert set(traffic.digests) == {first, second}
    # Both were asked, and requests were handed over: two replicas stand in one line of the log.
    told = "\n".join(front.log())
    assert all(f"127.0.0.1:{port}" in told for port in front.ports)
    assert re.search(r'replicas="127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+"', told)


def test_answers_equal_the_librarys_and_ids_pass(front):
    right = load_model(front.models).score(TEXTS, explain=5).to_dict()
    status, told = front.ask("POST", "/v1/score", {"texts": [{"text": text} for text in TEXTS]})
    assert (status, told) == (200, right)
    with contextlib.closing(front.connect()) as connection:
        connection.request("POST", "/v1/score?key=secret", "{}", front.headers(**{"x-request-id": "my-id"}))
        answer = connection.getresponse()
        assert (answer.status, answer.headers["x-request-id"]) == (422, "my-id")
        assert answer.headers["content-type"] == "application/problem+json"
        answer.read()
        connection.request("GET", "/health/live", headers=front.headers())
        answer = connection.getresponse()
        answer.read()
        made = answer.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)
        # What nobody may see, and who nobody knows.
        connection.request("GET", "/metrics", headers=front.headers())
        answer = connection.getresponse()
        assert (answer.read() and answer.status) == 404
        connection.request("POST", "/v1/score", "{}", {**front.headers(), "authorization": "Bearer wrong"})
        answer = connection.getresponse()
        assert (answer.read() and answer.status) == 401
        # Above the service's own limit, below and above nginx's.
        connection.request("POST", "/v1/score", json.dumps({"text": "x" * 16_900_000}), front.headers())
        answer = connection.getresponse()
        assert (json.loads(answer.read())["status"], answer.status) == (413, 413)
    log = front.log()
    assert sum("my-id POST /v1/score 422" in line for line in log) == 1
    assert any(made in line for line in log)
    assert "secret" not in "\n".join(log)


def test_feedback_of_both_replicas_stands_in_one_database(front):
    ids = []
    for n in range(6):
        given = {"text": f"War is inevitable, said speaker {n}.", "label": "inevitable-war", "verdict": "correct"}
        # Through nginx, and straight to each.
        status, told = front.ask("POST", "/v1/feedback", given, port=(None, *front.ports)[n % 3])
        assert status == 201
        ids.append(told["id"])
    for port in (None, *front.ports):
        status, told = front.ask("GET", "/v1/review", port=port)
        assert [item["id"] for item in told["items"]] == ids
    # Given to one, decided on the other.
    status, _ = front.ask("POST", f"/v1/review/{ids[1]}", {"decision": "accept"}, port=front.ports[1])
    assert status == 200
    status, told = front.ask("GET", "/v1/review?state=accepted", port=front.ports[0])
    assert [item["id"] for item in told["items"]] == [ids[1]]


def test_lines_are_answered_while_they_still_arrive(front):
    expected = load_model(front.models).score(TEXTS[:1], explain=None).to_dict()
    line = json.dumps({"text": TEXTS[0]}).encode() + b"\n"
    with contextlib.closing(front.connect()) as connection:
        connection.putrequest("POST", "/v1/score?explain=0", skip_host=True)
        for name, value in front.headers(**{"content-type": "application/x-ndjson"}).items():
            connection.putheader(name, value)
        connection.putheader("transfer-encoding", "chunked")
        connection.endheaders()

        def send(data):
            connection.send(b"%x\r\n%s\r\n" % (len(data), data))

        send(line)
        answer = connection.getresponse()
        assert answer.status == 200
        for _ in range(20):
            # The next line is sent only after the one before it was answered.
            assert json.loads(answer.readline()) == expected
            send(line)
        assert json.loads(answer.readline()) == expected
        connection.send(b"0\r\n\r\n")
        assert answer.read() == b""


def together(front, n, *request):
    """The statuses of ``n`` requests at once while replica 0 hangs and is then killed with some of them in hand."""
    until = time.monotonic() + 60
    while f'replicas="127.0.0.1:{front.ports[0]}" statuses="200"' not in front.log()[-1]:
        # nginx asks a replica that was away again after 5 s.
        assert time.monotonic() < until, front.log()[-5:]
        time.sleep(0.1)
        front.ask("GET", "/health/live")
    front.replicas[0].process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(n) as pool:
        asked = [pool.submit(front.ask, *request) for _ in range(n)]
        until = time.monotonic() + 30
        # Replica 1 answers its share; what is left hangs.
        while time.monotonic() < until and sum(not request.done() for request in asked) > n // 2:
            time.sleep(0.05)
        time.sleep(0.2)
        hanging = sum(not request.done() for request in asked)
        front.replicas[0].process.kill()
        front.replicas[0].process.wait(30)
        statuses = [request.result(90)[0] for request in asked]
    front.start(0)
    assert hanging
    return statuses, hanging


def test_what_a_dead_replica_had_in_hand_is_repeated_for_scores_and_not_for_feedback(front):
    statuses, _ = together(front, 4, "POST", "/v1/score", {"text": TEXTS[0]})
    assert statuses == [200] * 4
    given = {"text": "War is inevitable.", "label": "inevitable-war", "verdict": "correct"}
    statuses, hanging = together(front, 4, "POST", "/v1/feedback", given)
    assert sorted(statuses) == [201] * (4 - hanging) + [502] * hanging
    _, told = front.ask("GET", "/v1/review", port=front.ports[1])
    assert len(told["items"]) == 4 - hanging
    # With a client_id of the caller's it can be sent again, and stands there once.
    for _ in range(3):
        assert front.ask("POST", "/v1/feedback", {**given, "client_id": "mine"})[0] in (200, 201)
    _, told = front.ask("GET", "/v1/review", port=front.ports[1])
    assert len(told["items"]) == 5 - hanging


def test_rates_are_those_of_the_callers_address(root, small_models, tmp_path):
    """Without keys; the replicas count addresses that nginx tells, nginx counts those that it sees."""
    body = json.dumps({"text": TEXTS[1], "explain": None})
    with deployed(root, small_models, tmp_path, rate_limit="5", feedback_url="") as front:

        def statuses(source, n, **forged):
            with contextlib.closing(front.connect(source)) as connection:
                found = []
                for _ in range(n):
                    connection.request("POST", "/v1/score", body, front.headers(**forged))
                    answer = connection.getresponse()
                    answer.read()
                    found.append(answer.status)
                return found

        # Two replicas with five each.
        assert statuses("127.0.0.2", 10) == [200] * 10
        assert statuses("127.0.0.2", 2) == [429] * 2
        assert statuses("127.0.0.2", 2, **{"x-forwarded-for": "127.0.0.9"}) == [429] * 2
        assert statuses("127.0.0.3", 4) == [200] * 4
        # nginx's own limit, whatever is asked for: 200 at once, then 100 a second; in the service's words.
        with contextlib.closing(front.connect("127.0.0.4")) as connection:
            for _ in range(3_000):
                connection.request("GET", "/health/live", headers=front.headers())
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status == 429:
                    break
            assert (answer.status, told["status"], answer.headers["retry-after"]) == (429, 429, "1")
            assert answer.headers["content-type"] == "application/problem+json"


def test_the_unit_and_its_environment_name_what_the_service_knows(root):
    place = root / "docs" / "deployment"
    lines = [line for line in (place / "service.env").read_text().splitlines() if line and not line.startswith("#")]
    environment = dict(line.split("=", 1) for line in lines)
    assert all(name.removeprefix("NARRATIVES_").lower() in Settings.model_fields for name in environment)
    settings = Settings.from_environment(environment)
    assert settings.keys_required
    assert settings.allowed_hosts == (NAME, "127.0.0.1")
    (command,) = re.findall(r"^ExecStart=\S+/narratives (.+)$", (place / "narratives@.service").read_text(), re.M)
    assert "EnvironmentFile=/etc/narratives/service.env" in (place / "narratives@.service").read_text()
    told = CliRunner().invoke(app, [*command.replace("%i", "8001").split(), "--help"])
    assert told.exit_code == 0, told.output
