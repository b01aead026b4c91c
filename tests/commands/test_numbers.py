"""/ops numbers."""

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import httpx
import pytest

from bot.words.action import Receipt
from bot.words.exceptions import NotUnderstood, Refused, Stale, TryLater
from bot.words.report import Status
from commands.numbers import Inventory, ListNumbers
from commands.numbers.reassign import Reassign, ReassignNumber
from commands.numbers.release import Release, ReleaseNumber
from integrations import Services, open_services
from integrations.capabilities import Number, Numbers
from sandbox.world import World
from sandbox.world.retell import FakeRetell
from tests.commands.world import Clock, Outside
from tests.integrations.standin import serving

NUMBER, FREE = "+18885550101", "+18885550105"


@pytest.fixture
async def services(database: str) -> AsyncIterator[Services]:
    async with World(database) as world, httpx.AsyncClient() as http:
        tables = {name: table for name, table in world.services().items() if name == "shop-db"}
        async with open_services(tables, http, world.secret) as opened:
            yield opened


@pytest.fixture
def inventories(services: Services) -> tuple[Numbers, ...]:
    return services.having(Numbers)


async def row(pool: asyncpg.Pool, number: str = NUMBER) -> tuple[Any, ...]:
    found = await pool.fetchrow(
        "SELECT status, assigned_to::text FROM demo.toll_free_numbers WHERE number = $1", number
    )
    assert found is not None
    return tuple(found)


def stored(receipt: Receipt) -> Receipt:
    """As it comes back from the ledger."""
    return Receipt.model_validate_json(receipt.model_dump_json())


async def test_counts_come_first(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    action = ListNumbers(inventories, Clock())
    report = await action.answer(Inventory())
    assert report.lead == "1 of 5 numbers is available."
    assert {fact.label: fact.value for fact in report.facts} == {"available": 1, "assigned": 3, "suspended": 1}
    assert report.table is not None
    assert len(report.table.rows) == 5
    none = await action.answer(Inventory(state="suspended", match="zzz"))
    assert none.lead == "1 of 5 numbers is available. None of the 5 is suspended and found by 'zzz'."
    assert none.table is None
    held = await action.answer(Inventory(state="assigned"))
    assert held.lead == "1 of 5 numbers is available. 3 of the 5 are assigned."
    free = await action.answer(Inventory(state="available"))
    assert free.table is not None
    assert [cells[0] for cells in free.table.rows] == [FREE]
    await pool.execute("UPDATE demo.toll_free_numbers SET status = 'suspended' WHERE status = 'available'")
    none = await action.answer(Inventory())
    assert (none.lead, none.status) == ("0 of 5 numbers are available.", Status.WARNING)


async def test_an_inventory_that_cannot_be_read(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    await pool.execute("DROP TABLE demo.toll_free_numbers")
    report = await ListNumbers(inventories, Clock()).answer(Inventory())
    assert (report.lead, report.status) == ("No inventory could be read.", Status.UNKNOWN)
    assert report.notes[0].startswith("Could not read shop-db: ")


async def test_released_and_put_back(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    action = ReleaseNumber(inventories)
    before = await row(pool)
    plan = await action.preview(Release(number="+1 (888) 555-0101"))
    assert plan.effects == (f"{NUMBER}: now assigned to {before[1]}, then available, nobody's",)
    assert plan.warnings == (f"{before[1]} loses it: calls to it may reach somebody else.",)

    receipt = await action.execute(plan)
    assert receipt.headline == f"{NUMBER} of shop-db is available again."
    assert await row(pool) == ("available", None)
    assert (await action.preview(Release(number=NUMBER))).nothing_to_do == f"{NUMBER} is available already."

    undone = await action.undo(plan, stored(receipt))
    assert undone.headline == f"{NUMBER} of shop-db is assigned to {before[1]} again."
    assert await row(pool) == before


async def test_reassigned_and_put_back(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    action = ReassignNumber(inventories)
    owner = (await row(pool))[1]
    plan = await action.preview(Reassign(number=FREE, to=owner))
    receipt = await action.execute(plan)
    assert await row(pool, FREE) == ("assigned", owner)
    assert (await action.preview(Reassign(number=FREE, to=owner))).nothing_to_do
    await action.undo(plan, stored(receipt))
    assert await row(pool, FREE) == ("available", None)


async def test_what_somebody_changed_since_stays(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    action = ReleaseNumber(inventories)
    plan = await action.preview(Release(number=NUMBER))
    await pool.execute("UPDATE demo.toll_free_numbers SET status = 'suspended' WHERE number = $1", NUMBER)
    with pytest.raises(Stale, match="was changed since"):
        await action.execute(plan)
    suspended = await action.preview(Release(number=NUMBER))
    assert "was suspended" in suspended.warnings[1]
    receipt = await action.execute(suspended)
    await pool.execute(
        "UPDATE demo.toll_free_numbers SET assigned_to = (SELECT id FROM demo.businesses LIMIT 1) WHERE number = $1",
        NUMBER,
    )
    with pytest.raises(Stale):
        await action.undo(suspended, stored(receipt))


async def test_mistakes_are_told(inventories: tuple[Numbers, ...], pool: asyncpg.Pool) -> None:
    release, reassign = ReleaseNumber(inventories), ReassignNumber(inventories)
    with pytest.raises(NotUnderstood, match=r"Did you mean \+18885550101") as caught:
        await release.preview(Release(number="+1888550101"))
    assert caught.value.hint == f"numbers release {NUMBER}"
    plan = await reassign.preview(Reassign(number=FREE, to="Harbour Dental"))
    with pytest.raises(Refused, match="nothing was changed"):
        await reassign.execute(plan)
    assert await row(pool, FREE) == ("available", None)


async def test_a_silent_inventory_keeps_nobody_from_another(inventories: tuple[Numbers, ...]) -> None:
    class Silent(Outside):
        async def numbers(self) -> tuple[Number, ...]:
            raise TryLater("voice is in trouble (503).")

    silent = cast("Numbers", Silent("voice"))
    plan = await ReleaseNumber((silent, *inventories)).preview(Release(number=NUMBER))
    assert plan.service == "shop-db"
    assert plan.warnings[-1] == "Could not read voice: voice is in trouble (503)."
    with pytest.raises(TryLater, match="Could not read voice"):
        await ReleaseNumber((silent,)).preview(Release(number=NUMBER))


async def test_what_is_offered_while_typing(inventories: tuple[Numbers, ...]) -> None:
    action = ReleaseNumber(inventories)
    assert await action.options("number", "") == []
    await action.refresh()
    assert FREE not in [option.value for option in await action.options("number", "+1888")]
    assert len(await action.options("number", "+1888")) == 4


async def test_a_number_of_retell_is_given_to_another_agent_and_back() -> None:
    fake = FakeRetell("key_demo")
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        services = open_services({"voice": fake.section(url)}, http, lambda _: fake.api_key)
        reassign = ReassignNumber(services.having(Numbers))
        plan = await reassign.preview(Reassign(number="+1 888 555-0181", to="Night desk"))
        assert plan.effects == ("+18885550181: now assigned to Front desk, then assigned to Night desk",)
        receipt = stored(await reassign.execute(plan))
        assert receipt.headline == "+18885550181 of voice belongs to Night desk now."
        assert await reassign.evidence(plan) == "+18885550181 is assigned, of Night desk"
        with pytest.raises(Stale):
            await reassign.execute(plan)
        assert (await reassign.undo(plan, receipt)).headline == "+18885550181 of voice is assigned to Front desk again."
        assert await reassign.evidence(plan) == "+18885550181 is assigned, of Front desk"
    assert fake.done("update number") == ["+18885550181", "+18885550181"]
