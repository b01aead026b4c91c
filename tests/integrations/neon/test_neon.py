"""Neon's traps, each with its name. What is said is held against Neon's own description (see `fake`)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    Deployments,
    Health,
    Metered,
    RateLimiter,
    Restarts,
    Switch,
    Switches,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.neon.access import AllowedAddresses, PausableEndpoints
from integrations.neon.client import Neon
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.neon import Endpoint, FakeNeon
from tests.integrations.contract import NO_SPECS, Contract

KEY = "napi_k3y-that-must-not-be-seen"
ADDRESS = "203.0.113.7"
REPLACED = "Neon replaces its whole list: what somebody else adds in the same second may be lost."
OFFICE = "198.51.100.1"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("neon", beyond=("/consumption_history/v2/projects",))


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeNeon]:
    fake = FakeNeon(KEY)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeNeon, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"db": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def services(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def neon(services: Services) -> Neon:
    client = services.named("db", Restarts)
    assert isinstance(client, Neon)
    return client


@pytest.fixture
def allowed(services: Services) -> AllowedAddresses:
    client = services.named("db", RateLimiter)
    assert isinstance(client, AllowedAddresses)
    return client


@pytest.fixture
def pausable(services: Services) -> Switches:
    return services.named("db", Switches)


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "PATCH /projects/{project_id}" in contract.operations()


def test_it_claims_what_it_can(fake: FakeNeon, services: Services, http: httpx.AsyncClient) -> None:
    for can in (Checkable, Tryable, Credentialed, Restarts, Metered):
        assert [type(each) for each in services.having(can)] == [Neon]
    assert [type(each) for each in services.having(Switches)] == [PausableEndpoints]
    assert services.having(Deployments) == ()
    plain = opened(fake, "http://127.0.0.1:9", http, pausable=[], allowed_ips=False)
    assert (plain.having(Switches), plain.having(RateLimiter)) == ((), ())


# -- health and rights


async def test_a_suspended_endpoint_is_well(fake: FakeNeon, neon: Neon) -> None:
    """It starts with the next connection."""
    assert await neon.check() == Checked(Health.OK)
    fake.endpoints["ep-main-1"].state = "idle"
    assert await neon.check() == Checked(Health.OK)
    fake.endpoints["ep-main-1"].disabled = True
    assert await neon.check() == Checked(Health.DEGRADED, "ep-main-1 is disabled")
    assert [trial.health for trial in await neon.test()] == [Health.OK] * 2


async def test_a_project_that_is_not_there(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> None:
    seen = await opened(fake, url, http, project="other-1").named("db", Checkable).check()
    assert "Check services.db.project" in seen.detail


async def test_a_project_key_is_the_least(fake: FakeNeon, neon: Neon) -> None:
    assert (await neon.rights()).unneeded == ()
    fake.scoped_to_project = False
    assert "every project of the organisation" in (await neon.rights()).unneeded
    assert [(each.setting, each.reference) for each in neon.credentials()] == [
        ("services.db.api_key", "env:DEMO_NEON_API_KEY")
    ]


async def test_which_endpoint_is_meant(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> None:
    assert await opened(fake, url, http).named("db", Restarts).running_now() == "ep-main-1"
    named = opened(fake, url, http, endpoint="ep-staging-1").named("db", Restarts)
    assert await named.running_now() == "ep-staging-1"
    fake.endpoints["ep-main-2"] = Endpoint("ep-main-2", "br-main")
    with pytest.raises(Misconfigured, match=r"services\.db\.endpoint.*write one of ep-main-1"):
        await opened(fake, url, http).named("db", Restarts).running_now()


# -- restart


async def test_a_restart_is_an_operation_that_is_waited_for(fake: FakeNeon, neon: Neon) -> None:
    deployed = await neon.restart()
    assert (deployed.live, fake.endpoints["ep-main-1"].restarts) == ("ep-main-1", 1)
    assert deployed.notes == ("Every connection to the database is dropped.",)


async def test_a_suspended_endpoint_is_not_restarted(fake: FakeNeon, neon: Neon) -> None:
    fake.endpoints["ep-main-1"].state = "idle"
    with pytest.raises(Refused, match="ep-main-1 is idle"):
        await neon.restart()
    assert fake.effects == []


async def test_an_operation_that_fails(fake: FakeNeon, neon: Neon) -> None:
    fake.ends_as = "failed"
    with pytest.raises(Refused, match="suspend_compute ended as failed: compute did not start"):
        await neon.restart()


async def test_an_operation_that_takes_too_long_is_unknown(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> None:
    fake.operation_seconds = 60
    client = opened(fake, url, http, settle="1s").named("db", Restarts)
    with pytest.raises(OutcomeUnknown, match="suspend_compute was not over after 1 s"):
        await client.restart()


async def test_an_operation_that_may_not_be_looked_at_is_unknown(fake: FakeNeon, neon: Neon) -> None:
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="/operations/", status=403))
    with pytest.raises(OutcomeUnknown, match="It was sent, and how it ended cannot be read"):
        await neon.restart()
    assert fake.done("restart") == ["ep-main-1"]


async def test_a_locked_project_is_waited_for(fake: FakeNeon, neon: Neon) -> None:
    """423: another operation is under way, and nothing was done."""
    fake.operation_seconds = 0.5
    fake._begin("check_availability", lambda: None)
    await neon.restart()
    assert [call.status for call in fake.heard if call.method == "POST"] == [423, 200]
    assert fake.done("restart") == ["ep-main-1"]


async def test_an_endpoint_that_went_to_sleep_while_the_project_was_locked_is_not_ours_to_turn(
    fake: FakeNeon, neon: Neon, pausable: Switches
) -> None:
    """What it was before the wait is not what it is after it."""
    fake.operation_seconds = 0.5

    def asleep() -> None:
        fake.endpoints["ep-main-1"].state = "idle"

    fake._begin("suspend_compute", asleep)
    with pytest.raises(Refused, match="ep-main-1 is idle"):
        await neon.restart()
    fake.endpoints["ep-main-1"].state = "active"
    fake._begin("suspend_compute", asleep)
    paused = await pausable.pause(["ep-main-1"])
    assert (paused.changed, paused.missed) == ((), ("ep-main-1 was idle already",))
    assert [call.status for call in fake.heard if call.method == "POST"] == [423, 423]
    assert fake.effects == []


async def test_a_project_that_stays_locked(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> None:
    fake.operation_seconds = 60
    fake._begin("check_availability", lambda: None)
    client = opened(fake, url, http, settle="1s").named("db", Restarts)
    with pytest.raises(TryLater, match="busy with another operation"):
        await client.restart()
    assert fake.effects == []


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_a_restart_whose_answer_is_lost_is_unknown_and_sent_once(fake: FakeNeon, neon: Neon, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, only="POST"))
    with pytest.raises(OutcomeUnknown):
        await neon.restart()
    assert fake.done("restart") == ["ep-main-1"]


# -- switches


async def test_endpoints_that_may_be_paused(fake: FakeNeon, pausable: Switches) -> None:
    found = await pausable.switches()
    assert [(each.name, each.state) for each in found] == [
        ("ep-main-1 on main", Switch.RUNNING),
        ("ep-staging-1 on staging", Switch.PAUSED),
    ]
    paused = await pausable.pause(["ep-main-1", "ep-staging-1", "ep-replica-1"])
    assert [each.id for each in paused.changed] == ["ep-main-1"]
    assert len(paused.missed) == 2
    assert paused.note == "A suspended endpoint starts again with the next connection."
    assert fake.endpoints["ep-main-1"].state == "idle"
    resumed = await pausable.resume(paused.changed)
    assert [each.id for each in resumed.changed] == ["ep-main-1"]
    assert (fake.done("suspend"), fake.done("start")) == (["ep-main-1"], ["ep-main-1"])
    assert fake.endpoints["ep-main-1"].state == "active"


async def test_an_endpoint_that_cannot_be_paused_leaves_the_others(fake: FakeNeon, pausable: Switches) -> None:
    fake.endpoints["ep-staging-1"].state = "active"
    fake.faults.arm(Fault(Kind.STATUS, only="ep-main-1/suspend", status=403))
    paused = await pausable.pause(["ep-main-1", "ep-staging-1", "../x"])
    assert [each.id for each in paused.changed] == ["ep-staging-1"]
    refused, unknown = paused.missed
    assert refused.startswith("ep-main-1: db refused our credential (403)")
    assert unknown == "Neon knows no endpoint '../x' in this project."


# -- the list of allowed addresses


async def test_an_address_is_added_and_taken_off_again(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    fake.protected_only = True
    state = await allowed.rate_limits(ADDRESS)
    assert (state.records, state.allowed, state.has_allow_list) == (0, False, True)
    assert state.notes[0] == "Its list holds for protected branches only."
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    assert fake.ips == [OFFICE, "198.51.100.32/28", ADDRESS]
    assert fake.protected_only
    assert (await allowed.rate_limits(ADDRESS)).allowed
    assert await allowed.restore(ADDRESS, lifted) == 1
    assert fake.ips == lifted["before"] == [OFFICE, "198.51.100.32/28"]
    assert await allowed.restore(ADDRESS, lifted) == 0


async def test_the_undo_keeps_what_others_added_since(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    fake.ips.append("192.0.2.4")
    assert await allowed.restore(ADDRESS, lifted) == 1
    assert fake.ips == [OFFICE, "198.51.100.32/28", "192.0.2.4"]


@pytest.mark.parametrize(
    "entry", ["203.0.113.0/24", "203.0.113.7/32", "203.0.113.1-203.0.113.9", "203.0.113.1 - 203.0.113.9"]
)
async def test_a_wider_entry_allows_already(fake: FakeNeon, allowed: AllowedAddresses, entry: str) -> None:
    fake.ips.append(entry)
    assert (await allowed.rate_limits(ADDRESS)).allowed
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    assert (lifted["inserted"], await allowed.restore(ADDRESS, lifted)) == (None, 0)
    assert fake.effects == []


async def test_an_empty_list_lets_everyone_in_and_is_never_begun(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    """Its first entry would lock everybody else out."""
    fake.ips = []
    state = await allowed.rate_limits(ADDRESS)
    assert (state.allowed, state.notes) == (True, ("Its list is empty, which lets everyone in.",))
    assert (await allowed.lift(ADDRESS, note="import", until=None))["inserted"] is None
    assert fake.ips == []


async def test_an_empty_list_is_never_written(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    """It would let everyone in."""
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    fake.ips = [ADDRESS]
    with pytest.raises(Refused, match="the last entry of db's list, and an empty list lets everyone in"):
        await allowed.restore(ADDRESS, lifted)
    assert fake.ips == [ADDRESS]
    with pytest.raises(Refused, match="never written"):
        await allowed._api.allow([], protected_branches_only=False)


async def test_a_list_never_locks_the_bot_out(fake: FakeNeon, url: str, http: httpx.AsyncClient) -> None:
    allowed = opened(fake, url, http, own_address="192.0.2.9").named("db", RateLimiter)
    with pytest.raises(Refused, match=r"lock out the bot's own address 192\.0\.2\.9"):
        await allowed.lift(ADDRESS, note="import", until=None)
    fake.ips.append("192.0.2.0/24")
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    assert (await allowed.rate_limits(ADDRESS)).notes == (REPLACED,)
    fake.ips.remove("192.0.2.0/24")
    with pytest.raises(Refused, match="lock out"):
        await allowed.restore(ADDRESS, lifted)
    assert ADDRESS in fake.ips


@pytest.mark.parametrize(
    ("told", "entry"),
    [
        (f"{ADDRESS}/32", ADDRESS),
        (ADDRESS, f"{ADDRESS}/32"),
        ("198.51.100.1 - 198.51.100.9", "198.51.100.1-198.51.100.9"),
    ],
)
async def test_a_list_told_in_another_spelling_is_the_same_list(
    fake: FakeNeon, allowed: AllowedAddresses, told: str, entry: str
) -> None:
    fake.ips.append(entry)
    fake.respelled[entry] = told
    lifted = await allowed.lift("192.0.2.77", note="import", until=None)
    assert lifted["inserted"] == "192.0.2.77"
    assert told in fake.ips


async def test_a_list_that_is_another_than_was_written_is_unknown(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    fake.respelled[ADDRESS] = "203.0.113.0/24"
    with pytest.raises(OutcomeUnknown, match="took the list and now shows another"):
        await allowed.lift(ADDRESS, note="import", until=None)


async def test_a_list_that_somebody_replaced_right_after_is_unknown(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    """They had read it before our entry was there."""
    fake.overwritten = ADDRESS
    with pytest.raises(OutcomeUnknown, match=f"somebody else replaced it since: {ADDRESS} is not on it now"):
        await allowed.lift(ADDRESS, note="import", until=None)


async def test_the_card_says_that_a_list_is_replaced_as_a_whole(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    assert REPLACED in (await allowed.rate_limits(ADDRESS)).notes


async def test_two_at_once_do_not_overwrite_each_other(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    """The list is read and then replaced as a whole."""
    await asyncio.gather(allowed.lift(ADDRESS, note="a", until=None), allowed.lift("203.0.113.8", note="b", until=None))
    assert {ADDRESS, "203.0.113.8", OFFICE} <= set(fake.ips)


async def test_what_others_add_while_the_project_is_locked_is_kept(fake: FakeNeon, allowed: AllowedAddresses) -> None:
    """The list is replaced as a whole: what it was before we waited is not what it is now."""
    fake.operation_seconds = 0.5
    fake._begin("apply_config", lambda: fake.ips.append("192.0.2.4"))
    lifted = await allowed.lift(ADDRESS, note="import", until=None)
    assert fake.ips == [OFFICE, "198.51.100.32/28", "192.0.2.4", ADDRESS]
    assert lifted["before"] == fake.ips[:-1]

    fake._begin("apply_config", lambda: fake.ips.append("192.0.2.5"))
    assert await allowed.restore(ADDRESS, lifted) == 1
    assert fake.ips == [OFFICE, "198.51.100.32/28", "192.0.2.4", "192.0.2.5"]


# -- usage


async def test_usage_against_the_quota(neon: Neon) -> None:
    compute, *others = await neon.usage()
    assert (compute.name, compute.used, compute.limit, compute.unit) == ("compute time", 90.0, 100.0, "hours")
    assert compute.share == 0.9
    assert compute.resets_at is not None
    assert timedelta(0) < compute.resets_at - datetime.now(UTC) <= timedelta(days=31)
    assert [(each.name, each.used, each.limit) for each in others] == [
        ("transferred data", 3.4, None), ("written data", 0.9, None), ("stored data", 2.5, None)
    ]  # fmt: skip


async def test_a_plan_that_does_not_tell_is_a_note(fake: FakeNeon, neon: Neon) -> None:
    assert "paid plans" in (await neon.usage())[0].note
    fake.scoped_to_project, fake.paid = False, True
    found = {each.name: each for each in await neon.usage()}
    assert found["compute time"].note == ""
    assert (found["billed compute"].used, found["billed transfer"].used) == (20.0, 3.0)
    fake.faults.arm(Fault(Kind.STATUS, only="consumption", status=404, times=1))
    assert "paid plans" in (await neon.usage())[0].note
    fake.faults.arm(Fault(Kind.STATUS, only="consumption", status=500, times=1))
    assert "in trouble" in (await neon.usage())[0].note


async def test_an_endpoint_that_is_unknown(pausable: Switches, neon: Neon) -> None:
    with pytest.raises(NotUnderstood, match="no endpoint"):
        await neon._api.endpoint("ep-none")
