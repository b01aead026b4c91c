"""A stand-in for one organization of Sentry's REST API over real HTTP, with its traps.

Counts are text; a path without its last slash is a redirect; a next page is always named, with `results` beside it; and
a bulk PUT without `?id=` changes every issue that its query finds.
"""

import shlex
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware
from sandbox.world.sentry_state import AT, PROJECTS, FakeIssue, issues

_FINER = (
    "archived_until_escalating",
    "archived_until_condition_met",
    "archived_forever",
    "escalating",
    "ongoing",
    "regressed",
    "new",
)
_ORG = "/api/0/organizations/{org}"


class FakeSentry(Watched):
    def __init__(self, token: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__()
        self.token = token
        self.organization = "acme"
        self.now = now
        self.issues = {each.id: each for each in issues()}
        self.scopes: list[str] = ["event:read", "event:write", "org:read"]
        self.tells_scopes = True
        self.keeps_series = True
        """Off, it is a Sentry that is older than counts over time."""
        self.page = 100
        """The most that it gives at once."""
        self.limited = 0
        """So many calls are refused until `resets_in`."""
        self.resets_in = timedelta(seconds=0)

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: {"detail": "The requested resource does not exist"})
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get(f"{_ORG}/", self._organization)
        app.router.add_get(f"{_ORG}/issues/", self._list)
        app.router.add_put(f"{_ORG}/issues/", self._bulk)
        app.router.add_get(f"{_ORG}/issues/{{issue}}/", self._one)
        app.router.add_put(f"{_ORG}/issues/{{issue}}/", self._update)
        app.router.add_get(f"{_ORG}/events-timeseries/", self._series)
        app.router.add_route("*", "/{anything:.*[^/]}", _to_the_slash)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the token is in DEMO_SENTRY_TOKEN."""
        asked = {"kind": "sentry", "url": url, "organization": self.organization, "project": ["shop-api", "shop-web"]}
        return {**asked, "token": "env:DEMO_SENTRY_TOKEN"}

    def environment(self) -> dict[str, str]:
        """The variables that `section` refers to."""
        return {"DEMO_SENTRY_TOKEN": self.token}

    def of(self, short_id: str) -> FakeIssue:
        return next(each for each in self.issues.values() if each.short_id == short_id)

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if "anything" in request.match_info:
            return await handler(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "Invalid token")
        if self.limited > 0:
            self.limited -= 1
            answer = _error(429, "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 s")
            return self._counted(answer, left=0)
        if request.match_info.get("org", self.organization) != self.organization:
            return _error(404, "The requested resource does not exist")
        issues = "/issues/" in request.path
        needed = (
            ("event:write", "event:admin") if request.method != "GET" else ("event:read", "event:write", "event:admin")
        )
        if issues and not set(needed) & set(self.scopes):
            return _error(403, "You do not have permission to perform this action.")
        return self._counted(await handler(request), left=39)

    def _counted(self, answer: web.StreamResponse, left: int) -> web.StreamResponse:
        resets = int((datetime.now(UTC) + self.resets_in).timestamp())
        for name, count in {"Limit": 40, "Remaining": left, "Reset": resets}.items():
            answer.headers[f"X-Sentry-Rate-Limit-{name}"] = str(count)
        return answer

    async def _organization(self, request: web.Request) -> web.Response:
        said = {
            "id": "77",
            "slug": self.organization,
            "name": "Acme",
            "status": {"id": "active", "name": "active"},
            "dateCreated": AT,
            "isEarlyAdopter": False,
            "require2FA": True,
            "avatar": {},
            "hasAuthProvider": False,
            "allowMemberInvite": True,
            "allowMemberProjectCreation": True,
            "allowSuperuserAccess": False,
            "links": {"organizationUrl": "https://acme.sentry.io", "regionUrl": "https://us.sentry.io"},
        }
        return web.json_response(said | ({"access": self.scopes} if self.tells_scopes else {}))

    # -- issues

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query.get("query", "is:unresolved")
        if request.query.get("shortIdLookup") == "1":
            hit = [each for each in self.issues.values() if each.short_id == query.upper()]
            if hit:
                return web.json_response([self._listed(hit[0], None)], headers={"X-Sentry-Direct-Hit": "1"})
        projects = request.query.getall("project", [])
        if not all(each in PROJECTS or each in PROJECTS.values() for each in projects):
            return _error(403, "You do not have permission to perform this action.")
        within = _period(request, self.now())
        found = [each for each in self._matching(query, projects) if _has_events(each, within, self.now())]
        environments = request.query.getall("environment", [])
        found = [each for each in found if not environments or each.environment in environments]
        rows = [self._listed(each, within) for each in found]
        by_count = request.query.get("sort", "date") == "freq"
        rows.sort(key=lambda row: int(row["count"]) if by_count else row["lastSeen"], reverse=True)
        start = int(request.query.get("cursor", "0:0:0").split(":")[1])
        end = start + min(int(request.query.get("limit", "100")), self.page)
        link = f'<{request.url}>; rel="next"; results="{str(end < len(rows)).lower()}"; cursor="0:{end}:0"'
        before = f'<{request.url}>; rel="previous"; results="{str(start > 0).lower()}"; cursor="0:0:1"'
        return web.json_response(rows[start:end], headers={"Link": f"{before}, {link}"})

    def _matching(self, query: str, projects: Sequence[str]) -> list[FakeIssue]:
        found = [
            each
            for each in self.issues.values()
            if not projects or each.project in projects or PROJECTS[each.project] in projects
        ]
        for term in shlex.split(query.replace(", ", ",")):
            key, _, value = term.partition(":")
            match key:
                case "is":
                    found = [each for each in found if each.status == value]
                case "level":
                    found = [each for each in found if each.level in value.strip("[]").split(",")]
                case "issue.category":
                    found = [each for each in found if value == "error"]
                case _:
                    found = [each for each in found if term.casefold() in each.title.casefold()]
        return found

    def _listed(self, issue: FakeIssue, within: tuple[datetime, datetime] | None) -> dict[str, Any]:
        return issue.public(self.now(), within) | {
            "stats": {},
            "lifetime": {},
            "filtered": None,
            "sessionCount": 0,
            "inbox": {"reason": 0, "reason_details": None, "date_added": AT},
            "owners": {"type": "ownershipRule", "owner": "team:7", "date_added": AT},
            "integrationIssues": [],
            "sentryAppIssues": [],
            "latestEventHasAttachments": False,
            "matchingEventId": None,
            "matchingEventEnvironment": None,
            "derivedData": {
                "blocker": "none",
                "progress": "none",
                "status": "none",
                "viewCount": 0,
                "hasOpenFixPr": False,
                "isAssigned": False,
                "hasRootCause": False,
                "lastCompletedAutofixStep": "none",
                "lastProgressedAt": None,
            },
        }

    async def _one(self, request: web.Request) -> web.Response:
        issue = self.issues.get(request.match_info["issue"])
        if issue is None:
            return _error(404, "The requested resource does not exist")
        more = {"activity": [], "participants": [], "seenBy": [], "userReportCount": 0}
        return web.json_response(issue.public(self.now()) | more)

    async def _update(self, request: web.Request) -> web.Response:
        issue = self.issues.get(request.match_info["issue"])
        if issue is None:
            return _error(404, "The requested resource does not exist")
        if wrong := self._set([issue], await request.json()):
            return wrong
        said = issue.public(self.now())
        for left_out in ("count", "userCount", "firstSeen", "lastSeen", "isUnhandled"):
            del said[left_out]
        return web.json_response(said)

    async def _bulk(self, request: web.Request) -> web.Response:
        """Without an id it is for everything that is unresolved."""
        ids = request.query.getall("id", [])
        query = request.query.get("query", "is:unresolved")
        chosen = self._matching(query, request.query.getall("project", []))
        if ids:
            chosen = [each for each in self.issues.values() if each.id in ids]
        asked = await request.json()
        self.effects.append(Effect("bulk", " ".join(each.short_id for each in chosen)))
        return self._set(chosen, asked) or web.json_response(asked)

    def _set(self, issues: Sequence[FakeIssue], asked: dict[str, Any]) -> web.Response | None:
        status, finer = asked.get("status"), asked.get("substatus")
        if status not in ("resolved", "resolvedInNextRelease", "ignored", "unresolved"):
            return web.json_response({"status": [f'"{status}" is not a valid choice.']}, status=400)
        if finer is not None and finer not in _FINER:
            return web.json_response({"substatus": [f'"{finer}" is not a valid choice.']}, status=400)
        for issue in issues:
            issue.details = {"inNextRelease": True} if status == "resolvedInNextRelease" else {}
            match status:
                case "ignored":
                    issue.status, issue.substatus = "ignored", finer or "archived_until_escalating"
                case "unresolved":
                    issue.status, issue.substatus = "unresolved", finer or "ongoing"
                case _:
                    issue.status, issue.substatus = "resolved", None
            self.effects.append(Effect(issue.status, issue.short_id))
        return None

    # -- counts

    async def _series(self, request: web.Request) -> web.Response:
        if not self.keeps_series:
            return _error(404, "The requested resource does not exist")
        if request.query.get("dataset") != "errors":
            return _error(400, "dataset must be one of: errors")
        step = int(request.query.get("interval", "300"))
        start, end = _period(request, self.now())
        found = self._matching("", request.query.getall("project", []))
        environments = request.query.getall("environment", [])
        events = [
            self.now() - timedelta(minutes=each)
            for issue in found
            if not environments or issue.environment in environments
            for each in issue.ago
        ]
        first = int(start.timestamp()) // step * step
        values = [
            {
                "timestamp": at * 1000.0,
                "value": float(sum(at <= event.timestamp() < at + step and start <= event <= end for event in events)),
                "incomplete": at + step > self.now().timestamp(),
            }
            for at in range(first, int(end.timestamp()) + 1, step)
        ]
        meta = {"valueType": "integer", "valueUnit": None, "interval": step * 1000.0}
        series = {"yAxis": "count()", "values": values, "meta": meta}
        whole = {"dataset": "errors", "start": start.timestamp() * 1000, "end": end.timestamp() * 1000}
        return web.json_response({"meta": whole, "timeSeries": [series]})


async def _to_the_slash(request: web.Request) -> web.Response:
    """Where a client goes there by itself, a PUT becomes a GET."""
    return web.Response(status=301, headers={"Location": f"{request.path}/"})


def _period(request: web.Request, now: datetime) -> tuple[datetime, datetime]:
    start, end = request.query.get("start"), request.query.get("end")
    return (
        datetime.fromisoformat(start) if start else now - timedelta(days=14),
        datetime.fromisoformat(end) if end else now,
    )


def _has_events(issue: FakeIssue, within: tuple[datetime, datetime], now: datetime) -> bool:
    return any(within[0] <= now - timedelta(minutes=each) <= within[1] for each in issue.ago)


def _error(status: int, detail: str) -> web.Response:
    return web.json_response({"detail": detail}, status=status)
