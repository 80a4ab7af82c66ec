"""Rows of 4CAT's CSV files (https://4cat.nl): every data source has ``id, thread_id, timestamp, body``, and more.

The columns are those that each module under ``datasources/`` of digitalmethodsinitiative/4cat gives in ``map_item``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.batch.times import to_utc
from classifier.model.answer import TextItem

_SIGNATURE = {"id", "thread_id", "timestamp", "body"}
_SOURCES = ("chat", "subreddit", "board", "channel", "author")
"""Who published it, the first that is filled. Not ``source``: for X that is the program that a post was sent with."""

_AUTHORS = ("author_username", "author_name", "author_fullname", "author_full", "author")
_FORWARDED = ("author_forwarded_from_username", "author_forwarded_from_name", "retweeted_user")
_URLS = ("link", "post_url", "tiktok_url", "url")
_username = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")

FIELDS = ("body", "subject", *_SOURCES, *_AUTHORS, *_FORWARDED)
"""Columns whose characters are taken over."""


def is_four_cat(columns: Collection[str]) -> bool:
    """Whether these are the columns of a file from 4CAT."""
    return set(columns) >= _SIGNATURE


def four_cat_record(
    file: str, row: int, value: Mapping[str, Any], reading: Reading, tally: Tally
) -> Record | BadRecord | None:
    """One row; None where it has no text. A post's subject stands before its body, a blank line between."""
    text = "\n\n".join(part for name in ("subject", "body") if (part := (value.get(name) or "").strip()))
    if not text:
        tally.skipped["post without text"] += 1
        return None
    columns = reading.columns
    time = None
    try:
        stamp = _first(value, columns.time or "unix_timestamp", "" if columns.time else "timestamp")
        if stamp:
            moment = to_utc(stamp, reading.zone)
            time = moment.time
            if not moment.zoned:
                tally.remarks[f"time without a zone, taken as {reading.zone}"] += 1
        else:
            tally.remarks["post without a time"] += 1
    except ValueError as error:
        return BadRecord(file, row, str(error))
    chat, number = _first(value, "chat"), _first(value, "id")
    url = _first(value, columns.url) if columns.url else _first(value, *_URLS)
    if not columns.url:
        if "subreddit" in value:
            # There the column is what the post links to.
            url = ""
        elif chat and _username.fullmatch(chat):
            url = f"https://t.me/{chat}/{number.rpartition('-')[2]}"
    extra = {
        "author": _first(value, columns.author) if columns.author else _first(value, *_AUTHORS),
        "forwarded_from": _first(value, *_FORWARDED),
    }
    return Record(
        file,
        row,
        # Older files of several Telegram chats number the messages of each from 1.
        TextItem(text, f"{chat}/{number}" if chat and number.isdigit() else number or None),
        time=time,
        source=(_first(value, columns.source) if columns.source else _first(value, *_SOURCES)) or None,
        url=url or None,
        extra={key: told for key, told in extra.items() if told},
    )


def _first(value: Mapping[str, Any], *names: str) -> str:
    return next((told for name in names if (told := (value.get(name) or "").strip())), "")
