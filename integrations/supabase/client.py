"""Supabase, as a host: a project's parts, its logs, who reaches its database, and its read-only mode. What is in the
database is of kind postgres."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused
from bot.words.params import PublicNetwork
from integrations.capabilities import Checked, Health, Named, ReadOnly, Rights, Trial
from integrations.plumbing.base import Client
from integrations.plumbing.checking import judged
from integrations.plumbing.outbound import Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.polling import until
from integrations.plumbing.section import Outside, SecretRef, TimeLimit, TokenSection, Url
from integrations.plumbing.trying import Step, tried
from integrations.supabase.access import DatabaseAccess
from integrations.supabase.api import Health as Parts
from integrations.supabase.api import PartHealth, ReadOnlyMode, SupabaseApi
from integrations.supabase.logs import LogName, ProjectLogs

Part = Literal["auth", "db", "db_postgres_user", "pooler", "realtime", "rest", "storage", "pg_bouncer"]

_WELL = "ACTIVE_HEALTHY"
_OLD_BACKUP = timedelta(days=2)
_ASLEEP = ("INACTIVE", "PAUSING", "REMOVED")
_GB = 10**9


class SupabaseSection(TokenSection):
    kind: Literal["supabase"]
    token: SecretRef
    """A personal access token, sbp_…; one that is scoped to the project is best."""
    project: str = Field(pattern=r"^[a-z]{20}$")
    """Its reference: 20 letters."""
    parts: tuple[Part, ...] = Field(default=("db", "auth", "rest", "storage"), min_length=1)
    """Parts of it that are checked."""
    logs: tuple[LogName, ...] = ("edge_logs", "postgres_logs", "function_logs")
    """Logs that /ops errors and /ops logs read, one call each; none closes both."""
    network_restrictions: bool = True
    """Whether /ops whitelist lets addresses reach its database, and lifts their bans."""
    own_address: PublicNetwork | None = None
    """The public address this bot connects to the database from: no list is written that leaves it out."""
    url: Url = "https://api.supabase.com"
    settle: TimeLimit = timedelta(minutes=1)
    """How long to wait until a change is applied."""
    every: TimeLimit = timedelta(seconds=2)
    """How often it is asked meanwhile."""
    per_minute: int = Field(default=60, ge=1, le=6000)
    """Calls a minute at most, ten of them at once. Supabase counts all that the token's account does."""

    rights: ClassVar[str] = (
        "A token scoped to the project: reading the project, its health, logs, disk, backups, functions and read-only "
        "mode; to whitelist, reading and writing network restrictions and bans; for db writable, writing the read-only "
        "mode. A classic token may do all that its account may."
    )
    undo: ClassVar[str] = (
        "An address is taken off the network restrictions again. A lifted ban is not put back, and writing that was "
        "let through ends by itself after 15 minutes, no earlier."
    )


def supabase(name: str, section: SupabaseSection, outside: Outside) -> tuple[Named, ...]:
    api = SupabaseApi(
        Service.of(name, section, outside, pace=Pace(section.per_minute, timedelta(minutes=1))), section.project
    )
    access = DatabaseAccess(name, api, section.own_address, settle=section.settle, every=section.every)
    return (
        Supabase(name, section, api),
        *((ProjectLogs(name, section.project, api, section.logs),) if section.logs else ()),
        *((access,) if section.network_restrictions else ()),
    )


class Supabase(Client[SupabaseApi, SupabaseSection]):
    """Checkable, Testable, Credentialed, LiftsReadOnly."""

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /v1/projects/{ref}/health; where that is not well, GET /v1/projects/{ref} for the reason."""
        started = datetime.now(UTC)
        answer = await self._api.service.look(
            self._api.health_path(self._section.parts, self.deadline), limit=self.deadline
        )
        if isinstance(answer, Checked):
            return answer
        if answer.status in (401, 403, 404, 429):
            return Checked(
                Health.DEGRADED,
                str(self._api.service.error_of(answer, write=False, missing=self._api.unknown_project)),
            )
        found = Checked(Health.UNKNOWN, f"its management API answers {answer.status}")
        if answer.good:
            parts = judged(self._api.service, answer, Parts)
            found = parts if isinstance(parts, Checked) else self._judged(parts.root)
        if found.health is Health.OK:
            return found
        left = self.deadline - (datetime.now(UTC) - started)
        return await self._asleep(left) or found

    def _judged(self, parts: Sequence[PartHealth]) -> Checked:
        ill = [part for part in parts if part.status == "UNHEALTHY"]
        coming = [part.name for part in parts if part.status == "COMING_UP"]
        missing = [name for name in self._section.parts if name not in {part.name for part in parts}]
        if ill:
            why = {part.name: self._api.service.clean(part.error) for part in ill}
            told = "; ".join(f"{name} ({error})" if error else name for name, error in why.items())
            whole = len(ill) == len(parts) or "db" in {part.name for part in ill}
            return Checked(Health.DOWN if whole else Health.DEGRADED, f"it says it is unhealthy: {told}")
        if coming:
            return Checked(Health.DEGRADED, f"it is coming up: {', '.join(coming)}")
        odd = [part.name for part in parts if part.status != _WELL]
        if missing or odd:
            return Checked(Health.UNKNOWN, f"it does not say how these are: {', '.join((*missing, *odd))}")
        return Checked(Health.OK)

    async def _asleep(self, left: timedelta) -> Checked | None:
        """A project that is paused or being restored says why none of its parts is well."""
        answer = await self._api.service.look(self._api.base, limit=max(left, timedelta(milliseconds=100)))
        if isinstance(answer, Checked) or not answer.good:
            return None
        status = str(answer.fields().get("status", "UNKNOWN"))
        if status in (_WELL, "ACTIVE_UNHEALTHY", "UNKNOWN"):
            return None
        word = self._api.service.clean(status.replace("_", " ").lower())
        return Checked(Health.DOWN if status in _ASLEEP else Health.DEGRADED, f"the project is {word}")

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        steps = [
            Step("read the project", self._project, f"Check {where}.token and {where}.project."),
            Step("read the health of its parts", self._parts, "Look at the project's dashboard."),
            Step("read its read-only mode and its disk", self._writable, f"db writable {self.name}; then make room."),
            Step("find a backup that is not old", self._backed_up, "Look at Database, Backups in the dashboard."),
            Step("see its functions active", self._functions, "Look at Edge Functions in the dashboard."),
        ]
        if self._section.logs:
            now = datetime.now(UTC)
            fixed = "select t.id, t.timestamp from edge_logs as t limit 1"
            steps.append(
                Step(
                    "read its logs",
                    lambda: self._api.logs(fixed, now - timedelta(minutes=5), now),
                    "The token needs to read logs.",
                )
            )
        if self._section.network_restrictions:
            remedy = f"The token needs it; {where}.network_restrictions = false does without."
            steps.append(Step("read its network restrictions", self._api.restrictions, remedy))
            steps.append(Step("read its bans", self._api.bans, remedy))
        return await tried(*steps)

    async def _project(self) -> None:
        status = (await self._api.project()).status
        if status != _WELL:
            raise Refused(f"The project is {status.replace('_', ' ').lower()}.")

    async def _parts(self) -> None:
        seen = self._judged((await self._api.health(self._section.parts, self._section.timeout)).root)
        if seen.health is not Health.OK:
            raise Refused(f"{self.name}: {seen.detail}.")

    async def _writable(self) -> None:
        now = await self.read_only()
        if now.on:
            raise Refused(f"{self.name} is read-only{f'; {now.detail}' if now.detail else ''}.")

    async def _backed_up(self) -> None:
        backups = await self._api.backups()
        newest = backups.newest
        if newest is None and not backups.pitr_enabled:
            raise Refused(f"{self.name} has no completed backup.")
        if newest is not None and datetime.now(UTC) - newest > _OLD_BACKUP:
            raise Refused(f"The newest backup of {self.name} is of {newest:%Y-%m-%d %H:%M} UTC.")

    async def _functions(self) -> None:
        idle = [
            f"{each.slug} is {each.status.lower()}" for each in await self._api.functions() if each.status != "ACTIVE"
        ]
        if idle:
            raise Refused(f"{self.name}: {', '.join(idle)}.")

    async def rights(self) -> Rights:
        return Rights(note=f"Supabase does not tell what a token may do. Least: {SupabaseSection.rights}")

    # -- read-only mode

    async def read_only(self) -> ReadOnly:
        """With the disk's use where it can be read: a full one is the usual reason."""
        mode = await self._api.read_only()
        try:
            disk = await self._api.disk()
            detail = f"{disk.fs_used_bytes / _GB:.1f} of {disk.fs_size_bytes / _GB:.1f} GB of its disk are used"
        except OpsError:
            detail = ""
        return _read_only(mode, detail)

    async def lift_read_only(self) -> ReadOnly:
        """For 15 minutes. Source: POST /v1/projects/{ref}/readonly/temporary-disable"""
        unknown: OutcomeUnknown | None = None
        try:
            await self._api.disable_read_only()
        except OutcomeUnknown as error:
            unknown = error

        async def look() -> ReadOnlyMode | None:
            mode = await self._api.read_only()
            return mode if mode.override_enabled or not mode.enabled else None

        mode = await until(look, limit=self._section.settle, every=self._section.every)
        if mode is None:
            raise unknown or OutcomeUnknown(
                f"{self.name} accepted the call, and did not say within {self._section.settle.total_seconds():g} s "
                "that writing is let through."
            )
        return _read_only(mode, "")


def _read_only(mode: ReadOnlyMode, detail: str) -> ReadOnly:
    lifted = mode.override_active_until if mode.override_enabled else None
    if lifted is not None and lifted.tzinfo is None:
        lifted = lifted.replace(tzinfo=UTC)
    return ReadOnly(mode.enabled, lifted, detail)
