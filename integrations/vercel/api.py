"""Vercel's REST API, as far as we use it: shapes of its answers, a method a call. Every path has its own version."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import BeforeValidator, RootModel

from bot.words.exceptions import NotUnderstood, OpsError, Refused
from integrations.plumbing.addressing import segment
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.shape import Shape

_PAGE = 100
"""Most deployments that Vercel gives at once."""


Moment = Annotated[datetime, BeforeValidator(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))]
"""Milliseconds since 1970 in Vercel's words."""


class User(Shape):
    user: Mapping[str, Any]


class Target(Shape):
    id: str


class AliasRequest(Shape):
    """A promotion or a rollback, done or under way."""

    fromDeploymentId: str
    toDeploymentId: str
    jobStatus: str
    """succeeded, failed, skipped, pending or in-progress."""
    requestedAt: float
    type: str


class Project(Shape):
    """Its `env`, with values, is left where it is."""

    id: str
    name: str
    targets: Mapping[str, Target | None] = {}
    lastAliasRequest: AliasRequest | None = None
    paused: bool = False
    permissions: Mapping[str, tuple[str, ...]] = {}

    @property
    def live(self) -> str:
        """Id of the deployment that serves production; empty where there is none."""
        target = self.targets.get("production")
        return target.id if target else ""


class Creator(Shape):
    username: str | None = None


class Build(Shape):
    """One deployment as a listing shows it."""

    uid: str
    created: Moment
    readyState: str = ""
    state: str = ""
    target: str | None = None
    meta: Mapping[str, str] = {}
    creator: Creator = Creator()
    inspectorUrl: str | None = None
    errorCode: str = ""
    errorMessage: str | None = None
    isRollbackCandidate: bool | None = None


class Pagination(Shape):
    next: int | None = None


class Builds(Shape):
    deployments: tuple[Build, ...]
    pagination: Pagination = Pagination()


class OneBuild(Shape):
    """One deployment by itself: Vercel names some things otherwise here."""

    id: str
    createdAt: Moment
    readyState: str
    readySubstate: str = ""
    aliasAssigned: bool = False
    meta: Mapping[str, str] = {}
    creator: Creator = Creator()
    inspectorUrl: str | None = None
    errorCode: str = ""
    errorMessage: str | None = None
    errorStep: str = ""

    def listed(self) -> Build:
        return Build.model_construct(
            uid=self.id,
            created=self.createdAt,
            readyState=self.readyState,
            meta=self.meta,
            creator=self.creator,
            inspectorUrl=self.inspectorUrl,
        )


class NewBuild(Shape):
    id: str


class Payload(Shape):
    text: str = ""
    id: str = ""


class Event(Shape):
    """A line of a build's log: Vercel sends two shapes, text within `payload` or beside it."""

    created: Moment
    type: str
    id: str = ""
    text: str = ""
    level: str = ""
    payload: Payload | None = None


class Events(RootModel[tuple[Event | None, ...] | None]):
    pass


class RuntimeLine(Shape):
    level: str
    message: str
    rowId: str
    source: str
    timestampInMs: Moment
    requestMethod: str = ""
    requestPath: str = ""
    responseStatusCode: int = 0


class VercelService(Service):
    """Vercel answers 403, not 401, to a bad token; and 403 or 404 to a team's project asked without the team."""

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status == 403 and not _token_is_bad(answer):
            return Refused(
                f"{self.name} does not let our token do this (403){self.said(answer)}. Its account may lack the right, "
                f"or services.{self.name}.team is not the project's team."
            )
        return super().error_of(answer, write=write, missing=missing)


def _token_is_bad(answer: Answer) -> bool:
    error = answer.fields().get("error")
    return isinstance(error, dict) and bool(error.get("missingToken") or error.get("invalidToken"))


class VercelApi:
    """One project of one team."""

    def __init__(self, service: Service, project: str, team: str) -> None:
        """`team` is an id (team_…) or a slug; empty for a personal account."""
        self.service = service
        self._project = project
        self._scope = {"teamId" if team.startswith("team_") else "slug": team} if team else {}

    @property
    def unknown_project(self) -> NotUnderstood:
        name = self.service.name
        return NotUnderstood(
            f"{name} knows no project {self._project!r}. Check services.{name}.project, and services.{name}.team if it "
            "belongs to a team."
        )

    def path(self, path: str, **query: str) -> str:
        """With the team, for a look."""
        asked = urlencode(query | self._scope)
        return f"{path}?{asked}" if asked else path

    def project_path(self) -> str:
        return f"/v9/projects/{quote(self._project, safe='')}"

    async def user(self) -> User:
        """Whose token it is. Source: GET /v2/user"""
        return await self.service.get("/v2/user", User)

    async def project(self) -> Project:
        """Source: GET /v9/projects/{idOrName}"""
        return await self.service.get(self.project_path(), Project, params=self._scope, missing=self.unknown_project)

    async def builds(self, limit: int, **query: str) -> tuple[Build, ...]:
        """Of production, newest first. Source: GET /v6/deployments"""
        found: list[Build] = []
        asked = query | {"projectId": (await self._id()), "target": "production"} | self._scope
        while len(found) < limit:
            asked |= {"limit": str(min(limit - len(found), _PAGE))}
            page = await self.service.get("/v6/deployments", Builds, params=asked)
            found.extend(page.deployments)
            if page.pagination.next is None or not page.deployments:
                break
            asked |= {"until": str(page.pagination.next)}
        return tuple(found[:limit])

    async def build(self, deployment: str) -> OneBuild:
        """Source: GET /v13/deployments/{idOrUrl}"""
        return await self.service.get(
            f"/v13/deployments/{_id(deployment)}", OneBuild, params=self._scope, missing=no_deployment(deployment)
        )

    async def point(self, verb: str, deployment: str) -> None:
        """Accepted is not done: see `Project.lastAliasRequest`.

        Source: POST /v1/projects/{projectId}/rollback/{deploymentId}, answered 201 with nothing; POST
        /v10/projects/{projectId}/promote/{deploymentId}, 201 or 202.
        """
        version = {"rollback": "v1", "promote": "v10"}[verb]
        await self.service.tell(
            f"/{version}/projects/{await self._id()}/{verb}/{_id(deployment)}",
            params=self._scope,
            missing=no_deployment(deployment),
        )

    async def build_again(self, deployment: str, project: Project) -> NewBuild:
        """Source: POST /v13/deployments?forceNew=1"""
        body = {"name": project.name, "project": project.id, "deploymentId": deployment, "target": "production"}
        return await self.service.post(
            "/v13/deployments",
            NewBuild,
            params={"forceNew": "1"} | self._scope,
            body=body,
            missing=no_deployment(deployment),
        )

    async def build_log(self, deployment: str, limit: int) -> tuple[Event, ...]:
        """Newest first; never followed. Source: GET /v3/deployments/{idOrUrl}/events"""
        params = {"direction": "backward", "builds": "1", "limit": str(limit)} | self._scope
        found = await self.service.get(f"/v3/deployments/{_id(deployment)}/events", Events, params=params)
        return tuple(event for event in found.root or () if event is not None)

    async def runtime_log(
        self, deployment: str, *, limit: timedelta, most: int
    ) -> tuple[tuple[RuntimeLine, ...], bool]:
        """The lines that the stream gives within `limit`, and whether it ended by itself.

        Source: GET /v1/projects/{projectId}/deployments/{deploymentId}/runtime-logs, which stays open.
        """
        path = f"/v1/projects/{await self._id()}/deployments/{_id(deployment)}/runtime-logs"
        lines, ended = await self.service.lines(path, params=self._scope, limit=limit, most=most)
        return tuple(line for text in lines if (line := _runtime_line(text)) is not None), ended

    async def ask(self, path: str, shape: type[Any], **query: str) -> Any:
        """A read about this project."""
        return await self.service.get(path, shape, params=query | {"projectId": await self._id()} | self._scope)

    async def change(self, path: str, *, method: str, body: Mapping[str, Any]) -> None:
        """A write about this project."""
        await self.service.tell(path, method=method, params={"projectId": await self._id()} | self._scope, body=body)

    async def _id(self) -> str:
        """Paths other than its own take a project's id alone, never its name."""
        if self._project.startswith("prj_"):
            return _id(self._project)
        return (await self.project()).id


def no_deployment(deployment: str) -> NotUnderstood:
    return NotUnderstood(f"Vercel knows no deployment {deployment[:100]!r}.")


def _id(text: str) -> str:
    return segment(text, no_deployment(text))


def _runtime_line(text: str) -> RuntimeLine | None:
    try:
        line = RuntimeLine.model_validate_json(text)
    except ValueError:  # the last line of a stream that we left may be half of one
        return None
    return None if line.source == "delimiter" else line
