from datetime import UTC, datetime

import pytest

from classifier.batch.readers import Record
from classifier.batch.units import score_record
from classifier.model.answer import TextItem

TEXT = "  First İ line. Second sentence!\n\n\tA war with Baku is inevitable, they wrote.\r\nBye."


@pytest.mark.parametrize(("unit", "rows"), [("text", 1), ("paragraph", 3), ("sentence", 4)])
def test_rows_and_offsets(small_model, unit, rows):
    record = Record("f.txt", 1, TextItem(TEXT, id="x"))
    found = list(score_record(small_model, record, unit=unit, all=True))
    assert len(found) == rows
    for row in found:
        assert row["id"] == "x"
        assert row["source"] == {"file": "f.txt", "row": 1}
        assert row["model"]["digest"] == small_model.identity.digest
        for sentence in [row] if unit == "sentence" else row["sentences"]:
            assert TEXT[sentence["begin"] : sentence["end"]] == sentence["text"]
            for item in sentence["evidence"]:
                assert sentence["begin"] <= item["begin"] < item["end"] <= sentence["end"]
        if unit == "paragraph":
            assert TEXT[row["begin"] : row["end"]].strip() == TEXT[row["begin"] : row["end"]]


@pytest.mark.parametrize("unit", ["text", "paragraph", "sentence"])
def test_what_is_known_of_a_post_goes_with_its_answer(small_model, unit):
    moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    record = Record("f.json", 2, TextItem("Text."), moment, "Channel", "https://example.org/", {"author": "A"})
    (row,) = score_record(small_model, record, unit=unit)
    assert row["source"] == {"file": "f.json", "row": 2}
    assert row["post"] == {
        "time": "2024-01-15T10:30:00+00:00",
        "source": "Channel",
        "url": "https://example.org/",
        "author": "A",
    }
    (row,) = score_record(small_model, Record("f.txt", 1, TextItem("Text.")), unit=unit)
    assert "post" not in row
