"""One PostgreSQL of ops.toml: its connections, its transactions, and its errors in our words."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.words.dsn import BadDsn, Dsn, connected, read_dsn
from bot.words.exceptions import Misconfigured, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.plumbing.base import Part
from integrations.plumbing.breaker import Breaker

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
APPLICATION = "handrail"
"""The application_name of our connections, in every process of ours."""
_FORGOTTEN = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""How statements that stay prepared fail behind a pooler in transaction mode: another's connection has them, or lacks
them."""

if TYPE_CHECKING:  # generic in the stubs alone
    Connection = PoolConnectionProxy[asyncpg.Record]
    OwnConnection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = PoolConnectionProxy
    OwnConnection = asyncpg.Connection
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


_OURS = ("statement_timeout", "lock_timeout", "timezone")
_IN_FORCE = {"default_transaction_read_only": "transaction_read_only"}
"""A default is for the next transaction, and this one has begun."""


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
        self._read: Dsn | None = None
        """Of the pool's connection string."""
        self._pooler: bool | None = None
        """Whether there is one in transaction mode; None until the first connection has told."""
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
    async def alone(self, limit: timedelta) -> AsyncIterator[OwnConnection]:
        """Outside any transaction, for what runs nowhere else. A statement takes at most `limit`: hand it over as
        the `timeout` too.

        Raises OutcomeUnknown where the connection broke within: the server may go on, or be done. What it stopped
        itself at its limit is not open.
        """
        begun = False
        try:
            async with self._separate(limit) as connection:
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
        pool, limit = await self._current_pool()
        # Where all our connections are busy, waiting in vain says nothing of the server.
        busy = pool.get_size() >= self._size and pool.get_idle_size() == 0
        with self._misread(), self._breaker.calling(self.name, ours=_WAITED if busy else _ANSWERED):
            connection = await pool.acquire(timeout=limit)
        try:
            yield connection
        except _FORGOTTEN as error:
            self._pooler = True
            await pool.expire_connections()  # the next ones keep no statements
            raise TryLater(
                f"{self.name} is behind a pooler in transaction mode, which was noticed just now; nothing was changed. "
                f"Ask again, and write transaction_pooler = true in services.{self.name}."
            ) from error
        finally:
            # A connection that breaks now must not make a change that was committed look undone.
            with contextlib.suppress(*_FAILURES):
                await pool.release(connection)

    @contextlib.asynccontextmanager
    async def _separate(self, limit: timedelta) -> AsyncIterator[OwnConnection]:
        """A connection that was started with its limits: they end with it, and a pooler gives them to nobody else."""
        read = self._dsn_read(self._dsn())
        limits = {"statement_timeout": _milliseconds(limit), "lock_timeout": _milliseconds(self._statement_timeout)}
        startup = {"application_name": APPLICATION, **read.startup}
        with self._misread(), self._breaker.calling(self.name, ours=_ANSWERED):
            connection, _ = await connected(
                asyncpg.connect, limits, startup, timeout=self._patience(read), statement_cache_size=0, **read.options()
            )
        try:
            yield connection
        finally:
            with contextlib.suppress(*_FAILURES):
                await connection.close(timeout=self._connect_timeout.total_seconds())

    async def _current_pool(self) -> tuple[Pool, float]:
        """With how long a connection may take, in seconds."""
        dsn = self._dsn()
        async with self._opening:
            if self._pool is not None and dsn != self._pool_dsn:
                old, self._pool = self._pool, None
                old.terminate()
            if self._pool is None or self._read is None:
                self._read = self._dsn_read(dsn)
                self._pooler = self._transaction_pooler or self._read.pooled or None
                with self._misread():
                    self._pool = await asyncpg.create_pool(
                        **self._read.options(),
                        connect=self._connect,
                        min_size=0,
                        max_size=self._size,
                        timeout=self._patience(self._read),
                        command_timeout=self._statement_timeout.total_seconds() + 2,  # the server's own speaks first
                        max_inactive_connection_lifetime=60,
                        server_settings={"application_name": APPLICATION, **self._read.startup},
                    )
                self._pool_dsn = dsn
            return self._pool, self._patience(self._read)

    async def _connect(self, *args: Any, **options: Any) -> OwnConnection:
        """Each of the pool's connections. The first tells whether a pooler is in between: the process that answers is
        another than was promised at the start. One in session mode looks the same, and only loses time by it."""
        if self._pooler:
            options["statement_cache_size"] = 0
        connection: OwnConnection = await asyncpg.connect(*args, **options)
        if self._pooler is not None:
            return connection
        try:
            async with connection.transaction():
                asked = await connection.prepare("SELECT pg_backend_pid()", name="")
                self._pooler = await asked.fetchval() != connection.get_server_pid()
        except BaseException:
            connection.terminate()
            raise
        if not self._pooler:
            return connection
        await connection.close()
        return await self._connect(*args, **options)

    def _patience(self, read: Dsn) -> float:
        """In seconds; a string that asks for longer than a check has knows why: a database that sleeps, say."""
        return max(self._connect_timeout, read.connect_timeout or timedelta(0)).total_seconds()

    def _dsn_read(self, dsn: str) -> Dsn:
        try:
            return read_dsn(dsn)
        except BadDsn as error:
            raise Misconfigured(f"What services.{self.name}.dsn leads to {error}.") from None

    @contextlib.contextmanager
    def _misread(self) -> Iterator[None]:
        try:
            yield
        except ValueError:  # asyncpg's ClientConfigurationError too; it quotes the DSN
            raise Misconfigured(
                f"services.{self.name}.dsn does not lead to a PostgreSQL address; "
                "store one like postgresql://user:password@host:5432/database there."
            ) from None

    async def _settle(self, connection: Connection) -> None:
        """Per transaction: a transaction pooler refuses them as startup parameters, and would hand on a session's."""
        read = self._read.settings if self._read else {}
        theirs = {_IN_FORCE.get(name, name): value for name, value in read.items() if name.lower() not in _OURS}
        if theirs:
            await connection.execute(
                "SELECT set_config(given.name, given.value, true) "
                "FROM unnest($1::text[], $2::text[]) AS given(name, value) "
                "WHERE given.name LIKE '%.%' OR lower(given.name) IN (SELECT lower(name) FROM pg_settings)",
                list(theirs),
                list(theirs.values()),
            )
        await connection.execute(
            "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true), "
            "set_config('TimeZone', 'UTC', true)",
            _milliseconds(self._statement_timeout),
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


def _milliseconds(span: timedelta) -> str:
    return f"{span.total_seconds() * 1000:.0f}"
