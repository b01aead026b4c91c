"""Supabase's Management API, as far as we use it: shapes of its answers, a method a call, at a polite pace."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, RootModel

from bot.words.exceptions import NotUnderstood, Refused
from integrations.plumbing.outbound import Service
from integrations.plumbing.shape import Shape

_AT_ONCE = 10
"""Calls that may go out together before the pace holds them."""

M = TypeVar("M", bound=BaseModel)


def _time_or_none(text: object) -> object:
    return text or None


class Project(Shape):
    status: str


class PartHealth(Shape):
    name: str
    status: str
    error: str = ""


class Health(RootModel[tuple[PartHealth, ...]]):
    """One of each part that was asked for."""


class Disk(Shape):
    fs_size_bytes: float
    fs_used_bytes: float


class DiskUse(Shape):
    metrics: Disk


class ReadOnlyMode(Shape):
    enabled: bool
    override_enabled: bool
    override_active_until: Annotated[datetime | None, BeforeValidator(_time_or_none)] = None


class Cidrs(Shape):
    """None where nothing was ever restricted; empty lets nobody in."""

    dbAllowedCidrs: tuple[str, ...] | None = None
    dbAllowedCidrsV6: tuple[str, ...] | None = None


class Restrictions(Shape):
    entitlement: str
    config: Cidrs
    status: str


class Patched(Shape):
    """The answer to a change tells a list in another shape; the list is read anew."""

    status: str


class Bans(Shape):
    banned_ipv4_addresses: tuple[str, ...]


class Function(Shape):
    slug: str
    status: str


class Functions(RootModel[tuple[Function, ...]]):
    pass


class Backup(Shape):
    status: str
    inserted_at: datetime


class Physical(Shape):
    latest_physical_backup_date_unix: int | None = None


class Backups(Shape):
    pitr_enabled: bool
    backups: tuple[Backup, ...]
    physical_backup_data: Physical

    @property
    def newest(self) -> datetime | None:
        ends = [b.inserted_at.replace(tzinfo=b.inserted_at.tzinfo or UTC) for b in self.backups
                if b.status == "COMPLETED"]  # fmt: skip
        if self.physical_backup_data.latest_physical_backup_date_unix:
            ends.append(datetime.fromtimestamp(self.physical_backup_data.latest_physical_backup_date_unix, UTC))
        return max(ends, default=None)


class Found(Shape):
    """`error` may stand beside a result, in a 200."""

    result: tuple[dict[str, Any], ...] | None = None
    error: str | dict[str, Any] | None = None


class SupabaseApi:
    def __init__(self, service: Service, project: str) -> None:
        self.service = service
        self.base = f"/v1/projects/{project}"
        self.unknown_project = NotUnderstood(f"Supabase has no project {project}, or the token does not reach it.")

    async def _get(self, path: str, shape: type[M], params: Mapping[str, str] | None = None) -> M:
        return await self.service.get(self.base + path, shape, params=params, missing=self.unknown_project)

    def health_path(self, parts: Sequence[str], limit: timedelta) -> str:
        """The parts are demanded. Source: GET /v1/projects/{ref}/health"""
        most = min(max(int(limit.total_seconds() * 800), 100), 10_000)  # it answers before we stop waiting
        return f"{self.base}/health?{'&'.join(f'services={part}' for part in parts)}&timeout_ms={most}"

    async def project(self) -> Project:
        """Source: GET /v1/projects/{ref}"""
        return await self._get("", Project)

    async def health(self, parts: Sequence[str], limit: timedelta) -> Health:
        return await self.service.get(self.health_path(parts, limit), Health, missing=self.unknown_project)

    async def logs(self, sql: str, since: datetime, until: datetime) -> tuple[dict[str, Any], ...]:
        """`sql` is a template of ours, never what somebody typed; at most 24 hours.

        Source: GET /v1/projects/{ref}/analytics/endpoints/logs.all. Raises Refused where a 200 carries an error.
        """
        times = {"iso_timestamp_start": _iso(since), "iso_timestamp_end": _iso(until)}
        found = await self._get("/analytics/endpoints/logs.all", Found, {"sql": sql, **times})
        if found.error:
            said = found.error if isinstance(found.error, str) else str(found.error.get("message", "an error"))
            raise Refused(f"{self.service.name} could not read its logs: {self.service.clean(said)}.")
        return found.result or ()

    async def read_only(self) -> ReadOnlyMode:
        """Source: GET /v1/projects/{ref}/readonly"""
        return await self._get("/readonly", ReadOnlyMode)

    async def disable_read_only(self) -> None:
        """Answers 201 and nothing. Source: POST /v1/projects/{ref}/readonly/temporary-disable"""
        await self.service.tell(f"{self.base}/readonly/temporary-disable", missing=self.unknown_project)

    async def disk(self) -> Disk:
        """Source: GET /v1/projects/{ref}/config/disk/util"""
        return (await self._get("/config/disk/util", DiskUse)).metrics

    async def restrictions(self) -> Restrictions:
        """Source: GET /v1/projects/{ref}/network-restrictions"""
        return await self._get("/network-restrictions", Restrictions)

    async def change_restrictions(self, verb: str, key: str, cidr: str) -> None:
        """`verb` is add or remove; the other way, apply, replaces the whole list.

        Source: PATCH /v1/projects/{ref}/network-restrictions
        """
        path, body = f"{self.base}/network-restrictions", {verb: {key: [cidr]}}
        await self.service.post(path, Patched, method="PATCH", body=body, missing=self.unknown_project)

    async def bans(self) -> tuple[str, ...]:
        """A reading, although it is posted. Source: POST /v1/projects/{ref}/network-bans/retrieve"""
        found = await self.service.query(f"{self.base}/network-bans/retrieve", Bans, None)
        return found.banned_ipv4_addresses

    async def unban(self, addresses: Sequence[str]) -> None:
        """Source: DELETE /v1/projects/{ref}/network-bans"""
        body = {"ipv4_addresses": list(addresses)}
        await self.service.tell(f"{self.base}/network-bans", method="DELETE", body=body, missing=self.unknown_project)

    async def functions(self) -> tuple[Function, ...]:
        """Source: GET /v1/projects/{ref}/functions"""
        return (await self._get("/functions", Functions)).root

    async def backups(self) -> Backups:
        """Source: GET /v1/projects/{ref}/database/backups"""
        return await self._get("/database/backups", Backups)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
