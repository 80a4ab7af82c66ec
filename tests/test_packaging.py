"""The built wheel answers by itself: the shipped model travels in it."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("classifier", "service", "models"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    for name in (".training-x/fold-0", ".tmp-x"):
        (source / "models" / name).mkdir(parents=True)
        (source / "models" / name / "coef.npy").touch()
        (source / "models" / name / "lock").touch()
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            target,
            source,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target / "site")
    return target / "site"


def test_the_wheel_holds_code_model_and_types(installed, shipped):
    names = {str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()}
    assert {"classifier/py.typed", "service/app.py", "service/static/index.html", "classifier/shipped/CURRENT"} <= names
    version = shipped.identity.version
    assert {f"classifier/shipped/{version}/{name}" for name in shipped.manifest["files"]} <= names
    assert not [n for n in names if n.startswith(("tests", "labels", "seeds"))]
    assert not [n for n in names if n.startswith("classifier/shipped/.")], "what a training keeps beside the versions"


def test_it_answers_elsewhere_with_the_same_digest(installed, shipped, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import classifier; print(classifier.__file__, classifier.load_model().identity.digest)",
        ],
        cwd=tmp_path,
        env={**{k: v for k, v in os.environ.items() if k != "NARRATIVES_MODELS"}, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    place, digest = done.stdout.split()
    assert place.startswith(str(installed))
    assert digest == shipped.identity.digest
