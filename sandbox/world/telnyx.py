"""A stand-in for Telnyx' API v2 over real HTTP, with its traps.

Messages have no list but their detail records, which are refused without a record type; amounts are text; errors come
as a list with codes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.faults import Faults, middleware
from sandbox.world.heard import Effect, Heard, recorder

_AT = "2026-01-15T09:00:00Z"


@dataclass
class Profile:
    id: str
    name: str
    enabled: bool = True

    def public(self) -> dict[str, Any]:
        return {
            "record_type": "messaging_profile", "id": self.id, "name": self.name, "enabled": self.enabled,
            "webhook_url": "https://shop.example.com/telnyx", "webhook_api_version": "2",
            "whitelisted_destinations": ["US"], "created_at": _AT, "updated_at": _AT,
        }  # fmt: skip


@dataclass
class OwnNumber:
    id: str
    number: str
    profile: str = ""
    status: str = "active"


@dataclass
class Sent:
    id: str
    at: datetime
    status: str = "delivered"
    to: str = "+15550000001"
    errors: tuple[str, ...] = ()
    direction: str = "outbound"

    def public(self) -> dict[str, Any]:
        return {
            "record_type": "message_detail_record", "uuid": self.id, "status": self.status, "direction": self.direction,
            "created_at": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "errors": list(self.errors),
            "cli": "+18885550100", "cld": self.to, "cost": "0.004", "currency": "USD", "message_type": "SMS",
        }  # fmt: skip


class FakeTelnyx:
    def __init__(self, api_key: str, *, now: datetime | None = None) -> None:
        self.api_key = api_key
        at = now or datetime.now(UTC)
        self.profiles = {
            each.id: each
            for each in (
                Profile("4001a5e2-0000-4000-8000-000000000001", "Outreach"),
                Profile("4001a5e2-0000-4000-8000-000000000002", "Appointment reminders"),
                Profile("4001a5e2-0000-4000-8000-000000000003", "Old campaign", enabled=False),
            )
        }
        outreach, reminders, _ = self.profiles
        self.numbers = {
            each.id: each
            for each in (
                OwnNumber("1100001", "+18885550100", outreach),
                OwnNumber("1100002", "+18885550101", reminders),
                OwnNumber("1100003", "+18885550102"),
                OwnNumber("1100004", "+18885550103", status="port-pending"),
            )
        }
        self.messages = [
            Sent("m-1", at - timedelta(minutes=12), "dlr_timeout", "+15550000007", ("40008",)),
            Sent("m-2", at - timedelta(minutes=25), "gw_reject", "+15550000008", ("40300",)),
            Sent("m-3", at - timedelta(minutes=40)),
            Sent("m-4", at - timedelta(hours=3), "failed", "+15550000009", ("40008", "40010")),
            Sent("m-5", at - timedelta(hours=4), "delivered", direction="inbound"),
        ]
        self.balance = "41.20"
        self.effects: list[Effect] = []
        self.heard: list[Heard] = []
        self.faults = Faults()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard, _wrong), middleware(self.faults), self._guard])
        app.router.add_get("/v2/balance", self._balance)
        app.router.add_get("/v2/messaging_profiles", self._list_profiles)
        app.router.add_get("/v2/messaging_profiles/{id}", self._one_profile)
        app.router.add_patch("/v2/messaging_profiles/{id}", self._patch_profile)
        app.router.add_get("/v2/phone_numbers", self._list_numbers)
        app.router.add_get("/v2/phone_numbers/{id}/messaging", self._one_number)
        app.router.add_patch("/v2/phone_numbers/{id}/messaging", self._patch_number)
        app.router.add_get("/v2/detail_records", self._records)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """The `[services.*]` table of an ops.toml for it."""
        asked = {"kind": "telnyx", "url": f"{url}/v2", "api_key": "env:DEMO_TELNYX_API_KEY"}
        return {**asked, "pausable": ["Outreach", "Old campaign"]}

    def environment(self) -> dict[str, str]:
        return {"DEMO_TELNYX_API_KEY": self.api_key}

    def done(self, what: str) -> list[str]:
        """Targets of the effects of one sort, in order."""
        return [effect.target for effect in self.effects if effect.what == what]

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _error(401, "10009", "Authentication failed", "The required authentication headers were invalid.")
        return await handler(request)

    async def _balance(self, request: web.Request) -> web.Response:
        found = {
            "record_type": "balance", "balance": self.balance, "credit_limit": "20.00", "currency": "USD",
            "available_credit": f"{float(self.balance) + 20:.2f}",
        }  # fmt: skip
        return web.json_response({"data": found})

    async def _list_profiles(self, request: web.Request) -> web.Response:
        return _page(request, [each.public() for each in self.profiles.values()])

    async def _one_profile(self, request: web.Request) -> web.Response:
        found = self.profiles.get(request.match_info["id"])
        return web.json_response({"data": found.public()}) if found else _none()

    async def _patch_profile(self, request: web.Request) -> web.Response:
        found = self.profiles.get(request.match_info["id"])
        if found is None:
            return _none()
        found.enabled = (await request.json())["enabled"]
        self.effects.append(Effect("enabled" if found.enabled else "disabled", found.name))
        return web.json_response({"data": found.public()})

    async def _list_numbers(self, request: web.Request) -> web.Response:
        return _page(request, [self._number(each) for each in self.numbers.values()])

    def _number(self, number: OwnNumber) -> dict[str, Any]:
        profile = self.profiles.get(number.profile)
        return {
            "record_type": "phone_number", "id": number.id, "phone_number": number.number, "status": number.status,
            "tags": [], "connection_id": "", "purchased_at": _AT, "created_at": _AT, "phone_number_type": "tollfree",
            "messaging_profile_id": number.profile, "messaging_profile_name": profile.name if profile else "",
        }  # fmt: skip

    async def _one_number(self, request: web.Request) -> web.Response:
        found = self.numbers.get(request.match_info["id"])
        return web.json_response({"data": _messaging(found)}) if found else _none()

    async def _patch_number(self, request: web.Request) -> web.Response:
        found = self.numbers.get(request.match_info["id"])
        if found is None:
            return _none()
        to = (await request.json())["messaging_profile_id"]
        if to and to not in self.profiles:
            return _error(422, "10015", "Invalid value", "The messaging profile does not exist.")
        found.profile = to
        self.effects.append(Effect("assigned", f"{found.number} {to}".strip()))
        return web.json_response({"data": _messaging(found)})

    async def _records(self, request: web.Request) -> web.Response:
        if request.query.get("filter[record_type]") != "messaging":
            return _error(400, "10016", "Missing filter", "filter[record_type] is required.")
        since, until = (request.query.get(f"filter[created_at][{bound}]", "") for bound in ("gte", "lt"))
        found = [each for each in self.messages if each.at >= datetime.fromisoformat(since)]
        found = [each for each in found if each.at < datetime.fromisoformat(until)]
        found.sort(key=lambda each: each.at, reverse=True)
        return _page(request, [each.public() for each in found])


def _messaging(number: OwnNumber) -> dict[str, Any]:
    return {
        "record_type": "messaging_settings", "id": number.id, "phone_number": number.number, "type": "toll-free",
        "messaging_profile_id": number.profile or None, "country_code": "US", "traffic_type": "A2P",
        "created_at": _AT, "updated_at": _AT,
    }  # fmt: skip


def _page(request: web.Request, found: list[dict[str, Any]]) -> web.Response:
    number, size = int(request.query.get("page[number]", 1)), int(request.query.get("page[size]", 20))
    pages = max(-(-len(found) // size), 1)
    meta = {"page_number": number, "page_size": size, "total_pages": pages, "total_results": len(found)}
    return web.json_response({"data": found[(number - 1) * size : number * size], "meta": meta})


def _none() -> web.Response:
    return _error(404, "10005", "Resource not found", "The requested resource or URL could not be found.")


def _error(status: int, code: str, title: str, detail: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "title": title, "detail": detail}]}, status=status)


def _wrong(error: web.HTTPException) -> dict[str, Any]:
    return {"errors": [{"code": "10005", "title": "Resource not found", "detail": error.reason}]}
