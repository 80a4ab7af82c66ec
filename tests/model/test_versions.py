import json
import shutil

import pytest

from classifier import InputError, ModelCorrupt, ModelError, ModelNotFound, load_model
from classifier.model import versions
from classifier.model.golden import check_golden


def test_names_grow_and_current_moves_in_one_step(model_copy):
    assert versions.list_versions(model_copy) == ["v1"]
    assert versions.next_version(model_copy) == "v2"
    shutil.copytree(model_copy / "v1", model_copy / "v10")
    assert versions.next_version(model_copy) == "v11"
    versions.promote(model_copy, "v10")
    assert versions.current_version(model_copy) == "v10"
    assert load_model(model_copy).identity.version == "v10"


@pytest.mark.parametrize("name", ["../evil", "x/y", ".hidden", "my model", "", "v" * 65])
def test_names_that_lead_elsewhere_are_refused(model_copy, name):
    with pytest.raises(InputError, match="no name for a version"):
        versions.promote(model_copy, name)


def test_a_half_copied_version_keeps_its_name(model_copy):
    (model_copy / "v7").mkdir()
    assert versions.next_version(model_copy) == "v8"


def test_a_broken_version_is_not_promoted(model_copy):
    shutil.copytree(model_copy / "v1", model_copy / "v2")
    (model_copy / "v2" / "idf.npy").write_bytes(b"")
    for version in ("v2", "v3"):
        with pytest.raises(ModelError):
            versions.promote(model_copy, version)
    assert versions.current_version(model_copy) == "v1"


def test_a_model_that_scores_its_golden_texts_otherwise_is_not_promoted(model_copy, monkeypatch):
    original = versions.load_directory

    def other(path, **options):
        model = original(path, **options)
        off = model.scorer.decision_function
        monkeypatch.setattr(model, "decision_function", lambda texts: off(texts) + 0.01)
        return model

    monkeypatch.setattr(versions, "load_directory", other)
    with pytest.raises(ModelCorrupt, match="golden text"):
        versions.promote(model_copy, "v1")


@pytest.mark.parametrize("content", ["v9\n", "../v1\n", "", "v1 v2\n", "\udcff"])
def test_a_pointer_to_nothing_is_told(model_copy, content):
    (model_copy / "CURRENT").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelNotFound, match="CURRENT"):
        load_model(model_copy)


def test_where_a_model_is_looked_for(model_copy, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.delenv(versions.ENVIRONMENT, raising=False)
    assert load_model().path.name.startswith("v")  # the shipped one
    monkeypatch.setenv(versions.ENVIRONMENT, str(model_copy))
    assert load_model().path == model_copy / "v1"
    monkeypatch.delenv(versions.ENVIRONMENT)
    shutil.copytree(model_copy, empty / "models")
    assert load_model().path.resolve() == empty / "models" / "v1"
    assert load_model(model_copy / "v1").identity.digest == load_model(model_copy).identity.digest
    with pytest.raises(ModelNotFound, match="no such directory"):
        load_model(tmp_path / "absent")
    monkeypatch.setenv(versions.ENVIRONMENT, str(tmp_path / "absent"))
    with pytest.raises(ModelNotFound):
        load_model()


def test_rollback_goes_back_one_version_at_a_time(two_models):
    shutil.copytree(two_models / "v1", two_models / "v3")
    for version in ("v2", "v2", "v3", "v2"):
        versions.promote(two_models, version)
    assert (two_models / "HISTORY").read_text() == "v1\nv2\nv3\n"
    assert versions.rollback(two_models) == "v3"
    shutil.rmtree(two_models / "v2")  # passed over
    assert versions.rollback(two_models) == versions.current_version(two_models) == "v1"
    with pytest.raises(ModelNotFound, match=r"names no version before 'v1' .* models there: v1, v3"):
        versions.rollback(two_models)
    versions.promote(two_models, "v3")
    assert versions.rollback(two_models) == "v1"


@pytest.mark.parametrize("killed_at", ["CURRENT", "HISTORY"])
@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_a_process_killed_half_way_leaves_a_history_that_holds(two_models, monkeypatch, action, killed_at):
    versions.promote(two_models, "v2")
    original = versions.write_file

    def killed(path, content, **options):
        if path.name == killed_at:
            raise KeyboardInterrupt
        original(path, content, **options)

    monkeypatch.setattr(versions, "write_file", killed)
    with pytest.raises(KeyboardInterrupt):
        versions.promote(two_models, "v1") if action == "promote" else versions.rollback(two_models)
    monkeypatch.setattr(versions, "write_file", original)
    now = versions.current_version(two_models)
    assert now in ("v1", "v2")
    if now == "v2":
        assert versions.rollback(two_models) == "v1"
    else:
        versions.promote(two_models, "v2")
        assert versions.rollback(two_models) == "v1"


def test_rollback_to_a_broken_version_is_refused(two_models):
    versions.promote(two_models, "v2")
    (two_models / "v1" / "coef.npy").write_bytes(b"")
    with pytest.raises(ModelCorrupt):
        versions.rollback(two_models)
    assert versions.current_version(two_models) == "v2"


def test_history_is_bounded_and_survives_nonsense(two_models):
    (two_models / "HISTORY").write_bytes(b"v1\n../evil\n\xff\n" + b"v9\n" * 500)
    versions.promote(two_models, "v2")
    assert len((two_models / "HISTORY").read_text().splitlines()) == versions.HISTORY_LINES
    assert versions.rollback(two_models) == "v1"


def test_digests_without_loading(two_models, small_model):
    found = versions.list_digests(two_models)
    assert found == {v: versions.load_directory(two_models / v).identity.digest for v in ("v1", "v2")}
    assert found["v1"] == small_model.identity.digest != found["v2"]
    assert versions.list_digests(two_models / "v2") == {"v2": found["v2"]}


@pytest.mark.parametrize(
    "golden", ["[1]", '[{"text": "zz", "logits": []}]', '[{"text": "", "logits": [1]}]', '{"a": 1}']
)
def test_golden_texts_that_are_none_are_told(small_models, golden):
    model = load_model(small_models)
    with pytest.raises(ModelCorrupt, match=r"golden\.json"):
        check_golden(model, json.loads(golden))
