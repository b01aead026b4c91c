"""Hands payloads to the app, over whichever way it listens, and waits three seconds for its ack."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.faults import Faults
from sandbox.http_mode import HttpMode
from sandbox.model import JSON
from sandbox.socket_mode import NotDelivered, SocketMode

Kind = Literal["slash_commands", "interactive", "events_api"]

ACK_SECONDS = 3.0
GIVE_UP_SECONDS = 60.0
"""How long a delivery that nobody waits for any more may take."""
EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)


@dataclass(frozen=True)
class Ack:
    acked: bool
    ms: float
    response: JSON
    """What the app sent with its ack; empty for a bare one."""
    error: str | None = None
    """`operation_timeout` or `dispatch_failed` where no ack came."""
    retry: bool = True


@dataclass
class Delivery:
    faults: Faults
    sockets: SocketMode
    http: HttpMode
    event_retry_seconds: tuple[float, ...] = EVENT_RETRY_SECONDS
    _background: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def connected(self) -> bool:
        return self.http.endpoint is not None or bool(self.sockets.connections)

    async def deliver(
        self, kind: Kind, payload: JSON, *, accepts_response: bool = False, attempt: int = 0, reason: str = ""
    ) -> Ack:
        """One try, and how it ended."""
        retry: JSON = {"retry_attempt": attempt, "retry_reason": reason} if kind == "events_api" else {}
        way = self.http if self.http.endpoint else self.sockets
        start = time.perf_counter()
        late = self.faults.delay()
        lost = self.faults.loses()
        twice = self.faults.duplicates()

        async def arrive() -> JSON:
            if late:
                await asyncio.sleep(late)
            return await way.deliver(kind, payload, accepts_response, retry)

        try:
            async with asyncio.timeout(ACK_SECONDS):
                if twice:
                    self.in_background(asyncio.wait_for(arrive(), GIVE_UP_SECONDS))
                if lost:
                    await asyncio.get_running_loop().create_future()
                if late:
                    # It still arrives after the person was told that it failed.
                    unhurried = asyncio.wait_for(arrive(), GIVE_UP_SECONDS)
                    response = await asyncio.shield(self.in_background(unhurried)) or {}
                else:
                    response = await arrive()
        except TimeoutError:
            return Ack(False, _ms(start), {}, "operation_timeout")
        except NotDelivered as problem:
            return Ack(False, _ms(start), {}, str(problem), problem.retry)
        return Ack(True, _ms(start), response)

    async def event(self, payload: JSON) -> Ack:
        """The first try of an event; what is not acked is tried again in the background."""
        ack = await self.deliver("events_api", payload)
        if not ack.acked and ack.retry:
            self.in_background(self._retry(payload, ack))
        return ack

    def in_background(self, work: Coroutine[Any, Any, JSON | None]) -> "asyncio.Task[JSON | None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: "asyncio.Task[JSON | None]") -> None:
        self._background.discard(task)
        if not task.cancelled():
            # A duplicate or late delivery that nobody takes is no error of ours.
            task.exception()

    async def close(self) -> None:
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.sockets.close()
        await self.http.close()

    async def _retry(self, payload: JSON, ack: Ack) -> None:
        for attempt, pause in enumerate(self.event_retry_seconds, start=1):
            await asyncio.sleep(pause)
            reason = "timeout" if ack.error == "operation_timeout" else "connection_failed"
            ack = await self.deliver("events_api", payload, attempt=attempt, reason=reason)
            if ack.acked or not ack.retry:
                return


def _ms(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 3)
