"""Freezes, follows, terminal tokens and the history of health."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg
import pytest

from bot.store.ledger.follows import PgFollows
from bot.store.ledger.freezes import PgFreezes
from bot.store.tokens import PgTokens
from bot.store.trail.verify import verify
from bot.store.vendors.health import PgHealthHistory
from bot.words.follow import Follow
from bot.words.ports import Freeze
from bot.words.report import PersonId
from tests.bot.store.kept import ADA, BOB, KEY, HandClock, entry

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


# -- freezes --------------------------------------------------------------------------------------


@pytest.fixture
def freezes(pool: asyncpg.Pool, clock: HandClock) -> PgFreezes:
    return PgFreezes(pool, KEY, clock)


async def kinds(pool: asyncpg.Pool) -> list[str]:
    assert (await verify(pool, KEY)).ok
    return [record["kind"] for record in await pool.fetch("SELECT kind FROM audit ORDER BY seq")]


async def test_a_freeze_stands_until_it_is_lifted(freezes: PgFreezes, pool: asyncpg.Pool) -> None:
    """A freeze was announced, and not enforced: it is a row, read at execution."""
    assert await freezes.current() is None
    freeze = Freeze(name="launch", reason="launch day", by=ADA)
    await freezes.declare(freeze, entry("frozen"))
    assert await freezes.current() == freeze
    assert await freezes.lift(entry("unfrozen", BOB)) == freeze
    assert await freezes.current() is None
    assert await freezes.lift(entry("unfrozen", BOB)) is None
    assert await kinds(pool) == ["frozen", "unfrozen"]


async def test_a_freeze_ends_by_itself(freezes: PgFreezes, clock: HandClock) -> None:
    await freezes.declare(Freeze(name="n", reason="r", until=clock() + HOUR), entry("frozen"))
    clock.forward(minutes=59)
    assert await freezes.current() is not None
    clock.forward(minutes=1)
    assert await freezes.current() is None
    assert await freezes.lift(entry("unfrozen")) is None


async def test_a_freeze_never_shortens_another(freezes: PgFreezes, clock: HandClock) -> None:
    long, short = [Freeze(name="n", reason=f"{hours} h", until=clock() + hours * HOUR) for hours in (5, 1)]
    await freezes.declare(long, entry("frozen"))
    await freezes.declare(short, entry("frozen"))
    assert await freezes.current() == long
    open_end = Freeze(name="n", reason="until further notice")
    await freezes.declare(open_end, entry("frozen"))
    assert await freezes.current() == open_end
    await freezes.lift(entry("unfrozen"))
    assert await freezes.current() is None


# -- follows --------------------------------------------------------------------------------------


@pytest.fixture
def follows(pool: asyncpg.Pool, clock: HandClock) -> PgFollows:
    return PgFollows(pool, KEY, clock)


def a_follow(clock: HandClock) -> Follow:
    return Follow(
        id=0, action="errors", params={"match": "nul \0"}, by=ADA, channel="C1", thread="1.1", cursor="",
        until=clock() + timedelta(minutes=10),
    )  # fmt: skip


async def test_a_follow_is_looked_at_by_one_at_a_time(follows: PgFollows, clock: HandClock, pool: asyncpg.Pool) -> None:
    follow = await follows.start(a_follow(clock), entry("following"))
    assert follow == a_follow(clock).model_copy(update={"id": follow.id})
    every = timedelta(seconds=10)
    taken = await asyncio.gather(*(follows.take(clock(), every) for _ in range(5)))
    assert [len(found) for found in taken if found] == [1]
    await follows.move_on(follow.id, "seen 7")
    assert await follows.take(clock.forward(seconds=9), every) == ()
    [again] = await follows.take(clock.forward(seconds=1), every)
    assert again.cursor == "seen 7"
    assert await kinds(pool) == ["following"]


async def test_a_follow_ends_with_its_time_or_by_somebody(
    follows: PgFollows, clock: HandClock, pool: asyncpg.Pool
) -> None:
    first = await follows.start(a_follow(clock), entry("following"))
    second = await follows.start(a_follow(clock), entry("following"))
    assert await follows.stop(first.id, entry("unfollowed", BOB)) == first
    assert await follows.stop(first.id, entry("unfollowed", BOB)) is None
    assert await follows.stop(999, entry("unfollowed", BOB)) is None
    clock.forward(minutes=10)
    assert await follows.stop(second.id, entry("unfollowed", BOB)) is None
    assert await follows.take(clock(), timedelta(0)) == ()
    assert await kinds(pool) == ["following", "following", "unfollowed"]


# -- tokens ---------------------------------------------------------------------------------------


@pytest.fixture
def tokens(pool: asyncpg.Pool, clock: HandClock) -> PgTokens:
    return PgTokens(pool, KEY, clock)


async def test_a_token_tells_who_somebody_is_and_is_kept_nowhere(
    tokens: PgTokens, pool: asyncpg.Pool, clock: HandClock
) -> None:
    token, expires = await tokens.issue(ADA)
    assert token.startswith("ops_")
    assert len(token) == len("ops_") + 43
    assert expires == clock() + timedelta(days=90)
    assert await tokens.whois(token) == ADA
    for table in ("tokens", "audit"):
        assert token not in str(await pool.fetch(f"SELECT * FROM {table}"))
    assert await pool.fetchval("SELECT last_used_at FROM tokens") == clock()
    assert await kinds(pool) == ["token_issued"]


@pytest.mark.parametrize("wrong", ["", "ops_", "ops_\0", "ops_\ud83d", "U0ADA", "ops_' OR true --"])
async def test_what_is_no_token_is_nobody(tokens: PgTokens, wrong: str) -> None:
    token, _ = await tokens.issue(ADA)
    assert await tokens.whois(wrong) is None
    assert await tokens.whois(token[:-1]) is None
    assert await tokens.whois(token.removeprefix("ops_")) is None


async def test_a_token_ends(tokens: PgTokens, clock: HandClock, pool: asyncpg.Pool) -> None:
    token, expires = await tokens.issue(ADA)
    clock.now = expires
    assert await tokens.whois(token) is None
    assert await tokens.revoke(ADA) == 0
    newer, _ = await tokens.issue(ADA)
    newest, _ = await tokens.issue(ADA)
    other, _ = await tokens.issue(BOB)
    assert [await tokens.whois(each) for each in (newer, newest, other)] == [None, ADA, BOB]
    assert await tokens.revoke(ADA) == 1
    assert [await tokens.whois(each) for each in (newest, other)] == [None, BOB]
    assert (await kinds(pool))[-1] == "token_revoked"


async def test_of_tokens_issued_at_once_one_lives(tokens: PgTokens) -> None:
    issued = await asyncio.gather(*(tokens.issue(ADA) for _ in range(5)))
    assert [await tokens.whois(token) for token, _ in issued].count(PersonId("U0ADA")) == 1


# -- health ---------------------------------------------------------------------------------------


class Health(StrEnum):
    OK = "ok"
    DOWN = "down"


@dataclass(frozen=True)
class Check:
    service: str
    health: Health
    at: datetime


async def test_health_is_known_since_it_last_changed(pool: asyncpg.Pool, clock: HandClock) -> None:
    history, start = PgHealthHistory(pool), clock()
    both = [Check("n8n", Health.OK, start), Check("web", Health.DOWN, start)]
    assert await history.record(both) == {"n8n": start, "web": start}
    later = clock.forward(minutes=5)
    changed = [Check("n8n", Health.DOWN, later), Check("web", Health.DOWN, later)]
    assert await history.record(changed) == {"n8n": later, "web": start}
    assert await history.record([Check("n8n", Health.OK, clock.forward(minutes=5))]) == {"n8n": clock()}
    periods = await pool.fetch("SELECT health, since, seen_at FROM health WHERE service = 'web'")
    assert [tuple(period) for period in periods] == [("down", start, later)]
    assert await pool.fetchval("SELECT count(*) FROM health WHERE service = 'n8n'") == 3
    assert await history.record([]) == {}


async def test_a_clock_behind_does_not_turn_history_round(pool: asyncpg.Pool, clock: HandClock) -> None:
    history, now = PgHealthHistory(pool), clock()
    await history.record([Check("n8n", Health.OK, now)])
    behind = await history.record([Check("n8n", Health.DOWN, now - timedelta(seconds=3))])
    assert behind["n8n"] == now + timedelta(microseconds=1)
    assert await history.record([Check("n8n", Health.DOWN, now)]) == behind


async def test_replicas_that_look_at_once_agree(pool: asyncpg.Pool, clock: HandClock) -> None:
    history = PgHealthHistory(pool)
    names = [f"s{number}" for number in range(20)]
    checks = [Check(name, Health.OK, clock()) for name in names]
    found = await asyncio.gather(*(history.record(order) for order in (checks, checks[::-1], checks) * 3))
    assert all(since == {name: clock() for name in names} for since in found)
    assert await pool.fetchval("SELECT count(*) FROM health") == 20
