"""When a freeze of ops.toml holds: against a table, and against the clock on the wall."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.decide.policy import Window

NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
ZONES = ["UTC", "Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def window(start: str, to: str, *, zone: str = "UTC", days: list[str] | None = None) -> Window:
    return Window.model_validate({"name": "w", "timezone": zone, "from": start, "to": to, "days": days or DAYS})


@pytest.mark.parametrize(
    ("start", "to", "days", "zone", "at", "until"),
    [
        ("09:00", "17:00", None, "UTC", "2026-03-04T09:00Z", "2026-03-04T17:00Z"),
        ("09:00", "17:00", None, "UTC", "2026-03-04T17:00Z", None),
        ("09:00", "17:00", None, "UTC", "2026-03-04T08:59Z", None),
        ("09:00", "17:00", None, "Asia/Kolkata", "2026-03-04T04:00Z", "2026-03-04T11:30Z"),
        ("22:00", "06:00", ["fri"], "UTC", "2026-03-06T23:00Z", "2026-03-07T06:00Z"),
        ("22:00", "06:00", ["fri"], "UTC", "2026-03-07T05:00Z", "2026-03-07T06:00Z"),
        ("22:00", "06:00", ["fri"], "UTC", "2026-03-07T23:00Z", None),
        ("22:00", "06:00", ["fri"], "UTC", "2026-03-06T05:00Z", None),
        ("00:00", "00:00", ["wed"], "UTC", "2026-03-04T23:59Z", "2026-03-05T00:00Z"),
        ("00:00", "00:00", ["wed"], "UTC", "2026-03-05T00:00Z", None),
        # Madrid goes from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.
        ("01:30", "02:30", None, "Europe/Madrid", "2026-10-25T00:15Z", "2026-10-25T01:30Z"),
        ("01:30", "02:30", None, "Europe/Madrid", "2026-10-25T01:15Z", "2026-10-25T01:30Z"),
        ("01:30", "02:30", None, "Europe/Madrid", "2026-10-25T01:30Z", None),
        ("22:00", "08:00", None, "Europe/Madrid", "2026-03-29T00:30Z", "2026-03-29T06:00Z"),
        ("02:15", "02:45", None, "Europe/Madrid", "2026-03-29T01:20Z", "2026-03-29T01:45Z"),
    ],
)  # fmt: skip
def test_windows(start: str, to: str, days: list[str] | None, zone: str, at: str, until: str | None) -> None:
    """A freeze was announced, and not enforced: in a named time zone, over midnight, and where clocks are set."""
    end = window(start, to, zone=zone, days=days).holds(datetime.fromisoformat(at))
    assert end == (datetime.fromisoformat(until) if until else None)


@given(
    start=st.times(),
    to=st.times(),
    zone=st.sampled_from(ZONES),
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    at=st.datetimes(NEW_YEAR, NEW_YEAR.replace(year=2027), timezones=st.just(UTC)),
)
def test_windows_against_the_clock_on_the_wall(start: time, to: time, zone: str, days: list[str], at: datetime) -> None:
    held = Window.model_validate({"name": "w", "timezone": zone, "from": start, "to": to, "days": days}).holds(at)
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    starts = [datetime.combine(wall.date() - timedelta(days=back), start) for back in (0, 1)]
    expected = any(
        DAYS[begin.weekday()] in days
        and begin <= wall < datetime.combine(begin.date() + timedelta(days=to <= start), to)
        for begin in starts
    )
    near = [(at + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in range(-26, 27, 2)]
    if len(set(near)) > 1:
        # Where clocks are set a freeze may be longer than the wall says, never shorter.
        assume(expected)
    assert (held is not None) == expected
    assert held is None or held > at
