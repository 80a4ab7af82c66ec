import io
import json
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from classifier.batch.readers import BadRecord, Columns, Reading, Record, Tally, read_records
from classifier.errors import InputError, MissingExtra

texts = st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), min_size=1, max_size=5)


@given(texts)
def test_every_format_gives_the_same_texts_in_order(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("formats")
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": t, "id": i}) + "\n" for i, t in enumerate(rows)))
    parquet.write_table(pa.table({"id": [str(i) for i in range(len(rows))], "text": rows}), folder / "a.parquet")
    import csv

    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(rows))
    for name in ("a.jsonl", "a.parquet", "a.csv"):
        found = list(read_records(str(folder / name)))
        assert [r.item.text for r in found] == rows, name
        assert [r.item.id for r in found] == [str(i) for i in range(len(rows))]
        assert [r.row for r in found] == list(range(1, len(rows) + 1))


def test_a_text_file_and_standard_input_are_one_text(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffOne.\r\nTwo.".encode())
    (record,) = read_records(str(tmp_path / "a.txt"))
    assert record.item.text == "One.\r\nTwo."
    (record,) = read_records("-", stdin=io.BytesIO(b"Three."))
    assert (record.file, record.item.text) == ("-", "Three.")


def test_bad_records_are_reported_and_the_others_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "good"}\n{broken\n\n{"text": 5}\n{"other": "x"}\n[1]\n{"text": " "}\n\xff\n"bare"\n' + b"[" * 50_000
    )
    found = list(read_records(str(path)))
    assert [(r.row, isinstance(r, Record)) for r in found] == [
        (1, True), (2, False), (4, False), (5, False), (6, False), (7, False), (8, False), (9, True), (10, False),
    ]  # fmt: skip


def test_csv_bad_encoding_hits_only_its_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,language\ngood,en\n\xff\xfe,en\nbetter,ru\n")
    first, second, third = read_records(str(path))
    assert isinstance(second, BadRecord)
    assert "UTF-8" in second.message
    assert (first.item.language, third.item.language, third.row) == ("en", "ru", 3)


def test_an_unclosed_quote_is_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n0,good\n1,"War is inevitable\n2,Second row\n')
    good, bad = read_records(str(path))
    assert good.item.text == "good"
    assert "not valid CSV" in bad.message


def test_bytes_that_are_no_utf8_in_parquet_hit_only_their_row(tmp_path):
    data = pa.array([b"good", b"ok\xff\xfe", b"better"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 3, data.buffers())
    parquet.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    found = list(read_records(str(tmp_path / "a.parquet")))
    assert [isinstance(r, Record) for r in found] == [True, False, True]


@pytest.mark.parametrize("language", ["Russian", "\ud800", 5])
def test_a_language_that_is_no_code_makes_a_bad_record(tmp_path, language):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a", "language": language}) + '\n{"text": "b"}\n')
    bad, good = read_records(str(tmp_path / "a.jsonl"))
    assert "no ISO 639 code" in bad.message
    assert good.item.text == "b"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.docx", b"", r"\.docx is not read; allowed are \.txt"),
        ("a", b"", "no ending is not read"),
        ("a.csv", b"body\nx\n", "no column 'text'; columns are body: choose one with --column"),
        ("a.csv", b"", "no column 'text'; columns are none"),
        ("a.parquet", b"PAR0", "not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_at_all(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        list(read_records(str(tmp_path / name)))


def test_a_missing_file_and_a_missing_column(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_records(str(tmp_path / "absent.txt")))
    parquet.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="columns are body"):
        list(read_records(str(tmp_path / "a.parquet")))
    assert [r.item.text for r in read_records(str(tmp_path / "a.parquet"), column="body")] == ["x"]


def test_columns_with_time_source_and_address(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("body,posted,who,time\nx,1705314600,Channel,soon\ny,soon,Channel,\n")
    reading = Reading(columns=Columns("body", time="posted", source="who"))
    good, bad = read_records(str(file), reading=reading)
    assert (good.time, good.source) == (datetime(2024, 1, 15, 10, 30, tzinfo=UTC), "Channel")
    assert "'posted': 'soon' is no time" in bad.message
    tally = Tally()
    first, second = read_records(str(file), column="body", tally=tally)
    assert (first.time, first.source, second.time) == (None, None, None)
    assert tally.remarks == {"time that is not understood, left out": 1}
    for columns in (Columns("body", time="none"), Columns("body", source="none"), Columns("body", url="none")):
        with pytest.raises(InputError, match=r"no column 'none'; columns are .* choose one with --\w+-column"):
            list(read_records(str(file), reading=Reading(columns=columns)))


@pytest.mark.parametrize(
    ("missing", "name", "extra"),
    [("ijson", "a.json", "batch"), ("feedparser", "a.xml", "web"), ("trafilatura", "a.html", "web"),
     ("lxml.html", "a.rss", "web")],
)  # fmt: skip
def test_an_optional_part_that_is_missing_is_named(tmp_path, monkeypatch, missing, name, extra):
    (tmp_path / name).write_text("{}")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"\[{extra}\]"):
        list(read_records(str(tmp_path / name)))
