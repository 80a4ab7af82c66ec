"""Each client with a key of its own kind, against a server that wants keys."""

import base64
import json

import numpy as np
import pytest
import tritonclient.http as triton
from fastapi.testclient import TestClient
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from tritonclient.utils import InferenceServerException

from classifier.keys import add_key
from service.adapters.label_studio import CONFIG_EXAMPLE
from service.app import create_app
from tests.service.adapters.served import serving, small_settings

TEXT = "A war with Azerbaijan is inevitable, military bloggers wrote."


@pytest.fixture(scope="module")
def guarded(small_models, tmp_path_factory):
    """``host:port`` of a server that wants keys, and a key that may score."""
    folder = tmp_path_factory.mktemp("guarded")
    key = add_key(folder / "keys.json", "clients", ["score"])
    settings = small_settings(small_models, folder, require_keys=True, keys_file=folder / "keys.json")
    with serving(settings) as address:
        yield address, key


def tensor():
    array = np.array([TEXT.encode()], dtype=np.object_)
    return triton.InferInput("text", [1], "BYTES").set_data_from_numpy(array)


def test_triton_client_sends_a_header(guarded):
    address, key = guarded
    with triton.InferenceServerClient(address) as server:
        assert server.is_server_ready()
        with pytest.raises(InferenceServerException, match="a key is needed"):
            server.infer("small", [tensor()])
        assert server.infer("small", [tensor()], headers={"Authorization": f"Bearer {key}"}).as_numpy("labels").size


def test_hugging_face_client_sends_a_token(guarded):
    address, key = guarded
    assert InferenceClient(model=f"http://{address}/predict", token=key).text_classification(TEXT)
    with pytest.raises(HfHubHTTPError, match="this key is not known"):
        InferenceClient(model=f"http://{address}/predict", token="wrong").text_classification(TEXT)


def test_google_client_sends_a_query_parameter(guarded):
    address, key = guarded
    asked = {"comment": {"text": TEXT}, "requestedAttributes": {"INEVITABLE_WAR": {}}, "languages": ["en"]}

    def build(given):
        return discovery.build(
            "commentanalyzer",
            "v1alpha1",
            developerKey=given,
            discoveryServiceUrl=f"http://{address}/$discovery/rest?version=v1alpha1",
            static_discovery=False,
            cache_discovery=False,
        )

    with build(key) as service:
        assert service.comments().analyze(body=asked).execute()["attributeScores"]
    with build("wrong") as service, pytest.raises(HttpError, match="this key is not known") as caught:
        service.comments().analyze(body=asked).execute()
    assert caught.value.status_code == 401


def basic(credentials):
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def test_label_studio_sends_http_basic(small_models, tmp_path):
    key = add_key(tmp_path / "keys.json", "label studio", ["score"])
    settings = small_settings(small_models, tmp_path, require_keys=True, keys_file=tmp_path / "keys.json")
    asked = {"tasks": [{"data": {"text": TEXT}}], "label_config": CONFIG_EXAMPLE}
    with TestClient(create_app(settings), "http://127.0.0.1") as client:
        assert client.get("/label-studio/health").status_code == 200
        for headers, status in (
            (basic(f"anybody:{key}"), 200),
            ({"authorization": f"Bearer {key}"}, 200),
            (basic("anybody:wrong"), 401),
            (basic(key), 401),
            ({"authorization": "Basic \u00e9\u00e9\u00e9".encode("latin-1")}, 401),
            ({"authorization": "Basic a"}, 401),
            ({}, 401),
        ):
            answer = client.post("/label-studio/predict", json=asked, headers=headers)
            assert answer.status_code == status
            assert ("error" in answer.json()) is (status == 401)
        # Elsewhere Basic is no way in: browsers keep it and send it by themselves.
        refused = client.post("/v1/score", content=json.dumps({"text": TEXT}), headers=basic(f"anybody:{key}"))
        assert refused.status_code == 401
