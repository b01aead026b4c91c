"""Statistics of n8n's runs, over real HTTP from both flavours of the stand-in."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiohttp.test_utils import TestServer

from bot.words.exceptions import Refused
from integrations import Services, open_services
from integrations.capabilities import Operation, Statistics
from integrations.n8n.statistics import percentile
from sandbox.world import World
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.n8n import FakeN8n
from sandbox.world.n8n_state import Flavour, Run
from tests.integrations.contract import NO_SPECS, Contract

HOUR = timedelta(hours=1)


def filled(fake: FakeN8n, count: int, since: datetime, *, apart: timedelta, status: str = "success") -> None:
    """Runs of one workflow, oldest first, the first at `since`."""
    orders = next(iter(fake.workflows.values()))
    for number in range(count):
        at = since + number * apart
        id_ = max(fake.runs, default=0) + 1
        fake.runs[id_] = Run(id_, orders, status, at, at + timedelta(seconds=1 + number % 10))


async def test_the_last_hours_of_the_demo(services: Services, world: World) -> None:
    now = datetime.now(UTC)
    found = await services.named("n8n", Statistics).statistics(since=now - 2 * HOUR, until=now, slices=2)
    ended = [r for r in world.n8n.runs.values() if r.started and r.stopped and now - 2 * HOUR <= r.started < now]
    failed = [run for run in ended if run.status in ("error", "crashed")]
    assert len(ended) > len(failed) > 5
    assert (found.count, found.errors) == (len(ended), len(failed))
    assert [bucket.at for bucket in found.buckets] == [now - 2 * HOUR, now - HOUR]
    assert sum(bucket.count for bucket in found.buckets) == found.count
    assert (found.p50, found.p95, found.note) == (timedelta(seconds=4), timedelta(seconds=4), "")
    assert found.worst[0].name in {workflow.name for workflow in world.n8n.workflows.values()}
    assert found.worst[0].errors == max(each.errors for each in found.worst)


async def test_a_period_is_asked_for_where_n8n_can_be(services: Services, world: World) -> None:
    """2.41 knows startedAfter; 2.8 refuses it with 400."""
    now = datetime.now(UTC)
    await services.named("n8n", Statistics).statistics(since=now - 2 * HOUR, until=now - HOUR, slices=2)
    (asked,) = [heard for heard in world.n8n.heard if heard.path.endswith("/executions")]
    assert {"startedAfter", "startedBefore"} <= set(asked.query)


@pytest.mark.parametrize("flavour", ["2.41", "2.8"])
async def test_the_period_before_is_its_own(http: httpx.AsyncClient, flavour: Flavour) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # n8n tells milliseconds
    fake = FakeN8n("key", flavour=flavour)
    fake.runs.clear()
    filled(fake, 6, now - 2 * HOUR, apart=timedelta(minutes=10), status="error")
    filled(fake, 3, now - HOUR, apart=timedelta(minutes=20))
    async with TestServer(fake.app()) as server:
        section = {"kind": "n8n", "url": str(server.make_url("")), "api_key": "env:KEY"}
        async with open_services({"n8n": section}, http, lambda reference: "key") as services:
            counting = services.named("n8n", Statistics)
            current = await counting.statistics(since=now - HOUR, until=now, slices=3)
            before = await counting.statistics(since=now - 2 * HOUR, until=now - HOUR, slices=3)
    assert (current.count, current.errors, before.count, before.errors) == (3, 0, 6, 6)
    assert [bucket.count for bucket in before.buckets] == [2, 2, 2]
    assert before.worst == (Operation("Sync orders to HubSpot", 6, 6, timedelta(seconds=6)),)


@pytest.mark.parametrize("flavour", ["2.41", "2.8"])
async def test_too_many_runs_are_cut_and_said_to_be(http: httpx.AsyncClient, flavour: Flavour) -> None:
    """A slice that was read in part would look like a quiet one, and what was not read like a standstill."""
    now = datetime.now(UTC).replace(microsecond=0)  # n8n tells milliseconds
    fake = FakeN8n("key", flavour=flavour)
    fake.runs.clear()
    filled(fake, 4000, now - 4 * HOUR, apart=timedelta(seconds=3.6))
    async with TestServer(fake.app()) as server:
        section = {"kind": "n8n", "url": str(server.make_url("")), "api_key": "env:KEY"}
        async with open_services({"n8n": section}, http, lambda reference: "key") as services:
            counting = services.named("n8n", Statistics)
            found = await counting.statistics(since=now - 4 * HOUR, until=now, slices=4)
            assert (found.count, [bucket.count for bucket in found.buckets]) == (2500, [1000, 1000])
            assert found.buckets[0].at == now - 2 * HOUR
            assert found.note.startswith("Only the newest 2,500 runs of n8n were read, back to ")
            if flavour == "2.8":  # read from now back: it never comes there
                with pytest.raises(Refused, match="more than 2,500 runs since then"):
                    await counting.statistics(since=now - 4 * HOUR, until=now - 3 * HOUR, slices=4)


@pytest.mark.parametrize("flavour", ["2.41", "2.8"])
async def test_what_is_asked_is_in_the_contract(http: httpx.AsyncClient, flavour: Flavour) -> None:
    """Of more pages than one. The ids that 2.8 answers are described as numbers, and are none."""
    contract = Contract.load(f"n8n-{flavour}", base="/api/v1", beyond=("/discover",))
    if contract is None:
        pytest.skip(NO_SPECS)
    now = datetime.now(UTC)
    fake = FakeN8n("key", flavour=flavour)
    filled(fake, 600, now - HOUR, apart=timedelta(seconds=5), status="error")
    async with TestServer(fake.app()) as server:
        section = {"kind": "n8n", "url": str(server.make_url("")), "api_key": "env:KEY"}
        async with open_services({"n8n": section}, http, lambda reference: "key") as services:
            found = await services.named("n8n", Statistics).statistics(since=now - HOUR, until=now, slices=3)
    assert found.errors >= 600
    assert len([heard for heard in fake.heard if heard.path.endswith("/executions")]) > 1
    assert contract.check(fake.heard, answers=flavour == "2.41") == len(fake.heard)


async def test_names_are_a_kindness(services: Services, world: World) -> None:
    world.n8n.scopes.remove("workflow:list")
    now = datetime.now(UTC)
    found = await services.named("n8n", Statistics).statistics(since=now - 2 * HOUR, until=now, slices=2)
    assert found.worst[0].name in world.n8n.workflows


async def test_a_failing_n8n_gives_no_numbers(services: Services, world: World) -> None:
    world.n8n.scopes.remove("execution:list")
    now = datetime.now(UTC)
    with pytest.raises(Refused, match="execution:list"):
        await services.named("n8n", Statistics).statistics(since=now - HOUR, until=now, slices=2)
    world.n8n.scopes.add("execution:list")
    world.n8n.faults.arm(Fault(Kind.STATUS, only="/executions"))
    found = await services.named("n8n", Statistics).statistics(since=now - HOUR, until=now, slices=2)
    assert found.count > 0


@pytest.mark.parametrize(("part", "expected"), [(0.5, 10), (0.95, 19), (1.0, 20)])
def test_percentiles_are_values_that_there_were(part: float, expected: int) -> None:
    ordered = [timedelta(seconds=n) for n in range(1, 21)]
    assert percentile(ordered, part) == timedelta(seconds=expected)
    assert percentile([], part) is None
