"""Folders made by pyarrow as ``datasets`` makes them: Arrow's stream format, state.json, dataset_info.json."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading, Writing
from classifier.corpus.formats.huggingface import read, write
from classifier.corpus.formats.registry import find_format
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["neutral", "hoax"], "_type": "ClassLabel"},
}


def save_to_disk(folder, shards, split=None, features=FEATURES):
    """The layout of ``Dataset.save_to_disk``, with one file a shard."""
    folder.mkdir(parents=True)
    files = []
    for k, columns in enumerate(shards):
        table = pyarrow.table(columns)
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        files.append(f"data-{k:05d}-of-{len(shards):05d}.arrow")
        with pyarrow.OSFile(str(folder / files[-1]), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as out:
            out.write_table(table)
    state = {
        "_data_files": [{"filename": name} for name in files],
        "_fingerprint": "0123456789abcdef",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps(info))


def test_a_saved_dataset(tmp_path):
    shards = [{"text": ["a", "b"], "label": [1, 0]}, {"text": ["c"], "label": [-1]}]
    save_to_disk(tmp_path / "d", shards, "train")
    assert find_format(tmp_path / "d").name == "huggingface"
    rows = list(read(tmp_path / "d", Reading()))
    assert [(row.text, row.labels, row.split) for row in rows] == [
        ("a", (ForeignLabel("hoax"),), "train"),
        ("b", (ForeignLabel("neutral"),), "train"),
        ("c", (), "train"),
    ]
    assert [row.row for row in rows] == [1, 2, 1]
    assert rows[2].source.endswith("data-00001-of-00002.arrow")


def test_a_saved_dict_of_datasets(tmp_path):
    for split in ("train", "test"):
        save_to_disk(tmp_path / "d" / split, [{"text": [split], "label": [1]}], split)
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert [(row.text, row.split) for row in read(tmp_path / "d", Reading())] == [("train", "train"), ("test", "test")]


@pytest.mark.parametrize("in_file", [True, False])
def test_shards_from_the_hub(tmp_path, in_file):
    (tmp_path / "data").mkdir()
    for name, text in (("train-00000-of-00001-0a1b.parquet", "a"), ("validation-00000-of-00001.parquet", "b")):
        metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})} if in_file else None
        table = pyarrow.table({"text": [text], "label": [1]}).replace_schema_metadata(metadata)
        parquet.write_table(table, tmp_path / "data" / name)
    if not in_file:
        (tmp_path / "README.md").write_text(
            "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n  - name: label\n    dtype:\n"
            "      class_label:\n        names:\n          '0': neutral\n          '1': hoax\n---\n# A dataset\n"
        )
    assert find_format(tmp_path).name == "huggingface"
    rows = list(read(tmp_path, Reading()))
    assert [(row.text, row.split, row.labels[0].name) for row in rows] == [
        ("a", "train", "hoax"),
        ("b", "validation", "hoax"),
    ]


def test_what_argilla_exports(tmp_path):
    columns = {
        "id": ["r1", "r2", "r3", "r4"],
        "status": ["completed"] * 4,
        "_server_id": ["s1", "s2", "s3", "s4"],
        "text": ["one", "two", "three", "four"],
        "topic.responses": [[["a"], ["a", "b"], ["c"]], [[]], None, [["a"]]],
        "topic.responses.users": [["u1", "u2", "u3"], ["u1"], None, ["u1"]],
        "topic.responses.status": [["submitted", "submitted", "draft"], ["submitted"], None, ["discarded"]],
        "topic.suggestion": [["z"]] * 4,
    }
    save_to_disk(tmp_path / "d", [columns], features={})
    one, two, three, four = read(tmp_path / "d", Reading())
    assert (one.id, one.labels, one.annotators) == ("r1", (ForeignLabel("a"),), ("u1", "u2"))
    assert one.note == "annotators differ: b 1 of 2"
    assert (two.labels, two.annotators) == ((), ("u1",))
    for row in (three, four):
        assert isinstance(row, BadRow)
        assert row.reason == "nobody has submitted an answer to 'topic'"


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda d: (d / "state.json").write_text("{"), "state.json: not valid JSON"),
        (lambda d: (d / "state.json").write_text("{}"), "state.json: names no data files"),
        (
            lambda d: (d / "state.json").write_text('{"_data_files": [{"filename": "x.arrow"}]}'),
            "x.arrow: no such file",
        ),
        (
            lambda d: (d / "state.json").write_text('{"_data_files": [{"filename": "../../x.arrow"}]}'),
            "lies outside the folder",
        ),
        (lambda d: (d / "data-00000-of-00001.arrow").write_bytes(b"ARROW1"), "not a whole Arrow file"),
        (lambda d: (d / "dataset_dict.json").write_text('{"splits": ["../.."]}'), "lies outside the folder"),
        (lambda d: (d / "dataset_dict.json").write_text('{"splits": 3}'), "names no splits"),
    ],
)
def test_a_broken_folder_is_told(tmp_path, break_it, told):
    save_to_disk(tmp_path / "d", [{"text": ["a"], "label": [1]}])
    break_it(tmp_path / "d")
    with pytest.raises(CorpusError, match=told):
        list(read(tmp_path / "d", Reading()))


def test_a_cut_arrow_file_is_told_by_row(tmp_path):
    save_to_disk(tmp_path / "d", [{"text": ["a" * 100] * 100, "label": [1] * 100}])
    path = tmp_path / "d" / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-4_000])
    (bad,) = read(tmp_path / "d", Reading())
    assert (bad.source, bad.row) == (str(path), 1)
    assert "the file is broken" in bad.reason


def test_a_folder_of_something_else_is_told(tmp_path):
    with pytest.raises(CorpusError, match="neither a folder of Hugging Face datasets nor of SemEval"):
        find_format(tmp_path)


def test_what_is_written_has_the_files_that_load_from_disk_reads(tmp_path):
    write(tmp_path / "d", [LabelledSentence("1", "x", "en", {"a": None})], Writing())
    names = {path.name for path in (tmp_path / "d").iterdir()}
    assert names == {"state.json", "dataset_info.json", "data-00000-of-00001.arrow"}
    state = json.loads((tmp_path / "d" / "state.json").read_text())
    assert state["_data_files"] == [{"filename": "data-00000-of-00001.arrow"}]
    features = json.loads((tmp_path / "d" / "dataset_info.json").read_text())["features"]
    with pyarrow.OSFile(str(tmp_path / "d" / "data-00000-of-00001.arrow")) as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    assert list(features) == table.schema.names
    assert json.loads(table.schema.metadata[b"huggingface"])["info"]["features"] == features
    for name, feature in features.items():
        kind = table.schema.field(name).type
        held = (
            pyarrow.list_(pyarrow.string())
            if feature["_type"] == "Sequence"
            else pyarrow.type_for_alias(feature["dtype"])
        )
        assert kind == held
