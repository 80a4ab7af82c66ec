"""Labels on spans of a text, as labels of the units (sentences, paragraphs or the whole text) that they touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from classifier.corpus.formats.agreement import agree
from classifier.corpus.formats.foreign import MAX_TEXT, BadValue, ForeignLabel, ForeignRow, OffsetUnit
from classifier.text.sentences import split_units


class Span(NamedTuple):
    """A labelled stretch; ``quoted`` is its text as the other tool saw it, empty where it does not say."""

    begin: int
    end: int
    labels: tuple[ForeignLabel, ...]
    quoted: str = ""


def is_span(item: object) -> bool:
    """Whether a value is a span as doccano (``[0, 5, "X"]`` or with offsets), Argilla or Label Studio writes it."""
    if isinstance(item, Mapping):
        return ("start" in item or "start_offset" in item) and ("label" in item or "labels" in item)
    return isinstance(item, list | tuple) and len(item) == 3 and _whole(item[0]) and _whole(item[1])


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def as_span(item: object) -> Span:
    """Read one; :func:`is_span` holds for it. Raises :class:`BadValue`."""
    if isinstance(item, Mapping):
        begin, end = item.get("start", item.get("start_offset")), item.get("end", item.get("end_offset"))
        named = item.get("labels", item.get("label"))
        quoted = item.get("text") or ""
    elif isinstance(item, list | tuple):
        begin, end, named = item
        quoted = ""
    else:
        raise BadValue(f"{type(item).__name__} is no span")
    if not (isinstance(begin, int) and isinstance(end, int)):
        raise BadValue(f"span {begin!r} to {end!r}: offsets must be whole numbers")
    names = named if isinstance(named, list) else [named]
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise BadValue(f"span {begin} to {end}: {named!r} is no label")
    return Span(begin, end, tuple(ForeignLabel(str(n)) for n in names), quoted if isinstance(quoted, str) else "")


def span_rows(
    base: ForeignRow, annotators: Sequence[Sequence[Span]], unit: str, offsets: OffsetUnit
) -> Iterator[ForeignRow]:
    """A row for each unit of ``base.text``, labelled by the spans that share a character with it.

    Parameters
    ----------
    annotators : sequence of sequences of Span
        The spans of each annotator; labels that more than half of them gave are kept.
    offsets : {"codepoint", "utf16"}
        What offsets count. A span that says what it quotes settles it by itself.

    Raises
    ------
    BadValue
        A span lies outside the text, or is not what it quotes: no unit of this text is taken then.
    """
    text = base.text
    if not text.strip():
        raise BadValue("the text is empty")
    if len(text) > MAX_TEXT:
        raise BadValue(f"the text is longer than {MAX_TEXT:,} characters")
    settled = [[_settle(span, text, offsets) for span in spans] for spans in annotators]
    units = split_units(text, unit, base.language or None)
    for k, (begin, end) in enumerate(units, 1):
        votes = [_touching(spans, begin, end) for spans in settled]
        labels, note = agree(votes)
        yield replace(
            base,
            id=f"{base.id}-{k}" if base.id and len(units) > 1 else base.id,
            text=text[begin:end],
            labels=labels,
            # Sentences of one text must not straddle a split.
            file=base.file or base.id,
            begin=begin,
            end=end,
            group=base.group or base.id or f"{base.source}, row {base.row}",
            note="; ".join(part for part in (base.note, note) if part),
        )


def _touching(spans: Sequence[Span], begin: int, end: int) -> list[ForeignLabel]:
    found: dict[str, ForeignLabel] = {}
    for span in spans:
        if span.begin < end and begin < span.end:
            for label in span.labels:
                found.setdefault(label.name, label)
    return list(found.values())


def _settle(span: Span, text: str, offsets: OffsetUnit) -> Span:
    """The span in code points."""
    readings: list[OffsetUnit] = [offsets, "utf16" if offsets == "codepoint" else "codepoint"]
    # Only characters outside the basic plane make the two differ.
    if text.isascii() or max(text) <= "\uffff":
        readings = ["codepoint"]
    elif not span.quoted:
        readings = [offsets]
    for reading in readings:
        begin, end = (
            (span.begin, span.end)
            if reading == "codepoint"
            else (_codepoint(text, span.begin), _codepoint(text, span.end))
        )
        if not 0 <= begin < end <= len(text):
            continue
        if not span.quoted or _same(text[begin:end], span.quoted):
            return Span(begin, end, span.labels)
    if span.quoted and 0 <= span.begin < span.end <= len(text):
        raise BadValue(
            f"span {span.begin} to {span.end} quotes {span.quoted[:40]!r}, "
            f"but the text has {text[span.begin : span.end][:40]!r} there"
        )
    names = ", ".join(label.name for label in span.labels)
    raise BadValue(f"span {span.begin} to {span.end} of {names!r} lies outside the text ({len(text)} characters)")


def _same(a: str, b: str) -> bool:
    # Label Studio writes line breaks in a quotation as the two characters \n, and browsers fold white space.
    return "".join(a.split()) == "".join(b.replace("\\n", " ").split())


def _codepoint(text: str, offset: int) -> int:
    """The code point at which ``offset`` UTF-16 units of ``text`` end; -1 where there are not so many."""
    if offset < 0:
        return -1
    units = text.encode("utf-16-le", "surrogatepass")
    if 2 * offset > len(units):
        return -1
    return len(units[: 2 * offset].decode("utf-16-le", "replace"))
