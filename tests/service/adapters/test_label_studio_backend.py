"""The Label Studio backend: its answers judged by Label Studio's own library."""

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.warnings import PydanticDeprecatedSince20

from service.adapters.label_studio import CONFIG_EXAMPLE
from service.adapters.labeling_config import MAX_CONTROLS, MAX_DEPTH, MAX_LENGTH, ConfigError, read_config
from tests.service.adapters.served import MAX_ITEMS

with warnings.catch_warnings():
    # Its models are written for pydantic 1.
    warnings.simplefilter("ignore", PydanticDeprecatedSince20)
    from label_studio_sdk.label_interface import LabelInterface

TEXT = "🙂 The weather is fine. Russophobia is spreading there. 🙂 A war with Azerbaijan is inevitable, they say."
PLAIN = "The trains between Baku and Tbilisi run again."
SPANS_ALONE = (
    '<View><Text name="t" value="$body"/><Labels name="l" toName="t"><Label value="Russophobia"/></Labels></View>'
)


def predict(client, texts, config=CONFIG_EXAMPLE, key="text"):
    tasks = [{"id": place, "data": {key: text}} for place, text in enumerate(texts)]
    return post(client, "predict", {"tasks": tasks, "label_config": config, "project": "1.17", "params": {}})


def post(client, name, asked):
    content = json.dumps(asked).encode()
    return client.post(f"/label-studio/{name}", content=content, headers={"content-type": "application/json"})


def refused(answer, status=400):
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    return answer.json()["error"]


def judged(config, prediction):
    """Errors that Label Studio's library finds."""
    return LabelInterface(config).validate_prediction(prediction, return_errors=True)


def test_predictions_are_what_label_studio_takes(client, small_model):
    answer = predict(client, [TEXT, PLAIN]).json()
    results = small_model.score([TEXT, PLAIN], explain=None, all=True).results
    assert len(answer["results"]) == 2
    for prediction, result in zip(answer["results"], results, strict=True):
        assert judged(CONFIG_EXAMPLE, prediction) == []
        assert prediction["model_version"] == answer["model_version"]
        decided = [label.id for label in result.labels if label.decision == "yes"]
        choices = [name for r in prediction["result"] for name in r["value"].get("choices", [])]
        named = {"inevitable-war": "Inevitable war", "russophobia": "Russophobia"}
        assert choices == [named[id] for id in decided if id in named]
        spans = {(r["value"]["start"], r["value"]["end"], *r["value"]["labels"]) for r in prediction["result"][1:]}
        assert spans == {
            (sentence.begin, sentence.end, label.id)
            for sentence in result.sentences
            for label in sentence.labels
            if label.decision == "yes" and label.id in named
        }
    # The test would say nothing if nothing were found.
    assert {r["type"] for r in answer["results"][0]["result"]} == {"choices", "labels"}
    assert answer["results"][1]["result"] == []
    assert answer["model_version"] == f"small-v1-{small_model.identity.digest[7:19]}"


def test_offsets_count_code_points(client):
    regions = predict(client, [TEXT], SPANS_ALONE.replace("$body", "$text")).json()["results"][0]["result"]
    assert regions
    for region in regions:
        value = region["value"]
        assert TEXT[value["start"] : value["end"]] == value["text"]
        assert "🙂" in TEXT[: value["start"]]


def test_scores_say_how_sure_the_answer_is(client, small_model):
    answer = predict(client, [TEXT, PLAIN], SPANS_ALONE.replace("$body", "$text")).json()["results"]
    assert answer[0]["score"] == min(region["score"] for region in answer[0]["result"])
    labels = small_model.score([PLAIN], explain=None, all=True).results[0].labels
    assert answer[1]["score"] == 1 - next(label.probability for label in labels if label.id == "russophobia")


@pytest.mark.parametrize("option", ["russophobia", "Russophobia", " RUSSOPHOBIA ", "inevitable war", "Inevitable_War"])
def test_values_are_matched_by_id_and_name_whatever_their_case(client, option):
    config = SPANS_ALONE.replace("Russophobia", option)
    for prediction in predict(client, [TEXT], config, "body").json()["results"]:
        assert judged(config, prediction) == []
        assert prediction["result"][0]["value"]["labels"] == [option]


def test_an_alias_is_what_comes_back(client):
    config = SPANS_ALONE.replace('value="Russophobia"', 'value="Русофобия" alias="russophobia"')
    prediction = predict(client, [TEXT], config, "body").json()["results"][0]
    assert prediction["result"][0]["value"]["labels"] == ["russophobia"]
    assert judged(config, prediction) == []
    config = SPANS_ALONE.replace('value="Russophobia"', 'value="russophobia" alias="r1"')
    prediction = predict(client, [TEXT], config, "body").json()["results"][0]
    assert prediction["result"][0]["value"]["labels"] == ["r1"]
    assert judged(config, prediction) == []


def test_a_single_choice_is_the_likeliest(client, small_model):
    config = CONFIG_EXAMPLE.replace('choice="multiple"', 'choice="single"')
    prediction = predict(client, [TEXT], config).json()["results"][0]
    assert judged(config, prediction) == []
    labels = small_model.score([TEXT], explain=None).results[0].labels
    likeliest = next(label.id for label in labels if label.id in ("inevitable-war", "russophobia"))
    found = [region["value"]["choices"] for region in prediction["result"] if region["type"] == "choices"]
    assert found == [["Inevitable war" if likeliest == "inevitable-war" else "Russophobia"]]


def test_a_bad_task_does_not_fail_the_others(client):
    answer = predict(client, [TEXT, " ", 7, None, "\ud800", "x" * 20_001, TEXT]).json()["results"]
    assert answer[0] == answer[6]
    assert answer[0]["result"]
    for prediction, told in zip(answer[1:6], ("empty", "no text", "missing", "surrogate", "20001"), strict=True):
        assert prediction["result"] == []
        assert prediction["score"] == 0
        assert told in prediction["error"]
        assert judged(CONFIG_EXAMPLE, prediction) == []
    answer = predict(client, [TEXT], key="body").json()["results"]
    assert answer[0]["error"] == "data.text: missing"


def test_the_rest_of_the_backend(client, small_model):
    assert client.get("/label-studio/health").json()["status"] == "UP"
    assert client.get("/label-studio").json()["status"] == "UP"
    asked = {"project": "1.17", "schema": CONFIG_EXAMPLE, "hostname": "http://localhost:8080", "access_token": "x"}
    version = post(client, "setup", asked).json()["model_version"]
    assert small_model.identity.digest[7:19] in version
    assert client.get("/label-studio/versions").json() == {"versions": [version]}
    for event in ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "START_TRAINING", "NEW_ONE"):
        answer = post(client, "webhook", {"action": event, "annotation": {"result": []}, "project": {"id": 1}})
        assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert "narratives train" in refused(post(client, "train", {}), 501)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "<View>",
        "<View></View>",
        "no XML",
        "\ud800",
        '<!DOCTYPE x [<!ENTITY a "b">]>' + CONFIG_EXAMPLE,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + CONFIG_EXAMPLE,
        CONFIG_EXAMPLE.replace("$text", "&a;"),
        CONFIG_EXAMPLE.replace("<Text", "<HyperText"),
        CONFIG_EXAMPLE.replace("<Text", '<Text valueType="url"'),
        CONFIG_EXAMPLE.replace("$text", "text"),
        CONFIG_EXAMPLE.replace('toName="text"', 'toName="other"'),
        SPANS_ALONE.replace("Russophobia", "Weather"),
        '<View><Text name="t" value="$b"/><Choices perRegion="true" name="c" toName="t"><Choice value="russophobia"/>'
        "</Choices></View>",
        "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
        SPANS_ALONE.replace(
            "</View>", '<Labels name="l" toName="t"><Label value="russophobia"/></Labels>' * MAX_CONTROLS
        )
        + "</View>",
    ],
)
def test_configurations_that_cannot_be_used(client, config):
    assert refused(predict(client, [TEXT], config)).startswith("label_config: ")


def test_entities_are_not_expanded(small_model):
    bomb = '<!DOCTYPE v [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12)
    )
    with pytest.raises(ConfigError, match="document type"):
        read_config(bomb + "]><View>&m;</View>", small_model.taxonomy.narratives)


def test_long_configurations_are_not_read(small_model):
    with pytest.raises(ConfigError, match=f"at most {MAX_LENGTH}"):
        read_config(CONFIG_EXAMPLE + " " * MAX_LENGTH, small_model.taxonomy.narratives)


def test_layout_within_a_control_does_not_matter(small_model):
    config = SPANS_ALONE.replace("<Label ", "<View><Style>.a{}</Style><Label ").replace('bia"/>', 'bia"/></View>')
    (control,) = read_config(config, small_model.taxonomy.narratives)
    assert control.values == {"russophobia": "Russophobia"}
    assert (control.kind, control.from_name, control.to_name, control.data_key) == ("labels", "l", "t", "body")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"label_config": CONFIG_EXAMPLE}, 400),
        ({"tasks": []}, 400),
        ({"tasks": [{}], "label_config": CONFIG_EXAMPLE}, 400),
        ({"tasks": {}, "label_config": CONFIG_EXAMPLE}, 400),
        ({"tasks": [{"data": {}}] * (MAX_ITEMS + 1), "label_config": CONFIG_EXAMPLE}, 413),
        ([], 400),
    ],
)
def test_requests_that_cannot_be_taken(client, asked, status):
    refused(post(client, "predict", asked), status)


def test_errors_under_the_prefix(client):
    refused(client.get("/label-studio/nothing"), 404)
    refused(client.get("/label-studio/predict"), 405)
    refused(client.post("/label-studio/predict", content=b"{", headers={"content-type": "application/json"}), 400)
    refused(client.post("/label-studio/predict", content=b"a=b"), 415)
    refused(post(client, "webhook", {}), 400)
    refused(post(client, "setup", {"schema": 7}), 400)


def test_no_tasks_no_predictions(client):
    assert predict(client, []).json()["results"] == []


@given(st.text(max_size=300) | st.text("<>/&;\"'=![]View TextLabels$", max_size=200))
def test_no_configuration_makes_it_fail(client, config):
    assert predict(client, ["War is inevitable."], config).status_code in (200, 400)
    assert predict(client, ["War."], SPANS_ALONE.replace("Russophobia", config), "body").status_code in (200, 400)


@given(st.lists(st.text(max_size=100), max_size=4))
def test_any_texts_get_predictions_that_label_studio_takes(client, texts):
    texts = [*texts, *(f"{text}\nRussophobia is spreading there.\n{text}" for text in texts)]
    answer = predict(client, texts)
    assert answer.status_code == 200
    for text, prediction in zip(texts, answer.json()["results"], strict=True):
        assert judged(CONFIG_EXAMPLE, prediction) == []
        for region in prediction["result"]:
            if region["type"] == "labels":
                assert text[region["value"]["start"] : region["value"]["end"]] == region["value"]["text"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_makes_it_fail(client, value):
    for name in ("predict", "setup", "webhook"):
        assert post(client, name, value).status_code in (200, 400)
    for asked in (
        {"tasks": value},
        {"tasks": [value]},
        {"tasks": [{"data": value}]},
        {"tasks": [{"data": {"text": value}}]},
    ):
        assert post(client, "predict", {"label_config": CONFIG_EXAMPLE, **asked}).status_code in (200, 400)
