from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batch.times import find_zone, to_utc
from classifier.errors import InputError

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1), timezones=offsets)
seconds = moments.map(lambda moment: moment.replace(microsecond=0))


@given(moments)
def test_a_time_that_names_its_zone_is_the_same_moment_in_utc(moment):
    for told in (moment, moment.isoformat(), moment.isoformat(" "), moment.isoformat().replace("+00:00", "Z")):
        read = to_utc(told, find_zone("Asia/Tokyo"))
        assert read == (moment, True)
        assert read.time.tzinfo is UTC


@given(seconds)
def test_unix_times_are_told_apart_by_their_size(moment):
    unix = int(moment.timestamp())
    for told in (unix, str(unix), float(unix), unix * 10**3, str(unix * 10**3), unix * 10**6, unix * 10**9):
        assert to_utc(told) == (moment, True), told


@given(seconds)
def test_mail_dates_and_a_named_utc(moment):
    assert to_utc(format_datetime(moment)).time == moment
    assert to_utc(moment.strftime("%Y-%m-%d %H:%M:%S %z")).time == moment
    for name in (" UTC", " GMT", "Z"):
        assert to_utc(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") + name) == (moment, True)


@given(seconds)
def test_a_time_without_a_zone_is_in_the_one_that_is_assumed(moment):
    local = moment.replace(tzinfo=None)
    for told in (local, local.isoformat(), local.strftime("%Y-%m-%d %H:%M:%S")):
        assert to_utc(told) == (local.replace(tzinfo=UTC), False)
        assert to_utc(told, moment.tzinfo) == (moment, False)


def test_a_day_is_its_midnight_and_moscow_is_three_hours_ahead():
    assert to_utc("2024-01-15") == to_utc(date(2024, 1, 15)) == (datetime(2024, 1, 15, tzinfo=UTC), False)
    assert to_utc("2024-01-15", find_zone("Europe/Moscow")).time == datetime(2024, 1, 14, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    ["", "soon", "01/02/2024", "15.01.2024", "2024", 0, 5, -1, 99_999_999, "0000000000", True, None, [], {}, b"2024",
     float("nan"), float("inf"), 10**30, "9" * 400, "2024-13-01", "Mon, 99 Jan 2024 10:30:00 GMT", "x" * 10_000,
     "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_no_time_of_a_post_is_refused_in_a_short_sentence(told):
    with pytest.raises(ValueError, match="is no time that is understood") as caught:
        to_utc(told)
    assert len(str(caught.value)) < 400


@given(st.text() | st.floats() | st.integers())
def test_anything_else_is_read_or_refused(told):
    try:
        read = to_utc(told)
    except ValueError:
        return
    assert read.time.tzinfo is UTC


@pytest.mark.parametrize("name", ["Moskow", "", "../etc/passwd", "Europe", "UTC+3"])
def test_a_zone_that_is_none(name):
    with pytest.raises(InputError, match="is no time zone"):
        find_zone(name)
