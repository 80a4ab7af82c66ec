"""Exports as Telegram Desktop writes them: the writer here follows its export_output_json.cpp."""

import io
import itertools
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batch.readers import BadRecord, Reading, Record, Tally, read_records
from classifier.batch.sources import mended_json
from classifier.batch.sources.telegram import PRIVATE, message_text
from classifier.batch.times import find_zone
from classifier.errors import InputError

CHANNEL = {"name": "Канал для проверки", "type": "public_channel", "id": 1234567890}


def telegram_string(text):
    """``SerializeString``: control characters as C writes them, which is no JSON."""
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    return '"' + "".join(short.get(c) or (f"\\x{ord(c):02X}" if ord(c) < 32 else c) for c in text) + '"'


def written(value, depth=0):
    """Any JSON as Telegram Desktop lays it out: a value a line."""
    pad, end = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict):
        lines = (f"{telegram_string(key)}: {written(item, depth + 1)}" for key, item in value.items())
        return "{" + ",".join(pad + line for line in lines) + end + "}"
    if isinstance(value, list):
        return "[" + ",".join(pad + written(item, depth + 1) for item in value) + end + "]"
    return telegram_string(value) if isinstance(value, str) else json.dumps(value)


def message(number, text, **more):
    return {
        "id": number,
        "type": "message",
        "date": "2024-01-15T13:30:00",
        "date_unixtime": "1705314600",
        "from": CHANNEL["name"],
        "from_id": "channel1234567890",
        **more,
        "text": text,
        "text_entities": [],
    }


def export(tmp_path, messages, **chat):
    path = tmp_path / "result.json"
    path.write_text(written({**CHANNEL, **chat, "messages": messages}), encoding="utf-8")
    return str(path)


def read(file, **options):
    tally = Tally()
    return list(read_records(file, reading=Reading(**options), tally=tally)), tally


pieces = st.lists(
    st.text()
    | st.builds(
        lambda kind, text: {"type": kind, "text": text, "href": "https://example.org/"},
        st.sampled_from(["bold", "link", "text_link", "mention", "hashtag", "spoiler", "custom_emoji", "blockquote"]),
        st.text(),
    )
)


@given(pieces)
def test_entities_joined_are_the_text_as_it_was_shown(parts):
    shown = "".join(part if isinstance(part, str) else part["text"] for part in parts)
    assert message_text(parts) == message_text(shown) == shown


@given(st.lists(st.text(st.characters(codec="utf-8")) | pieces, max_size=4), st.integers(1, 9), st.data())
def test_what_telegram_writes_is_read_wherever_the_chunks_are_cut(tmp_path_factory, texts, size, data):
    """The oracle is json, reading the same messages from valid JSON."""
    messages = json.loads(json.dumps([message(i, t) for i, t in enumerate(texts)]).encode("utf-8", "replace"))
    valid = json.dumps(messages, ensure_ascii=False).encode("utf-8", "replace")
    messages = json.loads(valid)
    expected = [(f"1234567890/{m['id']}", t) for m in messages if (t := message_text(m["text"])).strip()]
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mended_json, "_CHUNK", size)
        found, _ = read(export(folder, messages))
    assert [(r.item.id, r.item.text) for r in found] == expected
    one_line = folder / "result.json"
    one_line.write_text(json.dumps({**CHANNEL, "messages": messages}), encoding="utf-8")
    found, _ = read(str(one_line))
    assert [(r.item.id, r.item.text) for r in found] == expected


def test_all_that_is_known_of_a_message(tmp_path):
    text = ["Война ", {"type": "bold", "text": "неизбежна"}, ", пишут они.\n", {"type": "link", "text": "example.org"}]
    (record,), tally = read(
        export(
            tmp_path,
            [
                message(
                    7,
                    text,
                    edited="2024-01-15T13:31:00",
                    edited_unixtime="1705314660",
                    author="Редактор",
                    forwarded_from="Другой канал",
                    forwarded_from_id="channel55",
                    reply_to_message_id=6,
                    photo="photos/photo_1@15-01-2024_13-30-00.jpg",
                    width=1280,
                )
            ],
        )
    )
    assert record.item.text == "Война неизбежна, пишут они.\nexample.org"
    assert record.item.id == "1234567890/7"
    assert (record.row, record.source, record.url) == (1, CHANNEL["name"], "https://t.me/c/1234567890/7")
    assert record.time == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert record.extra == {
        "author": "Редактор",
        "forwarded_from": "Другой канал",
        "reply_to": "6",
        "edited": "2024-01-15T10:31:00+00:00",
    }
    assert not tally.skipped
    assert not tally.remarks


def test_what_has_no_text_is_counted_and_what_is_malformed_told(tmp_path):
    service = {"id": 1, "type": "service", "date": "2024-01-15T09:00:00", "action": "create_channel", "text": ""}
    rows, tally = read(
        export(
            tmp_path,
            [
                service,
                {"id": 2, "type": "unsupported"},
                message(3, "", media_type="sticker"),
                message(4, [" ", {"type": "bold", "text": "\n"}]),
                message(5, "Good."),
                "no message",
                message(6, 5),
                message(7, ["a", {"type": "bold"}]),
                message(None, "No id."),
                message(8, "Bad time.", date_unixtime="soon"),
                [message(9, "In a list.")],
                message(10, "Good too.", forwarded_from=None),
            ],
        )
    )
    assert tally.skipped == {"service message": 1, "unsupported message": 1, "message without text": 2}
    good, bad = [r for r in rows if isinstance(r, Record)], [r for r in rows if isinstance(r, BadRecord)]
    assert [(r.row, r.item.text) for r in good] == [(5, "Good."), (12, "Good too.")]
    assert good[1].extra["forwarded_from"] == "unknown"
    assert [r.row for r in bad] == [6, 7, 8, 9, 10, 11]
    for record, told in zip(
        bad, ["string found", "'text'", r"'text[1]'", "'id'", "no time", "array found"], strict=True
    ):
        assert told in record.message


def test_an_older_export_has_local_times_and_the_zone_can_be_told(tmp_path):
    old = message(1, "Text.")
    del old["date_unixtime"]
    file = export(tmp_path, [old])
    (record,), tally = read(file)
    assert record.time == datetime(2024, 1, 15, 13, 30, tzinfo=UTC)
    assert tally.remarks == {"time without a zone, as on the exporting computer; taken as UTC": 1}
    (record,), tally = read(file, zone=find_zone("Europe/Moscow"))
    assert record.time == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def test_a_whole_account_gives_channels_and_groups_with_ids_of_their_own(tmp_path):
    chats = [
        {**CHANNEL, "messages": [message(1, "In a channel.")]},
        {"name": "Группа", "type": "private_group", "id": 2, "messages": [message(1, "In a group.")]},
        *(
            {"name": "Somebody", "type": kind, "id": 3, "messages": [message(1, "Private.")]}
            for kind in sorted(PRIVATE)
        ),
        {"name": None, "type": "public_supergroup", "id": 4, "messages": []},
    ]
    left = [{"name": "Оставленный", "type": "private_channel", "id": 5, "messages": [message(1, "In a left one.")]}]
    account = {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "A", "bio": "messages"},
        "contacts": {"about": "", "list": [{"first_name": "B", "date": "2020-01-01T00:00:00"}]},
        "frequent_contacts": {"about": "", "list": [{"id": 3, "type": "user", "name": "B"}]},
        "chats": {"about": "This page lists all chats.", "list": chats},
        "left_chats": {"about": "", "list": left},
    }
    path = tmp_path / "result.json"
    path.write_text(written(account), encoding="utf-8")
    rows, tally = read(str(path))
    assert [(r.item.id, r.source, r.url) for r in rows] == [
        ("1234567890/1", CHANNEL["name"], "https://t.me/c/1234567890/1"),
        ("2/1", "Группа", None),
        ("5/1", "Оставленный", "https://t.me/c/5/1"),
    ]
    assert sum(tally.skipped.values()) == len(PRIVATE)
    alone = tmp_path / "alone"
    alone.mkdir()
    (record,), tally = read(export(alone, [message(1, "Private.")], type="personal_chat", name=None))
    assert record.source == "chat 1234567890"
    assert not tally.skipped


def test_the_file_of_a_custom_emoji_without_quotation_marks(tmp_path):
    emoji = {"type": "custom_emoji", "text": "😮", "document_id": "video_files/sticker (2).webm"}
    file = export(tmp_path, [message(1, ["Так ", emoji, " вот"]), message(2, "Next.")])
    path = Path(file)
    path.write_text(path.read_text("utf-8").replace('"video_files/sticker (2).webm"', "video_files/sticker (2).webm"))
    rows, _ = read(file)
    assert [r.item.text for r in rows] == ["Так 😮 вот", "Next."]


def test_a_file_that_is_cut_off_gives_what_was_whole_and_says_so(tmp_path):
    path = Path(export(tmp_path, [message(i, f"Text {i}.") for i in range(3)]))
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        if b'"messages": [' not in whole[:end]:
            with pytest.raises(InputError, match="Machine-readable JSON"):
                read(str(path))
            continue
        rows, _ = read(str(path))
        assert [r.item.text for r in rows[:-1]] == [f"Text {i}." for i in range(len(rows) - 1)]
        assert isinstance(rows[-1], BadRecord)
        assert "cut off" in rows[-1].message


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"text": "a"}\n{"text": "b"}\n', b"\xff\xfe", b"not JSON", b'{"messages": 5}', b"[" * 100_000,
     b'{"messages": {"a": 1}}', '{"name": "x"}'.encode("utf-16")],
)  # fmt: skip
def test_what_is_no_export_is_refused_with_the_way_to_one(tmp_path, content):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(InputError, match="Machine-readable JSON"):
        read(str(tmp_path / "result.json"))


def test_bytes_that_are_no_utf8_and_a_byte_order_mark(tmp_path):
    path = Path(export(tmp_path, [message(1, "Good."), message(2, "Bad \u00e9.")]))
    content = path.read_bytes()
    path.write_bytes(content.replace("\u00e9".encode(), b"\xe9"))
    good, bad = read(str(path))[0]
    assert (good.item.text, isinstance(bad, BadRecord)) == ("Good.", True)
    path.write_bytes(b"\xef\xbb\xbf" + content)
    assert len(read(str(path))[0]) == 2


class Endless(io.RawIOBase):
    """An export without an end: whoever wants all of it before giving anything never comes back."""

    def __init__(self):
        head, _, rest = written({**CHANNEL, "messages": [message(1, "Война неизбежна, пишут они. " * 9)]}).partition(
            "["
        )
        self._lines = itertools.chain([head + "["], itertools.repeat(rest.rpartition("]")[0] + ","))
        self._left = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while len(self._left) < len(buffer):
            self._left += next(self._lines).encode()
        buffer[:], self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        return len(buffer)


def test_an_export_of_any_size_is_streamed_in_bounded_memory(tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    file.touch()
    monkeypatch.setattr(Path, "open", lambda self, mode="r": io.BufferedReader(Endless()))
    records = read_records(str(file))
    next(records)
    tracemalloc.start()
    try:
        for _ in itertools.islice(records, 3_000):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 3,000 messages are 1.5 MB of text alone.
    assert peak < 1_000_000
