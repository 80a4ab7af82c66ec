import json

import pyarrow
import pytest
from pyarrow import parquet

from classifier.corpus.formats.foreign import BadRow, Reading
from classifier.corpus.formats.parquet import class_names, feature_names, read
from classifier.corpus.formats.registry import find_format
from classifier.errors import CorpusError


def saved(path, columns, metadata=None):
    parquet.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), path)
    return path


def test_label_numbers_are_read_as_their_names(tmp_path):
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "labels": {"feature": {"names": ["hoax", "cost"], "_type": "ClassLabel"}, "_type": "Sequence"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = saved(tmp_path / "a.parquet", {"text": ["x", "y", "z"], "labels": [[0, 1], [], [7]]}, metadata)
    assert [[label.name for label in row.labels] for row in read(path, Reading())] == [["hoax", "cost"], [], ["7"]]


@pytest.mark.parametrize("kind", ["Sequence", "List", "LargeList"])
def test_class_names_of_every_version(kind):
    label = {"names": ["a", "b"], "_type": "ClassLabel", "num_classes": 2, "names_file": None, "id": None}
    assert feature_names({"l": label}) == {"l": ["a", "b"]}
    assert feature_names({"l": [label]}) == {"l": ["a", "b"]}
    assert feature_names({"l": {"feature": label, "_type": kind, "length": -1}}) == {"l": ["a", "b"]}
    assert feature_names({"t": {"dtype": "string", "_type": "Value"}, "u": [], "v": None}) == {}


@pytest.mark.parametrize("hostile", [b"", b"[", b"[]", b'{"info": 1}', b'{"info": {"features": 1}}', b"[" * 100_000])
def test_broken_metadata_is_none(hostile):
    assert class_names({b"huggingface": hostile}) == {}
    assert class_names(None) == {}


def test_a_missing_label_and_a_missing_text(tmp_path):
    path = saved(tmp_path / "a.parquet", {"text": ["x", None], "label": [None, "a"]})
    first, second = read(path, Reading())
    assert (first.labels, second.text) == ((), "")


def test_a_cut_file_is_told(tmp_path):
    path = saved(tmp_path / "a.parquet", {"text": ["x"], "label": ["a"]})
    whole = path.read_bytes()
    for cut in (whole[: len(whole) // 2], whole[:4], whole[:-4] + b"XXXX"):
        path.write_bytes(cut)
        assert find_format(path).name == "parquet"
        with pytest.raises(CorpusError, match=r"a\.parquet: not a whole Parquet file"):
            list(read(path, Reading()))


def test_a_file_broken_in_the_middle_is_told_by_row(tmp_path):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"text": [f"text {i}" for i in range(5_000)], "label": ["a"] * 5_000})
    parquet.write_table(table, path, row_group_size=1_000, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    column = parquet.ParquetFile(path).metadata.row_group(3).column(0)
    at = column.data_page_offset
    data[at : at + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(bytes(data))
    rows = list(read(path, Reading()))
    assert isinstance(rows[-1], BadRow)
    assert rows[-1].row == len(rows)
    assert "the rows from here on cannot be read" in rows[-1].reason
    assert [row.text for row in rows[:-1]] == [f"text {i}" for i in range(len(rows) - 1)]


def test_bytes_that_are_not_utf8_cost_their_row(tmp_path):
    words = pyarrow.array([b"one", b"\xff\xfe", b"three"], pyarrow.binary()).cast(pyarrow.string(), safe=False)
    path = saved(tmp_path / "a.parquet", {"text": words, "label": ["a", "a", "a"]})
    one, two, three = read(path, Reading())
    assert (one.text, three.text) == ("one", "three")
    assert two == BadRow(str(path), 2, "holds bytes that are not UTF-8")
