"""/ops logs, and what is new while following."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from bot.ask.parse import parse
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Link, Moment, Report, Status
from commands._shared.log_lines import Which
from commands.logs import ShowLogs
from integrations import Services, open_services
from integrations.capabilities import Level, LogSource
from sandbox.world import World
from tests.commands.world import NOON, Clock, LineLog
from tests.test_promises import catalogue


def ago(**by: float) -> timedelta:
    return -timedelta(**by)


def api_log() -> LineLog:
    log = LineLog("api")
    log.write("GET /orders 200", NOON + ago(minutes=30))
    log.write("slow query", NOON + ago(minutes=20), Level.WARNING, origin="db")
    log.write("payment failed", NOON + ago(minutes=10), Level.ERROR, origin="", link="https://logs.example.com/1")
    log.write("cache miss", NOON + ago(minutes=5), Level.DEBUG)
    log.write("yesterday", NOON + ago(hours=20))
    return log


def showing(*sources: LineLog, clock: Clock | None = None, read_at_most: int = 1000, deadline: float = 10) -> ShowLogs:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return ShowLogs(sources, clock or Clock(), timedelta(seconds=deadline), read_at_most)


def told(report: Report | None) -> list[str]:
    return [line.text for line in report.lines] if report else []


async def test_lines_newest_last_with_time_level_origin_and_link() -> None:
    report = await showing(api_log()).answer(Which())

    assert report.title == "Log of api"
    assert report.lead == "1 error and 1 warning in 3 lines of level info or graver in the last 1h."
    assert told(report) == ["GET /orders 200", "slow query", "payment failed"]
    assert [(line.status, line.word) for line in report.lines] == [
        (None, ""),
        (Status.WARNING, "warning"),
        (Status.FAILED, "error"),
    ]
    assert [line.detail for line in report.lines[1:]] == [
        (Moment(at=NOON + ago(minutes=20)), ", db"),
        (Moment(at=NOON + ago(minutes=10)), ", ", Link(url="https://logs.example.com/1", name="open")),
    ]
    assert report.lines[0].detail == (Moment(at=NOON + ago(minutes=30)), ", info, api")
    assert (report.table, report.notes, report.status, report.suggestions) == (None, (), None, ())


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        (Which(level="debug"), ["GET /orders 200", "slow query", "payment failed", "cache miss"]),
        (Which(level="warning"), ["slow query", "payment failed"]),
        (Which(level="error"), ["payment failed"]),
        (Which(match="DB"), ["slow query"]),
        (Which(since=timedelta(minutes=15)), ["payment failed"]),
        (Which(service="API", since=timedelta(days=1), n=1), ["payment failed"]),
    ],
)
async def test_filters(params: Which, lines: list[str]) -> None:
    assert told(await showing(api_log()).answer(params)) == lines


@pytest.mark.parametrize(
    ("params", "lead"),
    [
        (Which(level="error"), "1 error in the last 1h."),
        (Which(level="warning"), "1 error and 1 warning in 2 lines of level warning or graver in the last 1h."),
        (Which(level="debug", match="cache"), "1 line with 'cache' in the last 1h."),
        (Which(level="info", match="slow"), "1 warning with 'slow' in the last 1h."),
    ],
)
async def test_the_lead_counts_what_is_grave(params: Which, lead: str) -> None:
    assert (await showing(api_log()).answer(params)).lead == lead


async def test_which_log_is_asked_where_there_are_several() -> None:
    logs = showing(api_log(), LineLog("worker"))

    with pytest.raises(NotUnderstood, match="Several services can show a log: api, worker") as several:
        await logs.answer(Which())
    with pytest.raises(NotUnderstood, match=r"'wroker' can show a log. Did you mean 'worker'") as no:
        await logs.answer(Which(service="wroker"))
    assert (several.value.hint, no.value.hint) == ("logs api", "logs worker")
    with pytest.raises(Misconfigured):
        await showing().answer(Which())
    assert [each.value for each in await logs.options("service", "")] == ["api", "worker"]


async def test_what_is_looked_for_may_look_like_a_parameter() -> None:
    """The button said `since= is given twice`."""
    report = await showing(api_log()).answer(Which(match="level=error since=1h", n=30))

    parsed = parse(catalogue(), report.suggestions[0].words)
    assert parsed.params == Which(service="api", since=timedelta(days=1), match="level=error since=1h", n=30)


async def test_no_line_looks_further_back_with_the_same_words() -> None:
    report = await showing(api_log()).answer(Which(match="yester day", level="error"))

    assert report.lead == "No line of level error with 'yester day' in the last 1h."
    assert [each.words for each in report.suggestions] == ['logs api since=1d level=error match="yester day"']


async def test_a_log_that_cannot_be_read_is_unknown_never_empty() -> None:
    refused = await showing(LineLog("api", fails=TryLater("api did not answer."))).answer(Which())
    silent = await showing(LineLog("api", takes=30), deadline=0.1).answer(Which())

    assert (refused.status, refused.lead) == (
        Status.UNKNOWN,
        "The log of api could not be read: api did not answer.",
    )
    assert (silent.status, silent.lead) == (Status.UNKNOWN, "The log of api could not be read: no answer within 0.1 s.")


async def test_more_than_asked_for_goes_into_a_file_whole_and_the_newest_are_shown() -> None:
    """kibana#73061: one long part killed the whole; here the rest goes into a file."""
    log = LineLog("api", note="Older lines were not read.")
    for minute in range(40):
        log.write(f"line {minute} " + "x" * 1000, NOON + ago(minutes=40 - minute), origin="worker")

    report = await showing(log, read_at_most=35).answer(Which(n=30))

    assert 1 < len(report.lines) < 30
    assert report.lines[-1].text.startswith("line 39 ")
    assert all(len(line.text) <= 240 for line in report.lines)
    assert report.table is not None
    assert len(report.table.rows) == 35
    assert report.table.rows[0][0] == Moment(at=NOON + ago(minutes=35))
    assert len(str(report.table.rows[-1][3])) > 1000
    assert report.notes == (
        f"These are the newest {len(report.lines)} of 35 lines.",
        "api has more lines than the newest 35 that were read.",
        "Older lines were not read.",
    )


async def test_following_starts_from_now_and_tells_each_once_newest_last() -> None:
    clock, log = Clock(), api_log()
    action = showing(log, clock=clock)

    first, cursor = await action.news(Which(), "")
    clock.tick(seconds=10)
    log.write("new", clock.at, Level.ERROR)
    log.write("late", clock.at + ago(seconds=20))
    log.write("too fine", clock.at, Level.DEBUG)
    second, cursor = await action.news(Which(), cursor)
    third, _ = await action.news(Which(), cursor)

    assert (first, third) == (None, None)
    assert told(second) == ["late", "new"]
    assert second is not None
    assert (second.title, second.lead) == ("New in the log of api", "1 error in 2 lines.")


async def test_following_tells_a_failure_and_a_note_once() -> None:
    """oncall#5204: one notice a limit, never a loop of notices."""
    clock, log = Clock(), LineLog("api", note="No other log is kept.")
    action = showing(log, clock=clock)
    _, cursor = await action.news(Which(), "")
    notes = []
    for fails, note in ((None, "No other log is kept."), (TryLater("no."), ""), (TryLater("no."), ""), (None, "Half.")):
        log.fails, log.note = fails, note
        for _ in range(2):
            clock.tick(seconds=10)
            report, cursor = await action.news(Which(), cursor)
            notes.append(report.notes if report else ())

    assert notes == [(), (), ("Could not read api: no.",), (), (), (), ("Half.",), ()]


def test_bad_values_are_refused() -> None:
    with pytest.raises(ValidationError, match="type at most 2h"):
        Which(follow="3h")
    for wrong in ({"n": 0}, {"n": 31}, {"level": "loud"}):
        with pytest.raises(ValidationError):
            Which.model_validate(wrong)


# -- the real clients


@pytest.fixture
async def services(database: str) -> AsyncIterator[Services]:
    async with (
        World(database) as world,
        httpx.AsyncClient() as http,
        open_services(world.services(), http, world.secret) as opened,
    ):
        yield opened


async def test_a_log_table_and_n8n(services: Services, pool: asyncpg.Pool) -> None:
    action = ShowLogs(services.having(LogSource), lambda: datetime.now(UTC))
    _, cursor = await action.news(Which(service="shop-db"), "")
    await pool.execute(
        "INSERT INTO demo.integration_logs (source, operation, level, message) VALUES"
        " ('stripe', 'charge', 'warn', 'card is slow'), ('stripe', 'charge', 'debug', 'card is told')"
    )

    new, _ = await action.news(Which(service="shop-db"), cursor)
    runs = await action.answer(Which(service="n8n", level="debug"))

    assert new is not None
    assert [(line.text, line.word, line.detail[1]) for line in new.lines] == [
        ("card is slow", "warning", ", stripe / charge")
    ]
    assert runs.lines
    assert {line.word for line in runs.lines} == {"error"}
    assert runs.notes == ("n8n keeps no other log than its failed runs; those mended are left out.",)
    assert [each.words for each in runs.suggestions] == ["errors n8n since=1h"]
    assert "do-not-show" not in runs.model_dump_json()
