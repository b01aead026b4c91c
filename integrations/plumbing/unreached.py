"""Why no answer came, or none that is HTTP: one table of sentences, for health checks and for every other call."""

import errno
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from socket import gaierror

import aiohttp
import httpx

from integrations.capabilities import Checked, Health

_NOT_YET, _EXPIRED, _SELF_SIGNED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 18, 62, 64
"""OpenSSL's numbers of what is wrong with a certificate."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_WANTS_OURS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE")
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
_REFUSED = errno.ECONNREFUSED
_NOT_HTTP = (aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError)


class Unfinished(TimeoutError):
    """The answer began in time and did not end in time."""


@dataclass(frozen=True)
class _Way:
    """One way in which a connection can fail."""

    detail: str
    """`{limit}` is the time limit in seconds."""
    fits: Callable[[Sequence[BaseException]], bool]
    """Given the error and its causes, the error first."""
    health: Health = Health.UNKNOWN


def _is(*kinds: type[BaseException]) -> Callable[[Sequence[BaseException]], bool]:
    return lambda causes: any(isinstance(cause, kinds) for cause in causes)


def _verified(*codes: int) -> Callable[[Sequence[BaseException]], bool]:
    return lambda causes: any(
        isinstance(cause, ssl.SSLCertVerificationError) and getattr(cause, "verify_code", 0) in codes
        for cause in causes
    )


def _tls(*reasons: str) -> Callable[[Sequence[BaseException]], bool]:
    return lambda causes: any(
        isinstance(cause, ssl.SSLError)
        and any(reason in f"{getattr(cause, 'reason', '')} {cause}" for reason in reasons)
        for cause in causes
    )


def _errors(cause: BaseException) -> set[int]:
    """Also those of several addresses that asyncio tried, which it tells in words alone."""
    if not isinstance(cause, OSError):
        return set()
    return {cause.errno} if cause.errno else {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(cause))}


def _refused(causes: Sequence[BaseException]) -> bool:
    return any(_REFUSED in _errors(cause) for cause in causes)


def _no_route(causes: Sequence[BaseException]) -> bool:
    return any(_errors(cause) & _NO_ROUTE for cause in causes)


def _disconnected(causes: Sequence[BaseException]) -> bool:
    return any("disconnected without sending" in str(cause) for cause in causes) or _is(
        ConnectionResetError, BrokenPipeError, ConnectionAbortedError, aiohttp.ServerDisconnectedError
    )(causes)


_WAYS = (
    _Way(
        "the proxy between us and it did not connect us (see HTTPS_PROXY, NO_PROXY)",
        _is(httpx.ProxyError, aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
    ),
    _Way("its host name could not be resolved", _is(gaierror)),
    _Way("its certificate has expired", _verified(_EXPIRED), Health.DEGRADED),
    _Way("its certificate does not hold yet; or is the clock here wrong?", _verified(_NOT_YET), Health.DEGRADED),
    _Way(
        "its certificate is signed by itself (SSL_CERT_FILE can name it as one to trust)",
        _verified(_SELF_SIGNED),
        Health.DEGRADED,
    ),
    _Way("its certificate is for another host name", _verified(_OTHER_HOST, _OTHER_ADDRESS), Health.DEGRADED),
    _Way(
        "its certificate is from an authority that is not trusted here (SSL_CERT_FILE can name it)",
        _is(ssl.SSLCertVerificationError),
        Health.DEGRADED,
    ),
    _Way("it does not speak TLS there; is its address http://?", _tls(*_NO_TLS), Health.DEGRADED),
    _Way("it wants a certificate of ours, or a kind of TLS that we have not", _tls(*_WANTS_OURS), Health.DEGRADED),
    _Way("it and we have no version of TLS in common", _tls("PROTOCOL_VERSION", "UNSUPPORTED"), Health.DEGRADED),
    _Way("it refused the connection", _refused, Health.DOWN),
    _Way("there is no way to its host on the network", _no_route),
    _Way("all our connections to it are busy", _is(httpx.PoolTimeout)),
    _Way("no connection was made in time", _is(httpx.ConnectTimeout, aiohttp.ConnectionTimeoutError)),
    _Way("its answer did not end within {limit} s", _is(Unfinished)),
    _Way("no answer within {limit} s", lambda causes: isinstance(causes[0], httpx.TimeoutException | TimeoutError)),
    _Way("the connection broke before an answer came", _disconnected),
    _Way("what answers there does not speak HTTP", _is(httpx.RemoteProtocolError, *_NOT_HTTP)),
    _Way("TLS with it failed", _is(ssl.SSLError), Health.DEGRADED),
)
"""The first that fits is told."""
_OTHER = _Way("the connection broke before an answer came", lambda causes: True)


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
    way = next((each for each in _WAYS if each.fits(causes)), _OTHER)
    return Checked(way.health, way.detail.format(limit=f"{limit.total_seconds():g}"))
