"""/ops calls."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest

from bot.ask.catalogue import Catalogue
from bot.ask.parse import parse
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Link, Moment, Report, Span, Status
from commands.calls import CallLog, ShowCalls
from integrations import open_services
from integrations.capabilities import Call, Calls
from sandbox.world.retell import FakeRetell
from tests.commands.world import NOON, Clock, detail
from tests.integrations.standin import serving


@dataclass
class Phone:
    """Calls."""

    name: str
    kind: str = "world"
    takes: float = 0.0
    fails: Exception | None = None
    asked: int = 0
    kept: list[Call] = field(default_factory=list)

    def ring(
        self, reason: str, *, agent: str = "Front desk", ago: float = 1, failed: bool = False, log: str = ""
    ) -> None:
        """`ago` in minutes."""
        at, length = NOON - timedelta(minutes=ago), None if failed else timedelta(seconds=80)
        self.kept.append(Call(f"{self.name}-{len(self.kept)}", at, agent, "ended", reason, failed, length, log))

    async def calls(self, *, since: datetime, limit: int) -> tuple[Call, ...]:
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.fails is not None:
            raise self.fails
        found = sorted((call for call in self.kept if call.at >= since), key=lambda call: call.at, reverse=True)
        return tuple(found[:limit])


def showing(*phones: Phone, most: int = 2000, deadline: float = 10) -> ShowCalls:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return ShowCalls(phones, Clock(), deadline=timedelta(seconds=deadline), read_at_most=most)


def a_day(name: str = "voice") -> Phone:
    phone = Phone(name)
    for minutes in range(113):
        phone.ring("user_hangup", ago=60 + minutes)
    for minutes in (5, 20, 30, 40):
        phone.ring("dial_failed", agent="Reminders", ago=minutes, failed=True, log="https://logs.example/1")
    phone.ring("dial_failed", ago=50, failed=True)
    phone.ring("error_asr", ago=2, failed=True)
    phone.ring("error_asr", ago=55, failed=True)
    return phone


def rows(report: Report) -> list[tuple[object, ...]]:
    table = report.well.table if report.well else report.table
    return [row[:4] for row in table.rows] if table else []


async def test_the_failed_first_by_reason_and_agent() -> None:
    report = await showing(a_day()).answer(CallLog())

    assert report.lead == "7 of 120 calls failed, 5 of them dial_failed."
    assert (report.title, report.status, report.taken_at) == ("Calls of the last 1d", Status.WARNING, NOON)
    assert rows(report) == [
        ("dial_failed", "Reminders", 4, "failed"),
        ("error_asr", "Front desk", 2, "failed"),
        ("dial_failed", "Front desk", 1, "failed"),
        ("user_hangup", "Front desk", 113, "not failed"),
    ]
    assert [line.text for line in report.lines] == [
        "4 × dial_failed: Reminders",
        "2 × error_asr: Front desk",
        "1 × dial_failed: Front desk",
    ]
    assert report.lines[0].detail == (
        "last ",
        Moment(at=NOON - timedelta(minutes=5), said="ago"),
        ", ",
        Link(url="https://logs.example/1", name="open its log"),
    )
    assert report.lines[1].detail[-1] == "voice-118"  # without a log, what to look for there
    assert report.lines[0].suggestions == ()  # it tells no errors
    assert report.well is not None
    assert (report.well.word, report.well.names) == ("agent with calls that did not fail", ("Front desk",))
    assert (report.table, report.notes) == (None, ())


async def test_more_kinds_of_failures_than_have_a_row_are_a_table() -> None:
    phone = a_day()
    for kind in range(11):
        phone.ring(f"error_{kind}", failed=True)

    report = await showing(phone).answer(CallLog())

    assert (len(report.lines), report.well, len(rows(report))) == (10, None, 15)


async def test_only_the_failed_are_listed_and_all_are_counted() -> None:
    report = await showing(a_day()).answer(CallLog(failed=True))

    assert report.lead == "7 of 120 calls failed, 5 of them dial_failed."
    assert (len(report.lines), report.well, report.table) == (3, None, None)
    assert [each.words for each in report.suggestions] == ["calls failed=yes"]


async def test_what_is_offered_next_can_be_typed() -> None:
    show = showing(a_day())
    report = await show.answer(CallLog(service="voice", since=timedelta(hours=2), match="front desk"))

    assert report.title == "Calls of voice"
    assert [each.words for each in report.suggestions] == [
        'calls voice since=2h failed=yes match="front desk"',
        'calls voice since=2h match="front desk"',
    ]
    read = parse(Catalogue((show,)), report.suggestions[0].words).params
    assert read == CallLog(service="voice", since=timedelta(hours=2), failed=True, match="front desk")


async def test_match_narrows_what_is_counted() -> None:
    report = await showing(a_day()).answer(CallLog(match="REMIND"))
    assert report.lead == "4 of 4 calls that fit 'REMIND' failed, all of them dial_failed."
    assert (len(report.lines), report.well) == (1, None)

    report = await showing(a_day()).answer(CallLog(match="nobody"))
    assert (report.lead, report.table) == ("No calls that fit 'nobody' in the last 1d.", None)


async def test_none_failed_and_none_at_all() -> None:
    phone = Phone("voice")
    report = await showing(phone).answer(CallLog(since=timedelta(hours=1)))
    assert (report.lead, report.status) == ("No calls in the last 1h.", Status.OK)

    phone.ring("user_hangup")
    report = await showing(phone).answer(CallLog())
    assert (report.lead, report.status, report.lines) == ("None of 1 call failed.", Status.OK, ())
    phone.ring("user_hangup", ago=60 * 25)
    assert (await showing(phone).answer(CallLog())).lead == "None of 1 call failed."


async def test_how_long_a_failed_call_lasted() -> None:
    phone = Phone("voice")
    phone.kept.append(Call("c", NOON, "Front desk", "error", "", True, timedelta(seconds=6)))

    (line,) = (await showing(phone).answer(CallLog())).lines

    assert (line.text, line.detail[2:4]) == ("1 × error: Front desk", (" after ", Span(seconds=6)))


async def test_more_calls_than_are_read_are_not_told_as_all() -> None:
    report = await showing(a_day(), most=50).answer(CallLog())

    assert report.lead == "7 of the newest 50 calls failed, 5 of them dial_failed."
    assert report.notes == ("voice may have more calls; the newest 50 were read.",)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (Phone("other", fails=TryLater("other is in trouble (503).")), "other is in trouble (503)."),
        (Phone("other", takes=30), "no answer within 0.5 s"),
    ],
)
async def test_one_that_is_silent_is_unknown_and_takes_nothing_from_the_others(broken: Phone, why: str) -> None:
    deadline = 0.5 if broken.takes else 10
    report = await showing(a_day(), broken, deadline=deadline).answer(CallLog())

    assert report.lead == "7 of 120 calls failed, 5 of them dial_failed; 1 of 2 services could not be read."
    assert report.status is Status.WARNING
    line = report.lines[0]
    assert (line.text, line.status, line.detail) == ("other", Status.UNKNOWN, why)
    assert [each.words for each in line.suggestions] == ["health other"]
    assert detail(report.lines[1]).startswith("in voice, last ")  # with several services, each line says whose it is

    alone = await showing(broken, deadline=deadline).answer(CallLog())
    assert (alone.lead, alone.status) == ("No calls could be read.", Status.UNKNOWN)

    quiet = await showing(Phone("voice"), broken, deadline=deadline).answer(CallLog())
    assert quiet.lead == "No calls in the last 1d; 1 of 2 services could not be read."
    assert quiet.status is Status.UNKNOWN


async def test_one_service_by_name() -> None:
    voice, other = a_day(), Phone("other")
    assert (await showing(voice, other).answer(CallLog(service="VOICE"))).title == "Calls of voice"
    assert (voice.asked, other.asked) == (1, 0)
    with pytest.raises(NotUnderstood, match="Did you mean 'voice'") as caught:
        await showing(voice, other).answer(CallLog(service="voise"))
    assert caught.value.hint == "calls voice"
    with pytest.raises(Misconfigured, match="no service that can list its calls"):
        await showing().answer(CallLog())
    assert [each.value for each in await showing(voice, other).options("service", "vo")] == ["voice"]


async def test_retells_calls_over_real_http() -> None:
    fake = FakeRetell("key_demo")
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        services = open_services({"voice": fake.section(url)}, http, lambda _: fake.api_key)
        report = await ShowCalls(services.having(Calls), fake.now).answer(CallLog())

    assert report.lead == f"5 of {len(fake.calls)} calls failed, 3 of them dial_failed."
    assert rows(report)[0] == ("dial_failed", "Reminders", 3, "failed")
    (broken,) = [line for line in report.lines if "error_llm_websocket_open" in line.text]
    assert broken.text == "1 × error_llm_websocket_open: Front desk"
    assert Span(seconds=6) in broken.detail
    assert [each.words for each in broken.suggestions] == ["errors voice since=1d"]
