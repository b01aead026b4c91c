"""Calls a month, counted by all replicas together; a database that is away holds no call up."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from bot.store.vendors.call_counts import PgTally
from integrations.plumbing.call_counts import Counted
from tests.commands.world import Clock

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 31, 23, 59, tzinfo=UTC))


async def stored(pool: asyncpg.Pool) -> list[tuple[str, date, int, bool]]:
    return [tuple(row) for row in await pool.fetch("SELECT * FROM vendor_calls ORDER BY service, month")]


async def test_replicas_count_together(database: str, clock: Clock) -> None:
    """Two processes with a pool each, both at once; what another service did is not among it."""
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=2) as mine,
        asyncpg.create_pool(database, min_size=1, max_size=2) as theirs,
        PgTally(mine, clock, Counted) as one,
        PgTally(theirs, clock, Counted) as other,
    ):
        for _ in range(50):
            one.count("stock")
            other.count("stock")
            other.count("crm")
            await asyncio.sleep(0)
        await other.this_month("stock")
        assert await one.this_month("stock") == Counted(100, True, MARCH)
        assert await other.this_month("crm") == Counted(50, True, MARCH)


async def test_what_is_counted_outlives_the_process(pool: asyncpg.Pool, clock: Clock) -> None:
    async with PgTally(pool, clock, Counted) as tally:
        for _ in range(3):
            tally.count("stock")
    async with PgTally(pool, clock, Counted) as tally:
        assert await tally.this_month("stock") == Counted(3, True, MARCH)


async def test_the_month_turns_over(pool: asyncpg.Pool, clock: Clock) -> None:
    async with PgTally(pool, clock, Counted) as tally:
        tally.count("stock")
        clock.tick(minutes=1)
        assert await tally.this_month("stock") == Counted(0, True, APRIL)
        tally.count("stock")
        tally.count("stock")
        assert await tally.this_month("stock") == Counted(2, True, APRIL)
    assert await stored(pool) == [("stock", MARCH, 1, True), ("stock", APRIL, 2, True)]


@pytest.mark.parametrize("month", [date(2026, month, 1) for month in range(1, 13)])
def test_a_month_ends_where_the_next_begins(month: date) -> None:
    until = Counted(0, True, month).until
    assert (until.month, until.year) == ((month.month + 1, 2026) if month.month < 12 else (1, 2027))
    assert (until.day, until.hour, until.tzinfo) == (1, 0, UTC)


async def test_while_the_database_is_away_calls_are_owed_to_it(pool: asyncpg.Pool, clock: Clock) -> None:
    """`count` cannot fail, and what is known is told as at least so many. When it is back nothing is missing."""
    async with PgTally(pool, clock, Counted) as tally:
        tally.count("stock")
        assert await tally.this_month("stock") == Counted(1, True, MARCH)
        await pool.execute("ALTER TABLE vendor_calls RENAME TO away")
        for _ in range(4):
            tally.count("stock")
        assert await tally.this_month("stock") == Counted(5, False, MARCH)
        await pool.execute("ALTER TABLE away RENAME TO vendor_calls")
        assert await tally.this_month("stock") == Counted(5, True, MARCH)
    assert await stored(pool) == [("stock", MARCH, 5, True)]


async def test_a_process_that_ends_while_the_database_is_away_does_not_hang(database: str, clock: Clock) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    async with PgTally(pool, clock, Counted) as tally:
        pool.terminate()
        tally.count("stock")
        assert await tally.this_month("stock") == Counted(1, False, MARCH)


async def test_a_write_whose_end_is_not_known_is_not_repeated(
    database: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock holds it until our patience ends: it may have been written. From then on the month says at least."""
    async with (
        asyncpg.create_pool(database, min_size=3, max_size=3) as pool,
        PgTally(pool, clock, Counted) as tally,
    ):
        tally.count("stock")
        assert await tally.this_month("stock") == Counted(1, True, MARCH)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT * FROM vendor_calls FOR UPDATE")
            monkeypatch.setattr("bot.store.vendors.call_counts.PATIENCE_S", 0.5)
            tally.count("stock")
            assert await tally.this_month("stock") == Counted(1, False, MARCH)
        monkeypatch.setattr("bot.store.vendors.call_counts.PATIENCE_S", 30.0)
        tally.count("stock")
        assert await tally.this_month("stock") == Counted(2, False, MARCH)
        assert await stored(pool) == [("stock", MARCH, 2, False)]


async def test_whoever_asks_may_leave_without_a_count_being_lost(pool: asyncpg.Pool, clock: Clock) -> None:
    async with PgTally(pool, clock, Counted) as tally:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK vendor_calls")
            tally.count("stock")
            asking = asyncio.create_task(tally.this_month("stock"))
            await asyncio.sleep(0)
            asking.cancel()
        assert await tally.this_month("stock") == Counted(1, True, MARCH)
