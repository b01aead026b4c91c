"""A stand-in for one service on Railway's GraphQL API over real HTTP, with its traps.

Errors come inside a 200; a project's token goes by its own header; true means accepted, and a rollback is a new
deployment; every call counts against a small hourly budget.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

_COMMITS = (
    ("d-7c1f", "5d0c2ab", "Scrape slower at night", "ana", 3),
    ("d-51be", "e92f1c7", "Retry the export", "leo", 30),
    ("d-3aa0", "1b7d3f4", "New parser", "ana", 90),
)
"""Id, commit, message, author, hours ago; the first is live."""


@dataclass
class Deploy:
    id: str
    created: datetime
    commit: str
    message: str
    author: str
    status: str = "REMOVED"
    can_rollback: bool = True
    updated: datetime | None = None
    log: list[tuple[str, str]] = field(default_factory=list)
    """Severity and message of each line."""
    build: list[tuple[str, str]] = field(default_factory=list)

    def become(self, status: str) -> None:
        self.status, self.updated = status, datetime.now(UTC)

    def node(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "createdAt": self.created.isoformat(),
            "statusUpdatedAt": self.updated.isoformat() if self.updated else None,
            "canRollback": self.can_rollback,
            "canRedeploy": True,
            "meta": {
                "commitHash": self.commit.ljust(40, "0"),
                "commitMessage": self.message,
                "branch": "main",
                "commitAuthor": self.author,
                "serviceManifest": {"deploy": {"startCommand": "do-not-repeat"}},
            },
        }


class FakeRailway(Watched):
    def __init__(self, token: str, *, now: datetime | None = None) -> None:
        super().__init__()
        self.token = token
        self.of_project = True
        """Whether `token` is a project's; an account's goes by another header."""
        self.project, self.environment_id, self.service = "p-1", "e-1", "s-1"
        at = now or datetime.now(UTC)
        self.deploys = [
            Deploy(id_, at - timedelta(hours=hours), commit, message, author)
            for id_, commit, message, author, hours in _COMMITS
        ]
        self.deploys[0].status = "SUCCESS"
        self.deploys[0].log = [("info", "Started on port 8080"), ("error", "psycopg: connection refused")]
        self.deploys[0].build = [("info", "Built in 41 s")]
        failed = Deploy("d-bad1", at - timedelta(hours=1), "0badc0de", "Bump the driver", "leo", "FAILED", False)
        failed.build = [("error", "ERROR: no matching distribution found")]
        self.deploys.insert(0, failed)
        self.active = ["d-7c1f"]
        self.settle_seconds = 0.05
        self.ends_as = "SUCCESS"
        """What a new or restarted deployment becomes."""
        self.shows_restarts = True
        self.error: dict[str, Any] | None = None
        """Answered once, within a 200, after nothing was done."""
        self.beside: dict[str, Any] | None = None
        """Stands beside what was done, within the same 200."""
        self.loses: set[str] = set()
        """Operations that are done, and whose answer never comes."""
        self.pushed_meanwhile = ""
        """A commit that somebody pushes when a rollback is asked for, and that is live at once."""
        self.tells_commits = True
        self.budget = self.left = 1000
        self._ids = itertools.count(1)
        self._going: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults)])
        app.router.add_post("/graphql/v2", self._asked)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the token is in DEMO_RAILWAY_TOKEN."""
        asked = {"kind": "railway", "url": f"{url}/graphql/v2", "service": "etl", "every": "1s"}
        return {**asked, "token": "env:DEMO_RAILWAY_TOKEN"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_RAILWAY_TOKEN": self.token}

    async def _asked(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.left <= 0:
            return web.json_response({"message": "Rate limited"}, status=429, headers={"Retry-After": "1800"})
        self.left -= 1
        headers = {"X-RateLimit-Limit": str(self.budget), "X-RateLimit-Remaining": str(self.left)}
        if self.error is not None:
            error, self.error = self.error, None
            return web.json_response({"errors": [error], "data": None}, headers=headers)
        try:
            data = self._answer(request, asked["operationName"], asked.get("variables") or {})
        except LookupError as error:
            said = {"message": str(error.args[0]), "path": [], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
            return web.json_response({"errors": [said], "data": None}, headers=headers)
        if asked["operationName"] in self.loses:
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html", status=504)
        beside = {"errors": [self.beside]} if self.beside is not None else {}
        return web.json_response({"data": data, **beside}, headers=headers)

    def _answer(self, request: web.Request, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Raises LookupError with Railway's words."""
        header, key = ("Project-Access-Token", self.token), ("Authorization", f"Bearer {self.token}")
        name_of, value = header if self.of_project else key
        both = all(each in request.headers for each in ("Project-Access-Token", "Authorization"))
        if request.headers.get(name_of) != value or both:
            raise LookupError("Not Authorized")
        node = {"node": {"serviceId": self.service, "serviceName": "etl"}}
        here = {"name": "production", "serviceInstances": {"edges": [node]}}
        match name:
            case "Token":
                if not self.of_project:
                    raise LookupError("Project Token not found")
                token = {"projectId": self.project, "environmentId": self.environment_id, "environment": here}
                return {"projectToken": token}
            case "Place":
                if (given["environment"], given["project"]) != (self.environment_id, self.project):
                    raise LookupError("Environment not found")
                return {"environment": {**here, "projectId": self.project}}
            case "State":
                nodes = [each.node() for each in self.deploys[: given["first"]]]
                edges = [{"node": node if self.tells_commits else {**node, "meta": None}} for node in nodes]
                active = [{"id": id_, "status": self._one(id_).status} for id_ in self.active]
                return {"serviceInstance": {"activeDeployments": active}, "deployments": {"edges": edges}}
            case "One":
                return {"deployment": self._one(given["id"]).node()}
            case "Logs":
                return {
                    "running": self._lines(self._one(given["live"]), "log", given),
                    "building": self._lines(self._one(given["newest"]), "build", given),
                }
            case "Workspaces":
                return {"apiToken": {"workspaces": [{"name": "Acme"}]}}
            case "Rollback":
                self._again("rollback", given["id"])
                return {"deploymentRollback": True}
            case "Redeploy":
                return {"deploymentRedeploy": {"id": self._again("redeploy", given["id"]).id}}
            case "Restart":
                self._restart(self._one(given["id"]))
                return {"deploymentRestart": True}
        raise AssertionError(name)

    def _one(self, id_: str) -> Deploy:
        for each in self.deploys:
            if each.id == id_:
                return each
        raise LookupError("Deployment not found")

    def _lines(self, deploy: Deploy, part: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = "error" if given.get("filter") == "@level:error" else ""
        lines = [
            {"timestamp": (deploy.created + timedelta(seconds=n)).isoformat(), "message": text, "severity": severity}
            for n, (severity, text) in enumerate(getattr(deploy, part))
            if severity.startswith(wanted)
        ]
        return lines[-given["limit"] :]

    def _again(self, what: str, id_: str) -> Deploy:
        old = self._one(id_)
        if what == "rollback" and not old.can_rollback:
            raise LookupError("Deployment cannot be rolled back to")
        self.effects.append(Effect(what, id_))
        if self.pushed_meanwhile:
            self._push(self.pushed_meanwhile)
        new = Deploy(f"d-new{next(self._ids)}", datetime.now(UTC), old.commit, old.message, old.author, "DEPLOYING")
        self.deploys.insert(0, new)

        def up() -> None:
            new.become(self.ends_as)
            if self.ends_as == "SUCCESS":
                for gone in self.active:
                    self._one(gone).become("REMOVED")
                self.active = [new.id]

        self._later(up)
        return new

    def _push(self, commit: str) -> None:
        pushed = Deploy(f"d-push{next(self._ids)}", datetime.now(UTC), commit, "Ship it", "leo", "SUCCESS")
        self.deploys.insert(0, pushed)
        self.active = [pushed.id]

    def _restart(self, deploy: Deploy) -> None:
        self.effects.append(Effect("restart", deploy.id))
        if self.shows_restarts:
            deploy.become("DEPLOYING")
            self._later(lambda: deploy.become(self.ends_as))

    def _later(self, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(self.settle_seconds)
            act()

        going = asyncio.ensure_future(wait())
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    def queries(self) -> list[str]:
        """Names of the operations that were asked, in order."""
        return [json.loads(call.body)["operationName"] for call in self.heard]
