import csv
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from classifier.batch.posts_table import COLUMNS, ENDINGS, write_posts
from classifier.batch.readers import BadRecord, Record, Tally, read_records
from classifier.errors import InputError
from classifier.model.answer import TextItem

words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1).filter(str.strip)
records = st.builds(
    Record,
    file=st.just("result.json"),
    row=st.integers(1, 10**6),
    item=st.builds(TextItem, words, st.none() | words, st.none() | st.just("ru")),
    time=st.none() | st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    source=st.none() | words.map(str.strip),
    url=st.none() | st.just("https://example.org/1"),
    extra=st.dictionaries(st.sampled_from(["author", "forwarded_from"]), words.map(str.strip)),
)


@given(st.lists(records, max_size=4))
def test_what_is_written_is_read_again_the_same_in_every_kind(tmp_path_factory, given_records):
    folder = tmp_path_factory.mktemp("posts")
    for ending in ENDINGS:
        target = folder / f"posts{ending}"
        assert write_posts(given_records, target, pytest.fail) == len(given_records)
        for again, record in zip(read_records(str(target)), given_records, strict=True):
            assert again.item.text == record.item.text
            assert again.item.id == (record.item.id or f"result.json/{record.row}")
            assert again.item.language == record.item.language
            assert (again.time, again.source, again.url) == (record.time, record.source, record.url)
            assert again.extra == record.extra


def test_the_columns_and_their_types(tmp_path):
    moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    record = Record("f.xml", 3, TextItem("Text."), moment, "S")
    for ending in ENDINGS:
        write_posts([record], tmp_path / f"p{ending}", pytest.fail)
    schema = parquet.read_schema(tmp_path / "p.parquet")
    assert tuple(schema.names) == COLUMNS
    assert schema.field("time").type == pa.timestamp("us", "UTC")
    line = json.loads((tmp_path / "p.jsonl").read_bytes())
    (row,) = csv.DictReader((tmp_path / "p.csv").read_text("utf-8").splitlines())
    assert tuple(line) == tuple(row) == COLUMNS
    assert line["time"] == row["time"] == "2024-01-15T10:30:00+00:00"
    assert (line["author"], row["author"], line["row"], row["row"]) == (None, "", 3, "3")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_on_the_way_leaves_what_was_there(tmp_path, ending):
    target = tmp_path / f"posts{ending}"

    def broken():
        yield Record("a", 1, TextItem("x"))
        raise InputError("the disk is full")

    with pytest.raises(InputError):
        write_posts(broken(), target, pytest.fail)
    assert list(tmp_path.iterdir()) == []
    target.write_text("old")
    with pytest.raises(InputError):
        write_posts(broken(), target, pytest.fail, replace=True)
    with pytest.raises(FileExistsError):
        write_posts([], target, pytest.fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_bad_records_and_half_characters_are_told(tmp_path):
    told = []
    rows = [BadRecord("a", 1, "why"), Record("a", 2, TextItem("\ud800")), Record("a", 3, TextItem("x"))]
    assert write_posts(rows, tmp_path / "p.parquet", told.append) == 1
    assert [(bad.row, bad.message[:4]) for bad in told] == [(1, "why"), (2, "hold")]
    with pytest.raises(InputError, match=r"\.xlsx is not written; allowed are \.parquet"):
        write_posts([], tmp_path / "p.xlsx", told.append)


def test_times_in_nanoseconds_and_without_a_zone_are_read(tmp_path):
    times = pa.array([1_705_314_600_123_456_789, None], pa.timestamp("ns"))
    parquet.write_table(pa.table({"text": ["a", "b"], "time": times}), tmp_path / "p.parquet")
    tally = Tally()
    first, second = read_records(str(tmp_path / "p.parquet"), tally=tally)
    assert first.time == datetime(2024, 1, 15, 10, 30, 0, 123_456, tzinfo=UTC)
    assert second.time is None
    assert tally.remarks == {"time without a zone, taken as UTC": 1}
