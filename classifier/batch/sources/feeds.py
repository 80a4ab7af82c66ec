"""RSS and Atom files: what a feed reader or an archive has saved. Nothing is fetched, and no link is followed."""

from __future__ import annotations

import calendar
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.batch.sources.html_text import check_attributes, html_to_text
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem

MAX_BYTES = 32 << 20
_LONG_START = 20


def read_feed(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    """Yield the entries of a feed: title and longest content as text, in the file's order.

    Raises
    ------
    InputError
        It is no feed, or larger than 32 MiB.
    MissingExtra
        feedparser or lxml is not installed.
    """
    try:
        import feedparser
        import lxml.html  # noqa: F401
    except ImportError as error:
        raise MissingExtra("Reading feeds", "web") from error
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{file}: larger than {MAX_BYTES >> 20} MiB; split it")
    data = path.read_bytes()
    try:
        check_attributes(data.decode("latin-1"))
    except ValueError as error:
        raise InputError(f"{file}: {error}") from error
    # A string would be taken for an address or a file name; a stream is read and nothing else.
    parsed = feedparser.parse(io.BytesIO(data), resolve_relative_uris=False, sanitize_html=False)
    if not parsed.entries:
        if not parsed.get("version"):
            why = ": " + " ".join(str(parsed.bozo_exception).split()) if parsed.bozo else ""
            raise InputError(f"{file}: no RSS or Atom feed{why}")
        tally.skipped["feed without entries"] += 1
        return
    if parsed.bozo:
        tally.remarks[
            f"feed that is not well-formed, read as far as it goes ({type(parsed.bozo_exception).__name__})"
        ] += 1
    try:
        title = _text(parsed.feed, "title")
    except ValueError:
        title = ""
    for row, entry in enumerate(parsed.entries, 1):
        try:
            taken = _take(file, row, entry, title or path.stem, tally)
        except ValueError as error:
            yield BadRecord(file, row, str(error))
            continue
        if taken is not None:
            yield taken


def _take(file: str, row: int, entry: Mapping[str, Any], title: str, tally: Tally) -> Record | None:
    heading = _text(entry, "title")
    body = max((_text(entry, "summary"), *(_value(part) for part in entry.get("content", ()))), key=len)
    # Feeds made of short posts repeat the post, or its beginning, as its title.
    start = heading.rstrip("….").rstrip()
    repeated = body == heading or (len(start) >= _LONG_START and body.startswith(start))
    text = "\n\n".join(part for part in ("" if repeated else heading, body) if part)
    if not text:
        tally.skipped["entry without text"] += 1
        return None
    stamp = next((entry[key] for key in ("published_parsed", "updated_parsed") if key in entry), None)
    time = None
    if stamp:
        try:
            time = datetime.fromtimestamp(calendar.timegm(stamp), UTC)
        except (ValueError, OverflowError, OSError):
            stamp = None
    if not stamp:
        tally.remarks["entry without a date that is understood"] += 1
    origin = entry.get("source")
    extra = {"author": str(entry.get("author") or ""), "title": heading}
    return Record(
        file,
        row,
        TextItem(text, entry.get("id") or entry.get("link") or None),
        time=time,
        # An aggregated feed names each entry's own.
        source=(_text(origin, "title") if isinstance(origin, Mapping) else "") or title,
        url=entry.get("link") or None,
        extra={key: value for key, value in extra.items() if value},
    )


def _text(fields: Mapping[str, Any], key: str) -> str:
    detail = fields.get(f"{key}_detail")
    if isinstance(detail, Mapping):
        return _value(detail)
    return html_to_text(str(fields.get(key) or ""))


def _value(detail: Mapping[str, Any]) -> str:
    value = str(detail.get("value") or "")
    return value.strip() if detail.get("type") == "text/plain" and "<" not in value else html_to_text(value)
