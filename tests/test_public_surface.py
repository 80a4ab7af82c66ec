"""What ``import classifier`` offers, and what it must not load."""

import subprocess
import sys

import pytest

import classifier
from classifier import errors


def test_everything_in_all_is_there_and_documented():
    assert classifier.__all__ == sorted(classifier.__all__)
    for name in classifier.__all__:
        member = getattr(classifier, name)
        if name == "engine":
            assert member in ("compiled", "python")
            continue
        assert member.__doc__, name
        assert member.__module__.startswith("classifier"), name


def test_all_errors_are_in_the_tree_drawn_in_the_docstring():
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.NarrativesError)
    }
    for name in classes:
        assert f" {name} " in errors.__doc__ or f"{name}  " in errors.__doc__, name
    assert classes <= set(classifier.__all__)


@pytest.mark.parametrize(
    "program",
    [
        "from classifier import load_model; load_model().score(['War with Azerbaijan is inevitable.'])",
        "from service.app import create_app; from fastapi.testclient import TestClient\n"
        "with TestClient(create_app()) as c: c.post('/v1/score', json={'text': 'War is inevitable.'})",
    ],
    ids=["scoring", "serving"],
)
def test_no_training_library_is_loaded(root, program):
    told = (
        "\nimport sys; print(sorted({'sklearn', 'scipy', 'pandas', 'joblib', 'yaml', 'py3langid', "
        "'classifier.training', 'classifier.corpus'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program + told], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
