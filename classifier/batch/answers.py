"""Answers from files, and the texts that they are about: what ``narratives verify`` compares.

Answers are what the service sends (one JSON object with ``results``, or several, a line each) and what
``narratives score`` prints (a line for each text, paragraph or sentence).
"""

from __future__ import annotations

import hashlib
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from classifier.batch.readers import STDIN, SUFFIXES, BadRecord, Record, read_records
from classifier.errors import InputError
from classifier.model.answer import TextItem

Kind = Literal["text", "paragraph", "sentence", "error"]

ROWS = tuple(suffix for suffix in SUFFIXES if suffix != ".txt")
"""Files with a text a row, and those of which ``narratives score`` takes a part; every other file is one text."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One entry of an answer: where it stands, what it says of its model, and what it says of a text."""

    place: str
    kind: Kind
    model: Any
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The text that a claim is about."""

    record: Record


@dataclass(frozen=True, slots=True)
class NotFound:
    """No such text was given. ``differs``: one was given that should have been it; ``reason`` says how it differs."""

    differs: bool
    reason: str


def read_claims(file: str) -> list[Claim]:
    """Read an answer; ``"-"`` reads standard input.

    Raises
    ------
    InputError
        It is no answer, or cannot be read; names what was found.
    """
    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    claims: list[Claim] = []
    for place, value in _values(file, data):
        claims += _claims(file, place, value)
    if not claims:
        raise InputError(f"{file}: holds no results")
    return claims


def _values(file: str, data: bytes) -> list[tuple[str, Any]]:
    """The JSON values in a file: one, or one a line."""
    try:
        # Byte order marks and UTF-16, as PowerShell writes it, are seen to.
        text = data.decode(json.detect_encoding(data))
        try:
            return [("", json.loads(text))]
        except ValueError:
            lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
            if len(lines) < 2:
                raise
        values = []
        for number, line in lines:
            try:
                values.append((f"line {number}", json.loads(line)))
            except ValueError as error:
                raise InputError(f"{file}: line {number} is not valid JSON: {error}") from None
        return values
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not valid JSON: {error}") from None


def _claims(file: str, place: str, value: Any) -> Iterator[Claim]:
    if not isinstance(value, Mapping):
        raise InputError(f"{file}: {place or 'it'} is {type(value).__name__}, not an answer")
    results = value.get("results")
    if isinstance(results, list):
        for i, result in enumerate(results):
            within = f"{place}, results[{i}]" if place else f"results[{i}]"
            if not isinstance(result, Mapping):
                raise InputError(f"{file}: {within} is {type(result).__name__}, not a result")
            kind: Kind = "error" if "error" in result and "labels" not in result else "text"
            yield Claim(within, kind, value.get("model"), result)
        return
    if isinstance(value.get("model"), str) and "narratives" in value:
        raise InputError(
            f"{file}: {place or 'it'} is a row that was written with -o and holds no sentences; score the file again "
            "and compare the sha256 of the receipts, or score the row's text without -o and verify that (docs/batch.md)"
        )
    if "labels" not in value:
        keys = ", ".join(sorted(map(str, value))[:8]) or "nothing"
        raise InputError(f"{file}: {place or 'it'} holds {keys}, but neither results nor labels: not an answer")
    kind = "sentence" if "sentences" not in value else "paragraph" if "begin" in value else "text"
    yield Claim(place or "the answer", kind, value.get("model"), value)


class Texts:
    """Texts by what they are: their SHA-256.

    Parameters
    ----------
    files : iterable of str
        Those that :func:`~classifier.batch.readers.read_records` knows are read as it does; any other file is one
        text in UTF-8.
    column : str
        Which column holds it.
    """

    def __init__(self, files: Iterable[str], *, column: str = "text") -> None:
        self.bad: list[BadRecord] = []
        self._records: list[Record] = []
        self._by_hash: dict[str, Record] = {}
        self._nearly: dict[str, tuple[str, Record]] | None = None
        for file in files:
            for record in _read(file, column):
                if isinstance(record, BadRecord):
                    self.bad.append(record)
                    continue
                self._records.append(record)
                self._by_hash.setdefault(_sha256(record.item.text), record)

    def find(self, claim: Claim) -> Found | NotFound:
        """The text of a claim, by its hash; else why there is none."""
        wanted = claim.body.get("text_sha256")
        if isinstance(wanted, str) and wanted in self._by_hash:
            return Found(self._by_hash[wanted])
        if self._nearly is None:
            # Worked out once, and only where it is needed.
            self._nearly = {}
            for record in self._records:
                for change, changed in _variants(record.item.text):
                    self._nearly.setdefault(_sha256(changed), (change, record))
        if isinstance(wanted, str) and wanted in self._nearly:
            change, record = self._nearly[wanted]
            return self._differs(record, wanted, f"; {change} it would be the same")
        meant = self._meant(claim)
        if meant is not None:
            return self._differs(meant, wanted, "")
        return NotFound(False, f"none of the texts given ({len(self._records)}) has the sha256 {wanted}")

    def _differs(self, record: Record, wanted: object, hint: str) -> NotFound:
        place = (
            record.file if record.row == 1 and not record.file.endswith(ROWS) else f"{record.file}, row {record.row}"
        )
        return NotFound(
            True,
            f"{place}: the text differs from the one that was scored: its sha256 is {_sha256(record.item.text)}, "
            f"the answer's {wanted}{hint}",
        )

    def _meant(self, claim: Claim) -> Record | None:
        """The text that was meant, by all that is known: the only one, the row that the answer names, or its id."""
        if len({(record.file, record.row) for record in self._records}) == 1:
            return self._records[0]
        source, identifier = claim.body.get("source"), claim.body.get("id")
        for record in self._records:
            if isinstance(source, Mapping) and isinstance(source.get("file"), str):
                same = Path(source["file"]).name == Path(record.file).name and source.get("row") == record.row
            else:
                same = identifier is not None and identifier == record.item.id
            if same:
                return record
        return None


def _read(file: str, column: str) -> Iterator[Record | BadRecord]:
    path = Path(file)
    if path.suffix.lower() in ROWS:
        yield from read_records(file, column=column)
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        yield BadRecord(file, 1, f"byte {error.start} is not UTF-8; save the file as UTF-8")
        return
    # A byte order mark is no part of what 'narratives score' reads; whoever sends the file as it is sends it too.
    yield Record(file, 1, TextItem(text.removeprefix("\ufeff")))
    if text.startswith("\ufeff"):
        yield Record(file, 1, TextItem(text))


def _variants(text: str) -> Iterator[tuple[str, str]]:
    """A text as it may have become on its way, and what would undo it."""
    changes: list[tuple[str, Callable[[str], str]]] = [
        ("with LF instead of CRLF line ends", lambda t: t.replace("\r\n", "\n")),
        ("with CRLF instead of LF line ends", lambda t: t.replace("\r\n", "\n").replace("\n", "\r\n")),
        ("without the line end at its end", lambda t: t.removesuffix("\n").removesuffix("\r")),
        ("with a line end at its end", lambda t: t + "\n"),
        ("with LF line ends and none at its end", lambda t: t.replace("\r\n", "\n").removesuffix("\n")),
        ("without white space around it", str.strip),
        ("without its byte order mark", lambda t: t.removeprefix("\ufeff")),
        ("with a byte order mark", lambda t: "\ufeff" + t),
        ("in Unicode normalization form C", lambda t: unicodedata.normalize("NFC", t)),
        ("in Unicode normalization form D", lambda t: unicodedata.normalize("NFD", t)),
    ]
    for name, change in changes:
        changed = change(text)
        if changed != text:
            yield name, changed


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
