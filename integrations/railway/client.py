"""Railway: one service's deployments in one environment, and what they log."""

import hashlib
import time
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import (
    Checked,
    Deed,
    Deployed,
    Deployment,
    ErrorEvent,
    ErrorPage,
    Health,
    Level,
    LogLine,
    LogPage,
    Rights,
    Trial,
)
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.base import Client
from integrations.plumbing.checking import with_allowance
from integrations.plumbing.outbound import Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.polling import until
from integrations.plumbing.section import Outside, SecretRef, TimeLimit, TokenSection, Url
from integrations.plumbing.trying import Step, tried
from integrations.railway.api import ENDED_BADLY, UP, Line, Logs, Node, Place, RailwayApi, State

_FIRST = 20
"""Deployments read to find out what is live."""
_RECENT_S = 60.0
"""How long listings of logs go by what was live: Railway allows few calls an hour."""
_GRACE = timedelta(seconds=10)
"""How long a restart may take to show."""
_LEVELS = {"error": Level.ERROR, "err": Level.ERROR, "fatal": Level.ERROR, "warn": Level.WARNING,
           "warning": Level.WARNING, "debug": Level.DEBUG}  # fmt: skip
_CAUTIONS: dict[Deed, tuple[str, ...]] = {
    "roll back": ("Railway starts the image of then as a new deployment, with the variables of then.",),
    "promote": (),
    "redeploy": ("It is deployed anew, with today's variables.",),
    "restart": ("Requests under way are cut off.",),
}


class RailwaySection(TokenSection):
    kind: Literal["railway"]
    token: SecretRef
    """A project's token for the one environment is enough, and the least."""
    scope: Literal["project", "account"] = "project"
    """Whose token it is; a workspace's token is like an account's."""
    service: str = Field(min_length=1, max_length=100)
    """Its name or id."""
    project: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    """Id; a project's token knows it."""
    environment: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    """Id; a project's token knows it."""
    url: Url = "https://backboard.railway.com/graphql/v2"
    settle: TimeLimit = timedelta(minutes=12)
    """How long to wait until a deployment is up; shorter than limits.run."""
    every: TimeLimit = timedelta(seconds=5)
    """How often it is asked meanwhile."""
    log_lines: int = Field(default=500, ge=1, le=5000)
    """Lines read of each log at most."""
    per_hour: int = Field(default=1000, ge=1, le=100_000)
    """Calls an hour that Railway grants: 100 on a trial, 1,000 on Hobby, 10,000 on Pro. A fifth may go out at once."""

    rights: ClassVar[str] = "A project's token (Project settings, Tokens) for the environment."
    undo: ClassVar[str] = (
        "A rollback and a redeployment are undone by rolling back to what was live before, as long as Railway keeps "
        "its image. A restart cannot be undone."
    )

    @model_validator(mode="after")
    def _placed(self) -> "RailwaySection":
        if self.scope == "account" and not (self.project and self.environment):
            raise ValueError("write project and environment too: an account's token does not know which are meant")
        return self


class Railway(Client[RailwayApi, RailwaySection]):
    """Checkable, Testable, Credentialed, RollsBack, Redeploys, Restarts, ErrorSource, LogSource."""

    def __init__(self, name: str, section: RailwaySection, outside: Outside) -> None:
        self._with_project_token = section.scope == "project"
        self._service = Service(
            outside,
            name=name,
            base_url=section.url,
            timeout=section.timeout,
            credentials=lambda: self._header(outside.secrets(section.token)),
            credential_setting=f"services.{name}.token",
            pace=Pace(section.per_hour, timedelta(hours=1), at_once=max(section.per_hour // 5, 1)),
            rate=RateHeaders("x-ratelimit-remaining", "x-ratelimit-limit", per="this hour"),
        )
        api = RailwayApi(
            self._service,
            project=section.project,
            environment=section.environment,
            name=section.service,
            with_project_token=self._with_project_token,
        )
        super().__init__(name, section, api)
        self._seen: tuple[float, State] | None = None

    def _header(self, token: str) -> dict[str, str]:
        """A project's token with `Authorization` is not recognised, and the other way round."""
        if self._with_project_token:
            return {"Project-Access-Token": token}
        return {"Authorization": f"Bearer {token}"}

    # -- be checked and tested

    async def check(self) -> Checked:
        """The one query for deployments; DOWN only where Railway says that what is live crashed."""
        try:
            state = await self._state()
        except TryLater as error:
            return Checked(Health.UNKNOWN, str(error))
        except OpsError as error:
            return Checked(Health.DEGRADED, str(error))
        live = state.live
        if live is None:
            return Checked(Health.DEGRADED, "nothing is deployed")
        if live.status in ("CRASHED", "FAILED"):
            return Checked(Health.DOWN, f"Railway says that {live.id} {live.status.lower()}")
        return with_allowance(Checked(Health.OK), self._service)

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        return await tried(
            Step("find the environment and the service", self._api.place, f"Check {where}.token and {where}.scope."),
            Step("list deployments", self._state, "A token for this environment lets it."),
            Step("have API calls left", self._budget_left, "Wait until the hour is over, or ask less often."),
        )

    async def _budget_left(self) -> None:
        if self._service.allowance.nearly_used:
            raise TryLater(f"Only {self._service.allowance.told(' calls are left')}.")

    async def rights(self) -> Rights:
        """Railway's tokens cannot be narrowed to single actions."""
        place = await self._api.place()
        here = f"everything in the environment {place.environment_name}"
        more = "reading and writing variables, which hold secrets", "removing deployments, services and volumes"
        if self._with_project_token:
            return Rights(has=(here,), unneeded=more, note="Railway has no token that may less.", narrowest=True)
        names = await self._api.workspaces()
        everywhere = tuple(f"everything in the workspace {name}" for name in names) or ("everything of the account",)
        note = f"A project's token for {place.environment_name} alone would do."
        return Rights(has=(here,), unneeded=(*everywhere, *more), note=note)

    # -- deployments

    def cautions(self, deed: Deed) -> tuple[str, ...]:
        return _CAUTIONS[deed]

    async def deployments(self, *, limit: int = 20) -> tuple[Deployment, ...]:
        """With the live one last where it is older than those."""
        state = await self._state(max(limit, _FIRST))
        live = state.live.id if state.live else ""
        place = await self._api.place()
        listed = [node for number, node in enumerate(state.nodes) if number < limit or node.id == live]
        found = tuple(_deployment(node, live, place) for node in listed)
        if state.live and all(node.id != live for node in listed):
            return (*found, Deployment(live, state.live.status.lower(), True, None, link=_link(place, live)))
        return found

    async def roll_back(self, to: str) -> Deployed:
        """Railway starts the old image as a new deployment, which is what is live afterwards.

        It does not tell which: ours has the code of `to`, and what somebody pushes meanwhile has not.
        """
        before = await self._state()
        target = next((node for node in before.nodes if node.id == to), None) or await self._api.one(to)
        try:
            await self._api.roll_back(to)
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{error} {await self._trace(before)}") from error

        async def ended() -> str | OpsError | None:
            now = await self._state()
            if now.live and now.live.id == to:
                return to
            new = now.since(before)
            if ours := [node for node in new if node.like(target)]:
                return _over(ours, now)
            live = _over([node for node in new if node.like(target) is None], now)
            if not isinstance(live, str):
                return None
            return OutcomeUnknown(
                f"{self.name} accepted the rollback to {to}, and {live} is live since; Railway does not tell whether "
                "that is the rollback or what somebody else deployed."
            )

        live: str | OpsError | None = await until(ended, limit=self._section.settle, every=self._section.every)
        if isinstance(live, OpsError):
            raise live
        if live is None:
            raise OutcomeUnknown(f"{self._waited(f'the rollback to {to}')} {await self._trace(before)}")
        again = f" as {live}" if live != to else ""
        return Deployed(live, f"{to} runs again{again}.", _CAUTIONS["roll back"])

    async def redeploy(self, deployment: str) -> Deployed:
        before = await self._state()
        try:
            new = await self._api.redeploy(deployment)
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{error} {await self._trace(before)}") from error

        async def ended() -> str | Refused | None:
            now = await self._state()
            return _over([node for node in now.nodes if node.id == new], now)

        live: str | Refused | None = await until(ended, limit=self._section.settle, every=self._section.every)
        if isinstance(live, Refused):
            raise live
        if live is None:
            raise OutcomeUnknown(self._waited(f"the redeployment of {deployment} as {new}"))
        return Deployed(live, f"{deployment} was deployed again as {new}, which is live.")

    async def running_now(self) -> str:
        live = (await self._state()).live
        if live is None:
            raise Refused(f"Nothing is deployed in {self.name}: there is nothing to restart.")
        return live.id

    async def restart(self) -> Deployed:
        id_ = await self.running_now()
        before = await self._api.one(id_)
        await self._api.restart(id_)

        async def moved() -> Node | None:
            node = await self._api.one(id_)
            return node if node.status not in UP or node.statusUpdatedAt != before.statusUpdatedAt else None

        async def up() -> Node | None:
            node = await self._api.one(id_)
            return node if node.status in (*UP, *ENDED_BADLY) else None

        grace, every = min(_GRACE, self._section.settle), self._section.every
        seen = await until(moved, limit=grace, every=min(every, timedelta(seconds=2)))
        node = await until(up, limit=self._section.settle, every=every)
        if node is None:
            raise OutcomeUnknown(self._waited(f"the restart of {id_}"))
        if node.status in ENDED_BADLY:
            raise Refused(f"{self.name} restarted {id_}, and it {node.status.lower()}.")
        unseen = f"Railway accepted it, and showed no sign of it within {grace.total_seconds():g} s."
        return Deployed(id_, f"{id_} was restarted and is up.", () if seen else (unseen,))

    def _waited(self, what: str) -> str:
        return f"{self.name} accepted {what}; it was not up after {self._section.settle.total_seconds():g} s."

    async def _trace(self, before: State) -> str:
        try:
            new = (await self._state()).since(before)
        except OpsError:
            return "Its deployments cannot be read now."
        told = ", ".join(f"{node.id} ({node.status.lower()})" for node in new)
        return f"Railway lists since then: {told}." if told else "Railway lists no new deployment yet."

    async def _state(self, first: int = _FIRST) -> State:
        state = await self._api.state(first)
        self._seen = (time.monotonic(), state)
        return state

    async def _recent(self) -> State:
        if self._seen is not None and time.monotonic() - self._seen[0] < _RECENT_S:
            return self._seen[1]
        return await self._state()

    # -- errors and logs

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Lines at error severity, and deployments that failed or crashed."""
        state = await self._recent()
        place = await self._api.place()
        events = [_failure(node, place) for node in state.nodes if node.status in ("FAILED", "CRASHED")]
        if found := await self._logs(state, since, "@level:error"):
            link = _link(place, state.live.id if state.live else "")
            for line in (*found.running, *found.building):
                if _level(line) is Level.ERROR:
                    key = _key(line)
                    events.append(ErrorEvent(key, line.timestamp, self._section.service, "log", line.message, link))
        wanted = (match or "").casefold()
        kept = [each for each in events if each.at >= since and wanted in f"{each.origin} {each.message}".casefold()]
        kept.sort(key=lambda event: event.at, reverse=True)
        full = found is not None and self._section.log_lines in (len(found.running), len(found.building))
        return ErrorPage(tuple(kept[:limit]), truncated=full or len(kept) > limit)

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """Of what is live, and of the newest build."""
        state = await self._recent()
        found = await self._logs(state, since, "@level:error" if level is Level.ERROR else "")
        if found is None:
            return LogPage((), note="Nothing is deployed: there is no log.")
        link = _link(await self._api.place(), state.live.id if state.live else "")
        grave = list(Level)[list(Level).index(level) :]
        wanted = (match or "").casefold()
        lines = [
            LogLine(_key(line), line.timestamp, _level(line), origin, line.message, link)
            for origin, part in (("deployment", found.running), ("build", found.building))
            for line in part
            if line.timestamp >= since and _level(line) in grave and wanted in line.message.casefold()
        ]
        lines.sort(key=lambda line: line.at, reverse=True)
        full = self._section.log_lines in (len(found.running), len(found.building))
        note = f"Only {self._section.log_lines} lines of each log were read." if full else ""
        return LogPage(tuple(lines[:limit]), truncated=len(lines) > limit, note=note)

    async def _logs(self, state: State, since: datetime, only: str) -> Logs | None:
        if not state.nodes:
            return None
        newest = state.nodes[0].id
        live = state.live.id if state.live else newest
        try:
            return await self._api.logs(live, newest, limit=self._section.log_lines, only=only, start=since)
        except NotUnderstood:  # removed since
            self._seen = None
            raise TryLater(f"The deployment of {self.name} was replaced just now; ask again.") from None


def _over(ours: list[Node], now: State) -> str | Refused | None:
    """The id of one of ours that is live; what to raise where all of them ended badly."""
    for node in ours:
        if node.status in UP and now.live and now.live.id == node.id:
            return node.id
    bad = [node for node in ours if node.status in ENDED_BADLY]
    if bad and len(bad) == len(ours):
        live = f"Live is {now.live.id}." if now.live else "Nothing is live."
        return Refused(f"Railway started {bad[0].id}, and it ended as {bad[0].status.lower()}. {live}")
    return None


def _link(place: Place, deployment: str) -> str:
    at = f"https://railway.com/project/{place.project}/service/{place.service}?environmentId={place.environment}"
    return f"{at}&id={deployment}" if deployment else at


def _deployment(node: Node, live: str, place: Place) -> Deployment:
    commit = node.told("commitHash")[:7] or node.told("image")
    return Deployment(
        id=node.id,
        state=node.status.lower(),
        live=node.id == live,
        created_at=node.createdAt,
        ref=" ".join(filter(None, (node.told("branch"), commit))),
        message=node.told("commitMessage").partition("\n")[0][:200],
        author=node.told("commitAuthor"),
        link=_link(place, node.id),
        can_return_to=node.canRollback and node.id != live,
    )


def _failure(node: Node, place: Place) -> ErrorEvent:
    shown = _deployment(node, "", place)
    said = f"The deployment {node.status.lower()}{f': {shown.message}' if shown.message else ''}"
    at = node.statusUpdatedAt or node.createdAt
    return ErrorEvent(node.id, at, shown.ref or node.id, "deployment", said, shown.link)


def _level(line: Line) -> Level:
    return _LEVELS.get((line.severity or "").casefold(), Level.INFO)


def _key(line: Line) -> str:
    """Railway gives lines no id."""
    return hashlib.sha256(f"{line.timestamp.isoformat()} {line.message}".encode()).hexdigest()[:16]
