"""Whose turn it is to ask a vendor, for all replicas on one database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

import asyncpg

from bot.store.pool import reading
from bot.words.exceptions import OpsError


class Pace(Protocol):
    """How often a vendor lets itself be asked."""

    @property
    def each(self) -> timedelta: ...
    @property
    def lead(self) -> timedelta: ...


P = TypeVar("P", bound=Pace)

PATIENCE_S = 1.0


class PgTurns(Generic[P]):
    """One row a service, moved by one statement: replicas never go out together faster than the pace."""

    def __init__(self, pool: asyncpg.Pool, otherwise: Callable[[str, P, timedelta], Awaitable[timedelta]]) -> None:
        """`otherwise` books while the database does not answer: this process then keeps the pace alone."""
        self._pool = pool
        self._otherwise = otherwise

    async def book(self, service: str, pace: P, longest: timedelta) -> timedelta:
        """How long to wait for the turn that was booked; where that is `longest` or more, none was."""
        try:
            # Nobody waits for our own database in a vendor's name.
            async with asyncio.timeout(PATIENCE_S), reading(self._pool) as connection:
                wait: timedelta | None = await connection.fetchval(_BOOK, service, pace.each, pace.lead, longest)
        except (OpsError, TimeoutError, asyncpg.PostgresError):
            wait = None
        if wait is None:
            return await self._otherwise(service, pace, longest)
        return max(wait, timedelta(0))


# By the server's clock, the same for all. Where the update does not happen, the wait is told all the same.
_BOOK = """
WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at), booked AS (
    INSERT INTO vendor_turns AS turn (service, booked) SELECT $1, at + $2 FROM now
    ON CONFLICT (service) DO UPDATE
        SET booked = greatest(turn.booked, excluded.booked - $2::interval) + $2
        WHERE greatest(turn.booked, excluded.booked - $2::interval) + $2 - $3::interval
            < excluded.booked - $2::interval + $4
    RETURNING booked
)
SELECT coalesce(
    (SELECT booked FROM booked),
    (SELECT greatest(booked, at) + $2::interval FROM vendor_turns WHERE service = $1)
) - at - $3::interval FROM now
"""
