"""Telegram Desktop's "Human-readable HTML" (``messages.html``, ``messages2.html``, ...).

The shape is that of Telegram Desktop's ``export_output_html.cpp``. JSON says more: ids of chats, when a message was
edited, and whose the name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.batch.sources.html_text import element_text
from classifier.batch.times import to_utc
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem

MAX_BYTES = 64 << 20

_date = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?")


def is_telegram_html(head: bytes) -> bool:
    """Whether a page that begins so is an export."""
    return b"<title>Exported Data</title>" in head and b"page_wrap" in head


def read_telegram_html(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    """Yield the messages of one page that have text; ``row`` counts all messages on it.

    Raises
    ------
    InputError
        It is no such page.
    MissingExtra
        lxml is not installed.
    """
    try:
        import lxml.etree
        import lxml.html
    except ImportError as error:
        raise MissingExtra("Reading Telegram's messages.html", "web") from error
    data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    if not is_telegram_html(data[:4096]):
        raise InputError(
            f"{file}: no messages.html of Telegram Desktop; best is its export as 'Machine-readable JSON' (result.json)"
        )
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    tree = lxml.html.document_fromstring(data, parser=parser)
    chat = _first_text(tree, ".//div[@class='page_header']//div[contains(@class, 'text bold')]") or path.parent.name
    author = forwarded = ""
    for row, message in enumerate(tree.xpath(".//div[starts-with(@class, 'message ')]"), 1):
        kinds = message.get("class").split()
        if "service" in kinds:
            tally.skipped["service message"] += 1
            continue
        number = (message.get("id") or "").removeprefix("message")
        body = next(iter(message.xpath("./div[@class='body']")), None)
        if body is None or not number:
            yield BadRecord(file, row, "a message without a body or an id")
            continue
        # A message that follows another of the same author within minutes does not repeat the name.
        author = _first_text(body, "./div[@class='from_name']") or (author if "joined" in kinds else "")
        inner = next(iter(body.xpath("./div[@class='forwarded body']")), None)
        forwarded = "" if inner is None else _first_text(inner, "./div[@class='from_name']") or forwarded
        text = _first_text(body if inner is None else inner, "./div[@class='text']")
        if not text:
            tally.skipped["message without text"] += 1
            continue
        stamp = next(iter(body.xpath("./div[contains(@class, 'date')]/@title")), "")
        found = _date.fullmatch(stamp.strip())
        if not found:
            yield BadRecord(file, row, f"{stamp[:60]!r} is no date as Telegram Desktop writes it")
            continue
        day, month, year, clock, offset = found.groups()
        try:
            moment = to_utc(f"{year}-{month}-{day}T{clock}{offset or ''}", reading.zone)
        except ValueError as error:
            yield BadRecord(file, row, str(error))
            continue
        if not moment.zoned:
            tally.remarks[f"time without a zone, as on the exporting computer; taken as {reading.zone}"] += 1
        signature = _first_text(body, "./div[contains(@class, 'signature')]")
        extra = {"author": signature or author, "forwarded_from": forwarded}
        yield Record(
            file,
            row,
            TextItem(text, f"{chat}/{number}"),
            time=moment.time,
            source=chat,
            extra={key: value for key, value in extra.items() if value},
        )


def _first_text(element: Any, path: str) -> str:
    found = next(iter(element.xpath(path)), None)
    if found is None:
        return ""
    for date in found.xpath("./span[contains(@class, 'date')]"):
        # When the original was posted stands beside its author's name.
        date.drop_tree()
    return element_text(found)
