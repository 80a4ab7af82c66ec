"""Which encoding a text file is in."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from classifier.errors import CorpusError

_CHUNK = 1 << 20
_SAMPLE = 8 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_within = re.compile(rb"[\x80-\xff](?=[\x80-\xff])")
_beside = re.compile(rb"[\x80-\xff](?=[A-Za-z])|[A-Za-z](?=[\x80-\xff])")


def find_encoding(path: Path) -> tuple[str, bool]:
    """The encoding of a file, and whether it was guessed: see :func:`encoding_of`."""
    with path.open("rb") as file:
        return encoding_of(file)


def encoding_of(file: BinaryIO) -> tuple[str, bool]:
    """The encoding of an open file, which must be at its beginning, and whether it was guessed.

    A byte order mark settles it, and so does a file that is UTF-8 throughout. UTF-16 without a mark shows as zero
    bytes at every other place. What is left is one byte a letter, or UTF-8 with broken rows:

    - a file most of whose lines with letters beyond ASCII are valid UTF-8 is UTF-8 with broken rows;
    - in Cyrillic (cp1251) whole words are bytes above 127; in Western European texts (cp1252) such bytes stand
      beside ASCII letters.
    """
    head = file.read(4096)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, False
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) / 8 and odd > 4 * even:
            return "utf-16-le", True
        if even > len(head) / 8 and even > 4 * odd:
            return "utf-16-be", True
    file.seek(0)
    if _is_utf8(file):
        return "utf-8", False
    file.seek(0)
    return _guess(file.read(_SAMPLE)), True


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guess(sample: bytes) -> str:
    good = bad = 0
    for line in sample.split(b"\n"):
        if not line.isascii():
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad += 1
    if not bad or good > bad:
        # Nothing bad among so many bytes: what is broken stands further down.
        return "utf-8"
    return "cp1251" if len(_within.findall(sample)) > 2 * len(_beside.findall(sample)) else "cp1252"


def check_encoding(name: str) -> str:
    """The name of an encoding that Python knows, for text. Raises :class:`CorpusError`."""
    try:
        found = codecs.lookup(name)
    except LookupError as error:
        raise CorpusError(f"{name!r} is no encoding; try utf-8, utf-16, cp1251 or cp1252") from error
    if not found._is_text_encoding:
        raise CorpusError(f"{name!r} is no encoding of text; try utf-8, utf-16, cp1251 or cp1252")
    # A byte order mark is no part of the first column's name.
    return "utf-8-sig" if found.name == "utf-8" else found.name
