"""text-embeddings-inference, and Hugging Face's own client on the same path."""

import json
import math

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import given
from hypothesis import strategies as st

from tests.service.adapters.served import MAX_ITEMS

WAR = "A war with Azerbaijan is inevitable, military bloggers wrote."
PLAIN = "The trains between Baku and Tbilisi run again."
SURROGATE = "\ud800"


def expected(model, text, value="probability"):
    """All narratives of the whole text, likeliest first, from the library."""
    labels = model.score([text], explain=None, all=True).results[0].labels
    return [
        {"label": label.id, "score": getattr(label, value)} for label in sorted(labels, key=lambda x: -x.probability)
    ]


def post(client, asked):
    return client.post("/predict", content=json.dumps(asked).encode(), headers={"content-type": "application/json"})


@pytest.fixture(scope="module")
def hugging(address):
    return InferenceClient(model=f"http://{address}/predict", token="a-key")


def test_inference_client_gets_all_labels_sorted(hugging, small_model):
    found = hugging.text_classification(WAR)
    assert [dict(element) for element in found] == expected(small_model, WAR)
    assert found[0].label == "inevitable-war"


def test_inference_client_takes_top_k_and_functions(hugging, small_model):
    assert [e.label for e in hugging.text_classification(WAR, top_k=2)] == [
        e["label"] for e in expected(small_model, WAR)[:2]
    ]
    logits = hugging.text_classification(WAR, function_to_apply="none")
    assert [dict(e) for e in logits] == expected(small_model, WAR, "logit")
    shares = hugging.text_classification(WAR, function_to_apply="softmax")
    assert math.isclose(sum(e.score for e in shares), 1.0)
    total = sum(math.exp(e.score) for e in logits)
    for logit, share in zip(logits, shares, strict=True):
        assert math.isclose(share.score, math.exp(logit.score) / total)


def test_inference_client_shows_the_error(hugging):
    with pytest.raises(HfHubHTTPError, match="inputs: the text is empty"):
        hugging.text_classification("  ")


def test_shapes_of_answers(client, small_model):
    war, plain = expected(small_model, WAR), expected(small_model, PLAIN)
    assert post(client, {"inputs": WAR}).json() == war
    assert post(client, {"inputs": [WAR]}).json() == [war]
    assert post(client, {"inputs": [WAR, PLAIN]}).json() == [war, plain]
    assert post(client, {"inputs": [[WAR], [PLAIN]]}).json() == [war, plain]
    assert post(client, {"inputs": [[WAR], PLAIN]}).json() == [war, plain]
    assert post(client, {"inputs": WAR, "parameters": {}}).json() == [war]
    assert post(client, {"inputs": WAR, "parameters": None}).json() == [war]


def test_raw_scores_are_logits(client, small_model):
    assert post(client, {"inputs": WAR, "raw_scores": True}).json() == expected(small_model, WAR, "logit")


def test_what_changes_nothing(client, small_model):
    asked = {"inputs": WAR, "truncate": True, "truncation_direction": "Right", "prompt_name": None}
    assert post(client, asked).json() == expected(small_model, WAR)


def test_info(client, small_model):
    told = client.get("/info").json()
    assert told["model_id"] == "small"
    assert told["model_sha"] == small_model.identity.digest
    assert list(told["model_type"]["classifier"]["id2label"].values()) == list(small_model.ids)
    assert told["max_client_batch_size"] == MAX_ITEMS


@pytest.mark.parametrize(
    ("asked", "status", "kind", "named"),
    [
        ({"inputs": ""}, 422, "tokenizer", "inputs: the text is empty"),
        ({"inputs": [WAR, " "]}, 422, "tokenizer", "inputs[1]: the text is empty"),
        ({"inputs": [[WAR], [SURROGATE]]}, 422, "tokenizer", "inputs[1]: the text holds a lone surrogate"),
        ({"inputs": "x" * 20_001}, 422, "tokenizer", "inputs: 20001 characters"),
        ({"inputs": []}, 422, "tokenizer", "inputs: empty"),
        ({"inputs": [[]]}, 422, "tokenizer", "inputs[0]: 0 texts"),
        ({"inputs": [["a", "b"]]}, 422, "tokenizer", "no pairs"),
        ({"inputs": ["a"] * (MAX_ITEMS + 1)}, 413, "validation", f"maximum allowed batch size {MAX_ITEMS}"),
        ({"inputs": "x" * 200_001}, 413, "validation", "200"),
        ({}, 422, "tokenizer", "inputs"),
        ({"inputs": 7}, 422, "tokenizer", "inputs"),
        ({"inputs": WAR, "raw_scores": "yes"}, 422, "tokenizer", "raw_scores"),
        ({"inputs": WAR, "parameters": {"top_k": 0}}, 422, "tokenizer", "top_k"),
        ({"inputs": WAR, "parameters": {"function_to_apply": "tanh"}}, 422, "tokenizer", "function_to_apply"),
    ],
)
def test_errors(client, asked, status, kind, named):
    answer = post(client, asked)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_type"}
    assert answer.json()["error_type"] == kind
    assert named in answer.json()["error"]


def test_errors_of_other_kinds(client):
    for answer, status in (
        (client.post("/predict", content=b"{", headers={"content-type": "application/json"}), 400),
        (client.post("/predict", content=b"inputs=a"), 415),
        (client.get("/predict"), 405),
        (client.post("/info"), 405),
    ):
        assert answer.status_code == status
        assert answer.json()["error_type"] == "validation"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3),
        max_leaves=8,
    )
)
def test_no_json_makes_it_fail(client, value):
    for asked in (value, {"inputs": value}, {"inputs": [value]}, {"inputs": "a", "parameters": value}):
        assert post(client, asked).status_code in (200, 400, 422)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_a_batch_is_its_texts_one_by_one(client, texts):
    alone = [post(client, {"inputs": text}) for text in texts]
    batch = post(client, {"inputs": [[text] for text in texts]})
    if all(answer.status_code == 200 for answer in alone):
        assert batch.json() == [answer.json() for answer in alone]
    else:
        assert batch.status_code == 422
        first = next(place for place, answer in enumerate(alone) if answer.status_code != 200)
        assert f"inputs[{first}]" in batch.json()["error"]
