"""Tokens by which the terminal knows a person; only their hashes are kept."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import asyncpg

from bot.store.pool import Connection, reading, transaction
from bot.store.trail.audit import append
from bot.words.ports import Clock, Entry
from bot.words.report import PersonId

LIVES = timedelta(days=90)

_PREFIX = "ops_"


class PgTokens:
    """One living token a person."""

    def __init__(self, pool: asyncpg.Pool, audit_key: bytes, clock: Clock) -> None:
        self._pool = pool
        self._key = audit_key
        self._clock = clock

    async def issue(self, person: PersonId, *, lives: timedelta = LIVES) -> tuple[str, datetime]:
        """The token, which cannot be shown again, and when it expires. The person's former one is void."""
        token = _PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        async with transaction(self._pool) as connection:
            # Two at the same moment: the second waits, and voids the first.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", person)
            await _void(connection, person, now)
            await connection.execute(
                "INSERT INTO tokens (person, sha256, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
                *(person, _hash(token), now, now + lives),
            )
            entry = Entry(kind="token_issued", actor=person, detail={"expires": (now + lives).isoformat()})
            await append(connection, entry, self._key, now)
        return token, now + lives

    async def revoke(self, person: PersonId) -> int:
        """How many living tokens that voided."""
        now = self._clock()
        async with transaction(self._pool) as connection:
            count = await _void(connection, person, now)
            if count:
                await append(connection, Entry(kind="token_revoked", actor=person), self._key, now)
        return count

    async def whois(self, token: str) -> PersonId | None:
        """Whose living token this is. What is looked up is its hash, so timing tells nothing of the token."""
        if not token.startswith(_PREFIX):
            return None
        now, sha256 = self._clock(), _hash(token)
        async with reading(self._pool) as connection:
            record = await connection.fetchrow(
                "UPDATE tokens SET last_used_at = $2"
                " WHERE sha256 = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING person, sha256",
                *(sha256, now),
            )
        if record is None or not hmac.compare_digest(record["sha256"], sha256):
            return None
        return PersonId(record["person"])


async def _void(connection: Connection, person: PersonId, now: datetime) -> int:
    records = await connection.fetch(
        "UPDATE tokens SET revoked_at = $2 WHERE person = $1 AND revoked_at IS NULL RETURNING expires_at",
        *(person, now),
    )
    return sum(record["expires_at"] > now for record in records)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
