"""A model directory that is not exactly what was written is refused with a clear error, before it is parsed."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from classifier import ModelCorrupt, ModelError, ModelFormatUnsupported, ModelNotFound, load_model
from classifier.model import store


def resign(model):
    """Make the manifest agree with the files again, as somebody who tampers would."""
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    for name in manifest["files"]:
        data = (model / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (model / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def model(model_copy):
    return model_copy / "v1"


def test_what_is_read_is_what_was_written(model):
    stored = store.read_model(model)
    raw = (model / "manifest.json").read_bytes()
    assert stored.digest == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert set(stored.manifest["files"]) == {p.name for p in model.iterdir()} - {"manifest.json"}
    for name in stored.arrays:
        assert np.array_equal(stored.arrays[name], np.load(model / name, allow_pickle=False))


@pytest.mark.parametrize("name", ["coef.npy", "vocabulary.json", "README.md", "golden.json"])
def test_truncated(model, name):
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[:-7])
    with pytest.raises(ModelCorrupt, match=rf"{name}: {len(data) - 7} bytes, the manifest says {len(data)}"):
        load_model(model)


@pytest.mark.parametrize("name", ["coef.npy", "calibration.json", "report.json"])
def test_one_bit_changed(model, name):
    data = bytearray((model / name).read_bytes())
    data[len(data) // 2] ^= 1
    (model / name).write_bytes(data)
    with pytest.raises(ModelCorrupt, match=f"{name}: SHA-256 differs"):
        load_model(model)


def test_missing_and_added_files(model):
    (model / "extra.json").write_text("{}")
    with pytest.raises(ModelCorrupt, match=r"extra\.json: the manifest does not name this file"):
        load_model(model)
    (model / "extra.json").unlink()
    (model / "idf.npy").unlink()
    with pytest.raises(ModelCorrupt, match=r"idf\.npy is missing"):
        load_model(model)


def test_links_are_refused(model, tmp_path):
    outside = tmp_path / "outside.npy"
    outside.write_bytes((model / "coef.npy").read_bytes())
    (model / "coef.npy").unlink()
    (model / "coef.npy").symlink_to(outside)
    with pytest.raises(ModelCorrupt, match="links are refused"):
        load_model(model)


@pytest.mark.parametrize(
    "name", ["../outside.json", "/etc/passwd", "a/b.json", ".hidden.json", "x.pkl", "manifest.exe"]
)
def test_names_that_lead_elsewhere_are_refused(model, name):
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = {"sha256": "0" * 64, "size": 1}
    (model / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelCorrupt, match="no name for a file of a model"):
        load_model(model)


def test_another_format_version_is_refused_with_the_remedy(model):
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    manifest["format_version"] = 99
    (model / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelFormatUnsupported, match="format version 99, this release reads 1; retrain"):
        load_model(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(model, value):
    coef = np.load(model / "coef.npy")
    coef[3, 3] = value
    (model / "coef.npy").write_bytes(store.dump_array(coef))
    resign(model)
    with pytest.raises(ModelCorrupt, match=r"coef\.npy: holds values that are not finite"):
        load_model(model)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 20), dtype=np.float32),
        np.zeros((4, 4), dtype=np.int64),
        np.array([[{}]], dtype=object),
        np.zeros(5, dtype=[("a", "f4")]),
    ],
)
def test_arrays_of_another_shape_or_kind(model, array):
    with (model / "coef.npy").open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=True)
    resign(model)
    with pytest.raises(ModelCorrupt, match=r"coef\.npy"):
        load_model(model)


def test_a_declared_shape_does_not_help_a_wrong_one(model):
    array = np.zeros((3, 20), dtype=np.float32)
    (model / "coef.npy").write_bytes(store.dump_array(array))
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    manifest["arrays"]["coef.npy"]["shape"] = [3, 20]
    (model / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    resign(model)
    with pytest.raises(ModelCorrupt, match=r"coef\.npy has shape \(3, 20\), the vocabulary asks for"):
        load_model(model)


def test_a_header_that_promises_more_than_the_file_holds(model):
    data = (model / "coef.npy").read_bytes()
    (model / "coef.npy").write_bytes(data[: len(data) // 2])
    resign(model)
    with pytest.raises(ModelCorrupt, match="its length does not fit its shape"):
        load_model(model)


@pytest.mark.parametrize("name", ["calibration.json", "parameters.json", "vocabulary.json", "taxonomy.json"])
@pytest.mark.parametrize("content", ["{}", "[]", "null", "{", "[" * 100_000])
def test_json_of_another_shape(model, name, content):
    (model / name).write_text(content)
    resign(model)
    with pytest.raises(ModelCorrupt):
        load_model(model)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("calibration.json", lambda x: x["themes"]["war"].update(slope=float("nan"))),
        ("parameters.json", lambda x: x.update(length_penalty=float("inf"))),
        ("parameters.json", lambda x: x.update(length_penalty=-5)),
        ("parameters.json", lambda x: x.update(coverage_bound=2)),
        ("calibration.json", lambda x: x["narratives"]["russophobia"].update(support=-1)),
        ("calibration.json", lambda x: x["narratives"]["russophobia"].update(threshold=0.0)),
        ("vocabulary.json", lambda x: x["words"].__setitem__(0, x["words"][1])),
        ("vocabulary.json", lambda x: x["words"].__setitem__(0, 7)),
        ("vocabulary.json", lambda x: x.update(words="".join(x["words"])[: len(x["words"])])),
    ],
)
def test_values_that_make_no_sense_are_refused(model, name, change):
    value = json.loads((model / name).read_text(encoding="utf-8"))
    change(value)
    (model / name).write_text(json.dumps(value), encoding="utf-8")
    resign(model)
    with pytest.raises(ModelCorrupt):
        load_model(model)


@pytest.mark.parametrize("name", ["report.json", "golden.json"])
@pytest.mark.parametrize("content", ["5", "null"])
def test_report_and_golden_of_another_type_are_refused(model, name, content):
    (model / name).write_text(content)
    resign(model)
    with pytest.raises(ModelCorrupt):
        load_model(model)


def test_a_manifest_that_is_none(model):
    for content in ("", "{}", "[]", '{"format": "x"}', "[" * 100_000):
        (model / "manifest.json").write_text(content)
        with pytest.raises(ModelError):
            load_model(model)
    (model / "manifest.json").write_bytes(b" " * (store.MAX_MANIFEST_BYTES + 1))
    with pytest.raises(ModelCorrupt, match="larger than"):
        load_model(model)
    (model / "manifest.json").unlink()
    with pytest.raises(ModelNotFound):
        load_model(model)


def test_nothing_is_unpickled(small_models):
    """The audit hook sees every class that any unpickler looks up, and every pickle that numpy would read."""
    program = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: seen.append(event) if 'pickle' in event else None)\n"
        "from classifier import load_model\n"
        f"load_model({str(small_models)!r}).score(['War is inevitable.'])\n"
        "import pickle; assert 'pickle.find_class' not in seen, seen\n"
        "class Evil:\n"
        "    def __reduce__(self): return (print, ('unpickled',))\n"
        "pickle.loads(pickle.dumps(Evil()))\n"
        "assert 'pickle.find_class' in seen, 'the hook does not work'\n"
        "print('clean')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["unpickled", "clean"]


def test_an_object_array_runs_nothing(model):
    """A pickle inside an .npy, with hashes that agree, is refused before any of it runs."""

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(model.parent / "owned"),))

    array = np.empty((1,), dtype=object)
    array[0] = Evil()
    with (model / "idf.npy").open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=True)
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    manifest["arrays"]["idf.npy"] = {"dtype": "|O", "shape": [1]}
    (model / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    resign(model)
    with pytest.raises(ModelCorrupt, match=r"idf\.npy"):
        load_model(model)
    assert not (model.parent / "owned").exists()


def test_no_hashed_file_holds_a_time_or_a_path(model, root):
    for path in model.iterdir():
        content = path.read_bytes()
        assert str(root).encode() not in content
        assert b"2026-" not in content


def test_the_models_own_size_stays_in_its_bounds(shipped):
    assert store.scoring_bytes(shipped.manifest) <= 6_000_000
    other = sum(entry["size"] for n, entry in shipped.manifest["files"].items() if n not in store.SCORING_FILES)
    assert other <= 2_000_000
