"""A stand-in for the public status pages of many vendors, each under its own path, in all the formats there are.

`https://www.vercel-status.com/api/v2/summary.json` is `URL/vercel/api/v2/summary.json` here. What a page says is set by
a mood; the odd ones are what such addresses answer when nobody keeps a page there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from sandbox.world.heard import Watched, recorder
from sandbox.world.misbehaving import middleware

Mood = Literal["well", "minor", "major", "critical", "maintenance", "spa", "unclaimed", "odd"]
"""`spa` answers every path with the same page, `unclaimed` sends to the marketing of the format's maker, `odd` is JSON
of something else."""

_AT = "2026-03-01T09:00:00.000Z"
_SENTENCES = {
    "none": "All Systems Operational",
    "minor": "Partially Degraded Service",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
    "maintenance": "Service Under Maintenance",
}
_WORST = {
    "none": "operational",
    "minor": "degraded_performance",
    "major": "partial_outage",
    "critical": "major_outage",
    "maintenance": "under_maintenance",
}


@dataclass
class Page:
    """One vendor's."""

    name: str
    components: list[tuple[str, str]]
    """(group, name); the first of them is what a mood strikes."""
    mood: Mood = "well"
    summary_has_incidents: bool = True
    """False as on pages of incident.io."""
    struck: int = 0
    """Which component a mood strikes."""
    sentences: dict[str, str] = field(default_factory=dict)

    @property
    def indicator(self) -> str:
        return self.mood if self.mood in _SENTENCES else "none"

    @property
    def troubled(self) -> bool:
        return self.indicator != "none"

    def state(self, place: int) -> str:
        return _WORST[self.indicator] if place == self.struck or self.mood == "critical" else "operational"


class FakeStatusPages(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Page] = {
            "github": Page("GitHub", [("", "Git Operations"), ("", "Actions"), ("", "Webhooks")]),
            "vercel": Page("Vercel", [("", "Builds"), ("", "Dashboard"), ("Edge Network", "Frankfurt")]),
            "telnyx": Page("Telnyx", [("Voice", "API"), ("Messaging", "API"), ("Voice", "SIP"), ("Voice", "API")]),
            "retell": Page("Retell AI", [("", "API"), ("", "Dashboard")]),
            "openai": Page("OpenAI", [("APIs", "Responses"), ("ChatGPT", "Login")], summary_has_incidents=False),
            "neon": Page("Neon", [("", "Console"), ("", "AWS eu-central-1")]),
            "stripe": Page("Stripe", [("", "api"), ("", "dashboard"), ("", "stripejs")]),
            "railway": Page("Railway", [("Platform", "Builds"), ("Platform", "Edge"), ("API", "Public API")]),
            "apollo": Page("Apollo.io", [("Product", "Search"), ("Product", "Enrichment API")]),
        }

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults)])
        app.router.add_get("/{vendor}/{path:.*}", self._answer)
        return app

    def section(self, url: str, vendor: str = "vercel") -> dict[str, Any]:
        return {"kind": "statuspage", "vendor": vendor, "url": f"{url}/{vendor}"}

    def environment(self) -> dict[str, str]:
        """Nothing: the pages are public."""
        return {}

    async def _answer(self, request: web.Request) -> web.Response:
        page = self.pages.get(request.match_info["vendor"])
        if page is None:
            raise web.HTTPNotFound
        match page.mood:
            case "spa":
                return web.Response(text="<!doctype html><div id=root></div>do-not-repeat", content_type="text/html")
            case "unclaimed":
                return web.Response(status=302, headers={"Location": "https://www.example.com/software/statuspage"})
            case "odd":
                return web.json_response({"page": {"title": "do-not-repeat"}, "status": "down"})
        path = f"/{request.match_info['path']}"
        served: Mapping[str, Callable[[Page], dict[str, Any]]]
        match request.match_info["vendor"]:
            case "stripe":
                served = {"/current": _stripe}
            case "railway":
                served = {"/summary.json": _instatus}
            case "apollo":
                served = {"/index.json": _betterstack}
            case _:
                served = _STATUSPAGE
        if path not in served:
            return web.Response(status=404, text="<html>no such page</html>", content_type="text/html")
        return web.json_response(served[path](page))


# -- Statuspage


def _summary(page: Page) -> dict[str, Any]:
    found = {**_status(page), **_components(page), "scheduled_maintenances": _maintenances(page)}
    return found | ({"incidents": _unresolved(page)} if page.summary_has_incidents else {})


def _status(page: Page) -> dict[str, Any]:
    sentence = page.sentences.get(page.indicator, _SENTENCES[page.indicator])
    return {"page": _page(page), "status": {"indicator": page.indicator, "description": sentence}}


def _page(page: Page) -> dict[str, Any]:
    return {
        "id": "kctbh9vrtdwd",
        "name": page.name,
        "url": "https://status.example.com",
        "time_zone": "Etc/UTC",
        "updated_at": _AT,
    }


def _component(page: Page, place: int) -> dict[str, Any]:
    group, name = page.components[place]
    return {
        "id": f"c{place}",
        "name": name,
        "status": page.state(place),
        "created_at": _AT,
        "updated_at": _AT,
        "position": place,
        "description": None,
        "showcase": True,
        "start_date": None,
        "page_id": "kctbh9vrtdwd",
        "group_id": f"g-{group}" if group else None,
        "group": False,
        "only_show_if_degraded": False,
    }


def _components(page: Page) -> dict[str, Any]:
    groups = dict.fromkeys(group for group, _ in page.components if group)
    all_ = [_component(page, place) for place in range(len(page.components))]
    heads = [
        {
            "id": f"g-{group}",
            "name": group,
            "group": True,
            "group_id": None,
            "page_id": "kctbh9vrtdwd",
            "status": _WORST[page.indicator] if page.components[page.struck][0] == group else "operational",
            "components": [each["id"] for each in all_ if each["group_id"] == f"g-{group}"],
        }
        for group in groups
    ]
    return {"page": _page(page), "components": [*heads, *all_]}


def _incident(page: Page, id_: str, name: str, status: str, impact: str) -> dict[str, Any]:
    over = _AT if status == "resolved" else None
    return {
        "id": id_,
        "name": name,
        "status": status,
        "impact": impact,
        "created_at": _AT,
        "updated_at": _AT,
        "started_at": "2026-03-01T08:30:00.000Z",
        "monitoring_at": None,
        "resolved_at": over,
        "shortlink": f"https://stspg.io/{id_}",
        "page_id": "kctbh9vrtdwd",
        "incident_updates": [],
        "components": [_component(page, page.struck)],
    }


def _unresolved(page: Page) -> list[dict[str, Any]]:
    if not page.troubled or page.mood == "maintenance":
        return []
    name = page.components[page.struck][1]
    return [_incident(page, "i7", f"Elevated errors of {name}", "investigating", page.indicator)]


def _maintenances(page: Page) -> list[dict[str, Any]]:
    later = _incident(page, "m9", "Database upgrade next week", "scheduled", "maintenance")
    now = _incident(page, "m8", "Network maintenance", "in_progress", "maintenance")
    return [later, *([now] if page.mood == "maintenance" else [])]


def _incidents(page: Page) -> dict[str, Any]:
    old = _incident(page, "i6", "Slow dashboard", "resolved", "minor")
    return {"page": _page(page), "incidents": [*_unresolved(page), old]}


_STATUSPAGE: Mapping[str, Callable[[Page], dict[str, Any]]] = {
    "/api/v2/summary.json": _summary,
    "/api/v2/status.json": _status,
    "/api/v2/components.json": _components,
    "/api/v2/incidents.json": _incidents,
    "/api/v2/incidents/unresolved.json": lambda page: {"page": _page(page), "incidents": _unresolved(page)},
    "/api/v2/scheduled-maintenances/active.json": lambda page: {
        "page": _page(page),
        "scheduled_maintenances": [each for each in _maintenances(page) if each["status"] == "in_progress"],
    },
}


# -- the others


def _stripe(page: Page) -> dict[str, Any]:
    words = {"none": "up", "critical": "down"}
    said = {"up": "All services are online.", "down": "Our services are down.", "degraded": "Some services are slow."}
    states = {
        name: "up" if page.state(place) == "operational" else words.get(page.indicator, "degraded")
        for place, (_, name) in enumerate(page.components)
    }
    largest = words.get(page.indicator, "degraded")
    return {"largestatus": largest, "message": said[largest], "statuses": states, "time": _AT}


def _instatus(page: Page) -> dict[str, Any]:
    words = {"none": "UP", "maintenance": "UNDERMAINTENANCE"}
    groups: dict[str, list[dict[str, Any]]] = {}
    for place, (group, name) in enumerate(page.components):
        leaf = {"id": f"c{place}", "name": name, "status": page.state(place).upper(), "children": []}
        groups.setdefault(group, []).append(leaf)
    going = {
        "name": f"{page.components[page.struck][1]} are slow",
        "started": _AT,
        "status": "INVESTIGATING",
        "impact": "PARTIALOUTAGE",
        "url": "https://status.railway.com/incident/x1",
    }
    work = {
        "name": "Host maintenance",
        "start": _AT,
        "status": "INPROGRESS",
        "duration": "60",
        "url": "https://status.railway.com/maintenance/x2",
    }
    later = {**work, "name": "Later work", "status": "NOTSTARTEDYET"}
    maintained = page.mood == "maintenance"
    return {
        "page": {
            "name": page.name,
            "url": "https://status.railway.com",
            "status": "MAJOR_OUTAGE" if page.mood == "critical" else words.get(page.indicator, "HASISSUES"),
        },
        "activeIncidents": [going] if page.troubled and not maintained else [],
        "activeMaintenances": [later, *([work] if maintained else [])],
        "components": [
            {"id": group, "name": group, "status": "OPERATIONAL", "children": found} for group, found in groups.items()
        ],
    }


def _betterstack(page: Page) -> dict[str, Any]:
    words = {"operational": "operational", "major_outage": "downtime", "under_maintenance": "maintenance"}
    word = words.get(_WORST[page.indicator], "degraded")
    sections = list(dict.fromkeys(group for group, _ in page.components))
    resources = [
        {
            "id": str(100 + place),
            "type": "status_page_resource",
            "attributes": {
                "public_name": name,
                "status": words.get(page.state(place), "degraded"),
                "status_page_section_id": sections.index(group),
                "availability": 0.9996,
            },
        }
        for place, (group, name) in enumerate(page.components)
    ]
    over = {
        "title": "Slow exports",
        "report_type": "manual",
        "starts_at": "2026-02-01T09:00:00.000Z",
        "ends_at": "2026-02-01T10:00:00.000Z",
        "aggregate_state": "resolved",
    }
    going = {**over, "title": "Search answers late", "starts_at": _AT, "ends_at": None, "aggregate_state": word}
    reports = [over, *([going] if page.troubled else [])]
    return {
        "data": {
            "id": "1",
            "type": "status_page",
            "attributes": {
                "company_name": page.name,
                "company_url": "https://www.apollo.io",
                "subdomain": "apollo",
                "aggregate_state": word,
                "created_at": _AT,
                "updated_at": _AT,
            },
        },
        "included": [
            *(
                {"id": str(place), "type": "status_page_section", "attributes": {"name": name, "position": place}}
                for place, name in enumerate(sections)
            ),
            *resources,
            *(
                {"id": str(200 + place), "type": "status_report", "attributes": report}
                for place, report in enumerate(reports)
            ),
        ],
    }
