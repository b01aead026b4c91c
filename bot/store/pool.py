"""How the store speaks to PostgreSQL: transactions, what goes in and comes out unchanged, and errors with names."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from bot.words.exceptions import StoreUnwritable
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


def open_pool(dsn: str, *, size: int = 10) -> asyncpg.Pool:
    """A pool to be entered with `async with`. One connection is held by `PgRequests.listen`.

    LISTEN and session locks need the server itself, or a pooler in session mode.
    """
    return asyncpg.create_pool(
        dsn,
        min_size=2,
        max_size=size,
        timeout=WAIT_S,
        command_timeout=WAIT_S,
        server_settings={"application_name": "handrail", "idle_in_transaction_session_timeout": SILENT},
        reset=_as_it_is,
    )


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
