"""Kind: a connection that fails. Each way has a sentence of its own, the same over httpx and over the probe; a check, a
read and a write tell it alike, and nothing that was not sent is told as open."""

import asyncio
import errno
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import httpx
import pytest
from pydantic import BaseModel

from bot.words.exceptions import Misconfigured, OpsError, OutcomeUnknown, TryLater
from integrations import open_services
from integrations.capabilities import Checkable, Checked, Health
from integrations.plumbing.answer import ANSWER_LIMIT
from integrations.plumbing.outbound import Service
from integrations.plumbing.probe import probe_session
from integrations.plumbing.section import Outside
from integrations.plumbing.transport import PerHost
from integrations.plumbing.unreached import unreached
from tests.hostile.certificates import Certificates

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    await writer.drain()
    await _request(reader)


async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n")


async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")


async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    size = ANSWER_LIMIT + 2_000_000
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n[".encode())
    writer.write(b"1," * (size // 2))
    await writer.drain()


async def fine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
    writer.write(b'Content-Length: 11\r\n\r\n{"ok":true}')


@asynccontextmanager
async def listening(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class _Anything(BaseModel):
    """Whatever JSON object comes."""


async def told(url: str, *, probed: bool, limit: str = "5s") -> tuple[Checked, OpsError, OpsError]:
    """By a check, a read and a write."""
    section = {"kind": "http", "url": url, "deadline": limit, "field": "ok", "equals": True}
    async with httpx.AsyncClient(transport=PerHost()) as http, probe_session() as probes:
        services = open_services({"it": section}, http, lambda _: "", probes=probes if probed else None)
        async with services:
            check = await services.named("it", Checkable).check()
        timeout = timedelta(seconds=float(limit[:-1]))
        reading, writing = (  # each with a breaker of its own
            Service(Outside(http, secrets=str, redact=str), name="it", base_url=url, timeout=timeout) for _ in range(2)
        )
        with pytest.raises(OpsError) as read:
            await reading.get("/x", _Anything)
        with pytest.raises(OpsError) as write:
            await writing.post("/x", _Anything)
    return check, read.value, write.value


TIME_LIMITS = (silent, endless)
AFTER_SENDING: list[tuple[Answering, Health, str]] = [
    (silent, Health.UNKNOWN, "no answer within 1 s"),
    (endless, Health.UNKNOWN, "its answer did not end within 1 s"),
    (reset, Health.UNKNOWN, "the connection broke before an answer came"),
    (closes, Health.UNKNOWN, "the connection broke before an answer came"),
    (no_http, Health.UNKNOWN, "what answers there does not speak HTTP"),
    (cut_off, Health.UNKNOWN, "its answer was cut off"),
    (too_large, Health.UNKNOWN, "its answer is too large: more than 8 MB"),
    (redirect, Health.DEGRADED, "it sends us elsewhere (301); write its final address in services.it.url"),
]


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
@pytest.mark.parametrize(
    ("answer", "health", "detail"), AFTER_SENDING, ids=lambda each: getattr(each, "__name__", None)
)
async def test_after_something_was_sent(answer: Answering, health: Health, detail: str, *, probed: bool) -> None:
    async with listening(answer) as port:
        limit = "1s" if answer in TIME_LIMITS else "20s"
        check, read, write = await told(f"http://127.0.0.1:{port}", probed=probed, limit=limit)
    assert check == Checked(health, detail)
    if answer is redirect:
        assert isinstance(read, Misconfigured)
        assert isinstance(write, Misconfigured)
        assert "write its final address in services.it.url" in str(write)
    else:
        assert isinstance(read, TryLater)
        assert isinstance(write, OutcomeUnknown)
        gist = detail.split(":")[0].removeprefix("its answer ").replace("no answer", "did not answer")
        assert gist in str(read)
        assert gist in str(write)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


def _by_itself(made: Certificates) -> ssl.SSLContext:
    return made.server("itself", by_itself=True)


def _expired(made: Certificates) -> ssl.SSLContext:
    return made.server("expired", end="20200201000000Z")


def _not_yet(made: Certificates) -> ssl.SSLContext:
    return made.server("not-yet", start="20980101000000Z")


def _of_another_host(made: Certificates) -> ssl.SSLContext:
    return made.server("other", names="DNS:other.example")


def _accepted(made: Certificates) -> ssl.SSLContext:
    return made.server("good")


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
@pytest.mark.parametrize(
    ("context", "trusted", "detail"),
    [
        (_by_itself, True, "its certificate is signed by itself (SSL_CERT_FILE can name it as one to trust)"),
        (_expired, True, "its certificate has expired"),
        (_not_yet, True, "its certificate does not hold yet; or is the clock here wrong?"),
        (_of_another_host, True, "its certificate is for another host name"),
        (_accepted, False, "its certificate is from an authority that is not trusted here (SSL_CERT_FILE can name it)"),
        (None, True, "it does not speak TLS there; is its address http://?"),
    ],
)
async def test_tls(
    context: Callable[[Certificates], ssl.SSLContext] | None, trusted: bool, detail: str, *, probed: bool,
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.folder / "authority.pem"))
    async with listening(fine if context else no_http, context(certificates) if context else None) as port:
        check, read, write = await told(f"https://127.0.0.1:{port}", probed=probed, limit="20s")
    assert check == Checked(Health.DEGRADED, detail)
    assert detail in str(read)
    assert detail in str(write)
    assert "Nothing was sent." in str(write)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
async def test_an_authority_of_ones_own_is_trusted_where_it_is_named(
    variable: str, *, probed: bool, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = certificates.folder / "authority.pem" if variable == "SSL_CERT_FILE" else certificates.trusted_folder()
    monkeypatch.setenv(variable, str(value))
    async with listening(fine, _accepted(certificates)) as port:
        section = {"kind": "http", "url": f"https://127.0.0.1:{port}", "deadline": "20s"}
        async with httpx.AsyncClient(transport=PerHost()) as http, probe_session() as probes:
            services = open_services({"it": section}, http, lambda _: "", probes=probes if probed else None)
            assert (await services.named("it", Checkable).check()).health is Health.OK


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
@pytest.mark.parametrize(
    ("scheme", "health", "detail"),
    [
        ("name", Health.UNKNOWN, "its host name could not be resolved"),
        ("refused", Health.DOWN, "it refused the connection"),
        ("handshake", Health.UNKNOWN, "no connection was made in time"),
    ],
)
async def test_before_anything_was_sent(
    scheme: str, health: Health, detail: str, *, probed: bool, unused_tcp_port: int
) -> None:
    async with listening(silent) as port:
        url = {
            "name": "http://no.such.invalid",
            "refused": f"http://127.0.0.1:{unused_tcp_port}",
            "handshake": f"https://127.0.0.1:{port}",
        }[scheme]
        check, read, write = await told(url, probed=probed, limit="1s" if scheme == "handshake" else "20s")
    assert check == Checked(health, detail)
    for error in (read, write):
        assert isinstance(error, TryLater)
        assert str(error) == f"Could not connect to it: {detail}. Nothing was sent."


def _because(error: Exception, *causes: Exception) -> Exception:
    error.__cause__ = ExceptionGroup("all", causes) if len(causes) > 1 else causes[0]
    return error


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "there is no way to its host on the network"),
        (_because(httpx.ConnectError("x"), OSError(errno.EHOSTUNREACH, "No route")), "there is no way to its host"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 111] Connect call "
                 "failed ('127.0.0.1', 1)"), "it refused the connection"),
        (OSError("Multiple exceptions: [Errno 101] unreachable, [Errno 111] refused"), "it refused the connection"),
        (OSError("Multiple exceptions: [Errno 101] unreachable, [Errno 113] none"), "there is no way to its host"),
        (httpx.ProxyError("407 Proxy Authentication Required"), "the proxy between us and it did not connect us"),
        (httpx.PoolTimeout("x"), "all our connections to it are busy"),
        (httpx.ConnectTimeout("x"), "no connection was made in time"),
        (httpx.WriteTimeout("x"), "no answer within 3 s"),
        (aiohttp.ServerDisconnectedError(), "the connection broke before an answer came"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] x"), "it and we have no version of TLS in common"),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] x"), "it wants a certificate of ours"),
        (ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] x"), "it wants a certificate of ours, or a kind of TLS"),
        (ssl.SSLError(1, "[SSL: SOMETHING_NEW] x"), "TLS with it failed"),
        (RuntimeError("whatever"), "the connection broke before an answer came"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_test_can_hardly_bring_about(error: Exception, detail: str) -> None:
    assert unreached(error, timedelta(seconds=3)).detail.startswith(detail)
