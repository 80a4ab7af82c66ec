import json

import pytest

from classifier.corpus.formats.argilla import read
from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading
from classifier.corpus.formats.registry import find_format
from classifier.errors import CorpusError


def record(number, text, **responses):
    return {
        "id": f"r{number}",
        "fields": {"text": text},
        "metadata": {"lang": "en", "group": "g"},
        "suggestions": {},
        "responses": responses,
        "vectors": {},
        "status": "completed",
        "_server_id": "0",
    }


def answer(value, user="u1", status="submitted"):
    return {"value": value, "user_id": user, "status": status}


@pytest.mark.parametrize("as_folder", [False, True])
def test_labels_of_one_and_of_several(tmp_path, as_folder):
    path = tmp_path / ("records.json" if as_folder else "x.json")
    records = [
        record(1, "one", topic=[answer("hoax"), answer("hoax", "u2"), answer("cost", "u3", "draft")]),
        record(2, "two", topic=[answer(["hoax", "cost"])]),
        record(3, "three", topic=[]),
    ]
    path.write_text(json.dumps(records))
    source = tmp_path if as_folder else path
    assert find_format(source).name == "argilla"
    one, two, three = read(source, Reading())
    assert (one.id, one.labels, one.annotators) == ("r1", (ForeignLabel("hoax"),), ("u1", "u2"))
    assert (one.language, one.group, one.note) == ("en", "g", "")
    assert two.labels == (ForeignLabel("hoax"), ForeignLabel("cost"))
    assert (three.reason, three.row, three.id) == ("nobody has submitted an answer to 'topic'", 3, "r3")


def test_spans_count_utf16_units(tmp_path):
    text = "😀 One. A hoax."
    begin = text.index("hoax") + 1
    path = tmp_path / "x.json"
    path.write_text(json.dumps([record(1, text, s=[answer([{"label": "hoax", "start": begin, "end": begin + 4}])])]))
    assert [row.labels for row in read(path, Reading())] == [(), (ForeignLabel("hoax"),)]


def test_several_questions_must_be_chosen_from(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([record(1, "one", mood=[answer("good")], topic=[answer("hoax")])]))
    with pytest.raises(CorpusError, match="several questions: mood, topic; choose one with --labels-column"):
        list(read(path, Reading()))
    (row,) = read(path, Reading(labels_columns=("topic",)))
    assert row.labels == (ForeignLabel("hoax"),)


def test_what_is_no_record_is_told(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([record(1, "one", t=[answer("a")]), {"fields": 1}, 2]))
    rows = list(read(path, Reading()))
    assert [isinstance(row, BadRow) for row in rows] == [False, True, True]
