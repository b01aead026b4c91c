"""How the store speaks to PostgreSQL: transactions, what goes in and comes out unchanged, and errors with names."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from bot.words.dsn import BadDsn, Dsn, connected, read_dsn
from bot.words.exceptions import Misconfigured, StoreUnwritable
from bot.words.request import RequestId

Connection = asyncpg.Connection | PoolConnectionProxy

WAIT_S = 10.0
"""For a connection, for an answer: past it the database counts as away."""

SILENT = "2s"
"""Between two statements of a transaction; past it PostgreSQL ends it. A process that was stopped there would keep its
locks, the audit's head among them, and hold up every other replica until their leases are lost."""

CHANNEL = "handrail"
"""Of LISTEN and NOTIFY; the payload is a request's number, or nothing."""

_UNWRITABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that the server is about to close
    asyncpg.PostgresConnectionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.InternalServerError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # locked, closed to connections
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
)


_TRIED = "handrail_tried"
_HEARD_S = 3.0
_SETTINGS: Mapping[str, str] = {"application_name": "handrail", "idle_in_transaction_session_timeout": SILENT}


def open_pool(dsn: str, *, size: int = 10) -> asyncpg.Pool:
    """A pool to be entered with `async with`. One connection is held by `PgRequests.listen`.

    LISTEN and session locks need the server itself, or a pooler in session mode: `open_connection` finds out.
    Raises Misconfigured where it is no address of a PostgreSQL.
    """
    read = _read(dsn)

    async def connect(*args: object, **options: Any) -> asyncpg.Connection:
        return await _connect(read, *args, **options)

    return asyncpg.create_pool(
        **read.options(),
        connect=connect,
        min_size=2,
        max_size=size,
        timeout=_patience(read),
        command_timeout=WAIT_S,
        reset=_as_it_is,
    )


async def open_connection(dsn: str) -> asyncpg.Connection:
    """One that can do what the bot needs. Raises Misconfigured where the address is none, and where it leads through a
    pooler that keeps no session; whatever asyncpg raises where there is no answer."""
    read = _read(dsn)
    connection = await _connect(read, timeout=_patience(read), statement_cache_size=0, **read.options())
    try:
        direct = await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
        if direct or await _hears(connection, read):
            return connection
    except BaseException:
        connection.terminate()
        raise
    await connection.close()
    raise Misconfigured(
        "DATABASE_URL leads through a pooler in transaction mode, and waiting for work (LISTEN) needs a session. "
        "Write the address of the server itself there, or of a pooler in session mode: on Neon the host without "
        "-pooler, on Supabase port 5432."
    )


async def _connect(read: Dsn, *args: Any, **options: Any) -> asyncpg.Connection:
    connection, refused = await connected(
        partial(asyncpg.connect, *args), {**read.settings, **_SETTINGS}, read.startup, **options
    )
    if refused:  # by a pooler, which keeps them for this session all the same; what no server knows is left out
        await connection.execute(
            "SELECT set_config(s.name, given.value, false) FROM unnest($1::text[], $2::text[]) given(name, value) "
            "JOIN pg_settings s ON lower(s.name) = lower(given.name)",
            list(refused),
            list(refused.values()),
        )
    return connection


async def _hears(connection: asyncpg.Connection, read: Dsn) -> bool:
    """Whether what is told on one connection is heard on another that listens: a pooler in transaction mode gives each
    statement any connection to the server."""
    heard = asyncio.Event()

    def hear(*_: object) -> None:
        heard.set()

    await connection.add_listener(_TRIED, hear)
    other = await _connect(read, timeout=_patience(read), statement_cache_size=0, **read.options())
    try:
        await other.execute(f"NOTIFY {_TRIED}")
        async with asyncio.timeout(_HEARD_S):
            await heard.wait()
    except TimeoutError:
        return False
    finally:
        await other.close()
    await connection.remove_listener(_TRIED, hear)
    return True


def _patience(read: Dsn) -> float:
    """In seconds."""
    return max(WAIT_S, read.connect_timeout.total_seconds() if read.connect_timeout else 0.0)


def _read(dsn: str) -> Dsn:
    try:
        return read_dsn(dsn)
    except BadDsn as error:
        raise Misconfigured(f"DATABASE_URL {error}.") from None


async def _as_it_is(_: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction, so a round trip to reset the session is spared."""


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[PoolConnectionProxy]:
    """All or nothing; locks are taken in the order request, postings, audit head.

    Raises: StoreUnwritable
    """
    try:
        # The level is said: with a stricter default of the database's, the races we settle would end as errors.
        async with pool.acquire(timeout=WAIT_S) as connection, connection.transaction(isolation="read_committed"):
            yield connection
    except _UNWRITABLE as error:
        raise unwritable(error) from error


@asynccontextmanager
async def reading(pool: asyncpg.Pool) -> AsyncIterator[PoolConnectionProxy]:
    """For single statements. Raises: StoreUnwritable"""
    try:
        async with pool.acquire(timeout=WAIT_S) as connection:
            yield connection
    except _UNWRITABLE as error:
        raise unwritable(error) from error


def unwritable(error: Exception) -> StoreUnwritable:
    # The message alone: a DETAIL quotes rows.
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    return StoreUnwritable(str(said))


def canonical(value: Mapping[str, JsonValue] | Sequence[JsonValue]) -> str:
    """JSON with sorted keys and no spaces, in text that PostgreSQL's `json` keeps as it is.

    A number that JSON does not have (nan) becomes its name.
    """
    try:
        text = _JSON.encode(value)
    except ValueError:
        text = _JSON.encode(json.loads(json.dumps(value), parse_constant=str))
    # A lone surrogate cannot be UTF-8; escaped it can, and reads back the same.
    return text.encode("utf-8", "backslashreplace").decode()


_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def storable(text: str) -> str:
    """Without the two things a `text` column cannot hold: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "backslashreplace").decode()


def number(request: RequestId) -> int | None:
    """The row's number; None for what was never a request's name."""
    found = re.fullmatch(r"R([1-9]\d{0,17})", request, re.ASCII)
    return int(found[1]) if found else None


def request_id(row: int) -> RequestId:
    return RequestId(f"R{row}")


def utc(at: datetime) -> datetime:
    """Raises ValueError for a naive time: it would be read in the server's zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC)
