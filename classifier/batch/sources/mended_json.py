"""Telegram Desktop's export as valid JSON: two ways in which it is not are mended while it is read.

Source: ``SerializeString`` and ``SerializeText`` in Telegram Desktop's ``export_output_json.cpp``; issues 27571 and
24961 of telegramdesktop/tdesktop.
"""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

_CHUNK = 1 << 16

# Control characters are written as C writes them, \x0B, which JSON does not know. Escapes are taken one by one, so that
# an escaped backslash before an x stays one.
_escape = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|.)", re.DOTALL)
_cut_escape = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:x[0-9A-Fa-f]?)?\Z")
# Exports of August 2022 name the file of a custom emoji without quotation marks.
_bare_path = re.compile(rb'("document_id": )([A-Za-z_]+/[^\r\n"]*)')


class MendedJson:
    """A file object over ``stream`` for a JSON parser; holds a chunk of it at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at_start = True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, about 64 KiB of them whatever ``size``; none at the end. ``read(0)`` gives none."""
        if size == 0:
            return b""
        chunk = self._stream.read(_CHUNK)
        # The export has a value a line, so that lines are whole; a file of one long line is read nevertheless.
        chunk += self._stream.readline(_CHUNK)
        while b"\\" in chunk[-3:] and _cut_escape.search(chunk) and (more := self._stream.read(1)):
            chunk += more
        if self._at_start:
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            self._at_start = False
        if b"\\x" in chunk:
            chunk = _escape.sub(lambda m: b"\\u00" + m[1] if m[1] else m[0], chunk)
        if b'"document_id": ' in chunk:
            chunk = _bare_path.sub(rb'\1"\2"', chunk)
        return chunk
