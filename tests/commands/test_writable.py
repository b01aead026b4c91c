"""/ops db read-only and /ops db writable, on the stand-in of Supabase."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.words.action import Risk, Undoable
from bot.words.report import Status
from commands.db.read_only import Everything, ShowReadOnly
from commands.db.writable import LetItWrite, Writable
from integrations import open_services
from integrations.capabilities import LiftsReadOnly
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.supabase import FakeSupabase
from tests.commands.world import Clock
from tests.integrations.standin import serving

TOKEN = "sbp_demo"


@pytest.fixture
def fake() -> FakeSupabase:
    return FakeSupabase(TOKEN)


@pytest.fixture
async def hosts(fake: FakeSupabase) -> AsyncIterator[tuple[LiftsReadOnly, ...]]:
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        yield open_services({"supabase": fake.section(url)}, http, lambda _: TOKEN).having(LiftsReadOnly)


async def test_read_only_is_shown_with_its_reason(hosts: tuple[LiftsReadOnly, ...], fake: FakeSupabase) -> None:
    action = ShowReadOnly(hosts, Clock())
    well = await action.answer(Everything())
    assert (well.lead, well.status) == ("None is read-only.", Status.OK)

    fake.read_only = True
    held = await action.answer(Everything())
    assert (held.lead, held.status) == ("supabase is read-only.", Status.WARNING)
    assert held.lines[0].detail == "7.9 of 8.0 GB of its disk are used"
    assert held.lines[0].suggestions[0].words == "db writable supabase"

    fake.faults.arm(Fault(Kind.STATUS, times=9, status=401))
    unread = await action.answer(Everything())
    assert (unread.lead, unread.status) == ("Could not read: supabase.", Status.UNKNOWN)


async def test_writing_is_let_through_and_ends_by_itself(hosts: tuple[LiftsReadOnly, ...], fake: FakeSupabase) -> None:
    action = LetItWrite(hosts)
    assert (await action.preview(Writable())).nothing_to_do == "supabase is not read-only."

    fake.read_only = True
    plan = await action.preview(Writable())
    assert plan.headline == "Let supabase write for 15 minutes, although it is read-only."
    assert plan.undo_note == "Cannot be undone or ended early: its host ends it after 15 minutes."
    assert plan.facts[0].value == "7.9 of 8.0 GB of its disk are used"
    assert not isinstance(action, Undoable)
    assert action.risk is Risk.DESTRUCTIVE

    receipt = await action.execute(plan)
    assert receipt.headline == "supabase may write, for 15 minutes."
    assert fake.done("temporary-disable") == [fake.ref]
    assert (await action.evidence(plan)).startswith("supabase may write until")
    again = await action.preview(Writable(service="supabase"))
    assert again.nothing_to_do.startswith("supabase may write until")
