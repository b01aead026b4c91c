"""/ops stats: what matters first, against the period before, and nothing guessed where nothing was read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError

from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Report, Share, Span, Status, Tone
from commands._shared.operation_words import rate
from commands._shared.stats_chart import sliced
from commands.stats import Counted, ShowStatistics
from integrations import Services, open_services
from integrations.capabilities import Bucket, Operation, Statistic, Statistics
from sandbox.world import World
from tests.commands.world import NOON, Clock, Outside

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Counts(Outside):
    """Statistics: so many operations and failures now, and before."""

    now: tuple[int, int] = (0, 0)
    before: tuple[int, int] = (0, 0)
    p95: float | None = None
    worst: tuple[Operation, ...] = ()
    note: str = ""
    errors_only: bool = False
    drops: int = 0
    """Oldest slices that are not told."""
    before_fails: Exception | None = None
    asked: list[tuple[datetime, datetime, int]] = field(default_factory=list)

    async def statistics(self, *, since: datetime, until: datetime, slices: int) -> Statistic:
        await self.answers()
        self.asked.append((since, until, slices))
        if until < NOON and self.before_fails is not None:
            raise self.before_fails
        count, errors = self.now if until == NOON else self.before
        width = (until - since) / slices
        p95 = timedelta(seconds=self.p95) if self.p95 is not None else None
        return Statistic(
            count=count,
            errors=errors,
            p50=p95 / 2 if p95 else None,
            p95=p95,
            buckets=tuple(
                Bucket(since + n * width, *((count, errors) if n == slices - 1 else (0, 0)))
                for n in range(self.drops, slices)
            ),
            worst=self.worst,
            note=self.note,
            errors_only=self.errors_only,
        )


async def shown(*services: Counts, service: str | None = None, since: timedelta = DAY) -> Report:
    return await ShowStatistics(services, Clock()).answer(Counted(service=service, since=since))


@pytest.mark.parametrize(
    ("now", "before", "lead"),
    [
        ((412, 31), (389, 8), "412 operations, 31 failed (7.5 %), up from 2.1 % the day before."),
        ((400, 4), (400, 40), "400 operations, 4 failed (1 %), down from 10 % the day before."),
        ((400, 0), (400, 4), "400 operations, none failed, down from 1 % the day before."),
        ((400, 4), (400, 4), "400 operations, 4 failed (1 %), as the day before."),
        ((400, 4), (0, 0), "400 operations, 4 failed (1 %); none at all the day before."),
        ((400, 4), (2, 1), "400 operations, 4 failed (1 %); only 2 the day before."),
        ((1, 1), (1, 0), "1 operation, 1 failed (100 %), up from 0 % the day before."),
        ((90, 0), (1400, 0), "90 operations, none failed, as the day before; there were 1,400 then."),
        ((0, 0), (1400, 7), "No operations in the last 24h; 1,400 the day before."),
        ((0, 0), (0, 0), "No operations in the last 24h, as in the day before."),
        ((30_000, 1), (30_000, 0), "30,000 operations, 1 failed (under 0.1 %), up from 0 % the day before."),
    ],
)
async def test_the_one_thing_that_matters(now: tuple[int, int], before: tuple[int, int], lead: str) -> None:
    assert (await shown(Counts("n8n", now=now, before=before))).lead == lead


async def test_one_service_in_full() -> None:
    worst = (
        Operation("hubspot / sync", 40, 30, timedelta(seconds=2)),
        Operation("hubspot / read", 300, 1, None),
        Operation("health", 72, 0, None),
    )
    n8n = Counts("n8n", now=(412, 31), before=(389, 8), p95=1.25, worst=worst)
    report = await shown(n8n, Counts("db"), service="N8N")

    assert n8n.asked == [(NOON - DAY, NOON, 24), (NOON - 2 * DAY, NOON - DAY, 24)]
    assert report.title == "Statistics of n8n"
    assert {fact.label: fact.value for fact in report.facts} == {
        "Operations": "412, was 389",
        "Failed": "31 (7.5 %), was 8 (2.1 %)",
        "Half take at most": "625 ms, was 625 ms",
        "Slowest 5 % take over": "1.2 s, was 1.2 s",
    }
    assert report.table is not None
    assert report.table.columns == ("operation", "failed", "of runs", "failed %", "slowest 5 %")
    assert report.table.rows == (
        ("hubspot / sync", 30, 40, Share(part=30, of=40), Span(seconds=2)),
        ("hubspot / read", 1, 300, Share(part=1, of=300), None),
    )
    assert [suggestion.words for suggestion in report.suggestions] == ["errors n8n since=1d"]


async def test_durations_that_nobody_keeps_are_not_zero() -> None:
    facts = {fact.label: fact.value for fact in (await shown(Counts("db", now=(4, 0)))).facts}
    assert facts["Slowest 5 % take over"] == "not known"


async def test_several_services_a_line_each_and_one_chart_of_all() -> None:
    worst = (Operation("sync", 9, 9, None),)
    n8n = Counts("n8n", now=(10, 1), before=(10, 1), worst=worst)
    db = Counts("db", now=(90, 9), before=(90, 0), p95=0.4, worst=(Operation("read", 90, 9, timedelta(seconds=1)),))
    report = await shown(n8n, db)

    assert report.lead == "100 operations, 10 failed (10 %), up from 1 % the day before."
    assert report.lines == ()
    assert report.table is not None
    assert dict(zip(report.table.columns, report.table.rows[0], strict=True)) == {
        "service": "db",
        "operations": 90,
        "failed": 9,
        "failed %": Share(part=9, of=90),
        "the day before %": Share(part=0, of=90),
        "half take at most": Span(seconds=0.2),
        "slowest 5 %": Span(seconds=0.4),
        "fails most": "read (9)",
    }
    assert report.table.rows[1][0] == "n8n"
    assert report.chart is not None
    operations, failed = report.chart.series
    assert (operations.values[-1], operations.before[-1], failed.values[-1], failed.before[-1]) == (100, 100, 10, 1)
    assert (failed.tone, report.chart.unit, report.chart.before) == (Tone.TROUBLE, "per hour", "the day before")
    assert report.chart.alt == (
        "Operations and failures per hour over the last 24h, with the day before as a dashed line: "
        "100 operations, 10 failed; most failed, 10, from 04 Mar 11:00 UTC."
    )


async def test_a_silent_service_is_unknown_and_leaves_the_others_their_numbers() -> None:
    away = Counts("n8n", now=(9, 9), before=(9, 9), fails=TryLater("n8n did not answer."))
    report = await shown(away, Counts("db", now=(50, 5), before=(50, 0)))
    assert (
        report.lead == "50 operations, 5 failed (10 %), up from 0 % the day before; 1 of 2 services could not be read."
    )
    assert (report.lines[0].status, report.lines[0].detail) == (Status.UNKNOWN, "n8n did not answer.")
    assert report.notes == ("Could not read n8n: n8n did not answer.",)
    assert away.calls == 1

    alone = await shown(away)
    assert (alone.status, alone.lead, alone.chart) == (Status.UNKNOWN, "No service's numbers could be read.", None)
    assert alone.notes == ("Could not read n8n: n8n did not answer.",)


async def test_nothing_is_compared_with_half_of_the_period_before() -> None:
    """A service whose yesterday could not be read would look like a quiet yesterday of all."""
    n8n = Counts("n8n", now=(50, 5), before=(50, 0), before_fails=TryLater("n8n was too busy."))
    report = await shown(n8n, Counts("db", now=(50, 5), before=(50, 5)))
    assert report.lead == "100 operations, 10 failed (10 %)."
    assert report.table is not None
    before = report.table.columns.index("the day before %")
    assert {row[0]: row[before] for row in report.table.rows} == {"n8n": None, "db": Share(part=5, of=50)}
    assert report.notes == ("Could not read the period before of n8n: n8n was too busy.",)
    assert report.chart is not None
    assert [series.before for series in report.chart.series] == [(), ()]
    assert "the day before" not in report.chart.alt


async def test_the_worst_rate_is_first_and_what_is_not_known_before_it() -> None:
    report = await shown(
        Counts("sentry", now=(900, 900), errors_only=True),
        Counts("many", now=(1000, 20)),
        Counts("idle"),
        Counts("few", now=(10, 5)),
        Counts("away", fails=TryLater("away did not answer.")),
    )
    assert [line.text for line in report.lines] == ["away"]
    assert report.table is not None
    assert [row[0] for row in report.table.rows] == ["few", "many", "idle", "sentry"]


async def test_a_part_of_a_period_is_not_compared_with_a_whole_one() -> None:
    """n8n's newest runs may be those of one hour: what they are fewer than is not known."""
    n8n = Counts("n8n", now=(2500, 25), before=(9000, 9), drops=3, note="Only the newest were read.")
    alone = await shown(n8n)
    assert alone.lead == "At least 2,500 operations, 25 failed (1 %)."
    assert {fact.label: fact.value for fact in alone.facts}["Operations"] == "at least 2,500"
    several = await shown(n8n, Counts("db", now=(100, 1), before=(100, 1)))
    assert several.lead == "At least 2,600 operations, 26 failed (1 %)."
    assert several.table is not None
    assert {row[0]: row[1:5] for row in several.table.rows} == {
        "n8n": (2500, 25, Share(part=25, of=2500), None),
        "db": (100, 1, Share(part=1, of=100), Share(part=1, of=100)),
    }


async def test_slices_that_were_not_read_are_not_zero() -> None:
    report = await shown(Counts("n8n", now=(5, 0), drops=3, note="Only the newest were read."))
    assert report.chart is not None
    assert report.chart.series[0].values[:5] == (None, None, None, 0, 0)
    assert report.notes == ("Only the newest were read.",)


async def test_no_picture_of_nothing() -> None:
    assert (await shown(Counts("n8n"))).chart is None


@pytest.mark.parametrize(
    ("since", "slices"),
    [
        (DAY, 24),
        (HOUR, 30),
        (1.5 * DAY, 36),
        (7 * DAY, 28),
        (10 * DAY, 40),
        (30 * DAY, 30),
        (timedelta(minutes=45), 45),
        (timedelta(minutes=5), 5),
        (timedelta(seconds=301), 24),
        (timedelta(minutes=49), 24),
    ],
)
def test_slices_are_of_a_round_length(since: timedelta, slices: int) -> None:
    assert sliced(since) == slices


@pytest.mark.parametrize(
    ("errors", "count", "told"), [(0, 0, "0 %"), (0, 9, "0 %"), (9, 9, "100 %"), (9999, 10_000, "over 99.9 %")]
)
def test_a_failure_is_not_rounded_away_nor_a_success(errors: int, count: int, told: str) -> None:
    assert rate(errors, count) == told


@pytest.mark.parametrize("since", ["1m", "31d"])
def test_a_period_that_cannot_be_counted(since: str) -> None:
    with pytest.raises(ValidationError, match="cannot be counted; type 5m to 30d"):
        Counted.model_validate({"since": since})


async def test_a_name_that_is_mistyped_and_no_service_at_all() -> None:
    with pytest.raises(NotUnderstood, match="Did you mean 'n8n'"):
        await shown(Counts("n8n"), Counts("shop-db"), service="n8m")
    with pytest.raises(Misconfigured, match="count what went on"):
        await shown()
    offered = await ShowStatistics((Counts("n8n"), Counts("db")), Clock()).options("service", "n")
    assert [option.value for option in offered] == ["n8n"]


# -- on the real clients


@pytest.fixture
async def services(database: str) -> AsyncIterator[Services]:
    async with (
        World(database) as world,
        httpx.AsyncClient(trust_env=False) as http,
        open_services(world.services(), http, world.secret) as services,
    ):
        yield services


async def test_in_the_demo_world(services: Services) -> None:
    action = ShowStatistics(services.having(Statistics), lambda: datetime.now(UTC))
    report = await action.answer(Counted(since=6 * HOUR))
    assert report.lines == ()
    assert report.table is not None
    assert sorted(str(row[0]) for row in report.table.rows) == ["n8n", "shop-db"]
    assert report.chart is not None
    assert sum(value or 0 for value in report.chart.series[1].values) > 5
    assert report.notes == ()

    shop = await action.answer(Counted(service="shop-db", since=6 * HOUR))
    facts = {fact.label: str(fact.value) for fact in shop.facts}
    assert facts["Slowest 5 % take over"] != "not known"
    assert shop.lead.startswith(facts["Operations"].split(",")[0].split(" ")[0])


async def test_a_source_that_counts_errors_alone_has_no_rate() -> None:
    """Sentry hears of errors only: a rate of 100 % would be no news, and would spoil the others'."""
    sentry = Counts("sentry", now=(17, 17), before=(9, 9), worst=(Operation("KeyError", 12, 12),), errors_only=True)
    alone = await shown(sentry)
    assert alone.lead == "17 errors, up from 9 the day before."
    assert [(fact.label, fact.value) for fact in alone.facts] == [("Errors", "17, was 9")]
    assert alone.table is not None
    assert alone.table.rows == (("KeyError", 12, None, None, None),)
    assert alone.chart is not None
    assert [series.name for series in alone.chart.series] == ["errors"]
    assert alone.chart.alt == (
        "Errors per hour over the last 24h, with the day before as a dashed line: 17 in all; most, 17, from "
        "04 Mar 11:00 UTC."
    )

    both = await shown(sentry, Counts("n8n", now=(400, 4), before=(400, 4)))
    assert both.lead == "400 operations, 4 failed (1 %), as the day before."
    assert both.table is not None
    assert {row[0]: row[1:5] for row in both.table.rows} == {
        "n8n": (400, 4, Share(part=4, of=400), Share(part=4, of=400)),
        "sentry": (None, 17, None, None),
    }
    assert both.chart is not None
    assert both.chart.series[0].values[-1] == 400
