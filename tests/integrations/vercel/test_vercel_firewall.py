"""Vercel's firewall: an address let past it for a while, and a block lifted and put back."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import Refused, Stale, TryLater
from integrations.capabilities import (
    RateLimiter,
)
from integrations.vercel.client import Vercel
from integrations.vercel.firewall import Firewall
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.vercel import FakeVercel
from sandbox.world.vercel_firewall import Block, Bypass
from tests.integrations.vercel.conftest import ADDRESS, opened

# -- the firewall


async def test_an_address_bypasses_the_firewall_and_ends_by_itself(fake: FakeVercel, firewall: Firewall) -> None:
    state = await firewall.rate_limits(ADDRESS)
    assert (state.records, state.allowed, state.has_allow_list, state.blocks) == (0, False, True, ())
    lifted = await firewall.lift(ADDRESS, note="import", until=datetime.now(UTC) + timedelta(hours=1))
    assert fake.firewall.allowed() == {ADDRESS: "import"}
    assert (await firewall.rate_limits(ADDRESS)).allowed
    fake.firewall.bypasses[0].expires_at = time.time() - 1
    assert not (await firewall.rate_limits(ADDRESS)).allowed
    assert await firewall.restore(ADDRESS, lifted) == 0


async def test_a_bypass_is_taken_away_by_the_undo(fake: FakeVercel, firewall: Firewall) -> None:
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    assert await firewall.restore(ADDRESS, lifted) == 1
    assert fake.firewall.allowed() == {}
    assert await firewall.restore(ADDRESS, lifted) == 0


async def test_a_short_page_of_bypasses_is_not_the_last(fake: FakeVercel, firewall: Firewall) -> None:
    """Otherwise a bypass of ours on the next page passes for gone, and stays for ever."""
    fake.firewall.bypasses = [Bypass(f"b{last}", f"192.0.2.{last}", "office") for last in range(5)]
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    fake.firewall.page = 2
    assert await firewall.restore(ADDRESS, lifted) == 1
    assert ADDRESS not in fake.firewall.allowed()


async def test_a_range_covers_its_addresses(fake: FakeVercel, firewall: Firewall) -> None:
    fake.firewall.bypasses.append(Bypass("b", "203.0.113.0/28", "office"))
    assert (await firewall.rate_limits(ADDRESS)).allowed
    assert not (await firewall.rate_limits("203.0.113.0/24")).allowed
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    assert lifted["bypass"] is None
    assert await firewall.restore(ADDRESS, lifted) == 0
    assert len(fake.firewall.bypasses) == 1


async def test_a_bypass_that_is_listed_as_deleted_lets_nobody_through(fake: FakeVercel, firewall: Firewall) -> None:
    fake.firewall.bypasses.append(Bypass("b", ADDRESS, "office", deleted_at="2026-03-01T09:00:00Z"))
    assert not (await firewall.rate_limits(ADDRESS)).allowed
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    assert fake.firewall.allowed() == {ADDRESS: "import"}
    assert await firewall.restore(ADDRESS, lifted) == 1


async def test_a_bypass_of_another_domain_is_not_ours(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    fake.firewall.bypasses.append(Bypass("b", ADDRESS, "office", domain="admin.example.com"))
    firewall = opened(fake, url, http, domain="shop.example.com").named("web", RateLimiter)
    assert not (await firewall.rate_limits(ADDRESS)).allowed
    await firewall.lift(ADDRESS, note="import", until=None)
    assert [each.domain for each in fake.firewall.bypasses] == ["admin.example.com", "shop.example.com"]


async def test_somebodys_bypass_of_the_whole_project_is_neither_ours_nor_in_the_way_of_ours(
    fake: FakeVercel, url: str, http: httpx.AsyncClient
) -> None:
    """Given later and listed first: without a look at the place ours would never be taken away."""
    firewall = opened(fake, url, http, domain="shop.example.com").named("web", RateLimiter)
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    fake.firewall.bypasses.insert(0, Bypass("b", ADDRESS, "office"))
    assert isinstance(firewall, Firewall)
    await firewall.prolong(ADDRESS, lifted, datetime.now(UTC) + timedelta(hours=3))
    assert await firewall.restore(ADDRESS, lifted) == 1
    assert [(each.domain, each.note) for each in fake.firewall.bypasses] == [("", "office")]
    assert await firewall.restore(ADDRESS, lifted) == 0


async def test_what_is_listed_in_another_spelling_is_taken_away_and_not_put_back_twice(
    fake: FakeVercel, firewall: Firewall
) -> None:
    blocked = "198.51.100.23"
    lifted = await firewall.lift(blocked, note="a customer", until=None)
    fake.firewall.bypasses[0].ip = f"{blocked}/32"
    fake.firewall.blocks.append(Block("ip_3", "shop.example.com", f"{blocked}/32", "again"))
    assert await firewall.restore(blocked, lifted) == 1
    assert fake.firewall.allowed() == {}
    assert [block.ip for block in fake.firewall.blocks] == [f"{blocked}/32"]


async def test_a_bypass_that_somebody_changed_is_left(fake: FakeVercel, firewall: Firewall) -> None:
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    fake.firewall.bypasses[0].note = "made permanent"
    with pytest.raises(Stale, match="its note was 'import', now it is 'made permanent'"):
        await firewall.restore(ADDRESS, lifted)
    with pytest.raises(Stale):
        await firewall.prolong(ADDRESS, lifted, datetime.now(UTC) + timedelta(hours=1))
    assert fake.firewall.allowed() == {ADDRESS: "made permanent"}


async def test_an_end_is_moved_and_may_be_moved_again(fake: FakeVercel, firewall: Firewall) -> None:
    lifted = await firewall.lift(ADDRESS, note="import", until=datetime.now(UTC) + timedelta(hours=1))
    until = datetime.now(UTC) + timedelta(hours=3)
    await firewall.prolong(ADDRESS, lifted, until)
    await firewall.prolong(ADDRESS, lifted, until)
    (bypass,) = fake.firewall.bypasses
    assert bypass.expires_at == pytest.approx(until.timestamp(), abs=60)
    assert await firewall.restore(ADDRESS, lifted) == 1


async def test_a_bypass_that_somebody_took_away_is_not_given_again(fake: FakeVercel, firewall: Firewall) -> None:
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    fake.firewall.bypasses.clear()
    with pytest.raises(Stale, match="not in web any more"):
        await firewall.prolong(ADDRESS, lifted, datetime.now(UTC) + timedelta(hours=1))
    assert fake.firewall.allowed() == {}


async def test_a_block_is_lifted_and_put_back(fake: FakeVercel, firewall: Firewall) -> None:
    fake.firewall.blocks.append(Block("ip_2", "shop.example.com", "198.51.100.0/24", "a provider"))
    blocked = "198.51.100.23"
    state = await firewall.rate_limits(blocked)
    assert state.blocks == ("The block of 198.51.100.23 on shop.example.com (scraper of March)",)
    assert state.notes == (
        "The block of 198.51.100.0/24 on shop.example.com (a provider) stays: it covers more than was asked for.",
    )
    lifted = await firewall.lift(blocked, note="a customer", until=None)
    assert [block.ip for block in fake.firewall.blocks] == ["198.51.100.0/24"]
    assert await firewall.restore(blocked, lifted) == 2
    assert [(b.ip, b.notes) for b in fake.firewall.blocks][-1] == (blocked, "scraper of March")
    assert await firewall.restore(blocked, lifted) == 0


async def test_a_block_that_cannot_be_lifted_says_what_was_done(fake: FakeVercel, firewall: Firewall) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="PATCH", status=403))
    with pytest.raises(Refused, match=r"Before that: 198\.51\.100\.23 may bypass the firewall"):
        await firewall.lift("198.51.100.23", note="a customer", until=None)


async def test_an_undo_that_ends_halfway_says_what_was_done(fake: FakeVercel, firewall: Firewall) -> None:
    """The bypass is gone, the block is not back: neither "nothing was changed" nor done."""
    blocked = "198.51.100.23"
    lifted = await firewall.lift(blocked, note="a customer", until=None)
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="/config/active", status=503))
    gone = f"Before that: {blocked} may not bypass the firewall any more; put back the rest in Vercel"
    with pytest.raises(Refused, match=gone):
        await firewall.restore(blocked, lifted)
    fake.faults.clear()
    assert await firewall.restore(blocked, lifted) == 1
    fake.firewall.blocks.clear()
    fake.faults.arm(Fault(Kind.STATUS, only="/config/active", status=403))
    with pytest.raises(Refused, match=r"\(403\)(?!.*Before that)"):
        await firewall.restore(blocked, lifted)


async def test_an_end_that_cannot_be_moved_tells_that_the_bypass_is_gone(fake: FakeVercel, firewall: Firewall) -> None:
    lifted = await firewall.lift(ADDRESS, note="import", until=None)
    fake.faults.arm(Fault(Kind.STATUS, only="POST /v1/security/firewall/bypass", status=429, retry_after="30"))
    with pytest.raises(Refused, match=f"Before that: {ADDRESS} may not bypass the firewall any more; look there"):
        await firewall.prolong(ADDRESS, lifted, datetime.now(UTC) + timedelta(hours=1))
    assert fake.firewall.allowed() == {}


async def test_a_firewall_that_nobody_configured_blocks_nobody(fake: FakeVercel, firewall: Firewall) -> None:
    fake.firewall.configured = False
    assert (await firewall.rate_limits("198.51.100.23")).blocks == ()


async def test_a_project_may_keep_its_firewall_to_itself(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    assert opened(fake, url, http, firewall=False).having(RateLimiter) == ()


async def test_a_busy_vercel_is_asked_again(fake: FakeVercel, web: Vercel) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="0"))
    assert len(await web.deployments()) == 5
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="600", times=9))
    with pytest.raises(TryLater):
        await web.deployments()
