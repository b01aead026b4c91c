"""A stand-in for Retell over real HTTP: agents, the phone numbers they answer, their calls, and how many run at once.

It speaks as Retell does since its older lists, and a number's fields for one agent alone, have ended: pages, typed
filters, and weighted lists of agents.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

_ROLES = ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents")
_DAY = (
    # minutes ago, agent, direction, status, reason, seconds
    (4, "agent_front", "inbound", "ongoing", None, None),
    (9, "agent_front", "inbound", "ended", "user_hangup", 84),
    (16, "agent_remind", "outbound", "not_connected", "dial_failed", None),
    (22, "agent_remind", "outbound", "not_connected", "dial_failed", None),
    (31, "agent_remind", "outbound", "not_connected", "dial_no_answer", None),
    (47, "agent_front", "inbound", "error", "error_llm_websocket_open", 6),
    (58, "agent_night", "inbound", "ended", "agent_hangup", 142),
    (75, "agent_remind", "outbound", "ended", "voicemail_reached", 19),
    (130, "agent_remind", "outbound", "not_connected", "dial_failed", None),
    (190, "agent_front", "inbound", "ended", "call_transfer", 203),
    (260, "agent_night", "inbound", "ended", "user_hangup", 57),
    (410, "agent_remind", "outbound", "not_connected", "dial_busy", None),
    (600, "agent_night", "inbound", "ended", "error_asr", 12),
    (900, "agent_front", "inbound", "ended", "user_hangup", 316),
)


class FakeRetell(Watched):
    def __init__(self, api_key: str) -> None:
        super().__init__()
        self.api_key = api_key
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.page_size = 1000
        """Items it gives at most, whatever is asked for."""
        self.names_next_page = True
        self.misses_change = False
        """Takes a change of a number and leaves it as it is."""
        self.running, self.limit = 3, 20
        self.burst = 0
        self.agents: dict[str, dict[str, Any]] = {}
        self.numbers: dict[str, dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []
        for id_, name in (("agent_front", "Front desk"), ("agent_night", "Night desk"), ("agent_remind", "Reminders")):
            self.add_agent(id_, name)
        self.add_agent("agent_chat", "Website chat", channel="chat")
        front = {"agent_id": "agent_front", "agent_version": 4, "weight": 1}
        remind = {"agent_id": "agent_remind", "agent_version": 2, "weight": 1}
        self.add_number("+18885550181", "Harbour Dental", inbound_agents=[front], outbound_agents=[remind])
        night = [{"agent_id": "agent_front", "weight": 0.7}, {"agent_id": "agent_night", "weight": 0.3}]
        self.add_number("+18885550182", "Bayside Physio", inbound_agents=night)
        self.add_number("+18885550183", "Reminder line", outbound_agents=[remind])
        self.add_number("+18885550184", "Spare")
        for minutes, agent, direction, status, reason, seconds in _DAY:
            ago = timedelta(minutes=minutes)
            self.add_call(agent, status, reason, ago=ago, direction=direction, seconds=seconds)

    def add_agent(self, id_: str, name: str, *, channel: str = "voice", suspended: bool = False) -> None:
        self.agents[id_] = {
            "agent_id": id_,
            "agent_name": name,
            "channel": channel,
            "is_suspended": suspended,
            "tags": {},
            "user_modified_timestamp": 1_767_225_600_000,
        }

    def add_number(self, number: str, nickname: str, **fields: Any) -> None:
        self.numbers[number] = {
            "phone_number": number,
            "phone_number_type": "retell-twilio",
            "nickname": nickname,
            "last_modification_timestamp": 1_767_225_600_000,
            **dict.fromkeys(_ROLES),
            **fields,
        }

    def add_call(
        self,
        agent: str,
        status: str,
        reason: str | None = None,
        *,
        ago: timedelta = timedelta(),
        direction: str = "inbound",
        seconds: int | None = None,
    ) -> str:
        """Its id."""
        id_ = f"call_{len(self.calls) + 1:04}"
        begin = int((self.now() - ago).timestamp() * 1000)
        ended = {} if status == "ongoing" else {"end_timestamp": begin + (seconds or 0) * 1000}
        log = {} if status == "ongoing" else {"public_log_url": f"https://logs.retell.example/{id_}/public.log"}
        why = {} if reason is None else {"disconnection_reason": reason}
        length = {} if seconds is None else {"duration_ms": seconds * 1000}
        self.calls.append(
            {
                "call_id": id_,
                "call_type": "phone_call",
                "call_status": status,
                "direction": direction,
                "agent_id": agent,
                "agent_name": self.agents[agent]["agent_name"],
                "agent_version": 4,
                "from_number": "+15035550188",
                "to_number": "+18885550181",
                "start_timestamp": begin,
                **why,
                **ended,
                **log,
                **length,
            }
        )
        return id_

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: {"status": "error", "message": error.reason})
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/get-api-key-info", self._key)
        app.router.add_get("/get-concurrency", self._concurrency)
        app.router.add_post("/v3/list-calls", self._list_calls)
        app.router.add_post("/v2/list-agents", self._list_agents)
        app.router.add_get("/v2/list-phone-numbers", self._list_numbers)
        app.router.add_get("/get-phone-number/{number}", self._number)
        app.router.add_patch("/update-phone-number/{number}", self._update)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_RETELL_API_KEY."""
        return {"kind": "retell", "url": url, "api_key": "env:DEMO_RETELL_API_KEY"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_RETELL_API_KEY": self.api_key}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.json_response({"error_message": "Missing Authorization header"}, status=401)
        if request.headers["Authorization"] != f"Bearer {self.api_key}":
            return _error(401, "API key is missing or invalid.")
        return await handler(request)

    async def _key(self, request: web.Request) -> web.Response:
        return web.json_response({"org_name": "Harbour Software", "api_key_name": "ops bot"})

    async def _concurrency(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "current_concurrency": self.running,
                "concurrency_limit": self.limit,
                "base_concurrency": self.limit,
                "purchased_concurrency": 0,
                "concurrency_burst_enabled": bool(self.burst),
                "concurrency_burst_limit": self.burst,
            }
        )

    async def _list_calls(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.text() or "{}")
        if "skip" in asked and "pagination_key" in asked:
            return _error(400, "skip and pagination_key cannot be used together")
        found = self.calls
        for field, rule in asked.get("filter_criteria", {}).items():
            if not isinstance(rule, dict) or "type" not in rule:
                return _error(400, f"filter_criteria.{field} must be a typed filter")
            found = [call for call in found if _fits(call.get(field), rule)]
        newest_first = asked.get("sort_order", "descending") == "descending"
        found = sorted(found, key=lambda call: int(call["start_timestamp"]), reverse=newest_first)
        return self._paged(found, asked.get("limit", 50), asked.get("pagination_key"))

    async def _list_agents(self, request: web.Request) -> web.Response:
        query = request.query
        return self._paged([*self.agents.values()], int(query.get("limit", 50)), query.get("pagination_key"))

    async def _list_numbers(self, request: web.Request) -> web.Response:
        query = request.query
        return self._paged([*self.numbers.values()], int(query.get("limit", 50)), query.get("pagination_key"))

    def _paged(self, found: list[dict[str, Any]], limit: int, key: str | None) -> web.Response:
        first = int(key.removeprefix("key_")) if key else 0
        last = first + min(limit, self.page_size)
        answer: dict[str, Any] = {"items": found[first:last], "has_more": last < len(found)}
        if answer["has_more"] and self.names_next_page:
            answer["pagination_key"] = f"key_{last}"
        return web.json_response(answer)

    async def _number(self, request: web.Request) -> web.Response:
        found = self.numbers.get(request.match_info["number"])
        return web.json_response(found) if found else _unknown()

    async def _update(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        found = self.numbers.get(number)
        if found is None:
            return _unknown()
        fields = json.loads(await request.text())
        for role in filter(fields.get, _ROLES):
            if any(each["agent_id"] not in self.agents for each in fields[role]):
                return _unknown()
            if abs(sum(each["weight"] for each in fields[role]) - 1) > 1e-6:
                return _error(400, f"{role}: weights must add up to 1")
        if not self.misses_change:
            found.update(fields, last_modification_timestamp=int(self.now().timestamp() * 1000))
        self.effects.append(Effect("update number", number))
        return web.json_response(found)


def _fits(value: Any, rule: dict[str, Any]) -> bool:
    match rule["type"], rule["op"]:
        case "enum", "in":
            return value in rule["value"]
        case "number", "ge":
            return value is not None and bool(value >= rule["value"])
        case other:
            raise web.HTTPBadRequest(reason=f"no such filter: {other}")


def _unknown() -> web.Response:
    return _error(422, "Cannot find requested asset under given api key.")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"status": "error", "message": message}, status=status)
