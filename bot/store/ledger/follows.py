"""Lookups that go on telling what is new in a thread."""

import json
from datetime import datetime, timedelta

import asyncpg

from bot.store.pool import canonical, storable, transaction, utc
from bot.store.trail.audit import append
from bot.words.follow import Follow
from bot.words.ports import Clock, Entry


class PgFollows:
    """Fulfils `bot.words.ports.Follows`."""

    def __init__(self, pool: asyncpg.Pool, audit_key: bytes, clock: Clock) -> None:
        self._pool = pool
        self._key = audit_key
        self._clock = clock

    async def start(self, follow: Follow, entry: Entry) -> Follow:
        """It is looked at at once: that is where it learns from when to tell."""
        async with transaction(self._pool) as connection:
            [record] = await connection.fetch(
                "INSERT INTO follows (action, params, by, channel, thread, cursor, until)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
                *(storable(follow.action), canonical(follow.params), follow.by, follow.channel, follow.thread),
                *(storable(follow.cursor), utc(follow.until)),
            )
            await append(connection, entry, self._key, self._clock())
            return _follow_of(record)

    async def stop(self, follow_id: int, entry: Entry) -> Follow | None:
        now = self._clock()
        async with transaction(self._pool) as connection:
            record = await connection.fetchrow(
                "UPDATE follows SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND until > $2 RETURNING *",
                *(follow_id, now),
            )
            if record is None:
                return None
            await append(connection, entry, self._key, now)
            return _follow_of(record)

    async def take(self, now: datetime, every: timedelta) -> tuple[Follow, ...]:
        async with transaction(self._pool) as connection:
            await connection.execute("UPDATE follows SET ended_at = until WHERE ended_at IS NULL AND until <= $1", now)
            records = await connection.fetch(
                "UPDATE follows SET looked_at = $1 WHERE id IN ("
                "SELECT id FROM follows WHERE ended_at IS NULL AND until > $1"
                " AND (looked_at IS NULL OR looked_at <= $2) FOR UPDATE SKIP LOCKED"
                ") RETURNING *",
                *(now, now - every),
            )
        return tuple(sorted(map(_follow_of, records), key=lambda follow: follow.id))

    async def move_on(self, follow_id: int, cursor: str) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute("UPDATE follows SET cursor = $2 WHERE id = $1", follow_id, storable(cursor))


def _follow_of(record: asyncpg.Record) -> Follow:
    row = {name: record[name] for name in Follow.model_fields}
    return Follow.model_validate(row | {"params": json.loads(record["params"])})
