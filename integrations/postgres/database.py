"""One PostgreSQL of ops.toml: its connections, its transactions, and its errors in our words."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.words.exceptions import Misconfigured, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.plumbing.base import Part
from integrations.plumbing.breaker import Breaker

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
APPLICATION = "handrail"
"""The application_name of our connections, in every process of ours."""
_POOLER_PORT = 6543
"""Supabase's transaction pooler, which forgets prepared statements."""

if TYPE_CHECKING:  # generic in the stubs alone
    Connection = PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = PoolConnectionProxy
    Pool = asyncpg.Pool


def _quoted(text: str, pattern: str, example: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"write a name of letters, digits and _, like {example}")
    return ".".join(f'"{part}"' for part in text.split(".")) if text else ""


Column = Annotated[str, AfterValidator(lambda text: _quoted(text, _NAME, "created_at"))]
"""A column's name as it stands in ops.toml; quoted once it has been validated, and used as it is in SQL."""

OptionalColumn = Annotated[str, AfterValidator(lambda text: _quoted(text, f"({_NAME})?", "created_at"))]
"""Empty where the table has none."""

TableName = Annotated[str, AfterValidator(lambda text: _quoted(text, rf"({_NAME}\.)?{_NAME}", "integration_logs"))]
"""`table` or `schema.table`; quoted like a Column."""

OptionalTable = Annotated[str, AfterValidator(lambda text: _quoted(text, rf"(({_NAME}\.)?{_NAME})?", "migrations"))]
"""Empty where there is none."""


def plain(quoted: str) -> str:
    """A name as it stands in ops.toml."""
    return quoted.replace('"', "")


class Mapped(BaseModel):
    """The mapping of one table in ops.toml. Defaults are validated too: that is what quotes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


M = TypeVar("M", bound=Mapped)

# A connection that breaks at the wrong moment is an InternalClientError to asyncpg.
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
# An answer, if not the one that was hoped for.
_ANSWERED = (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)
_WAITED = (*_ANSWERED, TimeoutError, asyncio.CancelledError)
# What leaves open whether it was done: the connection went, or the server was stopped under it.
_OPEN_ENDED = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


class Database:
    """Opens connections when they are first needed, and anew where the DSN has changed."""

    def __init__(
        self,
        name: str,
        *,
        dsn: Callable[[], str],
        statement_timeout: timedelta,
        connect_timeout: timedelta,
        size: int,
        transaction_pooler: bool,
        breaker: Breaker | None = None,
    ) -> None:
        self.name = name
        self._dsn = dsn
        self._statement_timeout = statement_timeout
        self._connect_timeout = connect_timeout
        self._size = size
        self._transaction_pooler = transaction_pooler
        self._breaker = breaker or Breaker()
        self._pool: Pool | None = None
        self._pool_dsn = ""
        self._opening = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A read-only transaction. Raises OpsError for whatever goes wrong in it."""
        try:
            async with self._acquired() as connection, connection.transaction(readonly=True):
                await self._settle(connection)
                yield connection
        except _FAILURES as error:
            raise self.translated(error) from error

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction that is committed at the end.

        Raises OutcomeUnknown where the commit was sent and its answer did not come; whatever fails before that is
        rolled back by the server.
        """
        committing = False
        try:
            async with self._acquired() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    await self._settle(connection)
                    yield connection
                except BaseException:
                    with contextlib.suppress(*_FAILURES):
                        await transaction.rollback()
                    raise
                committing = True
                await transaction.commit()
                committing = False
        except _FAILURES as error:
            if committing and isinstance(error, _OPEN_ENDED):
                raise OutcomeUnknown(
                    f"The connection to {self.name} broke while the change was being committed; it may have worked."
                ) from error
            raise self.translated(error) from error

    async def act(self, statement: str, *values: object) -> object:
        """One statement whose effect no rollback takes back; its one value.

        Raises OutcomeUnknown where it was sent and its answer did not come.
        """
        sent = False
        try:
            async with self._acquired() as connection:
                transaction = connection.transaction(readonly=True)
                await transaction.start()
                try:
                    await self._settle(connection)
                    sent = True
                    return await connection.fetchval(statement, *values)
                finally:
                    with contextlib.suppress(*_FAILURES):  # it is answered, or was lost before
                        await transaction.rollback()
        except _FAILURES as error:
            if sent and isinstance(error, _OPEN_ENDED):
                raise OutcomeUnknown(self._unanswered) from error
            raise self.translated(error) from error

    @contextlib.asynccontextmanager
    async def alone(self, limit: timedelta) -> AsyncIterator[Connection]:
        """Outside any transaction, for what runs nowhere else. A statement takes at most `limit`: hand it over as
        the `timeout` too.

        Raises OutcomeUnknown where the connection broke within: the server may go on, or be done. What it stopped
        itself at its limit is not open.
        """
        begun = False
        try:
            async with self._acquired() as connection:
                if not self._pooled(self._pool_dsn):  # there, a setting would stay behind on somebody's connection
                    await connection.execute(
                        "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false)",
                        f"{limit.total_seconds() * 1000:.0f}",
                        f"{self._statement_timeout.total_seconds() * 1000:.0f}",
                    )
                begun = True
                yield connection
        except _FAILURES as error:
            if begun and isinstance(error, _OPEN_ENDED) and not isinstance(error, asyncpg.QueryCanceledError):
                raise OutcomeUnknown(self._unanswered) from error
            raise self.translated(error, limit) from error

    @property
    def _unanswered(self) -> str:
        return f"The connection to {self.name} broke before it answered; it may have worked."

    async def aclose(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), 5)

    @contextlib.asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        pool = await self._current_pool()
        try:
            # Where all our connections are busy, waiting in vain says nothing of the server.
            busy = pool.get_size() >= self._size and pool.get_idle_size() == 0
            with self._breaker.calling(self.name, ours=_WAITED if busy else _ANSWERED):
                connection = await pool.acquire(timeout=self._connect_timeout.total_seconds())
        except ValueError:  # asyncpg's ClientConfigurationError too; it quotes the DSN
            raise Misconfigured(
                f"services.{self.name}.dsn does not lead to a PostgreSQL address; "
                "store one like postgresql://user:password@host:5432/database there."
            ) from None
        try:
            yield connection
        finally:
            # A connection that breaks now must not make a change that was committed look undone.
            with contextlib.suppress(*_FAILURES):
                await pool.release(connection)

    async def _current_pool(self) -> Pool:
        dsn = self._dsn()
        async with self._opening:
            if self._pool is not None and dsn != self._pool_dsn:
                old, self._pool = self._pool, None
                old.terminate()
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    dsn,
                    min_size=0,
                    max_size=self._size,
                    timeout=self._connect_timeout.total_seconds(),
                    command_timeout=self._statement_timeout.total_seconds() + 2,  # the server's own limit speaks first
                    max_inactive_connection_lifetime=60,
                    server_settings={"application_name": APPLICATION},
                    statement_cache_size=0 if self._pooled(dsn) else 100,
                )
                self._pool_dsn = dsn
            return self._pool

    def _pooled(self, dsn: str) -> bool:
        return self._transaction_pooler or f":{_POOLER_PORT}" in dsn

    async def _settle(self, connection: Connection) -> None:
        """Per transaction, because a transaction pooler refuses them as startup parameters."""
        statement = f"{self._statement_timeout.total_seconds() * 1000:.0f}"
        await connection.execute(
            "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true), "
            "set_config('TimeZone', 'UTC', true)",
            statement,
        )

    def translated(self, error: Exception, limit: timedelta | None = None) -> OpsError:
        """Our word for it. PostgreSQL's own sentence is kept where it holds names only; details quote rows."""
        name = self.name
        said = f": {error.message}" if isinstance(error, asyncpg.PostgresError) and error.message else ""
        match error:
            case asyncpg.InvalidAuthorizationSpecificationError():
                return Refused(f"{name} refused our credential. Check services.{name}.dsn.")
            case asyncpg.InvalidCatalogNameError():
                return Misconfigured(f"{name} has no such database; mend the name at the end of services.{name}.dsn.")
            case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError() | asyncpg.InvalidSchemaNameError():
                return Misconfigured(f"services.{name} names what is not there{said}.")
            case asyncpg.InsufficientPrivilegeError():
                return Refused(f"{name} does not let our role do that{said}.")
            case asyncpg.ReadOnlySQLTransactionError():
                return Refused(f"{name} is read-only now; nothing was changed.")
            case asyncpg.LockNotAvailableError() | asyncpg.DeadlockDetectedError() | asyncpg.SerializationError():
                return TryLater(f"Somebody else is changing the same rows of {name}; nothing was changed.")
            case asyncpg.QueryCanceledError():
                most = f"{(limit or self._statement_timeout).total_seconds():g} s"
                return TryLater(f"{name} needed longer than {most}; nothing was changed.")
            case asyncpg.TooManyConnectionsError():
                return TryLater(f"{name} has no free connection.")
            case asyncpg.CannotConnectNowError() | asyncpg.OperatorInterventionError():
                return TryLater(f"{name} is starting up or shutting down.")
            case asyncpg.DataError() | asyncpg.IntegrityConstraintViolationError():
                return Refused(f"{name} refused; nothing was changed{said}.")
            case (
                asyncpg.PostgresConnectionError() | asyncpg.InterfaceError() | asyncpg.InternalClientError() | OSError()
            ):
                return TryLater(f"Could not reach {name}, or its connection broke; nothing was changed.")
            case asyncpg.PostgresError():
                return Refused(f"{name} refused ({error.sqlstate}); nothing was changed{said}.")
            case _:
                return TryLater(f"{name} did not answer in time; nothing was changed.")


class OnDatabase(Part[Database]):
    """One client on a Database, called as the service is."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.name, database)


class OnTable(OnDatabase, Generic[M]):
    """A client of what one table of ops.toml maps."""

    def __init__(self, database: Database, table: M) -> None:
        super().__init__(database)
        self._table = table
