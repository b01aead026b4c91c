"""Retell: the calls that its voice agents make and take, which of them failed, and how many run at once."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, Literal

from integrations.capabilities import Call, ErrorEvent, ErrorPage, Named, Quota, Trial
from integrations.plumbing.key_holder import KeyHolder
from integrations.plumbing.section import KeySection, Outside, Url
from integrations.plumbing.trying import Step, tried
from integrations.retell.api import BROKEN, RetellApi, RetellCall, RetellService
from integrations.retell.numbers import RetellNumbers


class RetellSection(KeySection):
    kind: Literal["retell"]
    url: Url = "https://api.retellai.com"

    rights: ClassVar[str] = (
        "Retell does not tell what a key may do. Least: reading calls, agents and phone numbers; changing phone "
        "numbers for /ops numbers release and reassign."
    )
    undo: ClassVar[str] = (
        "Releasing and reassigning a number: its agents are put back with their versions and weights, unless somebody "
        "changed it since. Calls that came meanwhile went elsewhere."
    )


def retell(name: str, section: RetellSection, outside: Outside) -> tuple[Named, ...]:
    client = Retell(name, section, outside)
    return client, RetellNumbers(name, client.calls_api)


class Retell(KeyHolder[RetellSection]):
    """Checkable, Testable, Credentialed, Calls, ErrorSource, Metered. Source: GET /get-api-key-info"""

    probe = "/get-api-key-info"
    opens = RetellService
    tries = "name our key"

    def __init__(self, name: str, section: RetellSection, outside: Outside) -> None:
        super().__init__(name, section, outside)
        self.calls_api = RetellApi(self._api)

    async def test(self) -> tuple[Trial, ...]:
        api, long_ago = self.calls_api, datetime.fromtimestamp(0, UTC)
        return (
            *await super().test(),
            *await tried(
                Step("list calls", lambda: api.calls(since=long_ago, limit=1), self._remedy),
                Step("list agents", api.agents, self._remedy),
                Step("list phone numbers", api.numbers, self._remedy),
                Step("read concurrency", api.concurrency, self._remedy),
            ),
        )

    async def calls(self, *, since: datetime, limit: int) -> tuple[Call, ...]:
        found, _ = await self.calls_api.calls(since=since, limit=limit)
        return tuple(
            Call(
                call.call_id,
                at,
                _agent(call),
                call.call_status,
                call.disconnection_reason or "",
                call.failed,
                call.duration,
                call.public_log_url or "",
            )
            for call, at in _timed(found)
        )

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Failed calls. Two readings, as Retell's filters have all to fit: a call may say it in its status or its
        reason alone."""
        by_status, by_reason = await asyncio.gather(
            self.calls_api.calls(since=since, limit=limit, only={"call_status": ("error", "not_connected")}),
            self.calls_api.calls(since=since, limit=limit, only={"disconnection_reason": BROKEN}),
        )
        failed = {call.call_id: call for call in (*by_status[0], *by_reason[0]) if call.failed}
        events = [_event(call, at) for call, at in _timed(failed.values())]
        wanted = (match or "").casefold()
        found = [each for each in events if wanted in f"{each.origin} {each.operation} {each.message}".casefold()]
        found.sort(key=lambda each: (each.at, each.key), reverse=True)
        return ErrorPage(tuple(found[:limit]), truncated=by_status[1] or by_reason[1] or len(found) > limit)

    async def usage(self) -> tuple[Quota, ...]:
        now = await self.calls_api.concurrency()
        note = ""
        if now.concurrency_burst_enabled and now.concurrency_burst_limit:
            note = f"Up to {now.concurrency_burst_limit:,} calls at once in a burst, at a surcharge."
        return (Quota("calls at once", now.current_concurrency, now.concurrency_limit, "calls", note=note),)


def _timed(calls: Iterable[RetellCall]) -> list[tuple[RetellCall, datetime]]:
    """Without those that never began nor ended."""
    return [(call, call.at) for call in calls if call.at is not None]


def _agent(call: RetellCall) -> str:
    return call.agent_name or call.agent_id


def _event(call: RetellCall, at: datetime) -> ErrorEvent:
    """Without the numbers of those who spoke: they are no business of a channel's."""
    operation = f"{call.direction} {call.call_type}".strip().replace("_", " ")
    message = call.disconnection_reason or f"call ended as {call.call_status}"
    return ErrorEvent(call.call_id, at, _agent(call), operation, message, call.public_log_url or "")
