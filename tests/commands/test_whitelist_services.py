"""/ops whitelist on services that keep the list themselves: Vercel's firewall, Neon's allowed addresses."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.action import Receipt
from bot.words.exceptions import Refused, Stale
from commands.whitelist import LiftRateLimit, Settings, Whitelist
from integrations import open_services
from integrations.capabilities import RateLimiter
from sandbox.world.neon import FakeNeon
from sandbox.world.vercel import FakeVercel
from sandbox.world.vercel_firewall import Block
from tests.commands.world import carry_out
from tests.integrations.standin import serving

SECRET = "a-t0ken-for-both"
ADDRESS = "203.0.113.7"
BLOCKED = "198.51.100.23"


@dataclass
class Lists:
    web: FakeVercel
    neon: FakeNeon
    action: LiftRateLimit


@pytest.fixture
async def lists() -> AsyncIterator[Lists]:
    web, neon = FakeVercel(SECRET), FakeNeon(SECRET)
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(httpx.AsyncClient(trust_env=False))
        tables = {
            "web": web.section(await opened.enter_async_context(serving(web.app()))),
            "neon": neon.section(await opened.enter_async_context(serving(neon.app()))),
        }
        limiters = open_services(tables, http, lambda reference: SECRET).having(RateLimiter)
        yield Lists(web, neon, LiftRateLimit(limiters, lambda: datetime.now(UTC), Settings(documentation=True)))


def asked(on: str, network: str = ADDRESS, hours: int | None = 2) -> Whitelist:
    return Whitelist(network=network, for_=timedelta(hours=hours) if hours else None, reason="import", on=on)


def stored(receipt: Receipt) -> Receipt:
    return Receipt.model_validate_json(receipt.model_dump_json())


async def test_a_bypass_ends_in_vercel_too_and_is_extended_there(lists: Lists) -> None:
    plan = await lists.action.preview(asked("web"))
    assert plan.headline == f"Lift rate limiting for {ADDRESS} on web for 2h."
    assert plan.effects == (f"{ADDRESS} goes on the allow-list",)
    assert (plan.undo_note, plan.ends_after) == ("Undo takes it off the allow-list again.", timedelta(hours=2))

    receipt = stored(await lists.action.execute(plan))
    (bypass,) = lists.web.firewall.bypasses
    ends = datetime.now(UTC) + timedelta(hours=2)
    assert bypass.note == "import"
    assert bypass.expires_at == pytest.approx(ends.timestamp(), abs=5)

    await lists.action.extend(plan, receipt, ends + timedelta(hours=1))
    (bypass,) = lists.web.firewall.bypasses
    assert bypass.expires_at == pytest.approx((ends + timedelta(hours=1)).timestamp(), abs=5)

    undone = await lists.action.undo(plan, receipt)
    assert undone.headline == f"{ADDRESS} is no longer on the allow-list of web."
    assert (await lists.action.undo(plan, receipt)).headline == f"{ADDRESS} was no longer on the allow-list of web."


async def test_a_block_is_in_the_plan_and_comes_back(lists: Lists) -> None:
    plan = await lists.action.preview(asked("web", BLOCKED))
    assert plan.effects == (
        f"the block of {BLOCKED} on shop.example.com (scraper of March) is lifted",
        f"{BLOCKED} goes on the allow-list",
    )
    assert plan.undo_note == "Undo takes it off the allow-list again. Undo puts the blocks back."
    receipt = stored(await lists.action.execute(plan))
    assert lists.web.firewall.blocks == []
    undone = await lists.action.undo(plan, receipt)
    assert undone.headline.endswith("Its blocks are back.")
    assert [block.ip for block in lists.web.firewall.blocks] == [BLOCKED]


async def test_a_block_that_nobody_approved_lifting_makes_the_plan_stale(lists: Lists) -> None:
    plan = await lists.action.preview(asked("web", BLOCKED))
    lists.web.firewall.blocks.append(Block("ip_9", "admin.example.com", BLOCKED, "attack"))
    with pytest.raises(Stale):
        await carry_out(lists.action, asked("web", BLOCKED), plan)
    assert len(lists.web.firewall.blocks) == 2


async def test_neons_list_is_restored(lists: Lists) -> None:
    before = list(lists.neon.ips)
    plan = await lists.action.preview(asked("neon"))
    assert any("own_address is not set" in warning for warning in plan.warnings)
    receipt = stored(await lists.action.execute(plan))
    assert lists.neon.ips == [*before, ADDRESS]
    await lists.action.extend(plan, receipt, datetime.now(UTC) + timedelta(hours=5))
    await lists.action.undo(plan, receipt)
    assert lists.neon.ips == before


async def test_an_empty_list_needs_nothing(lists: Lists) -> None:
    lists.neon.ips = []
    plan = await lists.action.preview(asked("neon"))
    assert plan.nothing_to_do.endswith("Its list is empty, which lets everyone in.")


async def test_an_undo_never_empties_the_list(lists: Lists) -> None:
    plan = await lists.action.preview(asked("neon"))
    receipt = stored(await lists.action.execute(plan))
    lists.neon.ips = [ADDRESS]
    with pytest.raises(Refused, match="empty list lets everyone in"):
        await lists.action.undo(plan, receipt)
    assert lists.neon.ips == [ADDRESS]
