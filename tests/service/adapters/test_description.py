"""What the OpenAPI description says of the adapters is so."""

import re

import pytest

from service.adapters.open_inference import HEADER_LENGTH

PREFIXES = ("/v2", "/predict", "/info", "/label-studio", "/v1alpha1", "/$discovery")


@pytest.fixture(scope="module")
def described(client):
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(described):
    return [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if path.startswith(PREFIXES)
    ]


def test_every_example_is_answered(client, operations):
    n_examples = 0
    for method, path, operation in operations:
        place = path.replace("{model_name}", "small").replace("{version}", "v1")
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            examples = [example["value"] for example in content.get("examples", {}).values()]
            for example in [*examples, *([content["example"]] if "example" in content else [])]:
                if kind == "application/json":
                    answer = client.request(method, place, json=example)
                else:
                    headers = {HEADER_LENGTH: str(example.index("}]}") + 3)}
                    answer = client.request(method, place, content=example.encode(), headers=headers)
                assert answer.status_code == 200, (place, answer.text)
                n_examples += 1
        if "requestBody" not in operation:
            answer = client.request(method, place)
            assert str(answer.status_code) in operation["responses"], place
    assert n_examples >= 9


def test_errors_have_the_schema_that_is_told(client, described, operations):
    for method, path, operation in operations:
        if not operation.get("requestBody", {}).get("required"):
            continue
        place = path.replace("{model_name}", "small").replace("{version}", "v1")
        answer = client.request(method, place, content=b"{", headers={"content-type": "application/json"})
        told = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]["$ref"]
        schema = described["components"]["schemas"][told.rpartition("/")[2]]
        assert answer.status_code == 400
        assert set(schema["required"]) <= set(answer.json()) <= set(schema["properties"])


def test_operations_are_told_apart_and_nothing_is_missing(described, operations):
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)
    for _, path, operation in operations:
        assert operation["summary"]
        assert {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"} == set(
            re.findall(r"{(\w+)}", path)
        )
    named = set(re.findall(r"#/components/schemas/(\w+)", str(operations)))
    assert named <= set(described["components"]["schemas"])
