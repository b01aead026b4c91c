"""Replicas share a vendor's pace; while the database is away each keeps it alone."""

import asyncio
from datetime import timedelta

import asyncpg

from bot.store.vendors.turns import PgTurns
from integrations.plumbing.pace import OwnTurns, Pace

SECONDLY = Pace(1, timedelta(seconds=100), at_once=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def turns(pool: asyncpg.Pool) -> PgTurns[Pace]:
    return PgTurns(pool, OwnTurns().book)


async def test_replicas_share_one_pace(pool: asyncpg.Pool) -> None:
    """Two processes ask at once: together they go out three at once, not three each."""
    one, other = turns(pool), turns(pool)
    waits = await asyncio.gather(*(each.book("hubspot", SECONDLY, HOUR) for each in (one, other) * 4))
    assert sum(not wait for wait in waits) == 3
    late = sorted(wait for wait in waits if wait)
    for place, wait in enumerate(late, start=1):
        assert timedelta(seconds=100 * place - 50) < wait <= timedelta(seconds=100 * place)
    assert await one.book("unleashed", SECONDLY, HOUR) == timedelta(0)


async def test_a_turn_that_comes_too_late_is_not_booked(pool: asyncpg.Pool) -> None:
    booking = turns(pool)
    for _ in range(3):
        await booking.book("hubspot", SECONDLY, MINUTE)
    told = [await booking.book("hubspot", SECONDLY, MINUTE) for _ in range(5)]
    assert all(timedelta(seconds=50) < wait <= timedelta(seconds=100) for wait in told), told


async def test_what_is_long_past_does_not_count(pool: asyncpg.Pool) -> None:
    booking = turns(pool)
    for _ in range(6):
        await booking.book("hubspot", SECONDLY, HOUR)
    await pool.execute("UPDATE vendor_turns SET booked = booked - interval '1 day'")
    assert [await booking.book("hubspot", SECONDLY, HOUR) for _ in range(3)] == [timedelta(0)] * 3


async def test_without_the_database_each_keeps_the_pace_alone(pool: asyncpg.Pool) -> None:
    booking = turns(pool)
    await pool.execute("DROP TABLE vendor_turns")
    waits = [await booking.book("hubspot", SECONDLY, HOUR) for _ in range(4)]
    assert waits[:3] == [timedelta(0)] * 3
    assert waits[3] > timedelta(0)
