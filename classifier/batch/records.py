"""What readers of files give, and what they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from classifier.model.answer import TextItem


@dataclass(frozen=True, slots=True)
class Record:
    """One text and where it stands: ``row`` counts from 1, in a file that is one text it is always 1.

    ``time`` is aware and in UTC. ``source`` is who published it: a channel, an account, a site. ``extra`` holds what
    else the file says of the post, of these: author, title, forwarded_from, reply_to, edited.
    """

    file: str
    row: int
    item: TextItem
    time: datetime | None = None
    source: str | None = None
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be taken, and why."""

    file: str
    row: int
    message: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table hold what.

    An empty name stands for the column of that very name (``time``, ``source``, ``url``, ``author``), where there is
    one. A column that is named must be there, and a time in it that is not understood makes a bad record; otherwise
    such a time is left out and counted.
    """

    text: str = "text"
    time: str = ""
    source: str = ""
    url: str = ""
    author: str = ""

    def named(self) -> list[str]:
        """The columns that must be there."""
        return [name for name in (self.text, self.time, self.source, self.url, self.author) if name]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read files. ``format`` is "auto" or a name of :data:`classifier.batch.sources.registry.FORMATS`; ``zone``
    is assumed where a file tells a time without one."""

    format: str = "auto"
    columns: Columns = Columns()
    zone: tzinfo = UTC


@dataclass(slots=True)
class Tally:
    """What readers left out, by reason, and what they assumed. Readers add to it while they are read."""

    skipped: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
