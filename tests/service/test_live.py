import asyncio
import gc
import json
import logging
import os
import shutil
import threading
import time
import weakref

import pytest
from fastapi.testclient import TestClient

from classifier import ModelCorrupt, ModelUnsigned, load_model
from classifier.durable import write_file
from classifier.model import versions
from classifier.model.signature import make_keys
from classifier.model.store import read_model, write_model
from service import live
from service.app import create_app
from service.live import LiveModels, NotLoaded
from service.problems import Problem
from service.settings import Settings
from tests.conftest import shifted_model

TEXT = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."


class Watched(LiveModels):
    """Live models with the events that they told, loaded."""

    def __init__(self, models, **settings):
        self.events = []
        super().__init__(Settings(models=models, **settings), on_event=self.events.append)
        self.load()


@pytest.fixture
def watched(two_models):
    return Watched(two_models)


def point(models, content):
    """Let CURRENT hold something, in place, as an editor or a copying tool would."""
    (models / "CURRENT").write_text(content)


def test_a_new_version_takes_over_and_a_request_keeps_its_model(watched, two_models):
    begun = watched.current
    watched.look()
    assert watched.current is begun
    versions.promote(two_models, "v2")
    watched.look()
    assert watched.current.identity == load_model(two_models / "v2").identity
    assert begun.score([TEXT]).model.version == "v1"
    assert watched.events == ["loaded"]
    watched.look()
    assert watched.events == ["loaded"]


def break_hash(path):
    data = bytearray((path / "coef.npy").read_bytes())
    data[-1] ^= 1
    (path / "coef.npy").write_bytes(data)


def break_golden(path):
    stored = read_model(path)
    shutil.rmtree(path)
    shifted = [{**entry, "logits": [x + 0.01 for x in entry["logits"]]} for entry in stored.json["golden.json"]]
    write_model(
        path,
        json_files={**stored.json, "golden.json": shifted},
        arrays=stored.arrays,
        texts={"README.md": stored.card.encode()},
        manifest={name: stored.manifest[name] for name in ("name", "training_data", "packages")},
    )


BREAKAGES = {
    "missing": shutil.rmtree,
    "tampered": break_hash,
    "truncated": lambda path: os.truncate(path / "vocabulary.json", 1000),
    "golden": break_golden,
    "half there": lambda path: (path / "coef.npy").unlink(),
    "no manifest": lambda path: (path / "manifest.json").write_bytes(b"{}"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_bad_version_is_refused_once_and_taken_when_it_is_mended(two_models, watched, breakage, monkeypatch, caplog):
    shutil.copytree(two_models / "v2", two_models / "whole")
    BREAKAGES[breakage](two_models / "v2")
    write_file(two_models / "CURRENT", "v2\n")
    loads = []
    original = live.load_directory
    monkeypatch.setattr(
        live, "load_directory", lambda path, **options: (loads.append(path), original(path, **options))[1]
    )
    before = watched.current
    with caplog.at_level(logging.INFO, "narratives.models"):
        for _ in range(5):
            watched.look()
    assert watched.current is before
    assert watched.events == ["refused"]
    (line,) = [r.getMessage() for r in caplog.records]
    assert line.startswith("refused: ")
    assert line.endswith(f"v1 ({before.identity.digest[:19]}) serves on")
    assert len(loads) <= 2
    shutil.rmtree(two_models / "v2", ignore_errors=True)
    shutil.move(two_models / "whole", two_models / "v2")
    watched.look()
    assert watched.events == ["refused", "loaded"]
    assert watched.current.identity.version == "v2"


@pytest.mark.parametrize("between", ["", "v", "v3\n", "../v2\n", "\x00", "x" * 100_000])
def test_a_pointer_written_in_place_is_not_refused_at_first_sight(two_models, watched, between):
    point(two_models, between)
    watched.look()
    point(two_models, "v2\n")
    watched.look()
    assert watched.events == ["loaded"]
    assert watched.current.identity.version == "v2"


def test_a_pointer_that_stays_empty_is_refused_and_may_recover(two_models, watched, caplog):
    point(two_models, "")
    with caplog.at_level(logging.INFO, "narratives.models"):
        for _ in range(3):
            watched.look()
        point(two_models, "v1\n")
        watched.look()
    assert watched.events == ["refused"]
    assert [r.levelname for r in caplog.records] == ["ERROR", "INFO"]
    point(two_models, "")
    for _ in range(3):
        watched.look()
    assert watched.events == ["refused", "refused"]


def test_the_directory_may_vanish_and_return(two_models, watched, tmp_path):
    versions.promote(two_models, "v2")
    watched.look()
    kept = watched.version("v1")
    shutil.move(two_models, tmp_path / "away")
    for _ in range(3):
        watched.look()
    assert watched.current.identity.version == "v2"
    assert watched.version("v1") is kept
    assert [entry["version"] for entry in watched.listing()] == ["v1", "v2"]
    with pytest.raises(Problem, match="there are: v1, v2"):
        watched.version("v3")
    shutil.move(tmp_path / "away", two_models)
    watched.look()
    assert watched.events == ["loaded", "refused"]
    versions.promote(two_models, "v1")
    watched.look()
    assert watched.current.identity.version == "v1"


def test_versions_and_pointers_may_be_links(two_models, tmp_path):
    shutil.move(two_models / "v2", tmp_path / "outside")
    (two_models / "v2").symlink_to(tmp_path / "outside")
    (two_models / "newest").symlink_to("v1")
    point(two_models, "newest\n")
    watched = Watched(two_models)
    assert watched.current.identity.version == "v1"
    (two_models / "newest").unlink()
    (two_models / "newest").symlink_to("v2")
    watched.look()
    # A link to a place outside is known by the name that it has here.
    assert watched.current.identity.version in ("newest", "v2")
    assert watched.current.identity.digest == load_model(tmp_path / "outside").identity.digest
    assert watched.version("v1").identity.version == "v1"


def test_a_version_written_anew_under_its_name_takes_over(two_models, watched):
    old = watched.current.identity.digest
    shutil.move(two_models / "v1", two_models / "old")
    shifted_model(two_models / "old", two_models / "v1", 0.5)
    watched.look()
    assert watched.events == ["loaded"]
    assert watched.current.identity.digest != old
    assert watched.version("v1") is watched.current
    # A copy with other times but the same content is no other model.
    shutil.copytree(two_models / "v1", two_models / "copy")
    shutil.rmtree(two_models / "v1")
    shutil.move(two_models / "copy", two_models / "v1")
    os.utime(two_models / "v1" / "manifest.json", (1, 1))
    watched.look()
    assert watched.events == ["loaded"]


def test_one_model_directory_is_not_followed(two_models):
    watched = Watched(two_models / "v2")
    versions.promote(two_models, "v2")
    versions.promote(two_models, "v1")
    watched.look()
    assert watched.events == []
    assert watched.current.identity.version == "v2"
    assert [e["version"] for e in watched.listing()] == ["v2"]
    assert watched.version("v2") is watched.current
    with pytest.raises(Problem, match="'v2' alone answers here"):
        watched.version("v1")


def test_an_older_version_is_loaded_when_asked_for_and_kept(two_models, watched):
    for n in (3, 4):
        shutil.copytree(two_models / "v2", two_models / f"v{n}")
    versions.promote(two_models, "v2")
    watched.look()
    first = watched.version("v1")
    assert first.identity == load_model(two_models / "v1").identity
    assert watched.version("v1") is first
    assert watched.version(None) is watched.version("v2") is watched.current
    v3 = watched.version("v3")
    assert watched.version("v1") is first  # asked for again: now v3 is the one to go
    watched.version("v4")
    assert watched.ready("v1") is first
    assert watched.ready("v3") is None
    assert [e["version"] for e in watched.listing() if e["loaded"]] == ["v1", "v2", "v4"]
    assert watched.version("v3") is not v3
    assert watched.events == ["loaded"]


@pytest.mark.parametrize("name", ["v9", "", "../v1", "v1/../v1", "\x00", "CURRENT", "x" * 10_000, "\ud800"])
def test_versions_that_are_not_there_are_404_and_the_others_named(watched, name):
    with pytest.raises(Problem, match="there are: v1, v2") as caught:
        watched.version(name)
    assert caught.value.status == 404
    assert len(caught.value.detail) < 500


def test_none_is_kept_where_none_is_to_be(two_models):
    watched = Watched(two_models, kept_versions=0)
    versions.promote(two_models, "v2")
    gone = weakref.ref(watched.current)
    watched.look()
    gc.collect()
    assert gone() is None
    with pytest.raises(Problem, match="'v2' alone answers here") as caught:
        watched.version("v1")
    assert caught.value.status == 404


def test_what_is_no_longer_kept_is_released(two_models):
    watched = Watched(two_models, kept_versions=1)
    gone = weakref.ref(watched.current)
    for version in ("v2", "v3"):
        if version == "v3":
            shutil.copytree(two_models / "v1", two_models / "v3")
        versions.promote(two_models, version)
        watched.look()
    assert gone() is None
    kept = weakref.ref(watched.version("v2"))
    watched.version("v1")
    assert kept() is None


def test_a_removed_version_is_forgotten_and_one_written_anew_is_read_again(two_models, watched):
    versions.promote(two_models, "v2")
    watched.look()
    shutil.rmtree(two_models / "v1")
    watched.look()
    with pytest.raises(Problem, match="there are: v2"):
        watched.version("v1")
    shifted_model(two_models / "v2", two_models / "v1", 1.0)
    assert watched.version("v1").identity.digest == load_model(two_models / "v1").identity.digest


def test_a_broken_older_version_is_tried_once(two_models, watched, monkeypatch, caplog):
    break_hash(two_models / "v2")
    loads = []
    original = live.load_directory
    monkeypatch.setattr(
        live, "load_directory", lambda path, **options: (loads.append(path), original(path, **options))[1]
    )
    for _ in range(3):
        with pytest.raises(Problem, match="cannot be used") as caught:
            watched.version("v2")
        assert str(two_models) not in caught.value.detail
    assert len(loads) == 1
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    shutil.rmtree(two_models / "v2")
    shifted_model(two_models / "v1", two_models / "v2", 0.25)
    assert watched.version("v2").identity.version == "v2"


def test_many_who_ask_at_once_wait_for_one_load(two_models, watched, monkeypatch):
    loads = []
    original = live.load_directory

    def slow(path, **options):
        loads.append(path)
        time.sleep(0.2)
        return original(path, **options)

    monkeypatch.setattr(live, "load_directory", slow)
    found = []
    threads = [threading.Thread(target=lambda: found.append(watched.version("v2"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(found) == 8
    assert len({id(model) for model in found}) == 1


def test_who_waits_too_long_is_told_to_ask_again(two_models, watched, monkeypatch):
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.01)
    with watched._loading, pytest.raises(Problem) as caught:
        watched.version("v2")
    assert caught.value.status == 503
    assert caught.value.headers == {"Retry-After": "1"}


def test_the_event_loop_never_waits_for_the_disk(watched):
    async def ask():
        assert watched.version("v1") is watched.current
        with pytest.raises(NotLoaded):
            watched.version("v2")
        return await asyncio.to_thread(watched.version, "v2")

    model = asyncio.run(ask())
    assert model.identity.version == "v2"


def test_a_key_that_is_set_must_have_signed(two_models, tmp_path):
    make_keys(tmp_path / "private.pem", tmp_path / "public.pem")
    make_keys(tmp_path / "other.pem", tmp_path / "other-public.pem")
    with pytest.raises(ModelUnsigned):
        Watched(two_models, public_key=tmp_path / "public.pem")
    versions.sign(two_models, "v1", tmp_path / "private.pem")
    watched = Watched(two_models, public_key=tmp_path / "public.pem")
    write_file(two_models / "CURRENT", "v2\n")
    watched.look()
    watched.look()
    assert watched.events == ["refused"]
    with pytest.raises(Problem, match="cannot be used"):
        watched.version("v2")
    # Its signature arrives, by a key that is not trusted; then that key is.
    versions.sign(two_models, "v2", tmp_path / "other.pem")
    watched.look()
    watched.look()
    assert watched.events == ["refused", "refused"]
    both = (tmp_path / "public.pem").read_bytes() + (tmp_path / "other-public.pem").read_bytes()
    (tmp_path / "public.pem").write_bytes(both)
    watched.look()
    assert watched.events == ["refused", "refused", "loaded"]
    assert watched.current.identity.version == "v2"


def test_golden_texts_are_tried_at_the_start_too(two_models):
    break_golden(two_models / "v2")
    point(two_models, "v2\n")
    with pytest.raises(ModelCorrupt, match="golden text"):
        Watched(two_models)


@pytest.fixture
def client(two_models):
    with TestClient(create_app(Settings(models=two_models, poll_seconds=0.02)), base_url="http://localhost") as client:
        yield client


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def test_the_running_service_follows(client, two_models, caplog):
    def version():
        return client.post("/v1/score", json={"text": TEXT}).json()["model"]["version"]

    assert version() == "v1"
    versions.promote(two_models, "v2")
    wait_for(lambda: version() == "v2")
    assert versions.rollback(two_models) == "v1"
    wait_for(lambda: version() == "v1")


def test_following_goes_on_whatever_happens(client, two_models, monkeypatch, caplog):
    original = live._look
    monkeypatch.setattr(live, "_look", lambda *a: 1 / 0)
    wait_for(lambda: any("looking after the models failed" in r.getMessage() for r in caplog.records))
    monkeypatch.setattr(live, "_look", original)
    versions.promote(two_models, "v2")
    wait_for(lambda: client.app.state.models.current.identity.version == "v2")


@pytest.mark.parametrize("padding", [0, 20_000], ids=["in the event loop", "in a thread"])
def test_an_older_version_scores(client, two_models, padding):
    text = TEXT + " " * padding
    for version in ("v2", "v1", "v2"):
        answer = client.post("/v1/score", json={"text": text, "model_version": version})
        assert answer.json() == load_model(two_models / version).score([text]).to_dict()
    assert client.post("/v1/score", json={"text": text}).json()["model"]["version"] == "v1"
    assert client.post("/v1/score", json={"text": text, "model_version": None}).json()["model"]["version"] == "v1"


def test_an_older_version_scores_lines_and_a_stream_keeps_its_model(client, two_models):
    lines = "".join(json.dumps({"text": TEXT}) + "\n" for _ in range(3))
    kind = {"content-type": "application/x-ndjson"}
    for query, version in (({"model_version": "v2"}, "v2"), ({}, "v1"), ({"model_version": "v1"}, "v1")):
        answer = client.post("/v1/score", content=lines, headers=kind, params=query)
        told = [json.loads(line) for line in answer.text.splitlines()]
        assert told == [load_model(two_models / version).score([TEXT]).to_dict()] * 3
    answer = client.post("/v1/score", content=lines, headers=kind, params={"model_version": "v9"})
    assert answer.status_code == 404


def test_metrics_tell_of_reloads_and_of_the_model_that_answers(client, two_models):
    def figures():
        return client.get("/metrics").text

    versions.promote(two_models, "v2")
    wait_for(lambda: 'narrative_model_reloads_total{result="loaded"} 1.0' in figures())
    digest = client.app.state.models.current.identity.digest
    assert f'narrative_model_info{{digest="{digest}",name="small",version="v2"}} 1.0' in figures()
    point(two_models, "v9")
    wait_for(lambda: 'narrative_model_reloads_total{result="refused"} 1.0' in figures())


def test_an_unknown_version_is_a_404_that_names_the_field(client):
    for body in ({"text": TEXT, "model_version": "v9"}, {"texts": [{"text": TEXT}], "model_version": "../v1"}):
        answer = client.post("/v1/score", json=body)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == "model_version"
        assert "there are: v1, v2" in answer.json()["detail"]
    for bad in (7, "", "x" * 65, ["v1"]):
        assert client.post("/v1/score", json={"text": TEXT, "model_version": bad}).status_code == 422


def test_versions_are_listed_and_described(client, two_models):
    digests = versions.list_digests(two_models)
    assert client.get("/v1/models").json() == {
        "current": "v1",
        "versions": [
            {"version": "v1", "digest": digests["v1"], "current": True, "loaded": True},
            {"version": "v2", "digest": digests["v2"], "current": False, "loaded": False},
        ],
    }
    described = client.get("/v1/model", params={"version": "v2"}).json()
    assert described["model"]["digest"] == digests["v2"]
    assert described["narratives"][0]["bias"] == load_model(two_models / "v2").intercept_[0]
    assert client.get("/v1/model").json()["model"]["digest"] == digests["v1"]
    assert [e["loaded"] for e in client.get("/v1/models").json()["versions"]] == [True, True]
    missing = client.get("/v1/model", params={"version": "v9"})
    assert missing.status_code == 404
    assert missing.json()["errors"][0]["field"] == "version"
