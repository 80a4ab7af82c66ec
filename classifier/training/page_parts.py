"""What a page of figures is made of, before it becomes HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MARK = "#1f5a99"
"""The colour of what is measured."""


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Cells are plain text. Columns named in ``words`` stand to the left, the others are figures."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plot:
    """An SVG with what it shows in words; ``id`` is unique in the report."""

    id: str
    svg: bytes
    caption: str
    alt: str


Block = Paragraph | Table | Plot


@dataclass(frozen=True)
class Section:
    """A heading, its anchor, and what stands under it."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Contents:
    """A whole report."""

    title: str
    sections: Sequence[Section]
