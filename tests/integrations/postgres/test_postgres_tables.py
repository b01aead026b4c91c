"""Mapped tables on a real PostgreSQL: rate limits with an allow-list, and a status column."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OpsError, Refused, Stale
from integrations import Services
from integrations.capabilities import (
    Prolongs,
    RateLimiter,
    Switch,
    Switchable,
    Switches,
)
from tests.integrations.postgres.conftest import HOUR, opened

# -- rate limits


async def test_records_of_one_address_in_all_its_spellings(shop: Services) -> None:
    """Servers write IPv4 as ::ffff:a.b.c.d, and IPv6 in many ways."""
    limiter = shop.named("shop-db", RateLimiter)
    one = await limiter.rate_limits("203.0.113.7")
    assert (one.records, one.allowed, one.has_allow_list) == (3, False, True)
    assert one.sample[0].startswith("203.0.113.7 on /api/mining-proxy: 1,412 requests since ")
    assert (await limiter.rate_limits("203.0.113.0/28")).records == 4
    assert (await limiter.rate_limits("2001:db8::7")).records == 1
    assert (await limiter.rate_limits("2001:db8::/32")).records == 1
    assert (await limiter.rate_limits("0.0.0.0/0")).records == 44
    assert (await limiter.rate_limits("203.0.113.70")).records == 0


async def test_an_allowed_range_covers_its_addresses(shop: Services) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    assert (await limiter.rate_limits("198.51.100.3")).allowed
    assert (await limiter.rate_limits("198.51.100.0/29")).allowed
    assert not (await limiter.rate_limits("198.51.100.0/24")).allowed
    assert not (await limiter.rate_limits("192.0.2.44")).allowed, "that entry has ended"


async def test_lift_and_restore(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    before = await sql.fetchval("SELECT count(*) FROM demo.rate_limits")
    until = datetime.now(UTC) + 2 * HOUR
    lifted = await limiter.lift("203.0.113.7", note="O'Brien; DROP TABLE demo.rate_limits; --", until=until)
    assert lifted["deleted"] == 3
    assert await sql.fetchval("SELECT count(*) FROM demo.rate_limits") == before - 3
    row = await sql.fetchrow("SELECT * FROM demo.ip_allow_list WHERE network = '203.0.113.7'")
    assert (row["note"], row["expires_at"]) == ("O'Brien; DROP TABLE demo.rate_limits; --", until)
    assert (await limiter.rate_limits("203.0.113.7")).allowed
    assert await limiter.restore("203.0.113.7", lifted) == 1
    assert await limiter.restore("203.0.113.7", lifted) == 0
    assert not (await limiter.rate_limits("203.0.113.7")).allowed


async def test_what_was_allowed_before_is_not_taken_back(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    lifted = await limiter.lift("198.51.100.3", note="again", until=None)
    assert lifted["inserted"] is None
    assert await limiter.restore("198.51.100.3", lifted) == 0
    assert (await limiter.rate_limits("198.51.100.3")).allowed


async def test_an_entry_that_has_ended_is_replaced(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    await limiter.lift("192.0.2.44", note="once more", until=None)
    rows = await sql.fetch("SELECT note, expires_at FROM demo.ip_allow_list WHERE network = '192.0.2.44'")
    assert [tuple(row) for row in rows] == [("once more", None)]


async def test_a_changed_entry_is_left_alone(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    lifted = await limiter.lift("203.0.113.7", note="partner", until=datetime.now(UTC) + HOUR)
    await sql.execute("UPDATE demo.ip_allow_list SET expires_at = NULL WHERE note = 'partner'")
    with pytest.raises(Stale) as caught:
        await limiter.restore("203.0.113.7", lifted)
    assert caught.value.differences[0].startswith("until was 20")
    assert (await limiter.rate_limits("203.0.113.7")).allowed


async def test_another_entry_for_the_same_network_is_left(shop: Services, sql: Any) -> None:
    """A list without a key may hold somebody else's beside ours, for good."""
    await sql.execute("ALTER TABLE demo.ip_allow_list DROP CONSTRAINT ip_allow_list_pkey")
    limiter = shop.named("shop-db", Prolongs)
    lifted = await limiter.lift("203.0.113.7", note="import", until=datetime.now(UTC) + HOUR)
    await sql.execute("INSERT INTO demo.ip_allow_list (network, note) VALUES ('203.0.113.7', 'the office')")
    lifted = await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 2 * HOUR)
    assert await limiter.restore("203.0.113.7", lifted) == 1
    rows = await sql.fetch("SELECT note, expires_at FROM demo.ip_allow_list WHERE network = '203.0.113.7'")
    assert [tuple(row) for row in rows] == [("the office", None)]


async def test_an_entry_that_is_gone_is_not_prolonged(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", Prolongs)
    lifted = await limiter.lift("203.0.113.7", note="partner", until=datetime.now(UTC) + HOUR)
    lifted = await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 2 * HOUR)
    await sql.execute("DELETE FROM demo.ip_allow_list WHERE note = 'partner'")
    with pytest.raises(Stale, match="not on the allow-list of shop-db any more"):
        await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 3 * HOUR)
    assert not (await limiter.rate_limits("203.0.113.7")).allowed


async def test_lifting_is_all_or_nothing(shop: Services, sql: Any) -> None:
    await sql.execute("ALTER TABLE demo.ip_allow_list ADD CHECK (length(note) < 100)")
    limiter = shop.named("shop-db", RateLimiter)
    with pytest.raises(Refused, match="nothing was changed"):
        await limiter.lift("203.0.113.7", note="x" * 200, until=None)
    assert (await limiter.rate_limits("203.0.113.7")).records == 3


@pytest.mark.parametrize("kind", ["inet", "cidr", "text"])
async def test_identifiers_and_networks_of_any_type(
    database: str, http: httpx.AsyncClient, sql: Any, kind: str
) -> None:
    await sql.execute(
        f"CREATE TABLE rate_limits (identifier {'inet' if kind == 'cidr' else kind}); "
        f"CREATE TABLE allowed (net {kind}); INSERT INTO rate_limits VALUES ('203.0.113.7'), ('203.0.113.8')"
    )
    tables = {"endpoint": "", "count": "", "window_start": "",
              "allow_list": {"table": "allowed", "network": "net", "note": "", "until": ""}}  # fmt: skip
    async with opened(http, database, rate_limits=tables) as services:
        limiter = services.named("db", RateLimiter)
        assert (await limiter.rate_limits("203.0.113.0/24")).records == 2
        lifted = await limiter.lift("203.0.113.7", note="n", until=datetime.now(UTC))
        assert lifted == {"deleted": 1, "inserted": {"network": "203.0.113.7", "note": None, "until": None}}
        assert (await limiter.rate_limits("203.0.113.7")).allowed
        assert await limiter.restore("203.0.113.7", lifted) == 1
        assert (await limiter.rate_limits("203.0.113.0/24")).records == 1


async def test_without_an_allow_list_only_records_go(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE TABLE rate_limits (identifier text, endpoint text, request_count int, window_start date)")
    async with opened(http, database, rate_limits={}) as services:
        limiter = services.named("db", RateLimiter)
        assert not (await limiter.rate_limits("203.0.113.7")).has_allow_list
        lifted = await limiter.lift("203.0.113.7", note="n", until=None)
        assert lifted == {"deleted": 0, "inserted": None}
        assert await limiter.restore("203.0.113.7", lifted) == 0


async def test_a_network_that_is_none_is_not_sent(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    for bad in ("203.0.113.7'; DELETE FROM demo.rate_limits; --", "", "all", "123.456.789.0", "%"):
        for call in (limiter.rate_limits(bad), limiter.lift(bad, note="n", until=None)):
            with pytest.raises(NotUnderstood, match="not an IP address"):
                await call
    assert await sql.fetchval("SELECT count(*) FROM demo.rate_limits") == 48


# -- a status column


async def running(switches: Switches) -> dict[str, str]:
    return {thing.name: thing.id for thing in await switches.switches() if thing.state is Switch.RUNNING}


async def test_pause_and_resume_exactly_those(shop: Services) -> None:
    switches = shop.named("shop-db", Switches)
    before = await running(switches)
    assert len(before) == 4
    paused = await switches.pause([before["Spring sale"], before["Win-back SMS"]])
    assert {(thing.name, thing.detail) for thing in paused.changed} == {
        ("Spring sale", "active"),
        ("Win-back SMS", "active"),
    }
    assert set(await running(switches)) == {"Trial follow-up calls", "Abandoned cart"}
    resumed = await switches.resume(paused.changed)
    assert (len(resumed.changed), resumed.missed) == (2, ())
    assert await running(switches) == before


async def test_what_somebody_else_paused_runs_under_the_usual_word(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    paused = next(thing for thing in await switches.switches() if thing.state is Switch.PAUSED)
    resumed = await switches.resume([Switchable(paused.id, paused.name, Switch.RUNNING)])
    assert resumed.changed == (paused,)
    assert await sql.fetchval("SELECT status::text FROM demo.campaigns WHERE id = $1", int(paused.id)) == "active"


async def test_what_is_not_running_is_never_touched(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    ids = {thing.name: thing.id for thing in await switches.switches()}
    flipped = await switches.pause([ids["Summer launch"], ids["New Year offer"], "999", "1; DROP TABLE demo.campaigns"])
    assert flipped.changed == ()
    assert flipped.missed == (
        "Summer launch is draft now",
        "New Year offer is ended now",
        "999 is not there any more",
        "1; DROP TABLE demo.campaigns is not there any more",
    )
    assert await sql.fetchval("SELECT count(*) FROM demo.campaigns WHERE status = 'paused'") == 1


async def test_what_somebody_changed_is_not_resumed(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    paused = await switches.pause([(await running(switches))["Spring sale"]])
    await sql.execute("UPDATE demo.campaigns SET status = 'ended' WHERE name = 'Spring sale'")
    resumed = await switches.resume(paused.changed)
    assert (resumed.changed, resumed.missed) == ((), ("Spring sale is ended now",))


async def test_only_a_word_for_running_is_written_back(shop: Services, sql: Any) -> None:
    """What comes back from a stored receipt is checked like any input."""
    switches = shop.named("shop-db", Switches)
    thing = next(thing for thing in await switches.switches() if thing.state is Switch.PAUSED)
    for word in ("draft", "ended", "paused", "active'; DROP TABLE demo.campaigns; --"):
        resumed = await switches.resume([Switchable(thing.id, thing.name, Switch.RUNNING, word)])
        assert resumed.changed == ()
        assert await sql.fetchval("SELECT status::text FROM demo.campaigns WHERE id = $1", int(thing.id)) == "paused"


async def test_two_at_once_pause_each_thing_once(shop: Services) -> None:
    switches = shop.named("shop-db", Switches)
    ids = list((await running(switches)).values())
    first, second = await asyncio.gather(switches.pause(ids), switches.pause(list(reversed(ids))))
    assert sorted(thing.id for thing in first.changed + second.changed) == sorted(ids)


async def test_a_word_that_the_column_does_not_know(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TYPE mood AS ENUM ('active'); CREATE TABLE campaigns (id int, name text, status mood);
           INSERT INTO campaigns VALUES (1, 'x', 'active')"""
    )
    async with opened(http, database, switches={}) as services:
        with pytest.raises(OpsError, match="paused"):
            await services.named("db", Switches).pause(["1"])
    assert await sql.fetchval("SELECT status::text FROM campaigns") == "active"
