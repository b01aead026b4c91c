"""/ops usage."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from bot.slack.views.text import plain
from bot.store.vendors.call_counts import PgTally
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Moment, Report, Status
from commands.usage import Metering, ShowUsage
from integrations import open_services
from integrations.capabilities import Checkable, Metered, Quota
from integrations.plumbing.call_counts import Counted
from sandbox.world.neon import FakeNeon
from sandbox.world.openai import FakeOpenAI
from sandbox.world.unleashed import FakeUnleashed
from tests.commands.world import NOON, Clock, Outside, detail
from tests.integrations.standin import serving

APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@dataclass
class Meter(Outside):
    """Metered."""

    quotas: list[Quota] = field(default_factory=list)

    async def usage(self) -> tuple[Quota, ...]:
        await self.answers()
        return tuple(self.quotas)


def metering(*meters: Meter, deadline: float = 10) -> ShowUsage:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return ShowUsage(meters, Clock(), deadline=timedelta(seconds=deadline))


def told(report: Report) -> list[tuple[str, str, str]]:
    return [(line.text, line.word, detail(line)) for line in report.lines]


def rest(report: Report) -> list[tuple[str, ...]]:
    """The rows of the table as people read them."""
    rows = report.table.rows if report.table else ()
    return [tuple(plain(cell, str) for cell in row) for row in rows]


async def test_nearest_its_limit_first_and_what_has_none_last() -> None:
    report = await metering(
        Meter("db", quotas=[Quota("compute time", 90, 100, "hours", APRIL), Quota("stored data", 2.5, None, "GB")]),
        Meter("ai", quotas=[Quota("costs this month", 1234.5, 5000, "USD", APRIL, note="Of all projects.")]),
        Meter("phone", quotas=[Quota("balance", 12.4, 100, "USD", remaining_is_good=True)]),
    ).answer(Metering())

    assert told(report) == [
        ("db: compute time", "near its limit", "90 of 100 hours, 90 % used, resets 2026-04-01 00:00 UTC"),
        ("phone: balance", "near its limit", "12.40 of 100.00 USD left, 87 % used"),
    ]
    assert rest(report) == [
        ("ai", "costs this month", "1,234.50 of 5,000.00 USD", "24.7 %", "2026-04-01 00:00 UTC"),
        ("db", "stored data", "2.5 GB", "–", "–"),
    ]
    assert report.lead == "2 of 3 limits are past 80 %."
    assert report.status is Status.WARNING
    assert report.lines[0].detail[-1] == Moment(at=APRIL, said="ago")
    assert [[each.words for each in line.suggestions] for line in report.lines] == [["usage db"], ["usage phone"]]
    assert report.notes == ("ai: Of all projects.",)
    assert [each.words for each in report.suggestions] == ["usage"]
    assert report.taken_at == NOON


@pytest.mark.parametrize(
    ("quota", "detail"),
    [
        (Quota("calls", 100, 100, "calls"), "100 of 100 calls, used up"),
        (Quota("calls", 1_250_000, 1_000_000, "calls"), "1,250,000 of 1,000,000 calls, used up (125 %)"),
        (Quota("balance", 0, 50, "USD", remaining_is_good=True), "0.00 of 50.00 USD left, used up"),
        (Quota("balance", -3, None, "USD", remaining_is_good=True), "-3.00 USD left, used up"),
    ],
)
async def test_what_is_used_up_is_said_in_words_and_is_not_down(quota: Quota, detail: str) -> None:
    report = await metering(Meter("x", quotas=[quota])).answer(Metering())

    assert told(report) == [(f"x: {quota.name}", "used up", detail)]
    assert (report.status, report.lead) == (Status.WARNING, "1 of 1 limit is past 80 %, and it is used up.")


async def test_some_are_used_up_and_others_near() -> None:
    quotas = [Quota("a", 81, 100, "calls"), Quota("b", 100, 100, "calls"), Quota("c", 80, 100, "calls")]

    report = await metering(Meter("x", quotas=quotas)).answer(Metering())

    assert report.lead == "2 of 3 limits are past 80 %, 1 of them used up."
    assert [line.text for line in report.lines] == ["x: b", "x: a"]
    assert rest(report) == [("x", "c", "80 of 100 calls", "80 %", "–")]


@pytest.mark.parametrize(
    ("quota", "amount", "part"),
    [
        (Quota("a", 80, 100, "calls"), "80 of 100 calls", "80 %"),
        (Quota("a", 29, 100, "calls"), "29 of 100 calls", "29 %"),
        (Quota("a", 3.456, 10, "GB"), "3.46 of 10 GB", "34.6 %"),
        (Quota("a", 1234.56, 10_000, "hours"), "1,235 of 10,000 hours", "12.3 %"),
        (Quota("a", 0.004, 1, "GB"), "0.004 of 1 GB", "0.4 %"),
        (Quota("a", 0, 1, "GB"), "0 of 1 GB", "0 %"),
        (Quota("a", 0.5, 1, "EUR"), "0.50 of 1.00 EUR", "50 %"),
    ],
)
async def test_numbers_as_people_read_them(quota: Quota, amount: str, part: str) -> None:
    report = await metering(Meter("x", quotas=[quota])).answer(Metering())

    assert (report.lines, rest(report)) == ((), [("x", "a", amount, part, "–")])
    assert report.status is Status.OK
    assert report.lead.startswith("Nothing is past 80 % of its limit; nearest is x: a, ")


async def test_one_of_what_has_no_limit_is_one() -> None:
    quotas = [Quota("a", 1, None, "calls"), Quota("b", 0.004, None, "hours"), Quota("c", 1, None, "GB")]
    report = await metering(Meter("x", quotas=quotas)).answer(Metering())

    assert [(row[2], row[3]) for row in rest(report)] == [("1 call", "–"), ("0.004 hours", "–"), ("1 GB", "–")]


async def test_nearly_all_is_not_all() -> None:
    """Rounded down: 100 % is said of nothing that has some left."""
    report = await metering(Meter("x", quotas=[Quota("a", 999, 1000, "calls")])).answer(Metering())

    assert told(report) == [("x: a", "near its limit", "999 of 1,000 calls, 99 % used")]


async def test_what_could_not_be_read_is_unknown_and_takes_nobody_along() -> None:
    report = await metering(
        Meter("hangs", takes=30),
        Meter("fails", fails=TryLater("fails is in trouble (500).")),
        Meter("odd", fails=KeyError("token=hunter2")),
        Meter("db", quotas=[Quota("a", 1, 10, "calls"), Quota("b", 7, None, "GB")]),
        deadline=0.5,
    ).answer(Metering())

    assert told(report) == [
        ("hangs", "could not be read", "no answer within 0.5 s"),
        ("fails", "could not be read", "fails is in trouble (500)."),
        ("odd", "could not be read", "our own client failed (KeyError); the log has the details"),
    ]
    assert rest(report) == [("db", "a", "1 of 10 calls", "10 %", "–"), ("db", "b", "7 GB", "–", "–")]
    assert report.lead == (
        "Nothing is past 80 % of its limit; nearest is db: a, 10 % used; 3 of 4 services could not be read."
    )
    assert report.status is Status.UNKNOWN
    assert {line.status for line in report.lines} == {Status.UNKNOWN}
    assert [each.words for each in report.lines[0].suggestions] == ["usage hangs"]
    assert "hunter2" not in report.model_dump_json()


async def test_what_is_known_to_be_near_comes_before_what_is_not_known() -> None:
    report = await metering(
        Meter("fails", fails=TryLater("no")), Meter("db", quotas=[Quota("a", 9, 10, "calls")])
    ).answer(Metering())

    assert report.status is Status.WARNING
    assert report.lead == "1 of 1 limit is past 80 %; 1 of 2 services could not be read."


async def test_nothing_read_nothing_limited_and_nothing_at_all() -> None:
    unread = await metering(Meter("x", fails=TryLater("no"))).answer(Metering())
    assert (unread.lead, unread.status) == ("No usage could be read.", Status.UNKNOWN)
    costs = await metering(Meter("x", quotas=[Quota("costs", 3, None, "USD")])).answer(Metering())
    assert (costs.lead, costs.status) == ("No limit is told; 1 amount without one.", Status.OK)
    empty = await metering(Meter("x")).answer(Metering())
    assert (empty.lead, empty.lines, empty.notes) == ("Nothing is counted there.", (), ("x: it counts nothing.",))


async def test_one_service_by_name() -> None:
    db, ai = Meter("db", quotas=[Quota("a", 9, 10, "calls")]), Meter("ai")
    report = await metering(db, ai).answer(Metering(service="DB"))

    assert (report.title, ai.calls) == ("Usage of db", 0)
    assert [each.words for each in report.suggestions] == ["usage db"]
    assert [each.value for each in await metering(db, ai).options("service", "a")] == ["ai"]


async def test_a_wrong_name_and_none_at_all() -> None:
    with pytest.raises(
        NotUnderstood, match=r"No service called 'noen' can tell its usage\. Did you mean 'neon'\?"
    ) as no:
        await metering(Meter("neon"), Meter("ai")).answer(Metering(service="noen"))
    assert no.value.hint == "usage neon"
    with pytest.raises(Misconfigured, match="can tell its usage; add one"):
        await metering().answer(Metering())


async def test_through_the_clients_of_neon_and_openai() -> None:
    neon, ai = FakeNeon("napi_of_the_commands"), FakeOpenAI("sk-of-the-commands")
    ai.costs = [(12.5, 2.0), *[(0.0, 0.0)] * 30]
    known = {"env:DEMO_NEON_API_KEY": neon.api_key} | {f"env:{name}": key for name, key in ai.environment().items()}
    async with (
        serving(neon.app()) as first,
        serving(ai.app()) as second,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        tables = {"ai": ai.section(second) | {"budget": 1000}, "neon": neon.section(first)}
        services = open_services(tables, http, known.__getitem__)
        action = ShowUsage(services.having(Metered), lambda: NOON)
        report = await action.answer(Metering())
        ai.admin_may_read = False
        refused = await action.answer(Metering(service="ai"))

    found = {(row[0], row[1]): row[2:4] for row in rest(report)}
    assert report.lead == "1 of 2 limits is past 80 %."
    assert [line.text for line in report.lines] == ["neon: compute time"]
    assert detail(report.lines[0]).startswith("90 of 100 hours, 90 % used")
    assert rest(report)[0][:4] == ("ai", "costs this month", "14.50 of 1,000.00 USD", "1.5 %")
    assert found["neon", "written data"] == ("0.9 GB", "–")
    assert any(note.startswith("ai: Costs are those of the whole organisation") for note in report.notes)
    assert (refused.status, refused.lines[0].status) == (Status.UNKNOWN, Status.UNKNOWN)
    assert [each.words for each in refused.lines[0].suggestions] == ["usage ai", "health ai"]
    assert detail(refused.lines[0]).startswith("ai takes our key, which may not do this (403)")


async def test_a_plan_that_tells_nothing_is_told_by_our_own_calls(pool: asyncpg.Pool) -> None:
    """Through the client of Unleashed, counted in the database for all replicas."""
    stock, clock = FakeUnleashed("1d-1234", "key-of-the-commands"), Clock()
    known = {f"env:{name}": value for name, value in stock.environment().items()}
    async with (
        serving(stock.app()) as url,
        httpx.AsyncClient(trust_env=False) as http,
        PgTally(pool, clock, Counted) as tally,
    ):
        tables = {"plan": stock.section(url) | {"plan_calls": 10}, "stock": stock.section(url)}
        services = open_services(tables, http, known.__getitem__, tally=tally)
        for _ in range(9):
            await services.named("plan", Checkable).check()
        action = ShowUsage(services.having(Metered), clock)
        report = await action.answer(Metering())
        await pool.execute("DROP TABLE vendor_calls")
        away = await action.answer(Metering(service="plan"))

    (near,) = report.lines
    assert (near.text, near.status) == ("plan: calls by Handrail this month", Status.WARNING)
    assert detail(near).startswith("9 of 10 calls, 90 % used, resets ")
    assert near.detail[-1] == Moment(at=datetime(2026, 4, 1, tzinfo=UTC), said="ago")
    assert rest(report)[0][:4] == ("stock", "calls by Handrail this month", "0 calls", "–")
    assert report.notes[0].startswith("plan: Unleashed does not tell what is used of the plan")
    assert away.lines[0].text == "plan: calls by Handrail this month, at least"
    assert detail(away.lines[0]).startswith("9 of 10 calls, 90 % used")
