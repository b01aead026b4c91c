"""The firewall of the Vercel stand-in: bypasses that end by themselves, and blocks of single addresses."""

import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect


@dataclass
class Bypass:
    id: str
    ip: str
    note: str
    domain: str = ""
    """Empty for the whole project."""
    expires_at: float | None = None
    """Epoch seconds."""
    deleted_at: str = ""
    """Listed all the same, and without effect."""


@dataclass
class Block:
    id: str
    hostname: str
    ip: str
    notes: str
    action: str = "deny"


class FakeFirewall:
    def __init__(self) -> None:
        self.bypasses: list[Bypass] = []
        self.blocks: list[Block] = [Block("ip_1", "shop.example.com", "198.51.100.23", "scraper of March")]
        self.page = 256
        """Bypasses on one page, however many were asked for: what a page holds is counted before it is sieved."""
        self.configured = True
        """Without a configuration the active one is a 404."""
        self.effects: list[Effect] = []
        self._made = 0

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/v1/security/firewall/bypass", self._list)
        router.add_post("/v1/security/firewall/bypass", self._allow)
        router.add_delete("/v1/security/firewall/bypass", self._forbid)
        router.add_get("/v1/security/firewall/config/active", self._active)
        router.add_patch("/v1/security/firewall/config", self._change)

    def allowed(self) -> dict[str, str]:
        """Address to note, of those that have not ended."""
        return {bypass.ip: bypass.note for bypass in self._current()}

    def _current(self) -> list[Bypass]:
        return [
            each
            for each in self.bypasses
            if not each.deleted_at and (each.expires_at is None or each.expires_at > time.time())
        ]

    async def _list(self, request: web.Request) -> web.Response:
        start = next((n + 1 for n, b in enumerate(self.bypasses) if b.id == request.query.get("offset")), 0)
        page = self.bypasses[start : start + min(int(request.query.get("limit", "10")), self.page)]
        body: dict[str, Any] = {"result": [_shown(bypass) for bypass in page]}
        if page and start + len(page) < len(self.bypasses):
            body["pagination"] = {"OwnerId": "team_demo", "Id": page[-1].id}
        return web.json_response(body)

    async def _allow(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if any(_is(bypass, asked) for bypass in self._current()):
            return _error(400, "This bypass exists already.")
        self._made += 1
        ends = time.time() + asked["ttl"] / 1000 if "ttl" in asked else None
        self.bypasses = self._current()
        self.bypasses.append(
            Bypass(f"byp_{self._made}", asked["sourceIp"], asked.get("note", ""), asked.get("domain", ""), ends)
        )
        self.effects.append(Effect("bypass", asked["sourceIp"]))
        return web.json_response({"ok": True, "result": [_shown(self.bypasses[-1])]})

    async def _forbid(self, request: web.Request) -> web.Response:
        asked = await request.json()
        kept = [bypass for bypass in self.bypasses if not _is(bypass, asked)]
        if len(kept) == len(self.bypasses):
            return _error(404, "No such bypass.")
        self.bypasses = kept
        self.effects.append(Effect("no bypass", asked["sourceIp"]))
        return web.json_response({"ok": True})

    async def _active(self, request: web.Request) -> web.Response:
        if not self.configured:
            return _error(404, "There is no active configuration.")
        crs = ("sd", "ma", "lfi", "rfi", "rce", "php", "gen", "xss", "sqli", "sf", "java")
        return web.json_response(
            {
                "ownerId": "team_demo",
                "projectKey": "prj_demoStorefront",
                "id": "waf_1",
                "version": 3,
                "updatedAt": "2026-03-01T09:00:00Z",
                "firewallEnabled": True,
                "rules": [],
                "changes": [],
                "crs": {name: {"active": False, "action": "log"} for name in crs},
                "ips": [
                    {"id": b.id, "hostname": b.hostname, "ip": b.ip, "notes": b.notes, "action": b.action}
                    for b in self.blocks
                ],
            }
        )

    async def _change(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["action"] == "ip.remove":
            kept = [block for block in self.blocks if block.id != asked["id"]]
            if len(kept) == len(self.blocks):
                return _error(404, "No such rule.")
            self.blocks = kept
            self.effects.append(Effect("unblock", asked["id"]))
        else:
            self._made += 1
            self.blocks.append(Block(f"ip_new{self._made}", **asked["value"]))
            self.effects.append(Effect("block", asked["value"]["ip"]))
        return web.json_response({})


def _is(bypass: Bypass, asked: dict[str, Any]) -> bool:
    return (bypass.ip, bypass.domain) == (asked["sourceIp"], asked.get("domain", ""))


def _shown(bypass: Bypass) -> dict[str, Any]:
    return {
        "OwnerId": "team_demo",
        "Id": bypass.id,
        "Domain": bypass.domain,
        "Ip": bypass.ip,
        "Action": "bypass",
        "ProjectId": "prj_demoStorefront",
        "IsProjectRule": not bypass.domain,
        "Note": bypass.note,
        "CreatedAt": "2026-03-01T09:00:00Z",
        "UpdatedAt": "2026-03-01T09:00:00Z",
        "UpdatedAtHour": "2026-03-01T09:00:00Z",
        "ExpiresAt": bypass.expires_at and int(bypass.expires_at),
        **({"DeletedAt": bypass.deleted_at} if bypass.deleted_at else {}),
    }


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": "bad_request", "message": message}}, status=status)
