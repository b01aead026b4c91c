"""The verdict of a health check where no answer came at all."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from socket import gaierror

import httpx

from integrations.capabilities import Checked, Health


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def unreached(error: Exception, limit: timedelta) -> Checked:
    """The verdict where no answer came: DOWN only where the connection was refused."""
    causes = tuple(_causes(error))
    if any(isinstance(cause, gaierror) for cause in causes):
        return Checked(Health.UNKNOWN, "its host name could not be resolved")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Checked(Health.DEGRADED, "its certificate was not accepted")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Checked(Health.DOWN, "it refused the connection")
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return Checked(Health.UNKNOWN, f"no answer within {limit.total_seconds():g} s")
    return Checked(Health.UNKNOWN, "the connection broke before an answer came")
