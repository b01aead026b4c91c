"""Since when each credential is in use here, and when it last worked. Of its value a keyed hash alone is kept."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg

from bot.store.pool import transaction
from bot.words.exceptions import OpsError
from bot.words.ports import Clock

K = TypeVar("K")

PATIENCE_S = 1.0
"""For our own database, where a note is made on the way: what is noted of did end well."""


class PgKeys(Generic[K]):
    def __init__(
        self,
        pool: asyncpg.Pool,
        key: bytes,
        secrets: Callable[[str], str],
        clock: Clock,
        kept: Callable[[datetime | None, datetime | None, str], K],
    ) -> None:
        """`kept` makes the answer of: first seen, last worked, and why it cannot be found."""
        self._pool = pool
        self._key = key
        self._secrets = secrets
        self._clock = clock
        self._kept = kept

    async def look(self, credentials: Mapping[str, str], worked: frozenset[str]) -> dict[str, K]:
        """Notes a value that is new, and of each of `worked` that it works now. Raises: StoreUnwritable"""
        now = self._clock()
        found: dict[str, K] = {}
        async with transaction(self._pool) as connection:
            for setting, reference in sorted(credentials.items()):
                try:
                    value = self._secrets(reference)
                except OpsError as error:
                    found[setting] = self._kept(None, None, str(error))
                    continue
                known = self._fingerprint(setting, value)
                for row in await connection.fetch(_NOTE, setting, known, now, setting in worked):
                    found[setting] = self._kept(row["first_seen"], row["worked_at"], "")
        return found

    async def worked(self, used: Mapping[str, str]) -> None:
        """Notes that these values, by setting, were just taken; nothing where the database does not answer."""
        if not used:
            return
        now = self._clock()
        with suppress(OpsError, TimeoutError, asyncpg.PostgresError):
            async with asyncio.timeout(PATIENCE_S), transaction(self._pool) as connection:
                for setting, value in sorted(used.items()):
                    await connection.execute(_NOTE, setting, self._fingerprint(setting, value), now, True)

    def _fingerprint(self, setting: str, value: str) -> bytes:
        return hmac.digest(self._key, f"credential\0{setting}\0{value}".encode(), hashlib.sha256)


_NOTE = """
INSERT INTO credentials AS known (setting, fingerprint, first_seen, worked_at)
VALUES ($1, $2, $3, CASE WHEN $4 THEN $3::timestamptz END)
ON CONFLICT (setting, fingerprint) DO UPDATE
    SET worked_at = CASE WHEN $4 THEN greatest(known.worked_at, $3) ELSE known.worked_at END
RETURNING first_seen, worked_at
"""
