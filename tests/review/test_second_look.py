"""The list goes out and its decisions come back; nothing else changes."""

import csv
from dataclasses import replace

import pytest

from classifier import CorpusError
from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.review.label_doubts import Doubt, DoubtedRow, is_kept
from classifier.review.second_look import apply_decisions, write_doubts

CODEBOOK = """version: 1
narratives:
  - {id: cold-sun, name: C, definition: d}
  - {id: costly-wind, name: W, definition: d}
"""
ROWS = {
    "a.csv": [
        LabelledSentence("a1", "=The sun, it cools.", "en", {"cold-sun": "asserted"}, note="hard"),
        LabelledSentence("a2", "Two\nlines", "en", {}, group="g"),
    ],
    "b.csv": [
        LabelledSentence("b1", "Wind ruins us", "en", {"costly-wind": None, "cold-sun": None}),
        LabelledSentence("b2", "Left as it is", "en", {}),
    ],
}


@pytest.fixture
def labels(tmp_path):
    target = tmp_path / "labels"
    target.mkdir()
    (target / "taxonomy.yaml").write_text(CODEBOOK)
    for name, rows in ROWS.items():
        write_labels(target / name, rows)
    return target


@pytest.fixture
def decide(labels, tmp_path):
    """Write the list of all rows, with decisions filled in as a spreadsheet would."""

    def run(decisions, name="list.csv", delimiter=",", encoding="utf-8-sig"):
        path = tmp_path / name
        rows = read_labels(labels)
        write_doubts(path, [DoubtedRow(r, (Doubt(0, "cold-sun", "quality", "why", 0.5),), 0.5, ()) for r in rows])
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file))
        for record in records:
            record["decision"] = decisions.get(record["id"], "")
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(records[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(records)
        return path

    return run


def by_id(labels):
    return {row.id: row for row in read_labels(labels)}


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-16")])
def test_decisions_are_carried_out_and_nothing_else_changes(labels, decide, delimiter, encoding):
    before = by_id(labels)
    path = decide({"a1": "keep", "a2": " cold-sun:rejected ", "b1": "drop"}, delimiter=delimiter, encoding=encoding)
    done = apply_decisions(path, labels, reviewer="Ann; B")
    assert [(d.kind, d.id) for d in done] == [("kept", "a1"), ("relabelled", "a2"), ("dropped", "b1")]
    after = by_id(labels)
    assert set(after) == {"a1", "a2", "b2"}
    assert after["b2"] == before["b2"]
    assert after["a1"] == replace(before["a1"], note="hard; kept: cold-sun:asserted")
    assert after["a2"].labels == {"cold-sun": "rejected"}
    assert after["a2"].annotators == ("Ann, B",)
    assert after["a2"].note == "second look by Ann, B, before: none; kept: cold-sun:rejected"
    assert is_kept(after["a1"])
    assert is_kept(after["a2"])
    again = apply_decisions(path, labels, reviewer="Ann")
    assert {d.kind for d in again} == {"known"}
    assert by_id(labels) == after


def test_files_without_a_decision_stay_byte_for_byte(labels, decide):
    (labels / "b.csv").write_bytes(b"\xef\xbb\xbfid,text,language,narratives\r\nb1,Wind,en,\r\n")
    before = (labels / "b.csv").read_bytes()
    assert [d.kind for d in apply_decisions(decide({"a2": "keep"}), labels, reviewer="r")] == ["kept"]
    assert (labels / "b.csv").read_bytes() == before


def test_none_empties_a_row(labels, decide):
    assert [d.kind for d in apply_decisions(decide({"b1": "none"}), labels, reviewer="r")] == ["relabelled"]
    assert by_id(labels)["b1"].labels == {}


def test_rows_that_are_not_as_listed_any_more_are_left(labels, decide):
    path = decide({"a1": "drop", "a2": "drop", "b1": "keep", "b2": "cold-sun"})
    rows = read_labels(labels / "a.csv")
    write_labels(labels / "a.csv", [replace(rows[0], text="New"), replace(rows[1], labels={"cold-sun": None})])
    write_labels(labels / "b.csv", read_labels(labels / "b.csv")[:1])
    before = by_id(labels)
    done = apply_decisions(path, labels, reviewer="r")
    assert [d.kind for d in done] == ["left", "left", "kept", "left"]
    assert "text is not as listed" in done[0].message
    assert "(cold-sun, not none)" in done[1].message
    assert "not in b.csv any more" in done[3].message
    after = by_id(labels)
    assert {id: after[id] for id in ("a1", "a2")} == {id: before[id] for id in ("a1", "a2")}


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ("perhaps", "neither keep, drop nor none, and 'perhaps' is not in the codebook; allowed are cold-sun"),
        ("cold-sun:loud", "voice 'loud'"),
        ("cold-sun;cold-sun", "stands twice"),
    ],
)
def test_a_wrong_decision_is_told_and_the_others_are_carried_out(labels, decide, decision, message):
    done = apply_decisions(decide({"a1": decision, "b2": "drop"}), labels, reviewer="r")
    assert [d.kind for d in done] == ["left", "dropped"]
    assert message in done[0].message


def test_another_table_is_refused(labels, tmp_path):
    (tmp_path / "x.csv").write_text("id,text\n1,a\n")
    with pytest.raises(CorpusError, match="no column 'file'; give a list that narratives labels doubt -o wrote"):
        apply_decisions(tmp_path / "x.csv", labels, reviewer="r")
    with pytest.raises(CorpusError, match="cannot be read"):
        apply_decisions(tmp_path / "y.csv", labels, reviewer="r")


def test_a_list_is_never_overwritten(labels, tmp_path):
    write_doubts(tmp_path / "l.csv", [])
    with pytest.raises(FileExistsError):
        write_doubts(tmp_path / "l.csv", [])
