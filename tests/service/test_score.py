"""The service, over real HTTP messages."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from classifier import TextItem
from service.app import create_app
from service.settings import Settings

TEXT = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."
HEADERS = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(small_models):
    settings = Settings(models=small_models, max_body_bytes=200_000, max_items=20, max_text_length=50_000)
    with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def post(client, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/v1/score", content=data, headers=HEADERS)


def test_one_text(client, small_model):
    answer = post(client, {"text": TEXT})
    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(small_model.score([TEXT]).to_dict()))
    labels = {label["id"]: label for label in answer.json()["results"][0]["labels"]}
    assert {"inevitable-war", "russophobia"} <= set(labels)
    for label in labels.values():
        assert {"id", "theme", "probability", "threshold", "decision", "voice", "support", "trained_enough"} <= set(
            label
        )
        assert set(label["voice"]) == {"asserted", "attributed", "rejected"}
        assert ("reason" in label) == (label["decision"] == "unsure")


def test_several_texts_with_ids_and_options(client, small_model):
    body = {
        "texts": [{"id": "a", "text": TEXT}, {"id": "b", "text": "Поезда ходят.", "language": "ru"}],
        "explain": None,
        "all": True,
        "detect_language": True,
    }
    answer = post(client, body).json()
    expected = small_model.score(
        [TextItem(TEXT, "a"), TextItem("Поезда ходят.", "b", "ru")], explain=None, all=True, detect_language=True
    )
    assert answer == json.loads(json.dumps(expected.to_dict()))
    assert [r["language"]["code"] for r in answer["results"]] == ["en", "ru"]
    assert all(not s["evidence"] and len(s["labels"]) == 20 for r in answer["results"] for s in r["sentences"])


def test_an_id_that_is_no_text_does_not_spoil_the_batch(client):
    answer = post(client, b'{"texts": [{"id": "\\ud800", "text": "ok"}, {"id": "b", "text": "Trains run."}]}')
    first, second = answer.json()["results"]
    assert first["id"] is None
    assert first["error"]["errors"] == [{"field": "id", "detail": first["error"]["detail"]}]
    assert second["id"] == "b"


def test_a_byte_order_mark_does_not_matter(client):
    for body in (b'\xef\xbb\xbf{"text": "Trains run."}', b'\xef\xbb\xbf{"text": "Trains \\ud83d\\udd25 run."}'):
        assert post(client, body).status_code == 200


def test_evidence_can_be_asked_for_by_words(client):
    answer = post(client, {"text": TEXT, "explain": {"top_k": 2, "unit": "word"}}).json()["results"][0]
    for item in answer["sentences"][0]["evidence"]:
        assert item["feature"] == TEXT[item["begin"] : item["end"]]
        assert " " not in item["feature"]


def test_a_bad_item_does_not_spoil_the_batch(client):
    long = "x" * 50_001
    body = json.dumps(
        {"texts": [{"id": "1", "text": TEXT}, {"id": "2", "text": " "}, {"id": "3", "text": long}, {"text": "Good."}]}
    )
    body = body.replace('{"text": "Good."}', '{"id": "4", "text": "bad \\ud800"}, {"text": "Good \\ud83d\\udd25."}')
    answer = post(client, body.encode())
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [r["id"] for r in results] == ["1", "2", "3", "4", None]
    assert ["error" in r for r in results] == [False, True, True, True, False]
    assert "empty" in results[1]["error"]["detail"]
    assert "50000" in results[2]["error"]["detail"]
    assert "surrogate" in results[3]["error"]["detail"]
    assert results[4]["sentences"][0]["text"] == "Good 🔥."


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b'{"text": NaN}', 400, None),
        (b'{"text": "\xff"}', 400, None),
        (b"[" * 90_000, 422, None),
        (b'{"texts": ' + b"[" * 90_000, 422, "texts[0]"),
        (b"[]", 422, None),
        ({}, 422, "text"),
        ({"text": "a", "texts": [{"text": "b"}]}, 422, "text"),
        ({"text": None}, 422, "text"),
        ({"texts": []}, 422, "texts"),
        ({"texts": "a"}, 422, "texts"),
        ({"texts": ["a"]}, 422, "texts[0]"),
        ({"texts": [{"id": 1, "text": "a"}]}, 422, "texts[0].id"),
        ({"texts": [{"id": "a"}]}, 422, "texts[0]"),
        ({"texts": [{"text": "a"}] * 21}, 422, "texts"),
        ({"texts": [{"text": "a"}], "language": "en"}, 422, "language"),
        ({"text": "a", "explain": {"top_k": 0}}, 422, "explain.top_k"),
        ({"text": "a", "explain": {"top_k": 10**6}}, 422, "explain.top_k"),
        ({"text": "a", "explain": {"top_k": "five"}}, 422, "explain.top_k"),
        ({"text": "a", "all": "yes"}, 422, "all"),
        ({"text": "a", "language": "Russian!"}, 422, "language"),
        ({"text": "a", "colour": "red"}, 422, "colour"),
        ({"text": " \n"}, 422, "text"),
        (b'{"text": "\\ud800"}', 422, "text"),
        (b'{"text": "a", "id": "\\udc00"}', 422, "id"),
        ({"text": "x" * 50_001}, 422, "text"),
        ({"text": "x" * 200_001}, 413, None),
    ],
)
def test_errors_are_problems_that_name_the_field(client, body, status, field):
    answer = post(client, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert [e["field"] for e in problem.get("errors", [])] == ([field] if field else [])
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_another_content_type_is_415(client, kind):
    answer = client.post("/v1/score", content=b'{"text": "a"}', headers={"content-type": kind})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_unknown_length_is_counted(client):
    answer = client.post("/v1/score", content=(b" " * 10_000 for _ in range(30)), headers=HEADERS)
    assert answer.status_code == 413


def test_charset_parameters_do_not_matter(client):
    kind = {"content-type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/score", content=b'{"text": "a b"}', headers=kind).status_code == 200


@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_any_text_is_answered(client, small_model, text):
    answer = post(client, {"text": text})
    if not text.strip():
        assert answer.status_code == 422
        return
    assert answer.status_code == 200
    result = answer.json()["results"][0]
    assert result == json.loads(json.dumps(small_model.score([text]).to_dict()["results"][0]))
    for sentence in result["sentences"]:
        assert text[sentence["begin"] : sentence["end"]] == sentence["text"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_makes_it_fail(client, value):
    for body in (value, {"text": value}, {"texts": value}, {"texts": [value]}, {"text": "a", "explain": value}):
        assert post(client, json.dumps(body).encode()).status_code in (200, 400, 422)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail(client, body):
    assert post(client, body).status_code in (400, 422)
    assert post(client, b'{"text": "' + body + b'"}').status_code in (200, 400, 422)
