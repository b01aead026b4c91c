"""Brings a database's tables up to date with the files in `migrations/`, whichever replica starts first."""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bot.words.exceptions import Misconfigured, TryLater

MIGRATIONS = Path(__file__).with_name("migrations")

_NAME = re.compile(r"(?P<number>\d{3})_[a-z0-9_]+\.sql")
_NO_TRANSACTION = "-- no transaction"
_LOCK = int.from_bytes(b"handrail")
"""The advisory lock's key: any number that nobody else in that database would choose."""
_LOCK_LIMIT_S = 600.0
_LOCK_POLL_S = 0.05

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class _Migration:
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith(_NO_TRANSACTION)

    def line(self, position: int) -> int:
        """`position` counts characters from 1, as PostgreSQL does."""
        return self.sql.count("\n", 0, position - 1) + 1


async def migrate(connection: asyncpg.Connection, folder: Path = MIGRATIONS) -> list[str]:
    """Applies what is missing, in the order of the names; returns the names applied.

    Each file runs in a transaction of its own together with its row in `migrations`. A file whose first line is
    `-- no transaction` runs without one: it holds one statement, which must bear being run twice
    (`CREATE INDEX CONCURRENTLY IF NOT EXISTS`), as it may end before its row is written.

    The lock belongs to the session: connect to the server itself, not through a pooler in transaction mode.

    Raises: Misconfigured naming the file, when an applied one has changed since or one cannot be applied; TryLater when
    another replica migrates for over ten minutes.
    """
    migrations = _read(folder)
    await _lock(connection)
    try:
        # Asked first: CREATE TABLE IF NOT EXISTS wants the right to create even where there is nothing to create.
        if await connection.fetchval("SELECT to_regclass('migrations')") is None:
            await connection.execute(_LEDGER)
        rows = await connection.fetch("SELECT name, sha256 FROM migrations")
        applied = {row["name"]: row["sha256"] for row in rows}
        for migration in migrations:
            if applied.get(migration.name, migration.sha256) != migration.sha256:
                raise Misconfigured(
                    f"The migration {migration.name} has changed since it was applied to this database. "
                    "Restore the file as it was, and put the change into a new one."
                )
        missing = [migration for migration in migrations if migration.name not in applied]
        for migration in missing:
            await _apply(connection, migration)
        return [migration.name for migration in missing]
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _lock(connection: asyncpg.Connection) -> None:
    """Asks again and again: a session that waits inside PostgreSQL would hold up CREATE INDEX CONCURRENTLY."""
    deadline = time.monotonic() + _LOCK_LIMIT_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        if time.monotonic() > deadline:
            raise TryLater("Another replica has been migrating this database for over ten minutes.")
        await asyncio.sleep(_LOCK_POLL_S)


async def _apply(connection: asyncpg.Connection, migration: _Migration) -> None:
    try:
        if migration.in_transaction:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await _record(connection, migration)
        else:
            await connection.execute(migration.sql)
            await _record(connection, migration)
    except asyncpg.PostgresError as error:
        line = f" (line {migration.line(int(error.position))})" if error.position else ""
        raise Misconfigured(f"The migration {migration.name} could not be applied: {error}{line}") from error


async def _record(connection: asyncpg.Connection, migration: _Migration) -> None:
    await connection.execute("INSERT INTO migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256)


def _read(folder: Path) -> list[_Migration]:
    migrations: list[_Migration] = []
    numbers: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise Misconfigured(f"The migration {path.name} must be named like 001_what_it_adds.sql.")
        if (other := numbers.setdefault(name["number"], path.name)) != path.name:
            raise Misconfigured(f"The migrations {other} and {path.name} have the same number.")
        # Read as text: line ends changed by a checkout are no change.
        migrations.append(_Migration(path.name, path.read_text(encoding="utf-8")))
    return migrations
