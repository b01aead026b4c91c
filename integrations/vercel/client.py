"""Vercel: a project's deployments, what its builds and functions say, and who passes its firewall."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused
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
    Named,
    Rights,
    Trial,
)
from integrations.plumbing.base import Client
from integrations.plumbing.checking import looked
from integrations.plumbing.polling import until
from integrations.plumbing.section import Outside, SecretRef, TimeLimit, TokenSection, Url
from integrations.plumbing.trying import Step, tried
from integrations.vercel.api import Build, Event, OneBuild, Project, RuntimeLine, VercelApi, VercelService
from integrations.vercel.firewall import Firewall

_NEEDED: Mapping[tuple[str, str], str] = {
    ("project", "read"): "health, deploys",
    ("deployment", "list"): "deploys, errors",
    ("deployment", "read"): "deploys",
    ("deployment", "create"): "deploys redeploy",
    ("deploymentRollback", "create"): "deploys rollback",
    ("deploymentPromote", "create"): "deploys promote",
    ("deploymentBuildLogs", "read"): "logs",
    ("logs", "read"): "logs",
}
_CAUTIONS: Mapping[Deed, tuple[str, ...]] = {
    "roll back": (
        "Environment variables and crons go back to those of that build.",
        "New pushes do not go live by themselves any more, until somebody promotes a deployment.",
    ),
    "promote": ("Nothing is built anew: its environment variables are those of its build.",),
    "redeploy": ("It is built anew, with today's environment variables.",),
    "restart": (),
}
_LEVELS = {"error": Level.ERROR, "fatal": Level.ERROR, "warning": Level.WARNING, "stderr": Level.WARNING}
_FAILED = ("ERROR", "CANCELED", "DELETED")


class VercelSection(TokenSection):
    kind: Literal["vercel"]
    token: SecretRef
    """A token of an account whose role lets it deploy, limited to the one team."""
    project: str = Field(min_length=1, max_length=100)
    """Its id (prj_…) or name."""
    team: str = Field(default="", max_length=100)
    """Id (team_…) or slug of the team it belongs to; left out for a personal account."""
    url: Url = "https://api.vercel.com"
    settle: TimeLimit = timedelta(minutes=3)
    """How long to wait until a rollback or a promotion is done."""
    build: TimeLimit = timedelta(minutes=12)
    """How long to wait for the end of a build; shorter than limits.run."""
    every: TimeLimit = timedelta(seconds=2)
    """How often it is asked meanwhile."""
    log_deadline: TimeLimit = timedelta(seconds=5)
    """How long the stream of runtime logs is listened to."""
    log_lines: int = Field(default=1000, ge=1, le=10_000)
    """Lines read of each log at most."""
    firewall: bool = True
    """Whether /ops whitelist lets addresses bypass its firewall."""
    domain: str = Field(default="", pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")
    """Bypass the firewall for this domain alone; for the whole project if left out."""

    rights: ClassVar[str] = "A token scoped to the team, of a member with the role Developer; Owner for the firewall."
    undo: ClassVar[str] = (
        "A rollback, a promotion and a redeployment are undone by promoting what was live before. A firewall bypass is "
        "taken away again, and a block that was lifted is put back."
    )


def vercel(name: str, section: VercelSection, outside: Outside) -> tuple[Named, ...]:
    api = VercelApi(VercelService.of(name, section, outside), section.project, section.team)
    client = Vercel(name, section, api)
    return (client, Firewall(name, api, section.domain)) if section.firewall else (client,)


class Vercel(Client[VercelApi, VercelSection]):
    """Checkable, Testable, Credentialed, RollsBack, Promotes, Redeploys, ErrorSource, LogSource."""

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /v9/projects/{idOrName}"""
        service, path = self._api.service, self._api.path(self._api.project_path())
        project = await looked(service, path, Project, limit=self.deadline, missing=self._api.unknown_project)
        if isinstance(project, Checked):
            return project
        if project.paused:
            return Checked(Health.DEGRADED, "the project is paused")
        if not project.live:
            return Checked(Health.DEGRADED, "nothing serves production")
        return Checked(Health.OK)

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        token = Step("have the token accepted", self._api.user, f"Write a new token where {where}.token says.")
        project = Step("read the project", self._api.project, f"Check {where}.token, {where}.project and {where}.team.")
        listing = Step("list production deployments", lambda: self._api.builds(1), "The role Developer lets it.")
        firewall = Step(
            "read the firewall's bypasses",
            lambda: Firewall(self.name, self._api, "").rate_limits("203.0.113.7"),
            f"The role Owner or Security lets it; {where}.firewall = false does without.",
        )
        return await tried(token, project, listing, *((firewall,) if self._section.firewall else ()))

    async def rights(self) -> Rights:
        """Source: `permissions` of GET /v9/projects/{idOrName}"""
        note = "Vercel's tokens have every right of their account in the team. Least: a member with the role Developer."
        found = (await self._api.project()).permissions
        if not found:
            return Rights(note=f"Vercel does not say what this token may do. {note}")
        has = {(what, verb) for what, verbs in found.items() for verb in verbs}
        writes = {(what, verb) for what, verb in has - _NEEDED.keys() if verb in ("create", "update", "delete")}
        return Rights(
            has=_worded(has & _NEEDED.keys()),
            unneeded=_worded(writes),
            lacking=tuple((f"{what}: {verb}", _NEEDED[what, verb]) for what, verb in _NEEDED.keys() - has),
            note=note,
        )

    # -- deployments

    def cautions(self, deed: Deed) -> tuple[str, ...]:
        return _CAUTIONS[deed]

    async def deployments(self, *, limit: int = 20) -> tuple[Deployment, ...]:
        """With the live one last where it is older than those."""
        project, builds = await asyncio.gather(self._api.project(), self._api.builds(limit))
        if project.live and project.live not in {build.uid for build in builds}:
            builds = (*builds, (await self._api.build(project.live)).listed())
        return tuple(_deployment(build, project.live) for build in builds)

    async def roll_back(self, to: str) -> Deployed:
        return await self._point("rollback", to, f"Production is back at {to}.", _CAUTIONS["roll back"])

    async def promote(self, deployment: str) -> Deployed:
        return await self._point("promote", deployment, f"{deployment} is production now.", ())

    async def _point(
        self, verb: Literal["rollback", "promote"], to: str, done: str, notes: tuple[str, ...]
    ) -> Deployed:
        before = await self._api.project()
        unknown: OutcomeUnknown | None = None
        try:
            await self._api.point(verb, to)
        except OutcomeUnknown as error:
            unknown = error

        async def ended() -> Project | None:
            now = await self._api.project()
            return now if _over(now, before, to) else None

        project = await until(ended, limit=self._section.settle, every=self._section.every)
        if project is not None:
            if project.live != to:
                how = project.lastAliasRequest.jobStatus if project.lastAliasRequest else "failed"
                raise Refused(f"Vercel says that the {verb} to {to} {how}. Live is {project.live or 'nothing'}.")
            return Deployed(project.live, done, notes)
        waited = f"{self._section.settle.total_seconds():g} s"
        raise unknown or OutcomeUnknown(f"{self.name} accepted the {verb} to {to}, and was not done after {waited}.")

    async def redeploy(self, deployment: str) -> Deployed:
        project = await self._api.project()
        new = (await self._api.build_again(deployment, project)).id

        async def ended() -> OneBuild | None:
            build = await self._api.build(new)
            settled = build.aliasAssigned or build.readySubstate == "STAGED"
            ready = build.readyState == "READY" and settled
            return build if ready or build.readyState in _FAILED else None

        built = await until(ended, limit=self._section.build, every=self._section.every, new=True)
        if built is None:
            waited = f"{self._section.build.total_seconds():g} s"
            raise OutcomeUnknown(f"{self.name} is building {deployment} again as {new}; not done after {waited}.")
        if built.readyState in _FAILED:
            raise Refused(
                f"{self.name} built {deployment} again as {new}, and that ended as {built.readyState.lower()}"
                f"{_why(built)}. What is live has not changed."
            )
        try:
            live = (await self._api.project()).live
        except OpsError as error:
            raise OutcomeUnknown(
                f"{deployment} was built again as {new}; whether that is live cannot be read: {error}"
            ) from error
        if live != new:
            staged = f"It is not live: production domains are not assigned by themselves. Live is {live or 'nothing'}."
            return Deployed(live, f"{deployment} was built again as {new}.", (staged,))
        return Deployed(new, f"{deployment} was built again as {new}, which is live.")

    # -- errors and logs

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Production builds that failed. Source: GET /v6/deployments?state=ERROR"""
        wanted = (match or "").casefold()
        builds = await self._api.builds(
            100 if wanted else limit + 1, state="ERROR", since=str(int(since.timestamp() * 1000))
        )
        events = [event for build in builds if wanted in _searched(event := _failure(build)) and event.at >= since]
        return ErrorPage(tuple(events[:limit]), truncated=len(events) > limit)

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """The build log of the newest production deployment, and what the runtime stream of the live one gives."""
        project, builds = await asyncio.gather(self._api.project(), self._api.builds(1))
        reads = [self._build_lines(build) for build in builds]
        if project.live:
            reads.append(self._runtime_lines(project.live))
        answers = await asyncio.gather(*reads, return_exceptions=True)
        lines: list[LogLine] = []
        notes: list[str] = []
        for answer in answers:
            if isinstance(answer, OpsError) and len(answers) > 1:
                notes.append(f"A part could not be read: {answer}")
            elif isinstance(answer, BaseException):
                raise answer
            else:
                lines.extend(answer[0])
                notes.append(answer[1])
        wanted = (match or "").casefold()
        grave = list(Level)[list(Level).index(level) :]
        found = [
            line
            for line in lines
            if line.at >= since and line.level in grave and wanted in f"{line.origin} {line.message}".casefold()
        ]
        found.sort(key=lambda line: line.at, reverse=True)
        return LogPage(tuple(found[:limit]), truncated=len(found) > limit, note=" ".join(filter(None, notes)))

    async def _build_lines(self, build: Build) -> tuple[list[LogLine], str]:
        events = await self._api.build_log(build.uid, self._section.log_lines)
        full = f"Of the build log only the newest {len(events)} events were read."
        lines = [line for event in events if (line := _build_line(event, build)) is not None]
        return lines, full if len(events) == self._section.log_lines else ""

    async def _runtime_lines(self, live: str) -> tuple[list[LogLine], str]:
        most, limit = self._section.log_lines, self._section.log_deadline
        found, ended = await self._api.runtime_log(live, limit=limit, most=most)
        how = f"{most} lines" if len(found) == most else f"{limit.total_seconds():g} s"
        note = "" if ended else f"Runtime logs are a stream; it was left after {how}."
        return [_runtime_line(line, live) for line in found], note


def _over(now: Project, before: Project, to: str) -> bool:
    """Whether it arrived, or failed: then something else is live."""
    request, old = now.lastAliasRequest, before.lastAliasRequest
    if request is None or request.toDeploymentId != to or (old is not None and request.requestedAt <= old.requestedAt):
        return now.live == to != before.live
    return request.jobStatus in ("failed", "skipped") or (request.jobStatus == "succeeded" and now.live == to)


def _worded(rights: set[tuple[str, str]]) -> tuple[str, ...]:
    by_name: dict[str, list[str]] = {}
    for what, verb in sorted(rights):
        by_name.setdefault(what, []).append(verb)
    return tuple(f"{what}: {', '.join(verbs)}" for what, verbs in by_name.items())


def _deployment(build: Build, live: str) -> Deployment:
    def of(*names: str) -> str:
        return next((found for name in names if (found := build.meta.get(name))), "")

    branch = of("githubCommitRef", "gitlabCommitRef", "bitbucketCommitRef")
    commit = of("githubCommitSha", "gitlabCommitSha", "bitbucketCommitSha")[:7]
    message = of("githubCommitMessage", "gitlabCommitMessage", "bitbucketCommitMessage")
    return Deployment(
        id=build.uid,
        state=(build.readyState or build.state).lower(),
        live=build.uid == live,
        created_at=build.created,
        ref=" ".join(filter(None, (branch, commit))),
        message=message.partition("\n")[0][:200],
        author=of("githubCommitAuthorName", "gitlabCommitAuthorName") or build.creator.username or "",
        link=build.inspectorUrl or "",
        can_return_to=bool(build.isRollbackCandidate),
    )


def _why(build: OneBuild) -> str:
    said = " ".join((build.errorMessage or build.errorCode).split())[:300].rstrip(".")
    return f"{f' at {build.errorStep}' if build.errorStep else ''}{f': {said}' if said else ''}"


def _failure(build: Build) -> ErrorEvent:
    shown = _deployment(build, "")
    return ErrorEvent(
        key=build.uid,
        at=build.created,
        origin=shown.ref or build.uid,
        operation="build",
        message=build.errorMessage or build.errorCode or "Vercel does not say why",
        link=shown.link,
    )


def _searched(event: ErrorEvent) -> str:
    return f"{event.key} {event.origin} {event.operation} {event.message}".casefold()


def _build_line(event: Event, build: Build) -> LogLine | None:
    text = (event.payload.text if event.payload else event.text).rstrip()
    if not text:
        return None
    key = (event.payload.id if event.payload else event.id) or f"{build.uid} {event.created.timestamp()}"
    level = _LEVELS.get(event.level or event.type, Level.INFO)
    return LogLine(key, event.created, level, f"build {build.uid}", text, build.inspectorUrl or "")


def _runtime_line(line: RuntimeLine, live: str) -> LogLine:
    request = f"{line.requestMethod} {line.requestPath} {line.responseStatusCode or ''}".strip()
    return LogLine(
        f"{live} {line.rowId}",
        line.timestampInMs,
        _LEVELS.get(line.level, Level.INFO),
        " ".join(filter(None, (line.source, request))),
        line.message,
    )
