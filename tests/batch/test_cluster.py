"""``narratives score --engine ray`` on two real nodes, through the command line."""

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from classifier.batch import cluster as engine
from classifier.batch.inputs import find_inputs
from classifier.batch.scoring import Options
from classifier.batch.state import Job, release
from classifier.batch.writing import Store
from classifier.errors import ModelCorrupt
from tests.batch.ray_cluster import ray_cluster
from tests.service.servers import free_port

SECONDS = 600
N_SMALL = 150


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """Many small files and some of several parts, in every format, bad rows among them."""
    place = tmp_path_factory.mktemp("cluster") / "posts"
    (place / "small").mkdir(parents=True)
    rng = random.Random(7)
    words = "war is inevitable they say the trains run again nobody was hurt in Baku and in Moscow today".split()

    def texts(n, n_words=12):
        return [" ".join(rng.choices(words, k=rng.randint(3, n_words))).capitalize() + "." for _ in range(n)]

    for i in range(N_SMALL):
        with (place / "small" / f"{i:03}.jsonl").open("w") as file:
            for j, text in enumerate(texts(40)):
                file.write(json.dumps({"id": f"{i}-{j}", "text": text if j % 13 else None}) + "\n")
    with gzip.open(place / "wide.csv.gz", "wt", newline="", compresslevel=1) as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text"])
        rows.writerows(enumerate(texts(110_000, 4)))
    with (place / "long.jsonl").open("w") as file:
        for i, text in enumerate(texts(3_000)):
            file.write(json.dumps({"id": i, "text": text, "kept": "x" * 6_000}) + "\n")
    table = pa.table({"id": range(9_000), "text": texts(9_000)})
    parquet.write_table(table, place / "table.parquet", row_group_size=2_000)
    return place


def score(posts, out, models, *options, environment=None, **more):
    command = [sys.executable, "-m", "classifier.cli.app", "score", str(posts), "-o", str(out), "--model", str(models)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*command, *options], env=environment or os.environ, **pipes, **more)


def finished(process, status=0):
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == status, told
    assert "Traceback" not in told
    return told


@pytest.fixture(scope="module")
def expected(posts, small_models, tmp_path_factory):
    """What one machine makes of the posts: every file below its output directory."""
    out = tmp_path_factory.mktemp("local") / "out"
    finished(score(posts, out, small_models))
    return contents(out)


def contents(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def wait_for_receipts(out, n, process):
    """Until so many files are whole, and not all."""
    until = time.monotonic() + SECONDS
    while len(list(out.glob("_receipts/**/*.json"))) < n:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_node_that_dies_loses_and_doubles_nothing(cluster, posts, expected, small_models, tmp_path):
    # Relative, as typed on one machine; from another directory than the nodes'.
    options = ("--engine", "ray", "--address", cluster.address, "--jobs", "4")
    running = score(posts, "out", small_models, *options, environment=cluster.environment, cwd=tmp_path)
    wait_for_receipts(tmp_path / "out", 20, running)
    cluster.kill_second_node()
    killed = time.monotonic()
    assert len(list((tmp_path / "out").glob("_receipts/**/*.json"))) < N_SMALL + 3
    told = finished(running)
    print(f"done {time.monotonic() - killed:.0f} s after the kill; {told.splitlines()[-1]}")
    assert contents(tmp_path / "out") == expected


def test_a_run_goes_on_elsewhere(cluster, posts, expected, small_models, tmp_path):
    """Begun on one machine and killed, gone on with on the cluster and stopped, ended on one machine."""
    out = tmp_path / "out"
    home = tmp_path / "home"
    home.mkdir()
    options = ("--engine", "ray", "--jobs", "2")
    environment = {**cluster.environment, "RAY_ADDRESS": cluster.address, "HOME": str(home)}
    stops = ((10, ("--jobs", "1"), signal.SIGKILL), (40, options, signal.SIGTERM), (80, options, signal.SIGKILL))
    for n_done, more, stop in stops:
        running = score(posts, out, small_models, *more, environment=environment)
        wait_for_receipts(out, n_done, running)
        running.send_signal(stop)
        told, _ = running.communicate(timeout=SECONDS)
        assert "Traceback" not in told
        if stop == signal.SIGTERM:
            assert running.returncode == 128 + signal.SIGTERM, told
            assert "the same command goes on" in told
            # Asked for something after its end, Ray would start a cluster of its own.
            assert "Generated" not in told
            assert not list(home.iterdir())
    finished(score(posts, out, small_models))
    assert contents(out) == expected
    told = finished(
        score(posts, out, small_models, *options, "--address", cluster.address, environment=cluster.environment)
    )
    assert "nothing to do" in told


def test_no_cluster_is_told_in_one_line(posts, small_models, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    running = score(posts, tmp_path / "out", small_models, "--engine", "ray", "--address", address)
    told = finished(running, status=2)
    assert f"no Ray cluster at {address}" in told


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--engine", "ray", "--address", "ray://127.0.0.1:10001"), "HOST:PORT"),
        (("--address", "127.0.0.1:6379"), "--engine ray"),
    ],
)
def test_addresses_that_cannot_be_taken(posts, small_models, tmp_path, options, part):
    assert part in finished(score(posts, tmp_path / "out", small_models, *options), status=2)


def job_of(out, small_model):
    identity = small_model.identity
    return Job(str(out), str(small_model.path), identity.version, identity.digest, Options())


def test_what_a_node_does_not_see_is_told(posts, small_model, tmp_path):
    out = tmp_path / "out"
    job = job_of(out, small_model)
    (file, *_) = find_inputs([str(posts)], str(out))
    assert f"does not see {out}" in engine._look(job, file, "_parts/marker", "token", release())
    Store(str(out)).put("_parts/marker", b"token")
    assert engine._look(job, file, "_parts/marker", "token", release()) == ""
    assert f"does not see {out}" in engine._look(job, file, "_parts/marker", "another", release())
    assert "release" in engine._look(job, file, "_parts/marker", "token", "0.0")
    Path(file.address).touch()
    assert f"does not see {file.address}" in engine._look(job, file, "_parts/marker", "token", release())


def test_a_model_that_changed_on_its_way_is_refused(small_model, tmp_path):
    job = job_of(tmp_path / "out", small_model)
    files = engine._read_directory(small_model.path)
    assert engine._load_worker(job, files).scorer.digest == job.digest
    for name in ("coef.npy", "manifest.json"):
        changed = {**files, name: files[name][:-1] + bytes([files[name][-1] ^ 1])}
        with pytest.raises(ModelCorrupt):
            engine._load_worker(job, changed)
