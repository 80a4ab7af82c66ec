"""A small real model, trained once for all tests; the shipped one; and a service around it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, settings

from classifier import NarrativeModel, load_model
from classifier.corpus.files import read_labels, write_labels
from classifier.model.golden import make_golden
from classifier.model.store import read_model, write_model
from classifier.text.engine import engine
from classifier.training.crossval import Options
from classifier.training.train import train
from tests.system import find_chromium, find_postgresql

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("tests")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if engine != "compiled" and item.get_closest_marker("compiled"):
        pytest.skip("no compiler was at hand when this was installed")


SMALL = Options(n_folds=3, C_grid=(8.0,), max_features=4_000, n_jobs=1)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def _shared(factory: pytest.TempPathFactory, name: str) -> Path:
    """A directory that all workers of one run share."""
    base = factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / name


@pytest.fixture(scope="session")
def small_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth written English sentence, the articles, and the codebook."""
    target = _shared(tmp_path_factory, "small-labels")
    with (target.parent / "small-labels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "filled").exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "labels" / "taxonomy.yaml", target)
            shutil.copy(ROOT / "labels" / "articles.csv", target)
            rows = [r for f in sorted((ROOT / "labels").glob("en-*.csv")) for r in read_labels(f)]
            write_labels(target / "written.csv", rows[::10])
            (target / "filled").touch()
    return target


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory, small_labels: Path) -> Path:
    """A models directory with one version, ``v1``, trained by the real code."""
    target = _shared(tmp_path_factory, "small-models")
    with (target.parent / "small-models.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "CURRENT").exists():
            train(small_labels, target, name="small", options=SMALL)
    return target


@pytest.fixture(scope="session")
def small_model(small_models: Path) -> NarrativeModel:
    """The small model, as loaded from disk."""
    return load_model(small_models)


@pytest.fixture
def model_copy(small_models: Path, tmp_path: Path) -> Iterator[Path]:
    """A models directory of one's own, to break."""
    target = tmp_path / "models"
    shutil.copytree(small_models, target)
    return target


def shifted_model(source: Path, target: Path, shift: float) -> Path:
    """Another model, written by the real code: every logit of ``source`` is higher by ``shift``."""
    stored = read_model(source)
    arrays = {**stored.arrays, "intercept.npy": stored.arrays["intercept.npy"] + np.float32(shift)}
    shifted = NarrativeModel(replace(stored, arrays=arrays), version=target.name)
    texts = [bytes.fromhex(entry["text"]).decode("utf-8", "surrogatepass") for entry in shifted.golden]
    others = {name: (source / name).read_bytes() for name in stored.manifest["files"]}
    return write_model(
        target,
        json_files={**stored.json, "golden.json": make_golden(shifted, texts)},
        arrays=arrays,
        texts={name: data for name, data in others.items() if not name.endswith((".json", ".npy"))},
        manifest={name: stored.manifest[name] for name in ("name", "training_data", "packages")},
    )


@pytest.fixture
def two_models(model_copy: Path) -> Path:
    """``model_copy`` with a ``v2`` beside ``v1``, whose logits are higher by a quarter; ``CURRENT`` names ``v1``."""
    shifted_model(model_copy / "v1", model_copy / "v2", 0.25)
    return model_copy


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; tests that ask for it are left out where there is none."""
    return find_chromium() or pytest.skip("no Chromium here: apt-get install chromium")


@dataclass
class PostgreSQL:
    """A server of this test process; ``start`` and ``stop`` may be called in turn."""

    url: str
    start: Callable[[], None]
    stop: Callable[[], None]


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this test process, on a free port of loopback."""
    programs = find_postgresql() or pytest.skip("no PostgreSQL here: apt-get install postgresql")
    # initdb refuses root: as root the server runs as the user that Debian's package made.
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    place = Path(tempfile.mkdtemp(prefix="narratives-pg-"))
    if as_postgres:
        shutil.chown(place, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = place / "data"
    subprocess.run(
        [*as_postgres, programs / "initdb", "-D", data, "-U", "narratives", "-A", "trust", "-E", "UTF8", "--no-locale"],
        check=True,
        capture_output=True,
        cwd=place,
    )
    settings = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    control = [*as_postgres, programs / "pg_ctl", "-D", data]

    def start() -> None:
        started = [*control, "-o", settings, "-l", place / "log", "-w", "start"]
        subprocess.run(started, check=True, stdout=subprocess.DEVNULL, cwd=place)

    def stop() -> None:
        """As a power cut does: nothing is written that has not been."""
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=place)

    try:
        start()
        yield PostgreSQL(f"postgresql+psycopg://narratives@127.0.0.1:{port}/postgres", start, stop)
    finally:
        stop()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(postgresql: PostgreSQL) -> str:
    """SQLAlchemy URL of the server's first database."""
    return postgresql.url


@pytest.fixture(params=["sqlite", "postgresql"])
def feedback_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database for feedback, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feedback.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    name = f"feedback_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.removesuffix("postgres") + name


@pytest.fixture(scope="session")
def shipped() -> NarrativeModel:
    """The model that the project ships."""
    return load_model(ROOT / "models")
