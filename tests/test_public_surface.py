"""What ``import classifier`` offers, and what it must not load."""

import subprocess
import sys

import classifier
from classifier import errors


def test_everything_in_all_is_there_and_documented():
    assert classifier.__all__ == sorted(classifier.__all__)
    for name in classifier.__all__:
        member = getattr(classifier, name)
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


def test_scoring_loads_no_training_library(root):
    program = (
        "import sys; from classifier import load_model; "
        "load_model().score(['War with Azerbaijan is inevitable.']); "
        "heavy = {'sklearn', 'scipy', 'pandas', 'joblib', 'yaml', 'py3langid', 'fastapi'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_serving_loads_no_training_library(root):
    program = (
        "import sys; from service.app import create_app; from fastapi.testclient import TestClient\n"
        "with TestClient(create_app()) as c: c.post('/v1/score', json={'text': 'War is inevitable.'})\n"
        "print(sorted({'sklearn', 'scipy', 'pandas', 'joblib', 'classifier.training', 'classifier.corpus'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
