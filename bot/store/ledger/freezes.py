"""Freezes that people declared."""

import asyncpg

from bot.store.pool import reading, storable, transaction, utc
from bot.store.trail.audit import append
from bot.words.ports import Clock, Entry, Freeze


class PgFreezes:
    """Fulfils `bot.words.ports.Freezes`.

    Several may stand at once: none shortens another, and lifting ends them all.
    """

    def __init__(self, pool: asyncpg.Pool, audit_key: bytes, clock: Clock) -> None:
        self._pool = pool
        self._key = audit_key
        self._clock = clock

    async def current(self) -> Freeze | None:
        """The one that stands longest."""
        async with reading(self._pool) as connection:
            record = await connection.fetchrow(
                "SELECT name, reason, until, by FROM freezes"
                " WHERE lifted_at IS NULL AND (until IS NULL OR until > $1)"
                " ORDER BY until DESC NULLS FIRST, id DESC LIMIT 1",
                self._clock(),
            )
        return None if record is None else Freeze.model_validate(dict(record))

    async def declare(self, freeze: Freeze, entry: Entry) -> None:
        now = self._clock()
        async with transaction(self._pool) as connection:
            await connection.execute(
                "INSERT INTO freezes (name, reason, until, by, declared_at) VALUES ($1, $2, $3, $4, $5)",
                *(storable(freeze.name), storable(freeze.reason), freeze.until and utc(freeze.until), freeze.by, now),
            )
            await append(connection, entry, self._key, now)

    async def lift(self, entry: Entry) -> Freeze | None:
        now = self._clock()
        async with transaction(self._pool) as connection:
            records = await connection.fetch(
                "UPDATE freezes SET lifted_at = $1 WHERE lifted_at IS NULL AND (until IS NULL OR until > $1)"
                " RETURNING id, name, reason, until, by",
                now,
            )
            if not records:
                return None
            await append(connection, entry, self._key, now)
        last = max(records, key=lambda record: int(record["id"]))
        return Freeze(name=last["name"], reason=last["reason"], until=last["until"], by=last["by"])
