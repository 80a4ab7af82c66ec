"""Columns as the modules under datasources/ of digitalmethodsinitiative/4cat give them."""

import csv
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batch.readers import BadRecord, Columns, Reading, Tally, read_records
from classifier.errors import InputError

TIME = {"timestamp": "2024-01-15 10:30:00", "unix_timestamp": "1705314600"}
MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

TELEGRAM = {
    "id": "test_channel-17", "thread_id": "test_channel", "chat": "test_channel", "author": "77",
    "author_username": "test_author", "author_name": "Test Author", "author_is_bot": "no", "body": "War is inevitable.",
    "is_reply": "no", "reply_to": "", "views": "5", "reactions": "", **TIME, "timestamp_edited": "",
    "author_forwarded_from_name": "Other Channel", "author_forwarded_from_username": "other_channel",
    "attachment_type": "photo",
}  # fmt: skip
TWITTER = {
    "id": "55", "thread_id": "55", **TIME, "link": "https://twitter.com/test_author/status/55", "subject": "",
    "body": "RT @other: War is inevitable.", "author": "test_author", "author_fullname": "Test Author",
    "author_id": "9", "source": "Twitter for iPhone", "language_guess": "en", "is_retweet": "yes",
    "retweeted_user": "other",
}  # fmt: skip
TIKTOK = {
    "id": "71", "thread_id": "71", "author": "test_author", "author_full": "Test Author", "body": "War is inevitable.",
    **TIME, "tiktok_url": "https://tiktok.com/@test_author/video/71", "music_url": "https://example.org/m.mp3",
}  # fmt: skip
OLD_TIKTOK = {**TIKTOK, "timestamp": "1705314600", "unix_timestamp": ""}
REDDIT = {
    "thread_id": "t1", "id": "c1", "timestamp": "2024-01-15 10:30:00", "body": "War is inevitable.",
    "subject": "A title", "author": "test_author", "domain": "example.org", "url": "https://example.org/linked",
    "subreddit": "test",
}  # fmt: skip
FOURCHAN = {
    "thread_id": "1", "id": "2", "timestamp": "2024-01-15 10:30:00", "body": "War is inevitable.", "subject": "",
    "author": "Anonymous", "board": "pol", "image_md5": "", "country_code": "RU",
}  # fmt: skip


def write(path, *rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.mark.parametrize(
    ("row", "text", "identifier", "source", "url", "extra"),
    [
        (TELEGRAM, "War is inevitable.", "test_channel-17", "test_channel", "https://t.me/test_channel/17",
         {"author": "test_author", "forwarded_from": "other_channel"}),
        ({**TELEGRAM, "id": "17"}, "War is inevitable.", "test_channel/17", "test_channel",
         "https://t.me/test_channel/17", {"author": "test_author", "forwarded_from": "other_channel"}),
        ({**TELEGRAM, "chat": "-1001", "thread_id": "-1001", "author_forwarded_from_username": ""},
         "War is inevitable.", "test_channel-17", "-1001", None,
         {"author": "test_author", "forwarded_from": "Other Channel"}),
        (TWITTER, "RT @other: War is inevitable.", "55", "test_author", "https://twitter.com/test_author/status/55",
         {"author": "Test Author", "forwarded_from": "other"}),
        (TIKTOK, "War is inevitable.", "71", "test_author", "https://tiktok.com/@test_author/video/71",
         {"author": "Test Author"}),
        (OLD_TIKTOK, "War is inevitable.", "71", "test_author", "https://tiktok.com/@test_author/video/71",
         {"author": "Test Author"}),
        (REDDIT, "A title\n\nWar is inevitable.", "c1", "test", None, {"author": "test_author"}),
        (FOURCHAN, "War is inevitable.", "2", "pol", None, {"author": "Anonymous"}),
    ],
    ids=["telegram", "older telegram", "chat without a name", "x", "tiktok", "older tiktok", "reddit", "4chan"],
)  # fmt: skip
def test_each_data_source_gives_its_own(tmp_path, row, text, identifier, source, url, extra):
    (record,) = read_records(write(tmp_path / "dump.csv", row))
    assert (record.item.text, record.item.id, record.source, record.url) == (text, identifier, source, url)
    assert (record.time, dict(record.extra), record.row) == (MOMENT, extra, 1)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), min_size=1, max_size=5))
def test_bodies_come_through_and_what_is_empty_is_counted(tmp_path_factory, bodies):
    file = write(
        tmp_path_factory.mktemp("four") / "dump.csv", *({**TIKTOK, "id": i, "body": b} for i, b in enumerate(bodies))
    )
    tally = Tally()
    found = list(read_records(file, tally=tally))
    assert [(r.item.id, r.item.text) for r in found] == [(str(i), b.strip()) for i, b in enumerate(bodies) if b.strip()]
    assert tally.skipped["post without text"] == len(bodies) - len(found)


def test_a_bad_time_and_bad_bytes_hit_only_their_rows(tmp_path):
    path = tmp_path / "dump.csv"
    write(path, TIKTOK, {**TIKTOK, "unix_timestamp": "soon"}, {**TIKTOK, "body": "Ж"}, TIKTOK)
    path.write_bytes(path.read_bytes().replace("Ж".encode(), b"\xc6"))
    first, second, third, fourth = read_records(str(path))
    assert [isinstance(r, BadRecord) for r in (first, second, third, fourth)] == [False, True, True, False]
    assert "no time" in second.message
    assert "UTF-8" in third.message


def test_columns_that_are_named_win_and_a_table_stays_a_table(tmp_path):
    file = write(tmp_path / "dump.csv", {**TWITTER, "posted": "2024-02-01", "text": "Another text."})
    (record,) = read_records(file)
    assert (record.item.text, record.source) == ("Another text.", "Twitter for iPhone")
    reading = Reading("4cat", Columns(time="posted", source="author_id"))
    (record,) = read_records(file, reading=reading)
    assert (record.item.text, record.source) == (TWITTER["body"], "9")
    assert record.time == datetime(2024, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(("name", "told"), [("a.csv", "no CSV of 4CAT"), ("a.ndjson", "the CSV is read")])
def test_what_is_not_4cats_is_refused(tmp_path, name, told):
    (tmp_path / name).write_text("id,body\n1,x\n")
    with pytest.raises(InputError, match=told):
        list(read_records(str(tmp_path / name), reading=Reading("4cat")))
