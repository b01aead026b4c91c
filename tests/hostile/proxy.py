"""A proxy that writes down what is asked of it, and leads every host to a port of this machine."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """`CONNECT host:port`, or the method and the whole address."""
    credentials: list[str] = field(default_factory=list)
    """As `user:password`; empty where none were sent."""


@asynccontextmanager
async def recording(ports: Mapping[str, int], status: str = "") -> AsyncIterator[Proxy]:
    """`ports` are those that hosts stand for; with a `status` it connects nobody and answers with that."""
    proxy = Proxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, target, _ = first.split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            proxy.asked.append(f"{method} {target}")
            given = headers.get("proxy-authorization", "").removeprefix("basic ")
            original = next((line for line in lines if line.lower().startswith("proxy-authorization")), "")
            proxy.credentials.append(base64.b64decode(original.split(" ")[-1]).decode() if given else "")
            if status:
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                return
            host = target.rpartition(":")[0] if method == "CONNECT" else urlsplit(target).hostname or ""
            there, out = await asyncio.open_connection("127.0.0.1", ports[host])
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                out.write(head)
            await asyncio.gather(_carried(reader, out), _carried(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()
    writer.close()
