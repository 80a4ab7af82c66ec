"""Exports as doccano's projects make them (backend/data_export of its sources)."""

import json

import pytest

from classifier.corpus.formats.doccano import read
from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading
from classifier.corpus.formats.registry import find_format

CLASSIFICATION = [
    {"id": 1, "text": "one", "label": ["cost", "hoax"], "Comments": [], "lang": "en"},
    {"id": 2, "text": "two", "label": [], "Comments": ["why?"]},
]
TEXT = "Calm 😀 here. A hoax. It costs."
BEGIN = TEXT.index("hoax") + 1  # in UTF-16 units
SEQUENCE = [
    {"id": 1, "text": TEXT, "label": [[BEGIN, BEGIN + 4, "hoax"]], "Comments": []},
    {"id": 2, "text": "Fine day. Nothing.", "label": [], "Comments": []},
]
RELATIONS = [
    {
        "id": 1,
        "text": TEXT,
        "entities": [{"id": 5, "label": "hoax", "start_offset": BEGIN, "end_offset": BEGIN + 4}],
        "relations": [],
        "Comments": [],
    },
    {"id": 2, "text": "Fine day. Nothing.", "entities": [], "relations": [], "Comments": []},
]
OLD = [{"id": 1, "text": TEXT, "meta": {}, "annotation_approver": None, "labels": [[BEGIN, BEGIN + 4, "hoax"]]}]


def rows_of(path, records, reading=None):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert find_format(path).name == "doccano"
    return list(read(path, reading or Reading()))


def test_text_classification(tmp_path):
    one, two = rows_of(tmp_path / "all.jsonl", CLASSIFICATION)
    assert (one.id, one.language, one.labels) == ("1", "en", (ForeignLabel("cost"), ForeignLabel("hoax")))
    assert (two.text, two.labels) == ("two", ())


@pytest.mark.parametrize("records", [SEQUENCE, RELATIONS, OLD])
def test_sequence_labelling(tmp_path, records):
    rows = rows_of(tmp_path / "all.jsonl", records)
    assert [(row.text, row.labels) for row in rows[:3]] == [
        ("Calm 😀 here.", ()),
        ("A hoax.", (ForeignLabel("hoax"),)),
        ("It costs.", ()),
    ]
    assert [row.text for row in rows[3:]] == (["Fine day.", "Nothing."] if len(records) > 1 else [])


def test_offsets_may_count_code_points(tmp_path):
    records = [{"text": TEXT, "label": [[BEGIN - 1, BEGIN + 3, "hoax"]]}]
    rows = rows_of(tmp_path / "all.jsonl", records, Reading(offsets="codepoint", unit="text"))
    assert [(row.text, row.labels) for row in rows] == [(TEXT, (ForeignLabel("hoax"),))]


def test_a_span_outside_its_text_is_told(tmp_path):
    (bad,) = rows_of(tmp_path / "all.jsonl", [{"id": 3, "text": "short", "label": [[0, 6, "a"]]}])
    assert isinstance(bad, BadRow)
    assert (bad.row, bad.id) == (1, "3")
    assert "span 0 to 6 of 'a' lies outside the text (5 characters)" in bad.reason
