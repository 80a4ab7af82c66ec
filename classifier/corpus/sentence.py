"""One labelled sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ORIGINS = ("article", "written", "feedback", "imported")
"""Where a sentence can come from."""

UNLABELLED = "?"
"""What stands for the narratives of a text that nobody has labelled yet; an empty field means none of them."""


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """One row of ``labels/*.csv``.

    ``labels`` maps narrative ids to a voice, or to ``None`` where the annotators gave none. ``file``, ``begin`` and
    ``end`` (code points, half-open) stand for ``origin="article"``. Rows that share a ``group`` never straddle a
    split. ``split`` is "train" or empty for training; any other name holds the row out, to be measured under that name.
    ``date`` (ISO, ``2025-06-28``) and ``outlet`` (site, channel, author) say when and where the text was published.
    ``source`` is the label file and ``row`` the line in it, for messages.
    """

    id: str
    text: str
    language: str
    labels: Mapping[str, str | None] = field(default_factory=dict)
    origin: str = "written"
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
    source: str = field(default="", compare=False)
    row: int = field(default=0, compare=False)

    @property
    def place(self) -> str:
        """File and row, for messages."""
        return f"{self.source or 'labels'}, row {self.row}"
