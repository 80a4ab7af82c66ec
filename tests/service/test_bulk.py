import asyncio
import gzip
import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service import bulk
from service.app import create_app
from service.bulk import Spool
from service.problems import Problem
from service.settings import Settings


@pytest.fixture(scope="module")
def client(small_models):
    settings = Settings(models=small_models, max_body_bytes=5_000, max_text_length=2_000)
    with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def post(client, body, query="", **headers):
    headers = {"content-type": "application/x-ndjson", **{k.replace("_", "-"): v for k, v in headers.items()}}
    answer = client.post("/v1/score" + query, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_line_is_answered_as_a_request_is(client):
    items = [{"id": str(i), "text": f"War is inevitable, said bystander {i}."} for i in range(250)]
    lines = post(client, "\n".join(map(json.dumps, items)))
    asked = {"texts": items[:40]}
    whole = client.post("/v1/score", json=asked).json()
    assert [line["results"][0]["id"] for line in lines] == [item["id"] for item in items]
    assert [line["results"][0] for line in lines[:40]] == whole["results"]
    assert all(line["model"] == whole["model"] for line in lines)


def test_a_bad_line_spoils_no_other(client):
    good = '{"id": "a", "text": "War is inevitable."}'
    bad = [
        "{",
        "[]",
        '{"id": "e", "text": ""}',
        '{"text": 1}',
        '{"text": "x", "more": 1}',
        '{"text": "' + "x" * 6_000 + '"}',
        '{"text": "\\ud800"}',
        '{"id": "l", "text": "' + "x" * 2_001 + '"}',
    ]
    lines = post(client, "\r\n".join([good, *bad, "", "  ", good]))
    assert [sorted(line["results"][0]) == ["error", "id"] for line in lines] == [False, *[True] * 8, False]
    errors = [line["results"][0]["error"]["status"] for line in lines[1:-1]]
    assert errors == [400, 422, 422, 422, 422, 413, 422, 422]
    assert lines[3]["results"][0]["id"] == "e"


def test_options_come_in_the_query(client):
    line = '{"text": "War is inevitable, bloggers wrote."}'
    ((plain,),) = ([answer["results"][0] for answer in post(client, line, "?explain=0&all=true")],)
    assert not any(s["evidence"] for s in plain["sentences"])
    assert len(plain["labels"]) == 20
    for query in ("?explain=-1", "?explain=x", "?explain=100000", "?unit=letter", "?more=1"):
        answer = client.post("/v1/score" + query, content=line, headers={"content-type": "application/x-ndjson"})
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["field"] in query


def test_packed_lines(client):
    body = b'{"text": "War is inevitable."}\n' * 3
    assert post(client, gzip.compress(body), content_encoding="gzip") == post(client, body)
    *good, last = post(client, gzip.compress(body)[:-3], content_encoding="gzip")
    assert good == post(client, body)
    assert last["error"]["status"] == 400


@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(1, 80))
def test_any_bytes_in_any_parts_are_answered_line_for_line(client, lines, size):
    body = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    answers = post(client, iter(parts))
    assert len(answers) == sum(bool(line.replace(b"\n", b" ").strip()) for line in lines)


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=50), st.none()), max_size=40))
def test_a_spool_gives_back_what_it_took(steps):
    async def run():
        spool, given_back, taken = Spool(), b"", b""
        for step in steps:
            if step is not None:
                spool.write(step)
                taken += step
            elif len(given_back) < len(taken):
                given_back += await spool.read()
        spool.end()
        while part := await spool.read():
            given_back += part
        spool.close()
        assert given_back == taken

    asyncio.run(run())


def test_a_spool_that_is_read_needs_no_disk(monkeypatch):
    monkeypatch.setattr(bulk, "IN_MEMORY", 1_000)

    async def run():
        spool = Spool()
        for _ in range(100):
            spool.write(b"x" * 900)
            assert await spool.read() == b"x" * 900
        assert not spool._file._rolled
        spool.write(b"x" * 1_001)
        assert spool._file._rolled
        spool.end(Problem(400, "cut"))
        assert len(await spool.read()) == 1_001
        with pytest.raises(Problem, match="cut"):
            await spool.read()
        spool.close()

    asyncio.run(run())
