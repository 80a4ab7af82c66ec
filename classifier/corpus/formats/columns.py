"""Which column of a table holds what, and one record of it as rows."""

from __future__ import annotations

import ast
import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from classifier.corpus.formats.foreign import BadRow, BadValue, ForeignLabel, ForeignRow, OffsetUnit, Reading
from classifier.corpus.formats.spans import Span, as_span, is_span, span_rows
from classifier.errors import CorpusError
from classifier.taxonomy import VOICES

GUESSES = {
    "text": ("text", "sentence", "content", "body", "document", "message", "comment", "tweet", "post", "data"),
    "labels": (
        "narratives",
        "narrative",
        "labels",
        "label",
        "entities",
        "cats",
        "categories",
        "category",
        "classes",
        "class",
        "tags",
        "tag",
        "codes",
        "code",
    ),
    "id": ("id", "doc_id", "document_id", "text_id", "sentence_id"),
    "language": ("language", "lang"),
    "voice": ("voices", "voice"),
    "group": ("group",),
    "split": ("split",),
    "annotators": ("annotators", "annotator", "coder"),
    "origin": ("origin",),
    "file": ("file",),
    "begin": ("begin",),
    "end": ("end",),
    "register": ("register",),
    "note": ("note",),
    "date": ("date", "published", "publication_date"),
    "outlet": ("outlet", "source", "publisher"),
}
"""Names by which a column is found where no option names it, the first that is there; case does not matter."""

OPTIONS = {
    "text": "--text-column",
    "labels": "--labels-column",
    "id": "--id-column",
    "language": "--language-column",
    "voice": "--voice-column",
    "group": "--group-column",
    "split": "--split-column",
    "annotators": "--annotators-column",
    "date": "--date-column",
    "outlet": "--outlet-column",
}

_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "x", "+"})
_NONE = frozenset({"", "-", "nan", "none", "null", "[]"})
_FALSE = _NONE | {"0", "0.0", "false", "no", "n"}
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+?\d{2,}", re.IGNORECASE)


class Columns:
    """The roles of a table's columns.

    Parameters
    ----------
    names : sequence of str
        The header.
    place : str
        File and row of the header, for messages.

    Raises
    ------
    CorpusError
        A column that an option names is not there, or text or labels are found in none.
    """

    def __init__(self, names: Sequence[str], reading: Reading, place: str) -> None:
        self.reading = reading
        folded: dict[str, str] = {}
        for name in names:
            folded.setdefault(name.strip().lower(), name)
        given = {
            "text": reading.text_column,
            "id": reading.id_column,
            "language": reading.language_column,
            "voice": reading.voice_column,
            "group": reading.group_column,
            "split": reading.split_column,
            "annotators": reading.annotators_column,
            "date": reading.date_column,
            "outlet": reading.outlet_column,
        }
        self.of: dict[str, str] = {}
        for role, guesses in GUESSES.items():
            if given.get(role):
                self.of[role] = self._named(given[role], folded, names, OPTIONS[role], place)
            elif role != "labels":
                found = next((folded[guess] for guess in guesses if guess in folded), None)
                if found is not None:
                    self.of[role] = found
        # A span is all three or nothing: "file" alone is anybody's word.
        if not {"file", "begin", "end"} <= self.of.keys():
            for role in ("file", "begin", "end"):
                self.of.pop(role, None)
        if reading.labels_columns:
            option = OPTIONS["labels"]
            self.labels = tuple(self._named(name, folded, names, option, place) for name in reading.labels_columns)
        else:
            taken = self.of.get("text")
            self.labels = tuple([folded[g] for g in GUESSES["labels"] if g in folded and folded[g] != taken][:1])
        listed = ", ".join(names) or "none"
        if "text" not in self.of:
            alone = sum(bool(name.strip()) for name in names) == 1
            raise CorpusError(
                f"{place}: no column looks like the text; columns are {listed}: choose with --text-column"
                + (", or take out what stands above the row with the columns' names" if alone else "")
            )
        if not self.labels:
            raise CorpusError(
                f"{place}: no column looks like the labels; columns are {listed}: choose with --labels-column"
            )
        used = [self.of["text"], *self.labels, *self.of.values()]
        for name in names:
            if name in used and list(names).count(name) > 1:
                raise CorpusError(f"{place}: the column {name!r} stands twice; rename one of them")

    @property
    def used(self) -> list[str]:
        """Names of the columns that are read, each once."""
        return list(dict.fromkeys([*self.of.values(), *self.labels]))

    @staticmethod
    def _named(name: str, folded: Mapping[str, str], names: Sequence[str], option: str, place: str) -> str:
        if name in names:
            return name
        if name.strip().lower() in folded:
            return folded[name.strip().lower()]
        raise CorpusError(f"{place}: {option}: no column {name!r}; columns are {', '.join(names) or 'none'}")


def record_rows(
    record: Mapping[str, object],
    columns: Columns,
    source: str,
    row: int,
    *,
    from_spreadsheet: bool = False,
    with_spans: bool = False,
    offsets: OffsetUnit = "codepoint",
) -> Iterator[ForeignRow | BadRow]:
    """One record as a row; as a row for each unit of its text where its labels are spans.

    ``from_spreadsheet`` looks for ids that Excel has cut. ``with_spans`` says that labels of this file are spans, so
    that none is no span rather than a whole text without a label. ``offsets`` is what spans count.
    """
    identifier = ""
    try:
        identifier = _identifier(record.get(columns.of.get("id", "")), from_spreadsheet)
        yield from _rows(record, columns, source, row, identifier, with_spans, columns.reading.offsets or offsets)
    except BadValue as error:
        yield BadRow(source, row, str(error), identifier)


def _rows(
    record: Mapping[str, object],
    columns: Columns,
    source: str,
    row: int,
    identifier: str,
    with_spans: bool,
    offsets: OffsetUnit,
) -> Iterator[ForeignRow]:
    reading = columns.reading

    def value(role: str) -> object:
        return record.get(columns.of[role]) if role in columns.of else None

    def words(role: str) -> str:
        return as_text(value(role), columns.of.get(role, role))

    if columns.of["text"] not in record:
        raise BadValue(f"no {columns.of['text']!r} here, which holds the text")
    spans: list[Span] = []
    labels: list[ForeignLabel] = []
    for name in columns.labels:
        held = record.get(name)
        items = _items(held)
        if items and all(is_span(item) for item in items):
            spans += [as_span(item) for item in items]
        else:
            labels += read_labels_value(held, name, reading, columns.of.get("voice"), len(columns.labels) > 1)
    labels = _with_voices(labels, value("voice"), columns.of.get("voice", ""))
    begin, end = _offset(value("begin"), "begin"), _offset(value("end"), "end")
    origin = words("origin")
    found = ForeignRow(
        source,
        row,
        text=words("text"),
        labels=tuple(labels),
        id=identifier,
        language=words("language"),
        origin=origin,
        file=words("file"),
        begin=begin,
        end=end,
        group=words("group"),
        annotators=tuple(_names(value("annotators"))),
        register=words("register"),
        note=words("note"),
        split=words("split"),
        date=words("date"),
        outlet=words("outlet"),
    )
    if not spans and not with_spans:
        yield found
        return
    if labels:
        raise BadValue("has labels on the whole text beside labels on spans; keep one kind of them")
    yield from span_rows(found, [spans], reading.unit, offsets)


def as_text(value: object, column: str = "value") -> str:
    """A cell as text: numbers that are whole without ``.0``, dates as ISO 8601. Raises :class:`BadValue`."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    raise BadValue(f"{column!r} holds {type(value).__name__}, where a text is needed")


def _identifier(value: object, from_spreadsheet: bool) -> str:
    text = as_text(value, "id")
    if from_spreadsheet:
        cut = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1e15
        if cut or _SCIENTIFIC.fullmatch(text.strip()):
            raise BadValue(
                f"id {text!r} is a number that the spreadsheet has cut to 15 digits or to scientific notation; "
                "format that column as text in the source and export it again"
            )
    return text if text.strip() else ""


def _offset(value: object, column: str) -> int | None:
    text = as_text(value, column).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadValue(f"{column} {text!r} is not a whole number of code points")
    return int(text)


def _names(value: object) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for item in value if (text := as_text(item, "annotators"))]
    return [name for name in as_text(value, "annotators").split(";") if name]


def holds_spans(record: Mapping[str, object], columns: Columns) -> bool:
    """Whether the labels of a record are spans."""
    return any(is_span(item) for name in columns.labels for item in _items(record.get(name)))


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def read_labels_value(
    value: object, column: str, reading: Reading, voice_column: str | None = None, several: bool = False
) -> list[ForeignLabel]:
    """Labels from a cell: a name, names joined by a separator, a list (also one printed by Python or JSON), or a flag.

    A flag (1, true, yes, x, or a voice) stands for the name of its column: where several columns are read, or where
    that name is known. In a single column of any other name, 0 and 1 are codes, and so labels.
    """
    if isinstance(value, Mapping):
        if set(value) == {"choices"}:
            return read_labels_value(value["choices"], column, reading)
        # {"russophobia": "attributed"} or {"russophobia": true}
        return [
            ForeignLabel(str(name), said if isinstance(said, str) and said in VOICES else None)
            for name, said in value.items()
            if as_text(said, str(name)).lower() not in _FALSE
        ]
    if isinstance(value, list | tuple):
        return [_label(as_text(item, column), reading) for item in value if as_text(item, column).strip()]
    text = as_text(value, column)
    bare = text.strip()
    if reading.known(bare):
        return [ForeignLabel(bare)]
    if bare.lower() in _NONE:
        return []
    if several or reading.known(column):
        if bare.lower() in _FALSE:
            return []
        if bare.lower() in _TRUE:
            return [ForeignLabel(column)]
        if bare in VOICES:
            return [ForeignLabel(column, bare)]
    if bare[0] in "[(" and bare[-1] in "])":
        listed = _printed_list(bare)
        if listed is not None:
            return read_labels_value(listed, column, reading)
    parts = bare.split(reading.separator) if reading.separator else re.split(r"[;|]", bare)
    return [_label(part, reading) for part in parts if part.strip()]


def _printed_list(text: str) -> list[object] | None:
    """``["a", "b"]`` as JSON writes a list into a cell, or ``['a', 'b']`` as pandas does."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list | tuple):
            return list(value)
    return None


def _label(text: str, reading: Reading) -> ForeignLabel:
    bare = text.strip()
    if not reading.known(bare):
        name, colon, voice = bare.rpartition(":")
        if colon and voice.strip() in VOICES:
            return ForeignLabel(name.strip(), voice.strip())
    return ForeignLabel(bare)


def _with_voices(labels: list[ForeignLabel], value: object, column: str) -> list[ForeignLabel]:
    """Voices from a column of their own: one for all, a list beside the labels, or a voice for each name."""
    if isinstance(value, list | tuple):
        if not value:
            return labels
        if len(value) != len(labels):
            raise BadValue(f"{column!r} holds {len(value)} voices for {len(labels)} labels")
        return [label._replace(voice=as_text(v, column) or label.voice) for label, v in zip(labels, value, strict=True)]
    named: dict[str, str] = {}
    if isinstance(value, Mapping):
        named = {str(name): as_text(voice, column) for name, voice in value.items() if voice}
    else:
        text = as_text(value, column).strip()
        for part in text.split(";"):
            name, colon, voice = part.rpartition(":")
            if colon:
                named[name.strip()] = voice.strip()
        if text and not named:
            return [label._replace(voice=text) for label in labels]
    return [label._replace(voice=named.get(label.name, label.voice)) for label in labels]
