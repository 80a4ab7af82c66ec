"""Saved web pages: .html as a browser saves it, and .mhtml. Files only; nothing that a page names is loaded."""

from __future__ import annotations

import codecs
import email.policy
import io
import logging
import re
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.batch.sources.html_text import check_attributes
from classifier.batch.times import to_utc
from classifier.corpus.formats.encodings import encoding_of
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem

MAX_BYTES = 32 << 20
MAX_HTML = 8 << 20
MAX_ELEMENTS = 50_000
MAX_CHILDREN = 3_000
MAX_DEPTH = 250

_meta_charset = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_xml_declaration = re.compile(r"\s*<\?xml[^>]*\?>")
_saved_from = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)\s*-->|<!--\s*Page saved with SingleFile\s+url:\s*(\S+)")
_data_url = re.compile(rb"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=\s%]{200,}")
_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_PUBLISHED = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//time[@itemprop='datePublished']/@datetime",
    "//meta[@name='pubdate' or @name='date' or @name='DC.date.issued']/@content",
)
_json_published = re.compile(r'"datePublished"\s*:\s*"([^"]{8,40})"')


def read_page(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    """Yield the main text of one page, without menus, advertisements and readers' comments.

    ``source`` is the site's name, or its host, ``time`` what the page itself declares as its time of publication.

    Raises
    ------
    InputError
        The file is too large, or no page.
    MissingExtra
        trafilatura is not installed.
    """
    try:
        import lxml.etree
        import lxml.html
        import trafilatura
    except ImportError as error:
        raise MissingExtra("Reading web pages", "web") from error
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{file}: larger than {MAX_BYTES >> 20} MiB; no page of text is")
    data = path.read_bytes()
    address, charset = "", ""
    if path.suffix.lower() in (".mhtml", ".mht"):
        data, address, charset = _from_mhtml(file, data)
    # Pictures in the page itself are most of what SingleFile saves.
    data = _data_url.sub(b"data:,", data)
    if len(data) > MAX_HTML:
        yield BadRecord(file, 1, f"larger than {MAX_HTML >> 20} MiB of HTML; no page of text is")
        return
    html = _decoded(data, charset)
    saved = _saved_from.search(html[:4096])
    address = address or (next(group for group in saved.groups() if group) if saved else "")
    if "\x00" in html:
        yield BadRecord(file, 1, "holds zero bytes: no text")
        return
    html = _control.sub(" ", html)
    if not html.strip():
        tally.skipped["empty page"] += 1
        return
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        check_attributes(html)
        tree = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
        _check_size(tree)
    except (ValueError, lxml.etree.LxmlError) as error:
        yield BadRecord(file, 1, f"not taken as a page: {error}")
        return
    published = _published(tree, html)
    # Its warnings tell what is told below.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    try:
        found: Any = trafilatura.bare_extraction(
            tree,
            url=address or None,
            include_comments=False,
            with_metadata=True,
            date_extraction_params={"original_date": True, "extensive_search": False},
        )
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError, lxml.etree.LxmlError) as error:
        yield BadRecord(file, 1, f"its main text is not found ({type(error).__name__})")
        return
    if found is None or not (found.text or "").strip():
        tally.skipped["page without a main text"] += 1
        return
    time = _time(published, found.date, reading, tally)
    url = found.url or address or None
    title = (found.title or "").strip()
    text = found.text.strip()
    extra = {"author": found.author or "", "title": title}
    yield Record(
        file,
        1,
        TextItem(text if not title or text.startswith(title) else f"{title}\n\n{text}", url),
        time=time,
        source=found.sitename or found.hostname or (urlsplit(url).hostname if url else None) or None,
        url=url,
        extra={key: value for key, value in extra.items() if value},
    )


def _from_mhtml(file: str, data: bytes) -> tuple[bytes, str, str]:
    """The page's HTML, its address and its declared encoding."""
    message = message_from_bytes(data, policy=email.policy.compat32)
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            content = part.get_payload(decode=True)
            address = message.get("Snapshot-Content-Location") or part.get("Content-Location") or ""
            if isinstance(content, bytes):
                return content, str(address).strip(), part.get_content_charset() or ""
    raise InputError(f"{file}: holds no HTML; save the page again as 'Webpage, Single File' or 'Webpage, HTML only'")


def _decoded(data: bytes, charset: str) -> str:
    """What is UTF-8 is read so whatever it says it is; else as declared where that is possible; else as guessed."""
    name, guessed = encoding_of(io.BytesIO(data))
    if guessed:
        declared = _meta_charset.search(data[:8192])
        for told in (charset, declared[1].decode("ascii") if declared else ""):
            try:
                # Latin-1 means Windows' letters on the web, and has none that cannot be read.
                codec = codecs.lookup(told).name
                return _plain(data.decode("cp1252" if codec in ("iso8859-1", "ascii") else codec))
            except (LookupError, UnicodeError, ValueError):
                continue
    return _plain(data.decode(name, "replace"))


def _plain(html: str) -> str:
    return _xml_declaration.sub("", html, count=1)


def _check_size(tree: Any) -> None:
    """Refuse what would take minutes: extraction walks the tree again and again, and looks at neighbours each time."""
    import lxml.etree

    elements, children = 0, [0]
    for event, _ in lxml.etree.iterwalk(tree, events=("start", "end")):
        if event == "end":
            children.pop()
            continue
        elements += 1
        children[-1] += 1
        children.append(0)
        for count, limit, what in (
            (elements, MAX_ELEMENTS, "elements"),
            (children[-2], MAX_CHILDREN, "elements in one"),
            (len(children) - 1, MAX_DEPTH, "elements one in the other"),
        ):
            if count > limit:
                raise ValueError(f"more than {limit:,} {what}; no page of text has")


def _published(tree: Any, html: str) -> str:
    for path in _PUBLISHED:
        for value in tree.xpath(path):
            if value.strip():
                return str(value)
    found = _json_published.search(html)
    return found[1] if found else ""


def _time(published: str, day: str | None, reading: Reading, tally: Tally) -> Any:
    for declared in (published, day or ""):
        if not declared:
            continue
        try:
            moment = to_utc(declared, reading.zone)
        except ValueError:
            continue
        if len(declared.strip()) <= len("2024-01-15"):
            tally.remarks["page that tells the day only; taken as midnight"] += 1
        elif not moment.zoned:
            tally.remarks[f"time without a zone, taken as {reading.zone}"] += 1
        return moment.time
    tally.remarks["page without a date"] += 1
    return None
