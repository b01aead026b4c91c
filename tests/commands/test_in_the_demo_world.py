"""The commands on the real clients: n8n and web services over HTTP, tables in PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bot.words.action import Receipt
from bot.words.exceptions import OutcomeUnknown, Refused, Stale
from bot.words.report import Status
from commands.campaigns.pause import Pause, PauseCampaigns
from commands.campaigns.resume import Resume, ResumeCampaigns
from commands.errors import Tail, TailErrors
from commands.health import CheckServices, Checkup
from commands.retry import Retry, RetryExecution
from commands.whitelist import LiftRateLimit, Settings, Whitelist
from integrations import Services, open_services
from integrations.capabilities import Checkable, ErrorSource, Executions, RateLimiter, Switches
from sandbox.world import World
from tests.commands.world import History, carry_out
from tests.waiting import until


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with World(database) as world:
        yield world


@pytest.fixture
async def services(world: World) -> AsyncIterator[Services]:
    tables: dict[str, dict[str, Any]] = world.services()
    tables["n8n"]["retry_deadline"] = "2s"
    async with httpx.AsyncClient() as http, open_services(tables, http, world.secret) as opened:
        yield opened


def stored(receipt: Receipt) -> Receipt:
    """As it comes back from the ledger."""
    return Receipt.model_validate_json(receipt.model_dump_json())


async def test_health(world: World, services: Services) -> None:
    world.payments.mood = "failing"
    world.n8n.ready = False

    report = await CheckServices(services.having(Checkable), History("history"), now).answer(Checkup())

    found = {line.text: line.status for line in report.lines}
    assert set(found) == {"n8n", "payments-api"}
    assert found["n8n"] is Status.DOWN
    assert report.well is not None
    assert report.well.names == ("shop-db", "storefront")


async def test_errors_of_tables_and_of_n8n_together(services: Services) -> None:
    report = await TailErrors(services.having(ErrorSource), now).answer(Tail(since=timedelta(hours=2), n=100))

    assert report.table is not None
    assert {str(row[2]).partition(" / ")[0] for row in report.table.rows} == {"shop-db", "n8n"}
    assert report.notes == ()
    assert "do-not-show" not in report.model_dump_json()
    counts = [int(str(row[0])) for row in report.table.rows]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1


async def test_following_hears_of_a_row_and_of_a_run_once(world: World, services: Services, pool: asyncpg.Pool) -> None:
    action = TailErrors(services.having(ErrorSource), now)
    first, cursor = await action.news(Tail(), "")
    await pool.execute(
        "INSERT INTO demo.integration_logs (source, operation, level, message) "
        "VALUES ('stripe', 'charge', 'error', 'no such card')"
    )
    failure = world.n8n.runs[4711].failure
    assert failure is not None
    world.n8n.fail("hG4sWm9ZtCe6YfLo", failure)

    second, cursor = await action.news(Tail(), cursor)
    third, _ = await action.news(Tail(), cursor)

    assert (first, third) == (None, None)
    assert second is not None
    assert {str(line.detail[0]).partition(", last")[0] for line in second.lines} == {
        "shop-db / stripe / charge",
        "n8n / Lead intake / HubSpot: upsert contact",
    }


async def test_a_failed_run_is_retried_once(world: World, services: Services) -> None:
    """sentry#69252, bolt-js#822: one click, several runs."""
    action = RetryExecution(services.having(Executions))
    plan = await action.preview(Retry(execution="4711"))

    receipt = await action.execute(plan)

    assert {fact.label: fact.value for fact in plan.facts}["Failed at node"] == "HubSpot: upsert contact"
    assert receipt.headline == "Execution 4711 was retried; 4721 ended well."
    with pytest.raises(Stale):
        await carry_out(action, Retry(execution="4711"), plan)
    again = await action.preview(Retry(execution="4711"))
    assert again.nothing_to_do == "Execution 4711 was already retried as 4721, which ended well."
    assert world.n8n.done("retry") == ["4711"]


async def test_a_run_that_fails_again(services: Services) -> None:
    action = RetryExecution(services.having(Executions))
    plan = await action.preview(Retry(execution="4704"))

    assert plan.retries == ("4706",)
    assert plan.warnings == ("One retry failed already.",)
    with pytest.raises(Refused, match=r"ran as execution 4721 and failed too at node 'Send by Resend'"):
        await action.execute(plan)


async def test_a_run_that_takes_longer_than_we_wait_is_unknown_and_leaves_evidence(
    world: World, services: Services
) -> None:
    """meho#2293: an end that nobody knows is said to be unknown, and never tried again by the machine."""
    action = RetryExecution(services.having(Executions))
    world.n8n.retry_seconds = 60
    plan = await action.preview(Retry(execution="4711"))

    with pytest.raises(OutcomeUnknown):
        await action.execute(plan)

    world.n8n.end("4721")
    await until(lambda: world.n8n.runs[4711].retry_success)
    assert await action.evidence(plan) == "retry 4721 ended well"
    assert world.n8n.done("retry") == ["4711"]


async def test_last_and_options(services: Services) -> None:
    action = RetryExecution(services.having(Executions))
    await action.refresh()

    assert (await action.preview(Retry(execution="last"))).execution == "4719"
    assert (await action.preview(Retry(execution="last", workflow="Invoice reminders"))).execution == "4706"
    options = [option.value for option in await action.options("execution", "")]
    assert options[:2] == ["4719", "4716"]
    assert "4708" not in options  # mended by 4709


async def allow_list(pool: asyncpg.Pool) -> set[tuple[str, str]]:
    rows = await pool.fetch("SELECT network::text, note FROM demo.ip_allow_list")
    return {(row["network"], row["note"]) for row in rows}


async def test_whitelist_and_back(services: Services, pool: asyncpg.Pool) -> None:
    action = LiftRateLimit(services.having(RateLimiter), now, Settings(documentation=True))
    params = Whitelist(network="203.0.113.7", for_=timedelta(hours=2), reason="import")
    before = await allow_list(pool)

    plan = await action.preview(params)
    receipt = await action.execute(plan)

    assert plan.effects[0].startswith(
        "3 rate-limit records are deleted: 203.0.113.7 on /api/mining-proxy: 1,412 requests"
    )
    assert await pool.fetchval("SELECT count(*) FROM demo.rate_limits WHERE identifier LIKE '%203.0.113.7'") == 0
    assert await allow_list(pool) - before == {("203.0.113.7/32", "import")}
    assert (await action.preview(params)).nothing_to_do
    assert await action.evidence(plan) == "203.0.113.7 is on the allow-list; rate-limit records of 203.0.113.7: 0"
    await action.undo(plan, stored(receipt))
    assert await allow_list(pool) == before


async def test_whitelist_leaves_alone_what_somebody_changed(services: Services, pool: asyncpg.Pool) -> None:
    """sso-elevator#35: a time-boxed change checks for drift before it reverts."""
    action = LiftRateLimit(services.having(RateLimiter), now, Settings(documentation=True))
    plan = await action.preview(Whitelist(network="203.0.113.7", for_=timedelta(hours=2), reason="import"))
    receipt = await action.execute(plan)
    await pool.execute("UPDATE demo.ip_allow_list SET note = 'kept by the data team' WHERE note = 'import'")

    with pytest.raises(Stale):
        await action.undo(plan, stored(receipt))

    assert ("203.0.113.7/32", "kept by the data team") in await allow_list(pool)


async def states(world: World, pool: asyncpg.Pool) -> dict[str, str | bool]:
    rows = await pool.fetch("SELECT name, status::text FROM demo.campaigns")
    flows = {flow.name: flow.active for flow in world.n8n.workflows.values() if "campaign" in flow.tags}
    return {row["name"]: row["status"] for row in rows} | flows


async def test_pause_all_everywhere_and_back_to_the_very_same(
    world: World, services: Services, pool: asyncpg.Pool
) -> None:
    action = PauseCampaigns(services.having(Switches))
    before = await states(world, pool)
    plan = await action.preview(Pause(reason="bounces"))
    await pool.execute("UPDATE demo.campaigns SET status = 'ended' WHERE name = 'Spring sale'")

    receipt = await action.execute(plan)

    assert set(plan.things) == {"n8n", "shop-db"}
    assert "Spring sale on shop-db: now running, then paused" in plan.effects
    assert [fact.value for fact in receipt.facts] == ["Spring sale is ended now", "n8n carries this out within 15 s."]
    paused = await states(world, pool)
    assert "active" not in paused.values()
    assert (paused["Outreach cadence"], paused["Win-back mails"]) == (False, False)
    assert "Win-back mails is paused" in await action.evidence(plan)
    await action.undo(plan, stored(receipt))
    assert await states(world, pool) == before | {"Spring sale": "ended"}
    # Win-back mails has a newer draft: what is asked for is the version that ran.
    assert '{"versionId":"v7"}' in [heard.body for heard in world.n8n.heard if heard.path.endswith("/publish")]


async def test_undo_of_a_pause_touches_nothing_once_somebody_resumed_one(
    world: World, services: Services, pool: asyncpg.Pool
) -> None:
    """sso-elevator#35: a time-boxed change checks for drift before it reverts."""
    action = PauseCampaigns(services.having(Switches))
    plan = await action.preview(Pause(reason="bounces"))
    receipt = await action.execute(plan)
    await pool.execute("UPDATE demo.campaigns SET status = 'active' WHERE name = 'Spring sale'")

    with pytest.raises(Stale, match="'Spring sale' is running"):
        await action.undo(plan, stored(receipt))

    assert (await states(world, pool))["Outreach cadence"] is False


async def test_resume_one_and_back(world: World, services: Services, pool: asyncpg.Pool) -> None:
    await pool.execute("UPDATE demo.campaigns SET status = 'paused' WHERE name = 'Spring sale'")
    before = await states(world, pool)
    action = ResumeCampaigns(services.having(Switches))
    plan = await action.preview(Resume(name="spring sale", reason="fixed"))

    receipt = await action.execute(plan)

    assert await states(world, pool) == before | {"Spring sale": "active"}
    await action.undo(plan, stored(receipt))
    assert await states(world, pool) == before
