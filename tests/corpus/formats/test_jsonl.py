import json

import pytest

from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading
from classifier.corpus.formats.jsonl import read
from classifier.corpus.formats.registry import find_format
from classifier.errors import CorpusError


def rows_of(path, content, reading=None):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read(path, reading or Reading()))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a", "b:rejected"], [("a", None), ("b", "rejected")]),
        ("a;b", [("a", None), ("b", None)]),
        ({"a": "attributed", "b": None, "c": True, "d": 0}, [("a", "attributed"), ("c", None)]),
        ({"choices": ["a"]}, [("a", None)]),
        ([], []),
        (None, []),
        (7, [("7", None)]),
    ],
)
def test_labels_in_their_usual_shapes(tmp_path, value, expected):
    (row,) = rows_of(tmp_path / "a.jsonl", json.dumps({"text": "x", "label": value}))
    assert [(label.name, label.voice) for label in row.labels] == expected


def test_a_list_of_objects_is_read_too(tmp_path):
    path = tmp_path / "a.json"
    rows = rows_of(path, json.dumps([{"text": "x", "label": "a"}, 3, {"text": "y", "label": None}]))
    assert find_format(path).name == "jsonl"
    assert [row.row for row in rows] == [1, 2, 3]
    assert rows[1].reason == "an object is needed, int found"


def test_broken_lines_are_told_and_the_others_taken(tmp_path):
    lines = [
        b'\xef\xbb\xbf{"text": "one", "label": "a"}\r',
        b'{"text": "cut',
        b'{"text": "\xff", "label": "a"}',
        b"[" * 100_000,
        b"",
        b'{"label": "a"}',
        b'{"text": "no labels"}',
        b'{"text": ["x"], "label": "a"}',
        b'{"text": "two", "label": ["a"], "more": 1}',
    ]
    rows = rows_of(tmp_path / "a.jsonl", b"\n".join(lines))
    assert [row.text for row in rows if not isinstance(row, BadRow)] == ["one", "two"]
    told = {row.row: row.reason for row in rows if isinstance(row, BadRow)}
    assert list(told) == [2, 3, 4, 6, 7, 8]
    for number, part in (
        (2, "not valid JSON"),
        (3, "byte 10 is not UTF-8"),
        (4, "nested too deeply"),
        (6, "no 'text' here"),
        (7, "no 'label' here, which holds the labels; write an empty list for none"),
        (8, "'text' holds list, where a text is needed"),
    ):
        assert part in told[number], number


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "there are no records"),
        (b"[]", "there are no records"),
        (b"[1, 2", "not valid JSON"),
        ("[]".encode("utf-16"), "UTF-16; JSON is UTF-8"),
        (b'{"a": 1}', "no column looks like the text; columns are a"),
    ],
)
def test_a_file_that_holds_no_rows(tmp_path, content, told):
    with pytest.raises(CorpusError) as caught:
        rows_of(tmp_path / "a.json", content)
    assert told in str(caught.value)
    assert "a.json" in str(caught.value)


def test_spans_are_labels_of_sentences(tmp_path):
    text = "Nothing here. War is near! Calm."
    record = {"id": 5, "text": text, "entities": [{"start": 14, "end": 17, "label": "war"}]}
    rows = rows_of(
        tmp_path / "a.jsonl", json.dumps(record) + "\n" + json.dumps({"id": 6, "text": "A. B c.", "entities": []})
    )
    assert [(row.id, row.text, row.labels) for row in rows[:3]] == [
        ("5-1", "Nothing here.", ()),
        ("5-2", "War is near!", (ForeignLabel("war"),)),
        ("5-3", "Calm.", ()),
    ]
    assert all(text[row.begin : row.end] == row.text for row in rows[:3])
    assert {row.group for row in rows} == {"5", "6"}, "sentences of one text never straddle a split"
