"""A stand-in for one project of Vercel's REST API over real HTTP, with its traps.

A bad token is a 403; a rollback is accepted long before traffic moves and turns off that pushes go live; a new build
takes a while and may fail; the runtime log is a stream that stays open.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Heard, Watched, recorder
from sandbox.world.misbehaving import middleware
from sandbox.world.vercel_firewall import FakeFirewall
from sandbox.world.vercel_state import COMMITS, Build, event, ms, runtime_line


class FakeVercel(Watched):
    def __init__(self, token: str, *, team: str = "team_demo", now: datetime | None = None) -> None:
        super().__init__()
        self.token = token
        self.team = team
        self.id, self.name = "prj_demoStorefront", "storefront"
        at = now or datetime.now(UTC)
        self.builds = {
            id_: Build(id_, at - timedelta(hours=hours), commit, message, author, log=[("stdout", "Build completed")])
            for id_, commit, message, author, hours in COMMITS
        }
        failed = Build(
            "dpl_1rErr0rAa",
            at - timedelta(hours=1),
            "c0ffee1",
            "Try the new bundler",
            "leo",
            "ERROR",
            promoted=False,
            error='Command "npm run build" exited with 1',
            log=[("stdout", "Running build"), ("stderr", "Module not found: @shop/cart")],
        )
        self.builds[failed.id] = failed
        self.live = COMMITS[0][0]
        self.asked: dict[str, Any] | None = None
        """The last promotion or rollback."""
        self.assigns_domains = True
        """Whether a new production build goes live by itself."""
        self.settle_seconds = 0.05
        self.build_seconds = 0.05
        self.alias_fails = False
        self.build_fails = False
        self.stuck = False
        """Promotions and rollbacks are accepted and never done."""
        self.hobby = False
        self.paused = False
        self.permissions: dict[str, list[str]] = {
            "project": ["read", "update", "delete"],
            "deployment": ["create", "read", "list"],
            "deploymentRollback": ["create"],
            "deploymentPromote": ["create"],
            "deploymentBuildLogs": ["read"],
            "logs": ["read"],
            "projectEnvVars": ["create", "read", "update", "delete", "list"],
        }
        self.runtime: list[dict[str, Any]] = [
            runtime_line("info", "GET / 200", at - timedelta(minutes=3), "r1"),
            runtime_line("error", "TypeError: cart is undefined", at - timedelta(minutes=2), "r2", 500),
        ]
        self.firewall = FakeFirewall()
        self._going: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: {"error": {"code": "not_found", "message": error.reason}})
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/v2/user", self._user)
        app.router.add_get("/v9/projects/{project}", self._project)
        app.router.add_get("/v6/deployments", self._list)
        app.router.add_get("/v13/deployments/{id}", self._one)
        app.router.add_post("/v13/deployments", self._again)
        app.router.add_get("/v3/deployments/{id}/events", self._events)
        app.router.add_get("/v1/projects/{project}/deployments/{id}/runtime-logs", self._runtime)
        app.router.add_post("/v10/projects/{project}/promote/{id}", self._promote)
        app.router.add_post("/v1/projects/{project}/rollback/{id}", self._rollback)
        self.firewall.add_to(app.router)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the token is in DEMO_VERCEL_TOKEN."""
        asked = {"kind": "vercel", "url": url, "project": self.id, "team": self.team}
        return {**asked, "token": "env:DEMO_VERCEL_TOKEN", "every": "1s", "log_deadline": "1s"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_VERCEL_TOKEN": self.token}

    def done(self, what: str) -> list[str]:
        """Targets of the effects of one sort, in order."""
        return [effect.target for effect in (*self.effects, *self.firewall.effects) if effect.what == what]

    def push(self, commit: str, message: str) -> Build:
        """Somebody pushed: a new production build, live at once where domains are assigned by themselves."""
        build = Build(f"dpl_push{len(self.builds)}", datetime.now(UTC), commit, message, "leo")
        build.promoted = self.assigns_domains
        self.builds[build.id] = build
        if self.assigns_domains:
            self.live = build.id
        return build

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            error = {"code": "forbidden", "message": "Not authorized", "missingToken": True}
            return web.json_response({"error": error}, status=403)
        if request.path != "/v2/user" and request.query.get("teamId") != self.team:
            if request.path.startswith("/v9/projects/"):
                return _error(404, "not_found", "Project not found.")
            return _error(403, "forbidden", "Not authorized: Trying to access resource under scope of another team.")
        project = request.match_info.get("project", request.query.get("projectId", self.id))
        known = (self.id, self.name) if request.path.startswith("/v9/") else (self.id,)
        if project not in known:
            return _error(404, "not_found", "Project not found.")
        return await handler(request)

    async def _user(self, request: web.Request) -> web.Response:
        user = {"limited": True, "id": "u1", "email": "bot@example.com", "name": None, "username": "bot"}
        return web.json_response({"user": {**user, "avatar": None, "defaultTeamId": self.team}})

    async def _project(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = {
            "accountId": self.team,
            "id": self.id,
            "name": self.name,
            "directoryListing": False,
            "nodeVersion": "22.x",
            "resourceConfig": {"functionDefaultRegions": ["fra1"]},
            "defaultResourceConfig": {"functionDefaultRegions": ["fra1"]},
            "paused": self.paused,
            "permissions": self.permissions,
            "targets": {},
            "env": [{"type": "encrypted", "key": "STRIPE_KEY", "value": "do-not-repeat-this-value"}],
            "lastAliasRequest": self.asked,
        }
        if self.live:
            build = self.builds[self.live]
            body["targets"]["production"] = {
                "id": build.id,
                "createdAt": ms(build.created),
                "createdIn": "fra1",
                "creator": None,
                "deploymentHostname": "storefront",
                "name": self.name,
                "plan": "pro",
                "private": False,
                "readyState": build.state,
                "type": "LAMBDAS",
                "url": f"{build.id}.vercel.app",
                "userId": "u1",
            }
        return web.json_response(body)

    # -- deployments

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        states = query["state"].split(",") if "state" in query else None
        found = [
            build
            for build in sorted(self.builds.values(), key=lambda each: each.created, reverse=True)
            if query.get("target", build.target) == build.target
            and (states is None or build.state in states)
            and ms(build.created) >= int(query.get("since", "0"))
            and ("until" not in query or ms(build.created) < int(query["until"]))
        ]
        page = found[: int(query.get("limit", "20"))]
        more = ms(page[-1].created) if len(found) > len(page) else None
        return web.json_response(
            {
                "pagination": {"count": len(page), "next": more, "prev": None},
                "deployments": [self._listed(build) for build in page],
            }
        )

    def _listed(self, build: Build) -> dict[str, Any]:
        return {
            "uid": build.id,
            "name": self.name,
            "projectId": self.id,
            "url": f"{build.id}.vercel.app",
            "created": ms(build.created),
            "state": build.state,
            "readyState": build.state,
            "type": "LAMBDAS",
            "creator": {"uid": "u1", "username": build.author},
            "meta": build.meta(),
            "target": build.target,
            "inspectorUrl": f"https://vercel.com/demo/storefront/{build.id}",
            "isRollbackCandidate": build.state == "READY" and build.promoted and build.id != self.live,
            **({"readySubstate": "PROMOTED" if build.promoted else "STAGED"} if build.state == "READY" else {}),
            **({"errorCode": "BUILD_FAILED", "errorMessage": build.error} if build.error else {}),
        }

    async def _one(self, request: web.Request) -> web.Response:
        build = self.builds.get(request.match_info["id"])
        return _unknown() if build is None else web.json_response(self._whole(build))

    def _whole(self, build: Build) -> dict[str, Any]:
        at = ms(build.created)
        return {
            "id": build.id,
            "name": self.name,
            "url": f"{build.id}.vercel.app",
            "createdAt": at,
            "bootedAt": at,
            "buildingAt": at,
            "status": build.state,
            "readyState": build.state,
            "type": "LAMBDAS",
            "version": 2,
            "aliasAssigned": build.state == "READY" and build.promoted,
            "buildSkipped": False,
            "public": False,
            "creator": {"uid": "u1", "username": build.author},
            "meta": build.meta(),
            "regions": ["fra1"],
            "inspectorUrl": f"https://vercel.com/demo/storefront/{build.id}",
            "target": build.target,
            **({"readySubstate": "PROMOTED" if build.promoted else "STAGED"} if build.state == "READY" else {}),
            **(
                {"errorCode": "BUILD_FAILED", "errorMessage": build.error, "errorStep": "buildStep"}
                if build.error
                else {}
            ),
        }

    async def _again(self, request: web.Request) -> web.Response:
        asked = await request.json()
        old = self.builds.get(asked.get("deploymentId", ""))
        if "name" not in asked:
            return _error(400, "bad_request", "Invalid request: missing required property `name`.")
        if old is None:
            return _unknown()
        new = Build(f"dpl_again{len(self.builds)}", datetime.now(UTC), old.commit, old.message, "bot", "BUILDING")
        new.promoted, new.target = False, asked.get("target")
        self.builds[new.id] = new
        self.effects.append(Effect("redeploy", old.id))
        self._later(self.build_seconds, lambda: self._built(new))
        whole = self._whole(new)
        private = {"build": {"env": []}, "env": [], "isInConcurrentBuildsQueue": False, "isInSystemBuildsQueue": False}
        owner = {"projectId": self.id, "ownerId": self.team, "plan": "pro", "routes": None, "createdIn": "fra1"}
        return web.json_response({**whole, **private, **owner, "projectSettings": {}})

    def _built(self, build: Build) -> None:
        if self.build_fails:
            build.state, build.error = "ERROR", "The build ran out of memory"
            return
        build.state = "READY"
        if self.assigns_domains and build.target == "production":
            build.promoted, self.live = True, build.id

    # -- what serves production

    async def _promote(self, request: web.Request) -> web.Response:
        return self._point("promote", request.match_info["id"])

    async def _rollback(self, request: web.Request) -> web.Response:
        return self._point("rollback", request.match_info["id"])

    def _point(self, verb: str, id_: str) -> web.Response:
        build = self.builds.get(id_)
        if build is None:
            return _unknown()
        if self.live == id_ or (self.asked and self.asked["jobStatus"] in ("pending", "in-progress")):
            return _error(409, "conflict", "Another request is in progress, or it is already in production.")
        if build.state != "READY" or (verb == "rollback" and not build.promoted):
            return _error(422, "unprocessable", "This deployment has never served production.")
        if verb == "rollback" and self.hobby and id_ != COMMITS[1][0]:
            return _error(402, "payment_required", "Upgrade to Pro to roll back further than the previous deployment.")
        self.effects.append(Effect(verb, id_))
        self.asked = {
            "fromDeploymentId": self.live,
            "toDeploymentId": id_,
            "jobStatus": "in-progress",
            "requestedAt": int(time.time() * 1000),
            "type": verb,
        }
        if not self.stuck:
            self._later(self.settle_seconds, lambda: self._pointed(verb, build))
        return web.Response(status=201 if verb == "rollback" else 202)

    def _pointed(self, verb: str, build: Build) -> None:
        assert self.asked is not None  # noqa: S101
        if self.alias_fails:
            self.asked["jobStatus"] = "failed"
            return
        self.asked["jobStatus"] = "succeeded"
        self.live, build.promoted = build.id, True
        self.assigns_domains = verb == "promote"

    # -- logs

    async def _events(self, request: web.Request) -> web.Response:
        build = self.builds.get(request.match_info["id"])
        if build is None:
            return _unknown()
        events = [event(build, number, *line) for number, line in enumerate(build.log)]
        if request.query.get("direction") == "backward":
            events.reverse()
        limit = int(request.query.get("limit", "100"))
        return web.json_response(events if limit < 0 else events[:limit])

    def logs(self, level: str, message: str, at: datetime, status: int = 200) -> None:
        """One more line of the runtime log."""
        self.runtime.append(runtime_line(level, message, at, f"r{len(self.runtime) + 1}", status))

    async def _runtime(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/stream+json"})
        await response.prepare(request)
        said = "".join(f"{json.dumps(line)}\n" for line in self.runtime)
        await response.write(said.encode())
        # Written down here: a stream that is left never comes to its end.
        query = dict(request.query)
        self.heard.append(Heard("GET", request.path, query, "", 200, said, "application/stream+json"))
        await asyncio.sleep(30)
        return response

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        going = asyncio.ensure_future(wait())
        self._going.add(going)
        going.add_done_callback(self._going.discard)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _unknown() -> web.Response:
    return _error(404, "not_found", "The deployment could not be found.")
