"""Steps of time that start at midnight UTC of the first of January 1970, or of a Monday for weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from classifier.errors import InputError

# A Monday, so that weeks begin on one; days, hours and minutes fit in as well.
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)

CHOICES = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=28),
)

WANTED = 60
"""About how many steps are chosen, at most."""

MAX_BINS = 5_000


def bin_of(time: datetime, bin: timedelta) -> datetime:
    """When the step that holds ``time`` begins."""
    return ORIGIN + ((time - ORIGIN) // bin) * bin


def choose_bin(first: datetime, last: datetime) -> timedelta:
    """The shortest usual step with which the whole takes :data:`WANTED` steps or less."""
    return next((bin for bin in CHOICES if (last - first) / bin <= WANTED), CHOICES[-1])


def check_bin(bin: timedelta, first: datetime, last: datetime) -> timedelta:
    """The step itself.

    Raises
    ------
    InputError
        It is not above zero, or the time from ``first`` to ``last`` has too many of them.
    """
    if bin <= timedelta(0):
        raise InputError(f"a step of time of {bin} was asked for; it must be longer than 0", field="bin")
    if (last - first) / bin > MAX_BINS:
        told = f"the posts span {last - first}, more than {MAX_BINS:,} steps of {bin}; ask for longer steps"
        raise InputError(told, field="bin")
    return bin
