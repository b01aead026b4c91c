"""Retell's API: the handful of calls that are asked of it, with their shapes and their pages.

A list is read from its v2 or v3 endpoint, which answers in pages; the older ones with bare arrays are retired.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from bot.words.exceptions import OpsError, Stale
from integrations.plumbing.outbound import Answer, Service, Unreadable
from integrations.plumbing.shape import Shape

PAGE = 1000
"""Calls and numbers that one answer holds at most."""
AGENTS_PAGE = 100
PAGES = 40
"""Of one list that are read at most."""

PEOPLES_OWN = frozenset(
    {
        "agent_hangup",
        "call_take_over",
        "call_transfer",
        "dial_busy",
        "dial_no_answer",
        "inactivity",
        "ivr_reached",
        "manual_stopped",
        "max_duration_reached",
        "registered_call_timeout",
        "transfer_bridged",
        "transfer_cancelled",
        "user_declined",
        "user_hangup",
        "user_requested_callback",
        "user_requested_dnc",
        "voicemail_reached",
    }
)
"""How a call ends where everything works: somebody hung up, was out, or did not want to talk."""
BROKEN = (
    "concurrency_limit_reached",
    "no_concurrency_fallback",
    "no_valid_payment",
    "credit_exhausted",
    "budget_reached",
    "scam_detected",
    "dial_failed",
    "invalid_destination",
    "telephony_provider_permission_denied",
    "telephony_provider_unavailable",
    "sip_routing_error",
    "marked_as_spam",
    "network_blocked",
    "error_llm_websocket_open",
    "error_llm_websocket_lost_connection",
    "error_llm_websocket_runtime",
    "error_llm_websocket_corrupt_payload",
    "error_no_audio_received",
    "error_asr",
    "error_retell",
    "error_unknown",
    "error_user_not_joined",
)
"""Every other reason that Retell names; a filter takes no prefix, and refuses what it does not know."""


class RetellCall(Shape):
    call_id: str
    agent_id: str
    agent_name: str | None = None
    call_status: str
    call_type: str
    direction: str = ""
    """Of phone calls only."""
    disconnection_reason: str | None = None
    start_timestamp: int | None = None
    """In milliseconds, as every time of Retell's."""
    end_timestamp: int | None = None
    duration_ms: int | None = None
    public_log_url: str | None = None

    @property
    def failed(self) -> bool:
        reason = self.disconnection_reason or ""
        if self.call_status == "error" or reason in BROKEN or reason.startswith("error_"):
            return True
        return self.call_status == "not_connected" and reason not in PEOPLES_OWN

    @property
    def at(self) -> datetime | None:
        ms = self.start_timestamp or self.end_timestamp
        return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)

    @property
    def duration(self) -> timedelta | None:
        return None if self.duration_ms is None else timedelta(milliseconds=self.duration_ms)


class Agent(Shape):
    agent_id: str
    agent_name: str
    channel: str = "voice"
    is_suspended: bool = False


class Weighted(Shape):
    """One of those that answer, by lot."""

    agent_id: str
    agent_version: int | None = None
    weight: float = 1.0


class PhoneNumber(Shape):
    """Who answers and who calls from it. The fields for one agent alone ended on 2026-03-31 and may still be told."""

    phone_number: str
    nickname: str | None = None
    inbound_agents: tuple[Weighted, ...] | None = None
    outbound_agents: tuple[Weighted, ...] | None = None
    inbound_sms_agents: tuple[Weighted, ...] | None = None
    outbound_sms_agents: tuple[Weighted, ...] | None = None
    inbound_agent_id: str | None = None
    inbound_agent_version: int | None = None
    outbound_agent_id: str | None = None
    outbound_agent_version: int | None = None
    inbound_webhook_url: str | None = None

    @property
    def inbound(self) -> tuple[Weighted, ...]:
        return self.inbound_agents or _alone(self.inbound_agent_id, self.inbound_agent_version)

    @property
    def outbound(self) -> tuple[Weighted, ...]:
        return self.outbound_agents or _alone(self.outbound_agent_id, self.outbound_agent_version)


class Concurrency(Shape):
    current_concurrency: int
    concurrency_limit: int
    concurrency_burst_enabled: bool = False
    concurrency_burst_limit: int = 0


P = TypeVar("P", bound=Shape)


class _Page(Shape, Generic[P]):
    items: tuple[P, ...]
    has_more: bool = False
    pagination_key: str | None = None


class RetellService(Service):
    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """A thing that is not there is a 422 here, like one that is written wrongly."""
        if answer.status == 422 and missing is not None and "cannot find" in self.said(answer).casefold():
            return missing
        return super().error_of(answer, write=write, missing=missing)

    def said(self, answer: Answer) -> str:
        """Its sentence is in `message`, and in `error_message` where there was no key at all."""
        return super().said(answer) or self.quoted(answer.fields().get("error_message"))


class RetellApi:
    def __init__(self, service: Service) -> None:
        self.name = service.name
        self._service = service

    async def calls(
        self, *, since: datetime, limit: int, only: Mapping[str, Sequence[str]] | None = None
    ) -> tuple[tuple[RetellCall, ...], bool]:
        """Newest first, and whether there are more; `only` is for each field the values that it may have.

        Source: POST /v3/list-calls, which reads. Its filters name their type, and all of them have to fit.
        """
        start = {"type": "number", "op": "ge", "value": int(since.timestamp() * 1000)}
        chosen = {field: {"type": "enum", "op": "in", "value": [*values]} for field, values in (only or {}).items()}
        body: dict[str, Any] = {
            "filter_criteria": {"start_timestamp": start, **chosen},
            "sort_order": "descending",
        }
        found: list[RetellCall] = []
        for _ in range(PAGES):
            body["limit"] = min(PAGE, limit - len(found))
            page = await self._service.query("/v3/list-calls", _Page[RetellCall], body)
            found += page.items
            if not page.has_more or len(found) >= limit:
                return tuple(found[:limit]), page.has_more or len(found) > limit
            body["pagination_key"] = self._following(page, "calls")
        raise Unreadable(f"{self.name} tells its calls in more than {PAGES} pages; not all were read.")

    async def agents(self) -> tuple[Agent, ...]:
        """Those for voice and for chat. Source: POST /v2/list-agents; its pages are asked for in the query."""
        found: list[Agent] = []
        query = {"limit": str(AGENTS_PAGE)}
        for _ in range(PAGES):
            page = await self._service.query(f"/v2/list-agents?{urlencode(query)}", _Page[Agent], {})
            found += page.items
            if not page.has_more:
                return tuple(found)
            query["pagination_key"] = self._following(page, "agents")
        raise Unreadable(f"{self.name} has more than {len(found):,} agents; not all were read.")

    async def numbers(self) -> tuple[PhoneNumber, ...]:
        """Source: GET /v2/list-phone-numbers"""
        found: list[PhoneNumber] = []
        query = {"limit": str(PAGE)}
        for _ in range(PAGES):
            page = await self._service.get("/v2/list-phone-numbers", _Page[PhoneNumber], params=query)
            found += page.items
            if not page.has_more:
                return tuple(found)
            query["pagination_key"] = self._following(page, "numbers")
        raise Unreadable(f"{self.name} has more than {len(found):,} numbers; not all were read.")

    async def number(self, number: str) -> PhoneNumber:
        """Source: GET /get-phone-number/{phone_number}"""
        path = f"/get-phone-number/{quote(number, safe='+')}"
        return await self._service.get(path, PhoneNumber, missing=self._gone(number))

    async def change_number(self, number: str, fields: Mapping[str, Any]) -> PhoneNumber:
        """Fields that are not named stay as they are. Source: PATCH /update-phone-number/{phone_number}"""
        path = f"/update-phone-number/{quote(number, safe='+')}"
        missing = self._gone(number)
        return await self._service.post(path, PhoneNumber, method="PATCH", body=fields, missing=missing)

    async def concurrency(self) -> Concurrency:
        """Source: GET /get-concurrency"""
        return await self._service.get("/get-concurrency", Concurrency)

    def _gone(self, number: str) -> Stale:
        return Stale(f"{self.name} has no number {number} any more; nothing was changed.")

    def _following(self, page: _Page[P], what: str) -> str:
        if not page.pagination_key:
            raise Unreadable(f"{self.name} has more {what} and does not say where; not all were read.")
        return page.pagination_key


def _alone(agent_id: str | None, version: int | None) -> tuple[Weighted, ...]:
    return (Weighted(agent_id=agent_id, agent_version=version),) if agent_id else ()
