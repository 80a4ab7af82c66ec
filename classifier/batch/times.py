"""When something was posted: what files say about it, as an aware datetime in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from classifier.errors import InputError

UNDERSTOOD = (
    "ISO 8601 (2024-01-15T10:30:00+03:00, 2024-01-15 10:30:00, 2024-01-15), unix seconds, milliseconds, microseconds "
    "or nanoseconds, and mail dates (Mon, 15 Jan 2024 10:30:00 +0300)"
)
"""What :func:`to_utc` reads; day/month/year with slashes is not there, since it is read in two ways."""

_number = re.compile(r"-?\d{9,}(?:\.\d*)?")
_utc_name = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_mail_date = re.compile(r"(?:[A-Za-z]{3},? )?\s*(?:\d{1,2} [A-Za-z]{3}|[A-Za-z]{3} +\d{1,2}) .*\d{4}")

_EARLIEST = 1e8
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Below the first figure a number counts units of which the second makes a second: 1e11 seconds are the year 5138, and
1e11 milliseconds are March 1973, as are 1e8 seconds: smaller ones are no time of a post."""


class Moment(NamedTuple):
    """A time in UTC; ``zoned`` is false where the file named no zone and one was assumed."""

    time: datetime
    zoned: bool


def to_utc(value: object, zone: tzinfo = UTC) -> Moment:
    """Read a time. ``zone`` is assumed where it names none.

    Raises
    ------
    ValueError
        It is no time that is understood; the message names it.
    """
    try:
        moment = _read(value)
        zoned = moment.tzinfo is not None
        return Moment((moment if zoned else moment.replace(tzinfo=zone)).astimezone(UTC), zoned)
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        raise ValueError(f"{_short(value)} is no time that is understood; known are {UNDERSTOOD}") from None


def _read(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _unix(float(value))
    if not isinstance(value, str):
        raise ValueError
    text = value.strip()
    if _number.fullmatch(text):
        return _unix(float(text))
    named = _utc_name.sub("+00:00", text)
    try:
        return datetime.fromisoformat(named)
    except ValueError:
        pass
    if not _mail_date.fullmatch(text):
        # "2024-01-15 10:30:00 +0300": a space before the offset.
        return datetime.fromisoformat(re.sub(r"(?<=\d) (?=[+-]\d\d:?\d\d$)", "", text))
    return parsedate_to_datetime(text)


def _unix(number: float) -> datetime:
    for limit, per_second in _UNITS:
        if _EARLIEST <= number < limit:
            return datetime.fromtimestamp(number / per_second, UTC)
    raise ValueError


def _short(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}..."


def find_zone(name: str) -> tzinfo:
    """The time zone of an IANA name such as "Europe/Moscow". Raises :class:`InputError`."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{name!r} is no time zone; allowed are UTC and IANA names such as 'Europe/Moscow'") from error
