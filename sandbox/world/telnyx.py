"""A stand-in for what we ask of Telnyx over real HTTP, with its traps.

Messages are found as detail records only, and those only by saying of which sort; a number is looked up by its digits,
and leaves its messaging profile by an empty text, where null changes nothing.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

REMINDERS = "4001a7f4-0a13-4e28-b4f5-3c1d5a7e9b01"
CODES = "4001a7f4-0a13-4e28-b4f5-3c1d5a7e9b02"
MARKETING = "4001a7f4-0a13-4e28-b4f5-3c1d5a7e9b03"
_AT = "2026-01-12T09:30:00Z"
_TITLES = {
    "10001": "Inactive phone number",
    "10004": "Missing required parameter",
    "10005": "Resource not found",
    "10009": "Authentication failed",
    "10010": "Authorization failed",
    "10015": "Bad Request",
    "10017": "Associated resource does not exist",
}


@dataclass
class Profile:
    id: str
    name: str
    enabled: bool = True

    def public(self) -> dict[str, Any]:
        return {
            "record_type": "messaging_profile",
            "id": self.id,
            "name": self.name,
            "enabled": self.enabled,
            "webhook_url": "https://hooks.acme.example/telnyx",
            "webhook_failover_url": None,
            "webhook_api_version": "2",
            "whitelisted_destinations": ["US", "CA"],
            "number_pool_settings": None,
            "url_shortener_settings": None,
            "created_at": _AT,
            "updated_at": _AT,
        }


@dataclass
class Number:
    id: str
    number: str
    profile: str = ""
    status: str = "active"


@dataclass
class Record:
    uuid: str
    status: str
    minutes: int
    """How long ago it was made."""
    to: str
    profile: str = REMINDERS
    errors: tuple[str, ...] = ()
    direction: str = "outbound"
    took: int = 0
    """Minutes."""


def _numbers() -> list[Number]:
    return [
        Number("1293384261075731499", "+18885550101", REMINDERS),
        Number("1293384261075731500", "+18885550102", CODES),
        Number("1293384261075731501", "+18885550103", MARKETING),
        Number("1293384261075731502", "+18885550104"),
        Number("1293384261075731503", "+13125550177", status="port-pending"),
    ]


def _records() -> list[Record]:
    return [
        Record("b7a1c0de-0000-4000-8000-000000000001", "delivered", 4, "+13125550142"),
        Record("b7a1c0de-0000-4000-8000-000000000002", "failed", 12, "+13125550143", errors=("40001",)),
        Record("b7a1c0de-0000-4000-8000-000000000003", "gw_reject", 35, "+17735550121", MARKETING, ("40300", "40003")),
        Record("b7a1c0de-0000-4000-8000-000000000004", "dlr_timeout", 50, "+17735550122", CODES),
        Record("b7a1c0de-0000-4000-8000-000000000005", "gw_timeout", 90, "+17735550123", CODES),
        Record("b7a1c0de-0000-4000-8000-000000000006", "failed", 600, "+17735550124", errors=("40008",), took=60),
        Record("b7a1c0de-0000-4000-8000-000000000007", "failed", 200, "+13125550150", direction="inbound"),
    ]


@dataclass
class FakeTelnyx(Watched):
    api_key: str
    balance: str = "118.42"
    credit_limit: str = "50.00"
    profiles: list[Profile] = field(
        default_factory=lambda: [
            Profile(REMINDERS, "Appointment reminders"),
            Profile(CODES, "Login codes"),
            Profile(MARKETING, "Marketing"),
        ]
    )
    numbers: list[Number] = field(default_factory=_numbers)
    records: list[Record] = field(default_factory=_records)
    forbidden: str = ""
    """Beginning of the paths that the key may not ask for."""
    most: int = 250
    """Of a page, whatever is asked for."""
    ignores_writes: bool = False
    """Answers a change with success and with how it was."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: _errors("10005", f"No such resource: {error.reason}"))
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/v2/balance", self._balance)
        app.router.add_get("/v2/detail_records", self._detail_records)
        app.router.add_get("/v2/messaging_profiles", self._profiles)
        app.router.add_get("/v2/messaging_profiles/{id}", self._profile)
        app.router.add_patch("/v2/messaging_profiles/{id}", self._change_profile)
        app.router.add_get("/v2/phone_numbers", self._list_numbers)
        app.router.add_get("/v2/phone_numbers/{id}/messaging", self._messaging)
        app.router.add_patch("/v2/phone_numbers/{id}/messaging", self._change_messaging)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_TELNYX_API_KEY."""
        return {"kind": "telnyx", "url": f"{url}/v2", "api_key": "env:DEMO_TELNYX_API_KEY", "pausable": ["Marketing"]}

    def environment(self) -> dict[str, str]:
        return {"DEMO_TELNYX_API_KEY": self.api_key}

    def number(self, number: str) -> Number:
        return next(each for each in self.numbers if each.number == number)

    def profile(self, id_: str) -> Profile:
        return next(each for each in self.profiles if each.id == id_)

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _error(401, "10009", "Could not find any usable credentials in the request.")
        if self.forbidden and request.path.startswith(f"/v2{self.forbidden}"):
            return _error(403, "10010", "You do not have permission to perform the requested action.")
        return await handler(request)

    async def _balance(self, request: web.Request) -> web.Response:
        available = f"{float(self.balance) + float(self.credit_limit):.2f}"
        told = {
            "record_type": "balance",
            "balance": self.balance,
            "credit_limit": self.credit_limit,
            "available_credit": available,
            "currency": "USD",
        }
        return web.json_response({"data": told})

    # -- messages

    async def _detail_records(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("filter[record_type]") != "messaging":
            return _error(400, "10004", "The 'filter[record_type]' parameter is required.")
        if int(asked.get("page[size]", 20)) > 50:
            return _error(400, "10015", "The 'page[size]' parameter must be at most 50.")
        since = asked.get("filter[created_at][gte]", "")
        found = [self._record(each) for each in sorted(self.records, key=lambda each: each.minutes)]
        found = [each for each in found if each["created_at"] >= since]
        if status := asked.get("filter[status]"):
            found = [each for each in found if each["status"] == status]
        return self._page(request, found)

    def _record(self, record: Record) -> dict[str, Any]:
        made = self.now() - timedelta(minutes=record.minutes)
        ended = made + timedelta(minutes=record.took)
        ours, out = "+18885550101", record.direction == "outbound"
        return {
            "record_type": "message_detail_record",
            "uuid": record.uuid,
            "status": record.status,
            "direction": record.direction,
            "message_type": "SMS",
            "cli": ours if out else record.to,
            "cld": record.to if out else ours,
            "profile_id": record.profile,
            "profile_name": self.profile(record.profile).name,
            "errors": list(record.errors),
            "parts": 1,
            "created_at": _iso(made),
            "sent_at": _iso(made),
            "completed_at": _iso(ended),
            "updated_at": _iso(ended),
            "cost": "0.004",
            "rate": "0.004",
            "currency": "USD",
            "carrier": "T-Mobile USA",
            "country_code": "US",
        }

    # -- messaging profiles

    async def _profiles(self, request: web.Request) -> web.Response:
        return self._page(request, [each.public() for each in self.profiles])

    async def _profile(self, request: web.Request) -> web.Response:
        found = self._found(request)
        return _no_resource() if found is None else web.json_response({"data": found.public()})

    async def _change_profile(self, request: web.Request) -> web.Response:
        found, asked = self._found(request), json.loads(await request.text())
        if found is None:
            return _no_resource()
        if isinstance(asked.get("enabled"), bool) and not self.ignores_writes:
            found.enabled = asked["enabled"]
            self.effects.append(Effect("enable" if found.enabled else "disable", found.id))
        return web.json_response({"data": found.public()})

    def _found(self, request: web.Request) -> Profile | None:
        return next((each for each in self.profiles if each.id == request.match_info["id"]), None)

    # -- numbers

    async def _list_numbers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("filter[phone_number]", "")
        if wanted and len(wanted) < 3:
            return _error(400, "10015", "The 'filter[phone_number]' parameter needs at least three digits.")
        found = [each for each in self.numbers if not wanted or (wanted.isdigit() and wanted in each.number)]
        return self._page(request, [self._public(each) for each in sorted(found, key=lambda each: each.number)])

    def _public(self, number: Number) -> dict[str, Any]:
        told: dict[str, Any] = {
            "record_type": "phone_number",
            "id": number.id,
            "phone_number": number.number,
            "status": number.status,
            "phone_number_type": "tollfree",
            "tags": [],
            "created_at": _AT,
            "purchased_at": _AT,
            "connection_id": "1293384261075731461",
            "connection_name": "Voice agents",
        }
        if number.profile:
            names = {each.id: each.name for each in self.profiles}
            told |= {"messaging_profile_id": number.profile, "messaging_profile_name": names.get(number.profile, "")}
        return told

    async def _messaging(self, request: web.Request) -> web.Response:
        found = self._number(request)
        return _no_resource() if found is None else _settings(found)

    async def _change_messaging(self, request: web.Request) -> web.Response:
        found, asked = self._number(request), json.loads(await request.text()).get("messaging_profile_id")
        if found is None:
            return _no_resource()
        if found.status != "active":
            return _error(403, "10001", "The phone number is inactive.")
        if asked and asked not in [each.id for each in self.profiles]:
            return _error(422, "10017", "The messaging profile does not exist.", "/messaging_profile_id")
        if asked is not None and not self.ignores_writes:
            found.profile = asked
            self.effects.append(Effect("assign" if asked else "unassign", found.number))
        return _settings(found)

    def _number(self, request: web.Request) -> Number | None:
        return next((each for each in self.numbers if each.id == request.match_info["id"]), None)

    def _page(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        number = int(request.query.get("page[number]", 1))
        size = min(int(request.query.get("page[size]", 20)), self.most)
        meta = {
            "page_number": number,
            "page_size": size,
            "total_pages": -(-len(found) // size),
            "total_results": len(found),
        }
        return web.json_response({"data": found[(number - 1) * size : number * size], "meta": meta})


def _settings(number: Number) -> web.Response:
    told = {
        "record_type": "messaging_settings",
        "id": number.id,
        "phone_number": number.number,
        "type": "tollfree",
        "messaging_profile_id": number.profile or None,
        "messaging_product": "A2P",
        "country_code": "US",
        "traffic_type": "A2P",
        "created_at": _AT,
        "updated_at": _AT,
    }
    return web.json_response({"data": told})


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _errors(code: str, detail: str, pointer: str = "") -> dict[str, Any]:
    source = {"source": {"pointer": pointer}} if pointer else {}
    meta = {"url": f"https://developers.telnyx.com/docs/overview/errors/{code}"}
    return {"errors": [{"code": code, "title": _TITLES[code], "detail": detail, "meta": meta, **source}]}


def _error(status: int, code: str, detail: str, pointer: str = "") -> web.Response:
    return web.json_response(_errors(code, detail, pointer), status=status)


def _no_resource() -> web.Response:
    return _error(404, "10005", "The requested resource or URL could not be found.")
