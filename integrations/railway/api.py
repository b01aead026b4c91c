"""Railway's GraphQL API, as far as we use it. Its hourly budget is small, so one query asks for all that is needed.

No query asks for variables: their values are secrets in the clear.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, TryLater
from integrations.plumbing.outbound import Service, Unread, Unreadable
from integrations.plumbing.shape import Shape

_NODE = "id status createdAt statusUpdatedAt canRollback canRedeploy meta"
_SERVICES = "serviceInstances { edges { node { serviceId serviceName } } }"
_TOKEN = f"query Token {{ projectToken {{ projectId environmentId environment {{ name {_SERVICES} }} }} }}"
_PLACE = f"""query Place($environment: String!, $project: String) {{
  environment(id: $environment, projectId: $project) {{ name projectId {_SERVICES} }}
}}"""
_STATE = f"""query State($environment: String!, $service: String!, $input: DeploymentListInput!, $first: Int) {{
  serviceInstance(environmentId: $environment, serviceId: $service) {{ activeDeployments {{ id status }} }}
  deployments(input: $input, first: $first) {{ edges {{ node {{ {_NODE} }} }} }}
}}"""
_ONE = f"query One($id: String!) {{ deployment(id: $id) {{ {_NODE} }} }}"
_LINE = "timestamp message severity"
_LOGS = f"""query Logs($live: String!, $newest: String!, $limit: Int, $filter: String, $start: DateTime) {{
  running: deploymentLogs(deploymentId: $live, limit: $limit, filter: $filter, startDate: $start) {{ {_LINE} }}
  building: buildLogs(deploymentId: $newest, limit: $limit, filter: $filter, startDate: $start) {{ {_LINE} }}
}}"""
_WORKSPACES = "query Workspaces { apiToken { workspaces { name } } }"
_ROLLBACK = "mutation Rollback($id: String!) { deploymentRollback(id: $id) }"
_REDEPLOY = "mutation Redeploy($id: String!) { deploymentRedeploy(id: $id) { id } }"
_RESTART = "mutation Restart($id: String!) { deploymentRestart(id: $id) }"


class Node(Shape):
    """One deployment. `meta` is whatever Railway put there."""

    id: str
    status: str
    createdAt: datetime
    statusUpdatedAt: datetime | None = None
    canRollback: bool = False
    canRedeploy: bool = False
    meta: Mapping[str, Any] | None = None

    def told(self, key: str) -> str:
        found = (self.meta or {}).get(key)
        return found if isinstance(found, str) else ""

    def like(self, other: "Node") -> bool | None:
        """Whether both run the same code; None where Railway does not tell."""
        for key in ("commitHash", "image"):
            if self.told(key) and other.told(key):
                return self.told(key) == other.told(key)
        return None


class Active(Shape):
    id: str
    status: str


class _Instance(Shape):
    activeDeployments: tuple[Active, ...]


class _Edge(Shape):
    node: Node


class _Edges(Shape):
    edges: tuple[_Edge, ...]


class State(Shape):
    serviceInstance: _Instance
    deployments: _Edges

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Newest first."""
        return tuple(edge.node for edge in self.deployments.edges)

    def since(self, before: "State") -> list[Node]:
        """Deployments that were not there before. One that was only older than those listed is not new."""
        known = {node.id for node in before.nodes}
        newest = max((node.createdAt for node in before.nodes), default=None)
        return [node for node in self.nodes if node.id not in known and (newest is None or node.createdAt >= newest)]

    @property
    def live(self) -> Active | None:
        """The newest of the active ones that is up; while one replaces another there are two."""
        active = self.serviceInstance.activeDeployments
        order = {node.id: number for number, node in enumerate(self.nodes)}
        ranked = sorted(active, key=lambda each: (each.status not in UP, order.get(each.id, len(order))))
        return ranked[0] if ranked else None


class _One(Shape):
    deployment: Node


class Line(Shape):
    timestamp: datetime
    message: str
    severity: str | None = None


class Logs(Shape):
    running: tuple[Line, ...]
    building: tuple[Line, ...]


class _ServiceNode(Shape):
    serviceId: str
    serviceName: str


class _ServiceEdge(Shape):
    node: _ServiceNode


class _ServiceEdges(Shape):
    edges: tuple[_ServiceEdge, ...]


class _Environment(Shape):
    name: str
    projectId: str = ""
    serviceInstances: _ServiceEdges


class _Token(Shape):
    projectId: str
    environmentId: str
    environment: _Environment


class _TokenData(Shape):
    projectToken: _Token


class _PlaceData(Shape):
    environment: _Environment


class _Named(Shape):
    name: str


class _Workspaces(Shape):
    workspaces: tuple[_Named, ...]


class _WorkspacesData(Shape):
    apiToken: _Workspaces


class _Id(Shape):
    id: str


class _Redeployed(Shape):
    deploymentRedeploy: _Id


class _Error(Shape):
    message: str = ""


class _Reply(Shape):
    """HTTP 200 also where nothing was done: the errors are in here."""

    data: Mapping[str, Any] | None = None
    errors: tuple[_Error, ...] = ()


class Place(Shape):
    """Where our service is: ids, and the environment's name."""

    project: str
    environment: str
    environment_name: str
    service: str


UP = ("SUCCESS", "SLEEPING")
ENDED_BADLY = ("FAILED", "CRASHED", "REMOVED", "REMOVING", "SKIPPED", "NEEDS_APPROVAL")

D = TypeVar("D", bound=BaseModel)


class RailwayApi:
    """One service in one environment. Source of all: POST /graphql/v2"""

    def __init__(
        self, service: Service, *, project: str, environment: str, name: str, with_project_token: bool
    ) -> None:
        """`name` is the service's name or id; `project` and `environment` may be empty with a project token."""
        self.service = service
        self._project = project
        self._environment = environment
        self._name = name
        self._with_project_token = with_project_token
        self._place: Place | None = None
        self._place_lock = asyncio.Lock()

    async def place(self) -> Place:
        """Asked once: ids do not change."""
        async with self._place_lock:
            if self._place is None:
                self._place = await self._found()
            return self._place

    async def _found(self) -> Place:
        if self._with_project_token:
            token = (await self._read("Token", _TOKEN, {}, _TokenData)).projectToken
            project, environment, here = token.projectId, token.environmentId, token.environment
        else:
            asked = {"environment": self._environment, "project": self._project}
            here = (await self._read("Place", _PLACE, asked, _PlaceData)).environment
            project, environment = self._project, self._environment
        nodes = [edge.node for edge in here.serviceInstances.edges]
        for node in nodes:
            if self._name == node.serviceId or self._name.casefold() == node.serviceName.casefold():
                return Place(
                    project=project, environment=environment, environment_name=here.name, service=node.serviceId
                )
        there = ", ".join(sorted(node.serviceName for node in nodes)) or "none"
        raise Misconfigured(
            f"services.{self.service.name}.service: Railway has no service {self._name!r} in the environment "
            f"{here.name}; write one of {there}."
        )

    async def state(self, first: int) -> State:
        """The active deployment and the newest ones: one query."""
        place = await self.place()
        asked = {"projectId": place.project, "environmentId": place.environment, "serviceId": place.service}
        variables = {"environment": place.environment, "service": place.service, "input": asked, "first": first}
        return await self._read("State", _STATE, variables, State)

    async def one(self, deployment: str) -> Node:
        return (await self._read("One", _ONE, {"id": deployment}, _One)).deployment

    async def logs(self, live: str, newest: str, *, limit: int, only: str, start: datetime) -> Logs:
        """`only` is Railway's own filter, like `@level:error`; empty for all."""
        variables = {
            "live": live,
            "newest": newest,
            "limit": limit,
            "filter": only or None,
            "start": start.isoformat(),
        }
        return await self._read("Logs", _LOGS, variables, Logs)

    async def workspaces(self) -> tuple[str, ...]:
        """Of an account's or workspace's token; neither may ask for `me`."""
        found = await self._read("Workspaces", _WORKSPACES, {}, _WorkspacesData)
        return tuple(each.name for each in found.apiToken.workspaces)

    async def roll_back(self, deployment: str) -> None:
        """Accepted is not done."""
        await self._write("Rollback", _ROLLBACK, deployment)

    async def redeploy(self, deployment: str) -> str:
        """Id of the new deployment."""
        data = await self._write("Redeploy", _REDEPLOY, deployment)
        return self._shaped(data, _Redeployed, write=True).deploymentRedeploy.id

    async def restart(self, deployment: str) -> None:
        """Accepted is not done."""
        await self._write("Restart", _RESTART, deployment)

    async def _read(self, name: str, query: str, variables: Mapping[str, Any], shape: type[D]) -> D:
        body = {"operationName": name, "query": query, "variables": variables}
        reply = await self.service.query("", _Reply, body)
        return self._shaped(self._data(reply, write=False), shape, write=False)

    async def _write(self, name: str, query: str, deployment: str) -> Mapping[str, Any]:
        body = {"operationName": name, "query": query, "variables": {"id": deployment}}
        data = self._data(await self.service.post("", _Reply, body=body), write=True)
        if False in data.values():
            raise Refused(f"{self.service.name} did not accept that, and does not say why.")
        return data

    def _data(self, reply: _Reply, *, write: bool) -> Mapping[str, Any]:
        name = self.service.name
        if reply.errors:
            said = self.service.clean(reply.errors[0].message) or "an error without words"
            plain = said.casefold()
            if write and any((reply.data or {}).values()):  # GraphQL may do a thing and fail at telling of it
                raise OutcomeUnknown(f"{name} answered that it was done, and says {said!r}; look there.")
            if "not authorized" in plain:
                raise Refused(
                    f"{name} says {said!r}. Check services.{name}.token, and that services.{name}.scope says whose "
                    "it is: a project's token reaches one environment."
                )
            if "not found" in plain:
                raise NotUnderstood(f"{name} says {said!r}.")
            if "rate limit" in plain or "too many requests" in plain:
                raise TryLater(f"{name} asks us to slow down: {said}.")
            # Railway gives the code INTERNAL_SERVER_ERROR to plain refusals too: only these words leave it open.
            if plain.startswith("problem processing request") or "timed out" in plain or "timeout" in plain:
                if write:
                    raise OutcomeUnknown(f"{name} failed: {said}; the call may or may not have worked.")
                raise TryLater(f"{name} is in trouble: {said}.")
            raise Refused(f"{name} refused: {said}.")
        if reply.data is None:
            self._unreadable(write=write)
        return reply.data

    def _shaped(self, data: Mapping[str, Any], shape: type[D], *, write: bool) -> D:
        try:
            return shape.model_validate(data)
        except ValidationError:  # its text quotes the answer
            self._unreadable(write=write)

    def _unreadable(self, *, write: bool) -> NoReturn:
        if write:
            raise Unread(f"{self.service.name} took the call; its answer is of another shape than promised.") from None
        raise Unreadable(f"{self.service.name} answered with another shape than it promises.") from None
