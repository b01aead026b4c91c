"""What vendors say is left of the calls they allow."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.words.exceptions import TryLater
from integrations.plumbing.allowance import Allowance, RateHeaders
from integrations.plumbing.answer import Answer

HOURLY = RateHeaders("left", "limit", "reset", "this hour")


def answer(after: timedelta | None = None, /, **headers: str) -> Answer:
    return Answer(200, "application/json", b"{}", True, after, 0.1, headers)


def heard(headers: RateHeaders | None = HOURLY, after: timedelta | None = None, /, **told: str) -> Allowance:
    allowance = Allowance("ci", headers)
    allowance.hear(answer(after, **told))
    return allowance


def epoch(span: timedelta) -> str:
    return str(int((datetime.now(UTC) + span).timestamp()))


@pytest.mark.parametrize(
    ("told", "words", "warns"),
    [
        ({"left": "4812", "limit": "5000"}, "4,812 of 5,000 this hour", False),
        ({"left": "249", "limit": "5000"}, "249 of 5,000 this hour", True),
        ({"left": "250", "limit": "5000"}, "250 of 5,000 this hour", False),
        ({"left": "12"}, "", False),
        ({"left": "some", "limit": "5000"}, "", False),
        ({"left": "-1", "limit": "5000"}, "", False),
        ({"left": "٣", "limit": "5000"}, "", False),
        ({"left": "9" * 400, "limit": "5000"}, "", False),
        ({"left": "5", "limit": "0"}, "", False),
    ],
)
def test_it_is_told_where_the_vendor_tells_it(told: dict[str, str], words: str, warns: bool) -> None:
    allowance = Allowance("ci", HOURLY)
    allowance.hear(answer(**told))
    assert (allowance.told(), allowance.nearly_used) == (words, warns)


async def test_with_calls_left_nobody_waits() -> None:
    allowance = heard(left="1", limit="5000", reset=epoch(timedelta(minutes=10)))
    assert await allowance.turn(timedelta(seconds=3)) == timedelta(seconds=3)
    assert not allowance.gone


async def test_with_none_left_nothing_is_sent_until_its_end() -> None:
    allowance = heard(left="0", limit="5000", reset=epoch(timedelta(minutes=10)))
    with pytest.raises(TryLater, match=r"^ci has no calls left this hour; more in 10 min\.$") as caught:
        await allowance.turn(timedelta(seconds=3))
    assert caught.value.after is not None
    assert timedelta(minutes=9) < caught.value.after <= timedelta(minutes=10)


async def test_an_end_within_the_limit_is_waited_for() -> None:
    allowance = heard(RateHeaders("left", "limit", "reset"), left="0", limit="40", reset=epoch(timedelta(seconds=1)))
    left = await allowance.turn(timedelta(minutes=1))
    assert timedelta(seconds=58) < left <= timedelta(minutes=1)
    assert not allowance.gone


async def test_the_end_is_measured_by_the_vendors_clock() -> None:
    """Ours is two hours late here: without the Date, everything would stand still for an hour."""
    theirs = datetime.now(UTC) + timedelta(hours=2)
    reset = str(int((theirs + timedelta(seconds=90)).timestamp()))
    allowance = heard(left="0", limit="40", reset=reset, date=format_datetime(theirs, usegmt=True))
    with pytest.raises(TryLater, match="more in 2 min"):
        await allowance.turn(timedelta(seconds=3))


async def test_a_call_is_not_left_with_too_little_time_to_be_answered() -> None:
    """A health check of 3 s that waited for 2.5 would have called a service silent that had half a second."""
    allowance = heard(left="0", limit="40", reset=epoch(timedelta(seconds=4)))
    with pytest.raises(TryLater, match="has no calls left"):
        await allowance.turn(timedelta(seconds=5))


async def test_another_credential_has_an_allowance_of_its_own() -> None:
    token = {"Authorization": "Bearer one"}
    allowance = Allowance("ci", HOURLY, lambda: token)
    allowance.hear(answer(left="0", limit="5000", reset=epoch(timedelta(minutes=10))))
    assert allowance.gone
    token = {"Authorization": "Bearer two"}
    assert not allowance.gone
    assert await allowance.turn(timedelta(seconds=3)) == timedelta(seconds=3)
    token = {"Authorization": "Bearer one"}
    assert allowance.gone
    assert "Bearer" not in repr(allowance)


def test_a_refused_credential_says_nothing_of_ours() -> None:
    """GitHub answers a bad token with the 60 calls an hour that our address has without one."""
    told = {"left": "0", "limit": "60", "reset": epoch(timedelta(minutes=10))}
    allowance = Allowance("ci", HOURLY)
    allowance.hear(Answer(401, "application/json", b"{}", True, None, 0.1, told))
    assert (allowance.told(), allowance.gone) == ("", False)


@pytest.mark.parametrize("date", ["Mon, 01 Jan 0001 00:00:00 +2359", "yesterday", ""])
def test_a_date_that_is_none_breaks_no_answer(date: str) -> None:
    assert heard(left="0", limit="40", reset=epoch(timedelta(minutes=10)), date=date).gone


@pytest.mark.parametrize("reset", ["0", "-1", "1"])
def test_an_end_long_ago_holds_nobody(reset: str) -> None:
    assert not heard(left="0", limit="40", reset=reset).gone


@pytest.mark.parametrize("reset", ["9999999999", "99999999999999", "", "soon"])
async def test_a_strange_end_holds_nobody_for_more_than_an_hour(reset: str) -> None:
    wait = heard(left="0", limit="40", reset=reset).used_up().after
    assert wait is not None
    assert wait <= timedelta(hours=1)


async def test_where_no_end_is_told_a_retry_after_is_one() -> None:
    told = RateHeaders("left", "limit", per="this hour")
    assert not heard(told, left="0", limit="1000").gone
    spent = heard(told, timedelta(minutes=30), left="0", limit="1000")
    with pytest.raises(TryLater, match="more in 30 min"):
        await spent.turn(timedelta(seconds=3))


def test_a_vendor_that_tells_nothing_is_not_held_back() -> None:
    allowance = heard(None, left="0", limit="40", reset=epoch(timedelta(minutes=10)))
    assert (allowance.told(), allowance.gone, allowance.nearly_used) == ("", False, False)


def test_an_answer_that_tells_nothing_takes_nothing_back() -> None:
    allowance = heard(left="7", limit="5000")
    allowance.hear(answer())
    assert allowance.told() == "7 of 5,000 this hour"
