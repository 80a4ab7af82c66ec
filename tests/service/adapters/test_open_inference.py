"""The Open Inference Protocol, by Triton's own client and by hostile bytes."""

import gzip
import json
import struct

import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from classifier import load_model
from tests.service.adapters.served import MAX_ITEMS, serving, small_settings

TEXTS = [
    "A war with Azerbaijan is inevitable, military bloggers wrote. 🙂",
    "Русофобия там стала государственной политикой.",
    "The trains between Baku and Tbilisi run again.",
]
INFER = "/v2/models/small/infer"
LENGTH = "Inference-Header-Content-Length"
ONE = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}


def expected(model, texts):
    """Probabilities of whole texts in column order, from the library."""
    rows = []
    for result in model.score(texts, explain=None, all=True).results:
        by_id = {label.id: label.probability for label in result.labels}
        rows.append([by_id[narrative] for narrative in model.ids])
    return np.array(rows)


def tensor(texts, *, binary=True, shape=None):
    array = np.array([text.encode() for text in texts], dtype=np.object_).reshape(shape or [len(texts)])
    return triton.InferInput("text", list(array.shape), "BYTES").set_data_from_numpy(array, binary_data=binary)


@pytest.fixture
def server(address):
    with triton.InferenceServerClient(address) as server:
        yield server


def test_health_and_metadata(server, small_model):
    assert server.is_server_live()
    assert server.is_server_ready()
    assert server.is_model_ready("small")
    assert server.is_model_ready("small", "v1")
    assert not server.is_model_ready("large")
    assert not server.is_model_ready("small", "v2")
    assert "binary_tensor_data" in server.get_server_metadata()["extensions"]
    metadata = server.get_model_metadata("small")
    assert metadata == server.get_model_metadata("small", "v1")
    assert metadata["versions"] == ["v1"]
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    k = len(small_model.ids)
    assert {t["name"]: (t["datatype"], t["shape"]) for t in metadata["outputs"]} == {
        "probabilities": ("FP64", [-1, k]),
        "labels": ("BYTES", [k]),
    }
    assert server.get_model_repository_index() == [{"name": "small", "version": "v1", "state": "READY"}]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("version", ["", "v1"])
def test_infer_gives_what_the_library_gives(server, small_model, binary, column, version):
    inputs = [tensor(TEXTS, binary=binary, shape=[3, 1] if column else None)]
    result = server.infer("small", inputs, model_version=version, request_id="nr 7 ж", parameters={"desk": "three"})
    assert np.array_equal(result.as_numpy("probabilities"), expected(small_model, TEXTS))
    assert [label.decode() for label in result.as_numpy("labels")] == list(small_model.ids)
    told = result.get_response()
    assert told["id"] == "nr 7 ж"
    assert told["parameters"] == {"desk": "three", "digest": small_model.identity.digest}
    assert (told["model_name"], told["model_version"]) == ("small", "v1")


@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True), (False, False)])
def test_outputs_as_asked_for(server, small_model, wanted):
    outputs = [
        triton.InferRequestedOutput("labels", binary_data=wanted[0]),
        triton.InferRequestedOutput("probabilities", binary_data=wanted[1]),
    ]
    result = server.infer("small", [tensor(TEXTS)], outputs=outputs)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["labels", "probabilities"]
    for output, binary in zip(result.get_response()["outputs"], wanted, strict=True):
        assert ("data" not in output) is binary
    assert np.array_equal(result.as_numpy("probabilities"), expected(small_model, TEXTS))
    as_text = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("labels")]
    assert as_text == list(small_model.ids)


def test_one_output_alone(server, small_model):
    result = server.infer("small", [tensor(TEXTS[:1])], outputs=[triton.InferRequestedOutput("probabilities")])
    assert [output["name"] for output in result.get_response()["outputs"]] == ["probabilities"]
    assert np.array_equal(result.as_numpy("probabilities"), expected(small_model, TEXTS[:1]))


@pytest.mark.parametrize("packed", ["gzip", "deflate"])
def test_packed_requests_and_answers(server, small_model, packed):
    texts = TEXTS * 4
    result = server.infer(
        "small", [tensor(texts)], request_compression_algorithm=packed, response_compression_algorithm=packed
    )
    assert np.array_equal(result.as_numpy("probabilities"), expected(small_model, texts))


def test_asynchronous_requests(server, small_model):
    asked = [server.async_infer("small", [tensor([text])]) for text in TEXTS]
    for text, request in zip(TEXTS, asked, strict=True):
        assert np.array_equal(request.get_result().as_numpy("probabilities"), expected(small_model, [text]))


def test_older_versions_answer(two_models, tmp_path):
    with serving(small_settings(two_models, tmp_path)) as address, triton.InferenceServerClient(address) as server:
        assert server.get_model_metadata("small")["versions"] == ["v1", "v2"]
        assert [entry["version"] for entry in server.get_model_repository_index()] == ["v1", "v2"]
        for version in ("v2", "v1"):
            assert server.is_model_ready("small", version)
            result = server.infer("small", [tensor(TEXTS)], model_version=version)
            model = load_model(two_models / version)
            assert result.get_response()["model_version"] == version
            assert result.get_response()["parameters"]["digest"] == model.identity.digest
            assert np.array_equal(result.as_numpy("probabilities"), expected(model, TEXTS))
        assert not server.is_model_ready("small", "v3")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: s.infer("large", [tensor(TEXTS)]), "there is 'small'"),
        (lambda s: s.infer("small", [tensor(TEXTS)], model_version="v9"), "there are: v1"),
        (lambda s: s.infer("small", [tensor(["a b", " "])]), r"text\[1\]: the text is empty"),
        (lambda s: s.infer("small", [tensor(["a"] * (MAX_ITEMS + 1))]), f"at most {MAX_ITEMS}"),
        (lambda s: s.infer("small", [tensor(["a"], shape=[1, 1, 1])]), "shape"),
        (
            lambda s: s.infer("small", [tensor(TEXTS)], outputs=[triton.InferRequestedOutput("scores")]),
            "unknown output 'scores'",
        ),
        (
            lambda s: s.infer("small", [tensor(TEXTS)], outputs=[triton.InferRequestedOutput("labels", class_count=2)]),
            "classification",
        ),
        (
            lambda s: s.infer(
                "small", [triton.InferInput("text", [1], "INT32").set_data_from_numpy(np.array([1], np.int32))]
            ),
            "BYTES is taken",
        ),
        (lambda s: s.get_model_config("small"), "nothing at"),
        (lambda s: s.get_inference_statistics("small"), "nothing at"),
        (lambda s: s.load_model("small"), "nothing at"),
        (lambda s: s.infer("small", [tensor(["x" * 300_000])]), "300"),
    ],
)
def test_errors_reach_the_client_as_the_protocol_has_them(server, call, told):
    # The client shows "error" of the body, and something else where the body has none.
    with pytest.raises(InferenceServerException, match=told) as caught:
        call(server)
    assert caught.value.status() in ("400", "404", "413")
    assert "exception occurred in the client" not in str(caught.value)


def body_of(elements, *, shape=None, size=None, **more):
    """A binary request: its bytes and the length of its JSON."""
    packed = b"".join(struct.pack("<I", len(element)) + element for element in elements)
    asked = {
        "name": "text",
        "datatype": "BYTES",
        "shape": shape or [len(elements)],
        "parameters": {"binary_data_size": len(packed) if size is None else size},
    }
    header = json.dumps({"inputs": [asked], **more}).encode()
    return header + packed, len(header)


def send(client, body, length=None, path=INFER, **headers):
    if length is not None:
        headers[LENGTH] = str(length)
    return client.post(path, content=body, headers=headers)


def refused(answer, status=400):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert "Traceback" not in answer.text
    return answer.json()["error"]


def test_bytes_that_lie_are_refused(client):
    good, length = body_of([b"War is inevitable.", b"ab"])
    assert send(client, good, length).status_code == 200
    for wrong in (-1, 0, length - 1, length + 1, len(good) + 1, 10**30, "x", "١", "", "1e3", " "):
        refused(send(client, good, str(wrong).encode()))
    refused(send(client, good))
    for cut in range(length, len(good)):
        refused(send(client, good[:cut], length))
    refused(send(client, good + b"\0", length))
    for size in (0, 1, -5, 2**63, 10**30, True, "29", 29.5):
        refused(send(client, *body_of([b"War is inevitable.", b"ab"], size=size)))
    assert "element 0 claims 4294967295 bytes" in refused(send(client, *lying(b"\xff\xff\xff\xff")))
    assert "element 1 is not UTF-8" in refused(send(client, *body_of([b"ab", b"\xff\xfe"])))
    assert "element 0 is not UTF-8" in refused(send(client, *body_of([b"\xed\xa0\x80"])))


def lying(data):
    asked = {"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(data)}}
    header = json.dumps({"inputs": [asked]}).encode()
    return header + data, len(header)


@pytest.mark.parametrize(
    "shape", [[], [0], [3], [1], [2, 2], [2, 0], [2, 1, 1], [-2], [2**70], [10**30, 1], [1] * 1_000, ["2"], [2.5], None]
)
def test_shapes_that_lie_are_refused(client, shape):
    for more in ({"data": ["ab", "cd"]}, {"parameters": {"binary_data_size": 0}}):
        asked = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": shape, **more}]}
        refused(send(client, json.dumps(asked).encode()))


def test_json_nested_or_flat(client, small_model):
    for data, shape in ((["ab", "cd"], [2]), ([["ab"], ["cd"]], [2, 1]), ([["ab", "cd"]], [2])):
        asked = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": shape, "data": data}]}
        told = send(client, json.dumps(asked).encode()).json()
        assert "id" not in told
        rows = np.array(told["outputs"][0]["data"]).reshape(told["outputs"][0]["shape"])
        assert np.array_equal(rows, expected(small_model, ["ab", "cd"]))
        assert told["outputs"][1]["data"] == list(small_model.ids)


@pytest.mark.parametrize(
    "more",
    [
        {"id": "\ud800"},
        {"id": 7},
        {"parameters": {"a": "\udc00"}},
        {"parameters": {"\ud800": 1}},
        {"parameters": {"a": [1]}},
        {"outputs": [{"name": "labels"}, {"name": "labels"}]},
        {"outputs": [{"name": "labels", "parameters": {"shared_memory_region": "x"}}]},
        {"outputs": "labels"},
        {"inputs": []},
        {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["a"]}]},
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["\ud83d"]}]},
        {
            "inputs": [
                {
                    "name": "text",
                    "datatype": "BYTES",
                    "shape": [1],
                    "data": ["a"],
                    "parameters": {"binary_data_size": 1},
                }
            ]
        },
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"shared_memory_region": "x"}}]},
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1]}]},
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}] * 2},
    ],
)
def test_requests_that_cannot_be_taken(client, more):
    asked = {"inputs": [ONE], **more}
    assert refused(send(client, json.dumps(asked).encode()))


def test_small_bodies_that_unpack_to_huge_ones_are_refused(client):
    bomb = gzip.compress(b" " * 50_000_000)
    assert refused(send(client, bomb, **{"Content-Encoding": "gzip"}), 413)
    assert refused(send(client, b"not gzip", **{"Content-Encoding": "gzip"}))
    assert refused(send(client, gzip.compress(b"{}")[:-5], **{"Content-Encoding": "gzip"}))
    assert refused(send(client, b"{}", **{"Content-Encoding": "br"}), 415)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", INFER, 405),
        ("POST", "/v2", 405),
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/large", 404),
        ("GET", "/v2/models/small/versions/v9/ready", 404),
        ("POST", "/v2/models/small/versions/v9/infer", 404),
    ],
)
def test_other_paths_answer_as_the_protocol_does(client, method, path, status):
    assert refused(client.request(method, path), status)


@given(st.binary(max_size=200), st.integers(-1, 250) | st.none())
def test_no_bytes_make_it_fail(client, body, length):
    refused(send(client, body, length))
    answer = send(client, *lying(body))
    if decodes(body):
        assert answer.status_code == 200
    else:
        refused(answer)


def decodes(data):
    """Whether bytes are one element of a BYTES tensor that can be scored, by an oracle of our own."""
    if len(data) < 4 or int.from_bytes(data[:4], "little") != len(data) - 4:
        return False
    try:
        return bool(data[4:].decode().strip())
    except UnicodeDecodeError:
        return False


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=5))
def test_any_texts_come_through_as_bytes_and_as_json(client, texts):
    binary = send(client, *body_of([text.encode() for text in texts], parameters={"binary_data_output": False}))
    asked = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts}]}
    plain = send(client, json.dumps(asked).encode())
    if all(text.strip() for text in texts):
        assert binary.status_code == 200
        assert binary.json() == plain.json()
    else:
        assert refused(binary) == refused(plain)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda x: st.lists(x, max_size=4) | st.dictionaries(st.sampled_from(["name", "shape", "data", "x"]), x),
        max_leaves=8,
    )
)
def test_no_json_makes_it_fail(client, value):
    for asked in (
        value,
        {"inputs": value},
        {"inputs": [value]},
        {"inputs": [ONE], "outputs": value},
        {"inputs": [ONE], "parameters": value},
        {"inputs": [ONE], "id": value},
        {"inputs": [{**ONE, "shape": value}]},
        {"inputs": [{**ONE, "data": value}]},
        {"inputs": [{**ONE, "parameters": value}]},
    ):
        assert send(client, json.dumps(asked).encode()).status_code in (200, 400)
