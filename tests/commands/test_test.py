"""/ops test: each step, with which rights, and what to do first."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Fact, Report, Span, Status, Value
from commands.test import TryServices, Which
from integrations import Services, open_services
from integrations.capabilities import Credentialed, Health, Rights, Trial
from integrations.capabilities import Testable as Tryable
from sandbox.world import World
from sandbox.world.railway import FakeRailway
from tests.commands.world import Clock, Proof, detail
from tests.integrations.standin import serving

SHORT = timedelta(milliseconds=120)
REACHED = Trial("reach it", Health.OK, SHORT)
REFUSED = Trial("list runs", Health.DEGRADED, SHORT, "It refuses.", "Give services.n8n.token run:list.")
SILENT = Trial("list flows", Health.UNKNOWN, SHORT, "No answer.", "Try again.")


def trying(*services: Proof, deadline: float = 10) -> TryServices:
    return TryServices(services, services, Clock(), timedelta(seconds=deadline))


def whole(report: Report) -> tuple[tuple[Value, ...], ...]:
    """Every step, as *Show all* opens them."""
    return report.well.table.rows if report.well and report.well.table else ()


def told(report: Report) -> list[tuple[str, str, Status | None]]:
    return [(line.text, detail(line), line.status) for line in report.lines]


async def test_steps_worst_first_and_what_to_do_first() -> None:
    report = await trying(Proof("n8n", steps=(REACHED, REFUSED, SILENT))).answer(Which())

    assert report.lead == (
        "1 of 3 steps failed, 1 of 3 steps could not be tried. First: Give services.n8n.token run:list."
    )
    assert report.status is Status.UNKNOWN
    assert told(report) == [
        ("list flows", "No answer. If it stays so: Try again.", Status.UNKNOWN),
        ("list runs", "It refuses. Give services.n8n.token run:list.", Status.DEGRADED),
    ]
    assert report.table is not None
    assert report.table.columns == ("step", "how it went", "took")
    assert report.table.rows == (("reach it", "well", Span(seconds=0.12)),)
    assert [[each.words for each in line.suggestions] for line in report.lines] == [["test n8n"], ["test n8n"]]
    assert [each.words for each in report.suggestions] == ["test n8n"]


async def test_what_to_do_if_it_stays_so_is_said_once() -> None:
    """What a body that nobody can read means says it already."""
    garbage = dataclasses.replace(SILENT, detail="n8n answered with no JSON. If this stays so, check services.n8n.url.")
    report = await trying(Proof("n8n", steps=(garbage,))).answer(Which())
    assert detail(report.lines[0]) == "N8n answered with no JSON. If this stays so, check services.n8n.url."


async def test_what_its_credential_may_do() -> None:
    may = Rights(has=("read", "delete"), unneeded=("delete",), lacking=(("write", "retry, stop"),), note="Make it so.")
    report = await trying(Proof("n8n", steps=(REACHED, REACHED), may=may)).answer(Which(service="n8n"))

    assert told(report) == [
        ("lacks the right write", "needed for retry, stop", Status.WARNING),
        ("may do what the bot does not need", "delete. Put a narrower one into services.n8n.token.", Status.WARNING),
    ]
    assert report.facts == (Fact(label="Its credential may", value="read"),)
    assert report.table is not None
    assert len(report.table.rows) == 2
    assert (report.notes, report.status) == (("Make it so.",), Status.WARNING)
    assert report.lead == ("All 2 steps are well. Lacking rights: n8n. With rights that the bot does not need: n8n.")


async def test_all_at_once_and_one_that_hangs_or_fails_holds_up_nobody() -> None:
    well = Proof("db", steps=(REACHED, REACHED), may=Rights(note="It does not tell."))
    half = Proof("n8n", steps=(REACHED, REFUSED), rights_fail=TryLater("n8n did not answer."))
    report = await trying(well, half, Proof("slow", takes=30), deadline=0.2).answer(Which(service="ALL"))

    assert report.title == "Test of 3 services"
    assert report.lead == ("1 of 4 steps failed, slow could not be tested. First: Give services.n8n.token run:list.")
    assert told(report) == [
        ("n8n: what its credential may do", "n8n did not answer.", Status.UNKNOWN),
        ("slow: the test", "no answer within 0.2 s", Status.UNKNOWN),
        ("slow: what its credential may do", "no answer within 0.2 s", Status.UNKNOWN),
        ("n8n: list runs", "It refuses. Give services.n8n.token run:list.", Status.DEGRADED),
    ]
    assert report.well is not None
    assert report.well.names == ("db",)
    assert [row[:3] for row in whole(report)] == [
        ("db", "reach it", "well"),
        ("db", "reach it", "well"),
        ("n8n", "reach it", "well"),
        ("n8n", "list runs", "degraded"),
    ]
    assert report.notes == ("db: It does not tell.",)
    assert [each.words for each in report.suggestions] == ["test all"]


async def test_all_is_well() -> None:
    report = await trying(Proof("db", steps=(REACHED, REACHED))).answer(Which())

    assert (report.lead, report.status, report.lines) == ("All 2 steps are well.", Status.OK, ())


async def test_nobody_is_sent_to_change_a_key_because_the_vendor_is_down() -> None:
    """`First: Give services.n8n.token run:list` was said while n8n answered 503."""
    report = await trying(Proof("n8n", steps=(SILENT,))).answer(Which())

    assert report.lead == "1 of 1 step could not be tried."


async def test_one_step_is_no_steps() -> None:
    one = await trying(Proof("db", steps=(REACHED,))).answer(Which())
    both = await trying(Proof("db", steps=(REACHED,)), Proof("n8n", steps=(REACHED,))).answer(Which(service="all"))

    assert one.lead == "Its one step is well."
    assert (both.lead, both.lines) == ("All 2 steps are well.", ())
    assert both.well is not None
    assert both.well.names == ("db", "n8n")


async def test_which_service_is_asked_where_there_are_several() -> None:
    several = trying(Proof("db"), Proof("n8n"))

    with pytest.raises(NotUnderstood, match=r"Several services can be tested: db, n8n. Say which, or all.") as which:
        await several.answer(Which())
    with pytest.raises(NotUnderstood, match="Did you mean 'n8n'") as close:
        await several.answer(Which(service="n8m"))
    assert (which.value.hint, close.value.hint) == ("test all", "test n8n")
    for name in (None, "all"):
        with pytest.raises(Misconfigured, match="no service that can be tested"):
            await trying().answer(Which(service=name))
    assert [each.value for each in await several.options("service", "")] == ["db", "n8n", "all"]


# -- the real clients


@pytest.fixture
async def services(database: str) -> AsyncIterator[Services]:
    railway = FakeRailway("9b2e7c1a-of-the-tests")
    async with World(database) as world, serving(railway.app()) as url, httpx.AsyncClient() as http:
        tables = world.services() | {"etl": railway.section(url)}

        def secret(reference: str) -> str:
            return railway.token if reference == tables["etl"]["token"] else world.secret(reference)

        async with open_services(tables, http, secret) as opened:
            yield opened


async def test_real_services_say_what_they_may(services: Services) -> None:
    action = TryServices(services.having(Tryable), services.having(Credentialed), lambda: datetime.now(UTC))

    every = await action.answer(Which(service="all"))
    one = await action.answer(Which(service="etl"))

    assert every.title == "Test of 5 services"
    found = {line.text: detail(line) for line in every.lines}
    assert [row[2] for row in whole(every) if row[0] == "etl"] == ["well"] * 3
    assert found["shop-db: may do what the bot does not need"].startswith("everything: it is a superuser")
    assert "removing deployments, services and volumes" in found["etl: may do what the bot does not need"]
    assert one.lead == "All 3 steps are well. With rights that the bot does not need: etl."
    assert one.facts == (Fact(label="Its credential may", value="everything in the environment production"),)
    assert "9b2e7c1a" not in every.model_dump_json()
