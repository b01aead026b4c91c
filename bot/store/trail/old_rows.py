"""Takes old rows of the trail out of the database: the whole of it verified, written to a file, named in the chain."""

import asyncio
from datetime import datetime
from pathlib import Path

import asyncpg

from bot.store.pool import reading
from bot.store.trail.export import archive, drop_archived
from bot.words.exceptions import Refused, StoreUnwritable, TryLater
from bot.words.ports import Clock
from bot.words.report import PersonId
from bot.words.retention import Old, Retired

_LOCK = int.from_bytes(b"archived")
"""The advisory lock's key: one process at a time writes a file."""


class PgRetention:
    """Fulfils `bot.words.retention.Retention`."""

    def __init__(self, pool: asyncpg.Pool, key: bytes, clock: Clock, folder: Path) -> None:
        self._pool, self._key, self._clock, self._folder = pool, key, clock, folder

    async def old(self, before: datetime) -> Old:
        """Of those that a cut names already, which only their owner can drop, none."""
        async with reading(self._pool) as connection:
            [record] = await connection.fetch(
                "SELECT count(*) AS rows, coalesce(max(seq), 0) AS last FROM audit WHERE at < $1 AND seq > coalesce("
                "(SELECT max((detail ->> 'seq')::bigint) FROM audit WHERE kind = 'archived'), 0)",
                before,
            )
        return Old(record["rows"], record["last"], str(self._file(record["last"])))

    async def retire(self, before: datetime, by: PersonId) -> Retired:
        async with reading(self._pool) as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                raise TryLater("Another process is archiving the audit trail right now.")
            try:
                return await self._retired(before, by)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)

    async def _retired(self, before: datetime, by: PersonId) -> Retired:
        file = self._file((await self.old(before)).last)
        try:
            await asyncio.to_thread(file.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            done = await archive(self._pool, self._key, self._clock, before=before, file=file, by=by)
        except OSError as error:
            raise Refused(f"Nothing was archived: {file} cannot be written ({error.strerror or error}).") from error
        try:
            await drop_archived(self._pool, self._key)
        except StoreUnwritable as error:
            if not isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
                raise
            return Retired(done.rows, done.cut.seq, str(file), done.sha256, dropped=False)
        return Retired(done.rows, done.cut.seq, str(file), done.sha256, dropped=True)

    def _file(self, last: int) -> Path:
        return self._folder / f"audit-to-{last}.jsonl"
