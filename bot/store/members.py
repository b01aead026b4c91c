"""Keeps what was last read of Slack's people, for the terminal and for the first minute after a start."""

from datetime import datetime

import asyncpg

from bot.directory import Snapshot
from bot.store.pool import reading, transaction


async def save_people(pool: asyncpg.Pool, snapshot: Snapshot, at: datetime) -> None:
    async with transaction(pool) as connection:
        await connection.execute(
            "INSERT INTO people (snapshot, read_at) VALUES ($1, $2)"
            " ON CONFLICT (single) DO UPDATE SET snapshot = excluded.snapshot, read_at = excluded.read_at"
            " WHERE people.read_at < excluded.read_at",
            snapshot.model_dump_json(),
            at,
        )


async def load_people(pool: asyncpg.Pool) -> Snapshot:
    """Empty where nothing was read yet; how old each group is stands in it."""
    async with reading(pool) as connection:
        found = await connection.fetchval("SELECT snapshot FROM people")
    return Snapshot.model_validate_json(found) if found else Snapshot()
