"""What a foreign file holds, before its label names and ids are settled; and how it is to be read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import Taxonomy

MAX_TEXT = 1_000_000
"""Code points that one text may have; a longer one is most often a file whose quotation marks do not match."""

OffsetUnit = Literal["codepoint", "utf16"]


class ForeignLabel(NamedTuple):
    """A label in the other tool's words; ``theme`` is its group, where the format has one."""

    name: str
    voice: str | None = None
    theme: str = ""


@dataclass(frozen=True, slots=True)
class ForeignRow:
    """One labelled text of a foreign file.

    ``source`` and ``row`` (from 1, as the file's own tool shows it) say where it stands. Empty strings mean "not
    given"; the other fields are those of :class:`~classifier.corpus.sentence.LabelledSentence`.
    """

    source: str
    row: int
    text: str
    labels: tuple[ForeignLabel, ...]
    id: str = ""
    language: str = ""
    origin: str = ""
    file: str = ""
    begin: int | None = None
    end: int | None = None
    group: str = ""
    annotators: tuple[str, ...] = ()
    register: str = ""
    note: str = ""
    split: str = ""
    date: str = ""
    outlet: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be taken, and why."""

    source: str
    row: int
    reason: str
    id: str = ""


class BadValue(Exception):
    """A value of one row cannot be taken; becomes a :class:`BadRow`."""


@dataclass(frozen=True)
class Reading:
    """How a foreign file is read: names of its columns (guessed where empty), and what it does not say itself.

    ``known`` tells whether a label name means something; a cell that is known as a whole is not split. ``tell``
    takes remarks for the user, such as a guessed encoding.
    """

    text_column: str = ""
    labels_columns: tuple[str, ...] = ()
    id_column: str = ""
    language_column: str = ""
    voice_column: str = ""
    group_column: str = ""
    split_column: str = ""
    annotators_column: str = ""
    date_column: str = ""
    outlet_column: str = ""
    language: str = ""
    separator: str = ""
    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""
    offsets: OffsetUnit | None = None
    unit: str = "sentence"
    known: Callable[[str], bool] = field(default=lambda name: False)
    tell: Callable[[str], None] = field(default=lambda message: None)


@dataclass(frozen=True)
class Writing:
    """How a foreign file is written. ``excel`` and ``delimiter`` are CSV's, ``taxonomy`` names narratives."""

    excel: bool = False
    delimiter: str = ","
    taxonomy: Taxonomy | None = None


class Format(NamedTuple):
    """One foreign format.

    ``read`` yields rows and bad rows, and raises :class:`~classifier.errors.CorpusError` where the file cannot be read
    at all. ``write`` makes a file or folder that must not be there yet (it is created aside; see
    :mod:`classifier.durable`) and raises the same for a row that the format cannot hold. ``loses`` names the fields
    of a row that do not survive writing. A format with ``write`` none is only read.
    """

    name: str
    read: Callable[[Path, Reading], Iterator[ForeignRow | BadRow]]
    write: Callable[[Path, Iterable[LabelledSentence], Writing], None] | None
    loses: tuple[str, ...] = ()
    is_folder: bool = False


def first_line(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def plain_values(row: LabelledSentence) -> Mapping[str, object]:
    """A row as JSON's types, for formats that have lists: ``voices`` runs beside ``narratives``."""
    return {
        "id": row.id,
        "text": row.text,
        "language": row.language,
        "narratives": list(row.labels),
        "voices": list(row.labels.values()),
        "origin": row.origin,
        "file": row.file,
        "begin": row.begin,
        "end": row.end,
        "group": row.group,
        "annotators": list(row.annotators),
        "register": row.register,
        "note": row.note,
        "split": row.split,
        "date": row.date,
        "outlet": row.outlet,
    }
