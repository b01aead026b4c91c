"""Who may reach a Supabase database: bans lifted, restrictions kept, read-only mode left for a while."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import OutcomeUnknown, Refused
from integrations import Services
from integrations.capabilities import (
    LiftsReadOnly,
    RateLimiter,
)
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.supabase import FakeSupabase
from tests.integrations.supabase.conftest import BANNED, OWN, STRANGER, opened

# -- who gets in


async def test_a_banned_stranger_is_let_in_and_taken_off_again(limiter: RateLimiter, fake: FakeSupabase) -> None:
    state = await limiter.rate_limits(BANNED)
    assert (state.records, state.allowed, state.has_allow_list) == (1, False, True)
    assert state.sample == (f"ban of {BANNED} after failed logins",)

    lifted = await limiter.lift(BANNED, note="import", until=None)

    assert lifted == {"inserted": f"{BANNED}/32", "unbanned": [BANNED]}
    assert fake.allowed["dbAllowedCidrs"] == ["198.51.100.0/24", f"{BANNED}/32"]
    assert fake.banned == ["192.0.2.9"]
    assert (await limiter.rate_limits(BANNED)).allowed

    fake.allowed["dbAllowedCidrs"].append("192.0.2.0/28")  # somebody else's, meanwhile
    assert await limiter.restore(BANNED, lifted) == 1
    assert fake.allowed["dbAllowedCidrs"] == ["198.51.100.0/24", "192.0.2.0/28"]
    assert await limiter.restore(BANNED, lifted) == 0


async def test_it_waits_until_a_change_is_applied(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.settle_seconds = 0.3
    await limiter.lift(STRANGER, note="import", until=None)
    assert fake.applied


async def test_a_change_that_is_stored_and_never_applied_is_unknown(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient
) -> None:
    fake.stuck = True
    limiter = opened(fake, url, http, settle="1s").named("supabase", RateLimiter)
    with pytest.raises(OutcomeUnknown, match="did not say within 1 s that it is applied"):
        await limiter.lift(STRANGER, note="import", until=None)


async def test_a_change_that_may_not_be_looked_at_is_unknown(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v1/projects"))  # the look before
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="GET /v1/projects", status=401))
    with pytest.raises(OutcomeUnknown, match="It was sent, and how it ended cannot be read"):
        await limiter.lift(STRANGER, note="import", until=None)
    assert f"{STRANGER}/32" in fake.allowed["dbAllowedCidrs"]


async def test_who_is_let_in_already_is_not_added(limiter: RateLimiter, fake: FakeSupabase) -> None:
    lifted = await limiter.lift("198.51.100.77", note="import", until=None)
    assert lifted == {"inserted": None, "unbanned": []}
    assert await limiter.restore("198.51.100.77", lifted) == 0
    assert fake.effects == []


async def test_a_list_that_was_never_set_lets_everyone_in(limiter: RateLimiter, fake: FakeSupabase) -> None:
    """Writing the first entry would shut everybody else out."""
    fake.allowed.clear()
    assert (await limiter.rate_limits(STRANGER)).allowed
    assert (await limiter.lift(STRANGER, note="import", until=None))["inserted"] is None
    assert fake.done("allow") == []


async def test_never_a_list_without_the_bots_own_address(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.allowed["dbAllowedCidrs"] = ["192.0.2.0/28"]
    with pytest.raises(Refused, match=f"lock out the bot's own address {OWN}"):
        await limiter.lift(STRANGER, note="import", until=None)
    assert fake.done("allow") == []
    assert fake.banned == [BANNED, "192.0.2.9"]


async def test_never_takes_off_what_lets_the_bot_in(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.allowed["dbAllowedCidrs"] = [f"{OWN}/32", f"{STRANGER}/32"]
    with pytest.raises(Refused, match="lock out the bot's own address"):
        await limiter.restore(OWN, {"inserted": f"{OWN}/32"})
    assert fake.done("disallow") == []


async def test_the_last_entry_stays(fake: FakeSupabase, url: str, http: httpx.AsyncClient) -> None:
    limiter = opened(fake, url, http, own_address=None).named("supabase", RateLimiter)
    assert "own_address is not set" in (await limiter.rate_limits(STRANGER)).notes[1]
    lifted = await limiter.lift("2001:db8::7", note="import", until=None)
    assert fake.allowed["dbAllowedCidrsV6"] == ["2001:db8::7/128"]
    with pytest.raises(Refused, match="is the last entry"):
        await limiter.restore("2001:db8::7", lifted)


async def test_restrictions_that_are_not_on_the_plan(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.entitlement = "disallowed"
    state = await limiter.rate_limits(BANNED)
    assert (state.has_allow_list, state.allowed) == (False, False)
    assert "not on its plan" in state.notes[1]
    assert await limiter.lift(BANNED, note="import", until=None) == {"inserted": None, "unbanned": [BANNED]}


async def test_an_unban_that_fails_tells_what_was_done_before(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="DELETE", status=400))
    with pytest.raises(Refused, match=f"Before that: {BANNED} was let in"):
        await limiter.lift(BANNED, note="import", until=None)
    assert fake.banned == [BANNED, "192.0.2.9"]


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE])
async def test_a_write_whose_answer_is_lost_is_looked_at(limiter: RateLimiter, fake: FakeSupabase, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, only="PATCH"))
    lifted = await limiter.lift(STRANGER, note="import", until=None)
    assert lifted["inserted"] == f"{STRANGER}/32"
    assert fake.done("allow") == [f"{STRANGER}/32"]


# -- read-only mode


async def test_writing_is_let_through_for_a_while(services: Services, fake: FakeSupabase) -> None:
    host = services.named("supabase", LiftsReadOnly)
    fake.read_only = True
    before = await host.read_only()
    assert (before.on, before.lifted_until) == (True, None)
    assert before.detail == "7.9 of 8.0 GB of its disk are used"
    after = await host.lift_read_only()
    assert after.lifted_until is not None
    assert timedelta(minutes=14) < after.lifted_until - datetime.now(UTC) <= timedelta(minutes=15)
    assert fake.done("temporary-disable") == [fake.ref]


async def test_without_a_word_that_it_is_let_through_the_end_is_unknown(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient
) -> None:
    fake.read_only = fake.stuck = True
    host = opened(fake, url, http, settle="1s").named("supabase", LiftsReadOnly)
    with pytest.raises(OutcomeUnknown, match="did not say within 1 s"):
        await host.lift_read_only()


async def test_a_disk_that_cannot_be_read_is_left_out(services: Services, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="/disk/util", status=403))
    assert (await services.named("supabase", LiftsReadOnly).read_only()).detail == ""
