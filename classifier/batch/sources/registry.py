"""Which reader takes a file: by its name and its first bytes, or by the format that the user names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.errors import InputError

Reader = Callable[[str, Path, Reading, Tally], Iterator[Record | BadRecord]]

TABLES = (".jsonl", ".ndjson", ".csv", ".parquet")
"""A row is a text."""

_BY_SUFFIX = {
    ".txt": "text",
    **dict.fromkeys(TABLES, "table"),
    ".json": "telegram",
    **dict.fromkeys((".rss", ".atom", ".xml"), "feed"),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".mhtml", ".mht"), "html"),
}
SUFFIXES = tuple(_BY_SUFFIX)
FORMATS = ("auto", "text", "table", "telegram", "4cat", "feed", "html")


def check_format(format: str) -> None:
    """Refuse what is none of :data:`FORMATS`: raises :class:`InputError`."""
    if format not in FORMATS:
        raise InputError(f"{format!r} is no format; allowed are {', '.join(FORMATS)}")


def format_of(file: str, path: Path, format: str = "auto") -> str:
    """One of :data:`FORMATS`, never "auto".

    Raises
    ------
    InputError
        The format is unknown, or the name's ending tells none.
    """
    check_format(format)
    suffix = path.suffix.lower()
    if format == "table" and suffix not in TABLES:
        raise InputError(f"{file}: a table ends in {', '.join(TABLES)}; rename it")
    if format == "4cat" and suffix != ".csv":
        raise InputError(f"{file}: of 4CAT's files the CSV is read; download that one")
    if format != "auto":
        return format
    if suffix not in _BY_SUFFIX:
        raise InputError(f"{file}: {suffix or 'no ending'} is not read; allowed are {', '.join(SUFFIXES)} and '-'")
    return _BY_SUFFIX[suffix]


def find_reader(path: Path, format: str) -> Reader | None:
    """The reader for a format that :func:`format_of` gave; None for texts and tables. What it needs loads here."""
    if format == "feed":
        from classifier.batch.sources.feeds import read_feed

        return read_feed
    if format not in ("telegram", "html"):
        return None
    from classifier.batch.sources.telegram_html import is_telegram_html, read_telegram_html

    with path.open("rb") as stream:
        if is_telegram_html(stream.read(4096)):
            return read_telegram_html
    if format == "html":
        from classifier.batch.sources.pages import read_page

        return read_page
    from classifier.batch.sources.telegram import read_telegram

    return read_telegram


def expand(sources: Iterable[str]) -> Iterator[str]:
    """The files of files and folders, in order: of a Telegram export its messages, else all that are read.

    Raises
    ------
    InputError
        A folder holds nothing that is read.
    """
    for source in sources:
        folder = Path(source)
        if not folder.is_dir():
            yield source
            continue
        # What a chat's members attached lies beside: pages and tables that are no part of the chat.
        found = [folder / "result.json"] if (folder / "result.json").is_file() else []
        found = found or sorted(folder.rglob("messages*.html"), key=lambda p: (p.parent, len(p.name), p.name))
        if not found:
            found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _BY_SUFFIX and p.is_file())
        if not found:
            raise InputError(f"{source}: holds no file that is read; endings are {', '.join(SUFFIXES)}")
        yield from map(str, found)
