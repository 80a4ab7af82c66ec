import gzip
import json
import zlib

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.settings import Settings

TEXT = json.dumps({"text": "War is inevitable, they say."}).encode()


@pytest.fixture(scope="module")
def client(small_models):
    settings = Settings(models=small_models, max_body_bytes=100_000)
    with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def post(client, body, encoding):
    headers = {"content-type": "application/json", "content-encoding": encoding}
    return client.post("/v1/score", content=body, headers=headers)


def raw_deflate(data):
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("gzip", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
    ],
)
def test_packed_bodies_are_unpacked(client, encoding, pack):
    plain = client.post("/v1/score", content=TEXT, headers={"content-type": "application/json"})
    packed = post(client, pack(TEXT), encoding)
    assert packed.status_code == 200
    assert packed.json() == plain.json()


def test_a_bomb_is_refused_before_it_is_unpacked(client):
    bomb = gzip.compress(b" " * 200_000_000, 9)
    assert len(bomb) < 250_000
    for body in (bomb[:90_000], gzip.compress(b" " * 100_001)):
        assert post(client, body, "gzip").status_code == 413


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (TEXT, "gzip", 400),
        (gzip.compress(TEXT)[:-4], "gzip", 400),
        (gzip.compress(TEXT)[:12], "gzip", 400),
        (b"", "gzip", 400),
        (TEXT, "br", 415),
        (TEXT, "gzip, gzip", 415),
        (gzip.compress(TEXT) + b"rest", "gzip", 400),
    ],
)
def test_what_is_not_packed_as_told_is_refused(client, body, encoding, status):
    answer = post(client, body, encoding)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_no_bytes_make_it_fail(client, body, encoding):
    assert post(client, body, encoding).status_code in (400, 413, 422)


def test_long_answers_are_packed_where_the_caller_can_unpack(client):
    long = {"text": "War is inevitable, they say. " * 200}
    packed = client.post("/v1/score", json=long, headers={"accept-encoding": "gzip"})
    plain = client.post("/v1/score", json=long, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
