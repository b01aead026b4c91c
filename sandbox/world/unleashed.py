"""A stand-in for Unleashed's REST API over real HTTP, with its traps.

The signature is over the query as it came over the wire, to the letter; a wrong one and a missing right look the same;
the page stands in the path, and times are milliseconds in words.
"""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Watched, recorder
from sandbox.world.misbehaving import middleware


class FakeUnleashed(Watched):
    def __init__(self, id_: str, key: str) -> None:
        super().__init__()
        self.id = id_
        self.key = key
        self.may_read = True
        now = datetime.now(UTC)
        self.orders: list[tuple[str, datetime]] = [
            ("SO-00001201", now - timedelta(minutes=12)),
            ("SO-00001200", now - timedelta(hours=3)),
            ("SO-00001187", now - timedelta(days=9)),
        ]
        """Number, and when it was modified."""
        self.queries: list[str] = []
        """As they came over the wire."""
        self.client_types: list[str] = []

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: {"Description": error.reason})
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/SalesOrders/{page}", self._orders)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; id and key are in DEMO_UNLEASHED_ID and DEMO_UNLEASHED_KEY."""
        return {"kind": "unleashed", "url": url, "id": "env:DEMO_UNLEASHED_ID", "key": "env:DEMO_UNLEASHED_KEY"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_UNLEASHED_ID": self.id, "DEMO_UNLEASHED_KEY": self.key}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        query = request.raw_path.partition("?")[2]
        self.queries.append(query)
        self.client_types.append(request.headers.get("client-type", ""))
        proof = base64.b64encode(hmac.new(self.key.encode("utf-8"), query.encode("ascii"), hashlib.sha256).digest())
        given = request.headers.get("api-auth-signature", "")
        if request.headers.get("api-auth-id") != self.id or given != proof.decode() or not self.may_read:
            return web.json_response({"Description": "Forbidden"}, status=403)
        if request.headers.get("Accept") != "application/json" or request.content_type != "application/json":
            return web.json_response({"Description": "Not acceptable"}, status=406)
        return await handler(request)

    async def _orders(self, request: web.Request) -> web.Response:
        size, page = int(request.query.get("pageSize", 200)), int(request.match_info["page"])
        since = request.query.get("modifiedSince", "0001-01-01")
        found = [(number, at) for number, at in self.orders if f"{at:%Y-%m-%d}" >= since]
        items = [
            {
                "SalesOrderNumber": number,
                "OrderStatus": "Placed",
                "Guid": f"00000000-0000-4000-8000-0000{number[3:]}",
                "LastModifiedOn": f"/Date({int(at.timestamp() * 1000)})/",
            }
            for number, at in found[(page - 1) * size : page * size]
        ]
        pages = -(-len(found) // size)
        pagination = {"NumberOfItems": len(found), "PageSize": size, "PageNumber": page, "NumberOfPages": pages}
        return web.json_response({"Pagination": pagination, "Items": items})
