"""A file that is cut, scrambled or not what its name says gives rows or a :class:`CorpusError`, nothing else."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.corpus.formats.foreign import BadRow, ForeignRow, Reading, Writing
from classifier.corpus.formats.registry import FORMATS, find_format
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError

SUFFIXES = {"csv": ".csv", "excel": ".xlsx", "jsonl": ".jsonl", "parquet": ".parquet", "label-studio": ".json"}
SUFFIXES |= {"doccano": ".jsonl"}
ROWS = [
    LabelledSentence("1", "War is near, he said; nobody knew.", "en", {"a": "asserted"}, annotators=("x", "y")),
    LabelledSentence("2", "Всё спокойно 😀", "ru", note="=1"),
    LabelledSentence("3", 'Lines\r\nand "quotes"', "en", {"b": None}, "article", "f", 3, 9),
]


def read_or_told(read, path):
    try:
        return list(read(path, Reading())), None
    except CorpusError as error:
        return [], str(error)


def readings(name, path):
    for chosen in {name, find_format(path).name}:
        rows, told = read_or_told(FORMATS[chosen].read, path)
        assert told is None or (str(path) in told and "\n" not in told)
        for row in rows:
            assert isinstance(row, ForeignRow | BadRow)
            assert row.row >= 1
            assert row.source.startswith(str(path))


@pytest.fixture(scope="module", params=SUFFIXES)
def written(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / f"a{SUFFIXES[request.param]}"
    FORMATS[request.param].write(path, ROWS, Writing())
    return request.param, path


@settings(max_examples=80)
@given(
    begin=st.floats(0, 1),
    length=st.sampled_from([0, 1, 4, 100, 10_000]),
    put=st.binary(max_size=8) | st.sampled_from([b"\x00", b"\xff", b'"', b"\n", b"[", b"<", b"\xed\xa0\x80"]),
)
def test_damage_anywhere(written, begin, length, put):
    name, path = written
    whole = path.read_bytes()
    at = int(begin * len(whole))
    damaged = path.with_name(f"damaged{path.suffix}")
    damaged.write_bytes(whole[:at] + put + whole[at + length :])
    readings(name, damaged)


@settings(max_examples=40)
@given(content=st.binary(max_size=60))
@pytest.mark.parametrize("name", SUFFIXES)
def test_any_bytes(name, content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"any{SUFFIXES[name]}"
    path.write_bytes(content)
    readings(name, path)


@settings(max_examples=40)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    "text label labels data annotations result value choices start end type id fields responses".split()
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
@pytest.mark.parametrize("name", ["jsonl", "label-studio", "doccano", "argilla"])
def test_json_of_any_shape(name, value, tmp_path_factory):
    import json

    path = tmp_path_factory.getbasetemp() / "shape.json"
    path.write_text(json.dumps([value, {"data": value, "annotations": [value]}, {"text": "x", "label": value}]))
    readings(name, path)


@settings(max_examples=30)
@given(begin=st.floats(0, 1), put=st.binary(max_size=8), which=st.sampled_from(["arrow", "state", "info"]))
def test_damage_in_a_folder(tmp_path_factory, begin, put, which):
    folder = tmp_path_factory.getbasetemp() / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    FORMATS["huggingface"].write(folder, ROWS, Writing())
    names = {"arrow": "data-00000-of-00001.arrow", "state": "state.json", "info": "dataset_info.json"}
    path = folder / names[which]
    whole = path.read_bytes()
    at = int(begin * len(whole))
    path.write_bytes(whole[:at] + put + whole[at + len(put) :])
    readings("huggingface", folder)
