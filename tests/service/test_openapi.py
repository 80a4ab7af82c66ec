"""The description of the service is frozen, and true: requests made from it, good and bad, get the answers it tells of.

After a change that was meant: ``python -m tests.service.test_openapi`` writes the frozen copy anew.
"""

import json
from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.settings import Settings

FROZEN = Path(__file__).resolve().parent.parent / "golden" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def described():
    """The description without the release's number."""
    told = create_app(Settings()).openapi()
    told["info"]["version"] = "-"
    return told


def operations():
    told = json.loads(FROZEN.read_text(encoding="utf-8")) if FROZEN.exists() else {"paths": {}}
    return [(path, method) for path, item in told["paths"].items() for method in item if method in ("get", "post")]


@pytest.fixture(scope="module")
def api(small_models, tmp_path_factory):
    place = tmp_path_factory.mktemp("feedback")
    app = create_app(
        Settings(models=small_models, feedback_url=f"sqlite:///{place}/feedback.db", max_concurrent=10_000)
    )
    with TestClient(app, base_url="http://localhost"):
        yield schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": "localhost"})


def test_the_description_is_as_frozen():
    assert described() == json.loads(FROZEN.read_text(encoding="utf-8"))


def test_every_route_is_told_with_summary_and_answers():
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), (method, path)
            assert operation["responses"], (method, path)
            if method == "post":
                contents = operation["requestBody"]["content"].values()
                assert all("examples" in c or "example" in c for c in contents), (method, path)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), operations())
def test_the_description_is_true(api, path, method, mode):
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(case):
        case.call_and_validate(checks=CHECKS, headers={"host": "localhost"})

    try:
        ask()
    except Unsatisfiable:
        pytest.skip("nothing of this kind can be made for this route")


if __name__ == "__main__":
    FROZEN.write_text(json.dumps(described(), indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
