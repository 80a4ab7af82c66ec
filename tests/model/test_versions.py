import shutil

import pytest

from classifier import InputError, ModelCorrupt, ModelError, ModelNotFound, load_model
from classifier.model import versions


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

    def other(path):
        model = original(path)
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
