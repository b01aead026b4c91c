"""Socket Mode: several connections, each envelope to exactly one of them."""

import asyncio
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import WSMsgType, web

from sandbox.faults import Disconnect, Faults
from sandbox.model import JSON
from sandbox.workspace import Workspace

CONNECTIONS_PER_APP = 10
WARNING_SECONDS = 10.0
"""How long a connection lives after its `warning`."""


class NotDelivered(Exception):
    """Nobody is there to take a delivery, or what took it refused."""

    def __init__(self, error: str, *, retry: bool = True) -> None:
        super().__init__(error)
        self.retry = retry


@dataclass(eq=False)
class Connection:
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    leaving: bool = False


@dataclass
class SocketMode:
    workspace: Workspace
    faults: Faults
    connection_seconds: int = 3600
    ping_seconds: float = 10.0
    """A connection that does not answer a ping in half of this is given up."""
    connections: list[Connection] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[JSON]] = field(default_factory=dict)
    _next: int = 0

    def new_ticket(self) -> str:
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return ticket

    async def link(self, request: web.Request) -> web.StreamResponse:
        """GET /link?ticket=…: one connection, from hello to close."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid_ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(
            heartbeat=self.ping_seconds, timeout=1.0, max_msg_size=16 * 1024 * 1024, compress=False
        )
        await socket.prepare(request)
        if len(self.connections) >= CONNECTIONS_PER_APP:
            await socket.send_json(self._disconnect("too_many_websockets"))
            await socket.close()
            return socket
        transport = request.transport
        connection = Connection(socket, transport if isinstance(transport, asyncio.Transport) else None)
        self.connections.append(connection)
        self.workspace.watchers.connected(True)
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acked(message.data)
        finally:
            self.connections.remove(connection)
            self.workspace.watchers.connected(bool(self.connections))
        return socket

    async def deliver(self, kind: str, payload: JSON, accepts_response: bool, retry: JSON) -> JSON:
        """The ack's payload; waits for ever when none comes. Raises: NotDelivered."""
        envelope_id = str(uuid.uuid4())
        acked: asyncio.Future[JSON] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = acked
        envelope: JSON = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": accepts_response,
            **retry,
        }
        try:
            await self._send(json.dumps(envelope))
            return await acked
        finally:
            del self._waiting[envelope_id]

    async def disconnect(self, reason: Disconnect) -> None:
        """Tells every connection to go; all but a `warning` are closed at once."""
        for connection in list(self.connections):
            connection.leaving = True
            await connection.socket.send_json(self._disconnect(reason))
            if reason == "warning":
                asyncio.get_running_loop().call_later(WARNING_SECONDS, _hang_up, connection)
            else:
                _hang_up(connection)

    async def close(self) -> None:
        await asyncio.gather(*(connection.socket.close() for connection in self.connections))

    async def _send(self, text: str) -> None:
        while True:
            staying = [c for c in self.connections if not c.leaving] or self.connections
            if not staying:
                raise NotDelivered("dispatch_failed")
            self._next += 1
            connection = staying[self._next % len(staying)]
            try:
                await connection.socket.send_str(text)
            except ConnectionError:
                connection.leaving = True
                if connection in self.connections and len(self.connections) == 1:
                    raise NotDelivered("dispatch_failed") from None
                await asyncio.sleep(0)
                continue
            if self.faults.kills_socket():
                connection.leaving = True
                _hang_up(connection)
            return

    def _acked(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        if isinstance(answer, dict):
            waiting = self._waiting.get(str(answer.get("envelope_id")))
            if waiting is not None and not waiting.done():
                payload = answer.get("payload")
                waiting.set_result(payload if isinstance(payload, dict) else {})

    def _hello(self) -> JSON:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self.workspace.app.app_id},
            "debug_info": {
                "host": "applink-sandbox-1",
                "started": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
                "build_number": 1,
                "approximate_connection_time": self.connection_seconds,
            },
        }

    def _disconnect(self, reason: str) -> JSON:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox-1"}}


def _hang_up(connection: Connection) -> None:
    """Closes the line without a WebSocket goodbye, as a dying server does."""
    if connection.transport is not None:
        connection.transport.close()
