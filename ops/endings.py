"""Turns whatever ends the program into a sentence: what is wrong, in which setting, and what to do about it.

What is opened at the start is opened within one of these, so that its errors leave as Misconfigured; `spoken` says
them, and everything else that comes out of the program, without a traceback.
"""

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import asyncpg
import structlog

from bot.words.exceptions import Misconfigured, OpsError
from bot.words.os_errors import reason

log = structlog.get_logger(__name__)

REFUSED, FAILED = 2, 1
"""Exit codes: a setting, a word or a permission is wrong; a defect of ours."""

EXAMPLE_URL = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"

# The first that fits is said. Neither the address nor what stands in it is repeated: it holds the password.
_DATABASE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (asyncpg.InvalidPasswordError, "the server refuses its user or password. Correct them."),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "the server does not let its user in from here. Correct the user, or allow it in the server's pg_hba.conf.",
    ),
    (
        asyncpg.InvalidCatalogNameError,
        "the server has no database of that name. Create it, or correct the name at the end of the address.",
    ),
    (asyncpg.CannotConnectNowError, "the server is just starting or stopping. Try again in a moment."),
    (asyncpg.TooManyConnectionsError, "the server has no connection left. Raise max_connections, or close some."),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "the database can only be read: it is a standby, or set to read-only. Give the address of the primary.",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "its user may not create or change the tables. Grant it CREATE on the schema, or migrate as the owner first"
        " (docs/operations.md).",
    ),
    (
        (asyncpg.ProtocolViolationError, asyncpg.UndefinedObjectError, asyncpg.CantChangeRuntimeParamError),
        "the server, or the pooler in front of it, does not take one of the address's options. Take away what follows"
        " the question mark, or use the address of the server itself.",
    ),
    (
        ssl.SSLCertVerificationError,
        "the server's certificate is not trusted here. Give its authority with sslrootcert=/path, or use another"
        " sslmode.",
    ),
    (ssl.SSLError, "the server and this machine do not agree on TLS. Correct the sslmode, or the certificates."),
    (socket.gaierror, "its host is not known here. Correct the host's name, or this machine's DNS."),
    (ConnectionRefusedError, "nothing listens at its host and port. Start PostgreSQL there, or correct them."),
    (TimeoutError, "its host did not answer in time. Correct the host and the port, or open the firewall between."),
    (
        (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError),
        "it names a file that cannot be opened: the folder of a socket (host=), or a certificate (sslrootcert=,"
        " sslcert=, sslkey=). Correct its path.",
    ),
    (
        (asyncpg.ClientConfigurationError, UnicodeError, OverflowError, ValueError),
        f"it is not an address of a PostgreSQL server, or one of its options is none. Write {EXAMPLE_URL}, without"
        " quotes.",
    ),
    (
        (ConnectionError, asyncpg.ConnectionDoesNotExistError, asyncpg.InternalClientError, asyncpg.InterfaceError),
        "what answers at its host and port broke off: it is no PostgreSQL, or it refuses TLS. Correct the port or the"
        " sslmode.",
    ),
    (OSError, "its host cannot be reached. Correct the host and the port, or this machine's network."),
)


def _of_database(error: BaseException) -> str | None:
    for kinds, sentence in _DATABASE:
        if isinstance(error, kinds):
            return sentence
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL says: {error.args[0] if error.args else type(error).__name__}."
    return None


@contextmanager
def opening_database(setting: str) -> Iterator[None]:
    """Raises Misconfigured, naming the setting, for whatever keeps the database from being opened."""
    try:
        yield
    except OpsError:
        raise
    except Exception as error:
        sentence = _of_database(error)
        if sentence is None:
            raise
        raise Misconfigured(f"{setting}: {sentence}") from error


@contextmanager
def opening_folder(setting: str, folder: Path) -> Iterator[None]:
    """Raises Misconfigured where something in the folder cannot be made, read or written."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else folder
        raise Misconfigured(
            f"{setting}: {where} {reason(error)}. Point {setting} at a folder that this user may write."
        ) from error


@contextmanager
def opening_port(setting: str, address: str) -> Iterator[None]:
    """Raises Misconfigured where nothing can listen at the address."""
    try:
        yield
    except (OSError, OverflowError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else "is no address of this machine"
        raise Misconfigured(f"{setting}: {address} {why}. Give another HOST:PORT, or stop what is there.") from error


@contextmanager
def spoken(say: Callable[[str], None]) -> Iterator[None]:
    """Around the whole program: says what ended it, and exits with its code."""
    try:
        yield
    except Exception as error:
        sentence, code = ending(error)
        say(sentence)
        sys.exit(code)


def ending(error: BaseException) -> tuple[str, int]:
    """The sentence, and the exit code. A defect goes into the log, where its reference finds it."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, OpsError):
        return str(first), REFUSED
    if isinstance(first, RecursionError | MemoryError):
        return f"Something in the settings is too large or nested too deep ({type(first).__name__}).", REFUSED
    reference = token_hex(4)
    log.error("ended_by_a_defect", reference=reference, exc_info=error)
    return (
        f"Handrail failed: a defect of ours ({type(first).__name__}). The log tells more. Reference: {reference}",
        FAILED,
    )
