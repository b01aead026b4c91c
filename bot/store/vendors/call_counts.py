"""How many calls this bot made to a vendor this month, by all replicas on one database."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from types import TracebackType
from typing import Generic, Self, TypeVar

import asyncpg

from bot.store.pool import reading
from bot.words.exceptions import OpsError
from bot.words.ports import Clock

C = TypeVar("C")

PATIENCE_S = 2.0
"""For our own database; whoever asks for the count is then told what is known without it."""
_FAILURES = (OpsError, TimeoutError, asyncpg.PostgresError)
_CUT_OFF = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
"""Of PostgreSQL's own errors those after which a write may have happened."""


@dataclass
class _Owed:
    """Calls of one service and month that are not in the database yet."""

    calls: int = 0
    whole: bool = True


class PgTally(Generic[C]):
    """`async with PgTally(…) as tally`. Calls are counted at once and written behind them, many at a time.

    While the database is away they are owed to it; what a process owes when it dies is lost. A write whose end is not
    known is not repeated: no call is ever counted twice, and the month says that its count is not whole.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, counted: Callable[[int, bool, date], C]) -> None:
        """`counted` makes the answer of: calls, whether these are all, and the month's first day."""
        self._pool = pool
        self._clock = clock
        self._counted = counted
        self._owed: dict[tuple[str, date], _Owed] = {}
        self._last: dict[tuple[str, date], tuple[int, bool]] = {}
        """As the database had it."""
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._settled()

    def count(self, service: str) -> None:
        """One more call was sent."""
        self._owed.setdefault((service, self._month()), _Owed()).calls += 1
        self._write_behind()

    async def this_month(self, service: str) -> C:
        """Where the database does not answer: what it said last, and what this process counted since."""
        key = service, self._month()
        await self._settled()
        try:
            async with asyncio.timeout(PATIENCE_S), reading(self._pool) as connection:
                row = await connection.fetchrow(_READ, *key)
            self._last[key] = (row["calls"], row["whole"]) if row else (0, True)
            answered = True
        except _FAILURES:
            answered = False
        calls, whole = self._last.get(key, (0, True))
        owed = self._owed.get(key, _Owed())
        return self._counted(calls + owed.calls, answered and whole and owed.whole, key[1])

    def _write_behind(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return self._writing

    async def _settled(self) -> None:
        """Everything owed is written, or was tried. Whoever waits for it may leave: the write goes on."""
        if self._owed or (self._writing is not None and not self._writing.done()):
            await asyncio.wait({self._write_behind()})

    async def _write(self) -> None:
        """Until nothing is owed or the database does not answer; the next call tries again."""
        while self._owed:
            key = min(self._owed)
            owed, sent = self._owed.pop(key), False
            try:
                async with asyncio.timeout(PATIENCE_S), reading(self._pool) as connection:
                    sent = True
                    for row in await connection.fetch(_ADD, *key, owed.calls, owed.whole):
                        self._last[key] = row["calls"], row["whole"]
            except _FAILURES as error:
                lost = sent and _may_have_happened(error)
                again = self._owed.setdefault(key, _Owed())
                again.calls += 0 if lost else owed.calls
                again.whole = again.whole and owed.whole and not lost
                return

    def _month(self) -> date:
        return self._clock().astimezone(UTC).date().replace(day=1)


def _may_have_happened(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error, OpsError) else error
    return not isinstance(cause, asyncpg.PostgresError) or isinstance(cause, _CUT_OFF)


_ADD = """
INSERT INTO vendor_calls AS known (service, month, calls, whole) VALUES ($1, $2, $3, $4)
ON CONFLICT (service, month) DO UPDATE
    SET calls = known.calls + excluded.calls, whole = known.whole AND excluded.whole
RETURNING calls, whole
"""
_READ = "SELECT calls, whole FROM vendor_calls WHERE service = $1 AND month = $2"
