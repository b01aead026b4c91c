"""Neon: a project's endpoints, what it uses, and from where it may be reached. Its databases are of kind postgres."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from bot.words.exceptions import NotUnderstood, OpsError, Refused
from bot.words.params import PublicNetwork
from integrations.capabilities import (
    Checked,
    Deed,
    Deployed,
    Health,
    Named,
    Quota,
    Rights,
    Trial,
)
from integrations.neon.access import AllowedAddresses, PausableEndpoints
from integrations.neon.api import Endpoint, Endpoints, NeonApi, NeonService, Project
from integrations.plumbing.base import Client
from integrations.plumbing.checking import looked
from integrations.plumbing.section import KeySection, Outside, SecretRef, TimeLimit, Url
from integrations.plumbing.trying import Step, tried

_HOUR = 3600
_GB = 10**9
_ACTIVE = "active"


class NeonSection(KeySection):
    kind: Literal["neon"]
    api_key: SecretRef
    """A key that reaches the one project is enough."""
    project: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    """Its id."""
    endpoint: str = Field(default="", max_length=60)
    """Id or name of the endpoint that is checked and restarted; the default branch's if left out."""
    url: Url = "https://console.neon.tech/api/v2"
    settle: TimeLimit = timedelta(minutes=2)
    """How long to wait for the end of an operation, ours or another that locks the project."""
    every: TimeLimit = timedelta(seconds=1)
    """How often it is asked meanwhile."""
    pausable: tuple[str, ...] = ()
    """Endpoints that may be suspended, by id or name."""
    allowed_ips: bool = True
    """Whether /ops whitelist adds to its list of allowed addresses."""
    own_address: PublicNetwork | None = None
    """The public address this bot connects from: no list is written that leaves it out."""

    rights: ClassVar[str] = "A project-scoped API key, or an organisation's; a personal key reaches all projects."
    undo: ClassVar[str] = (
        "A suspended endpoint is started again. An address is taken off the list again, unless the list would be empty "
        "then. A restart cannot be undone."
    )


def neon(name: str, section: NeonSection, outside: Outside) -> tuple[Named, ...]:
    api = NeonApi(NeonService.of(name, section, outside), section.project, settle=section.settle, every=section.every)
    return (
        Neon(name, section, api),
        *((PausableEndpoints(name, api, section.pausable),) if section.pausable else ()),
        *((AllowedAddresses(name, api, section.own_address),) if section.allowed_ips else ()),
    )


class Neon(Client[NeonApi, NeonSection]):
    """Checkable, Testable, Credentialed, Restarts, Metered."""

    # -- be checked and tested

    async def check(self) -> Checked:
        """A suspended endpoint is well: it starts with the next connection. Source: GET /projects/{id}/endpoints"""
        service, path, missing = self._api.service, self._api.endpoints_path, self._api.unknown_project
        found = await looked(service, path, Endpoints, limit=self.deadline, missing=missing)
        if isinstance(found, Checked):
            return found
        wanted = self._section.endpoint
        ours = [e for e in found.endpoints if wanted in (e.id, e.name) or (not wanted and e.type == "read_write")]
        if not ours:
            return Checked(
                Health.DEGRADED, f"it has no endpoint {wanted}" if wanted else "it has no endpoint to write to"
            )
        disabled = [each.id for each in ours if each.disabled]
        return Checked(Health.DEGRADED, f"{disabled[0]} is disabled") if disabled else Checked(Health.OK)

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        return await tried(
            Step("read the project", self._api.project, f"Check {where}.api_key and {where}.project."),
            Step("find the endpoint", self._endpoint, f"Write {where}.endpoint."),
        )

    async def rights(self) -> Rights:
        """Source: GET /auth, which a project's key may not ask"""
        least = "Neon does not tell a key's rights. Least: a project-scoped key, which cannot delete the project."
        try:
            who = await self._api.who()
        except (Refused, NotUnderstood):
            return Rights(has=("this project",), note=least)
        whose = "the organisation" if who.auth_method == "api_key_org" else "its owner"
        more = (f"every project of {whose}", "creating and deleting projects")
        return Rights(has=("this project",), unneeded=more, note=least)

    # -- restart

    def cautions(self, deed: Deed) -> tuple[str, ...]:
        return ("Every connection to the database is dropped.",) if deed == "restart" else ()

    async def running_now(self) -> str:
        return (await self._endpoint()).id

    async def restart(self) -> Deployed:
        endpoint = await self._endpoint()
        await self._api.turn(endpoint.id, "restart", _active)
        return Deployed(endpoint.id, f"{endpoint.id} was restarted.", self.cautions("restart"))

    async def _endpoint(self) -> Endpoint:
        return await self._api.main_endpoint(self._section.endpoint)

    # -- usage

    async def usage(self) -> tuple[Quota, ...]:
        """The project's own counters against its quota, and what the plan is billed by where Neon tells that."""
        project = await self._api.project()
        own = _counters(project)
        try:
            if not project.org_id:
                raise Refused("the project belongs to no organisation")
            billed = await self._api.consumed(project, datetime.now(UTC))
        except (Refused, NotUnderstood):
            note = "Neon tells consumption by metric on paid plans and to an organisation's key only."
            return (replace(own[0], note=note), *own[1:])
        except OpsError as error:
            return (replace(own[0], note=str(error)), *own[1:])
        resets = project.consumption_period_end
        transfer = billed.get("public_network_transfer_bytes", 0.0) + billed.get("private_network_transfer_bytes", 0.0)
        return (
            *own,
            Quota("billed compute", billed.get("compute_unit_seconds", 0.0) / _HOUR, None, "CU hours", resets),
            Quota("billed transfer", transfer / _GB, None, "GB", resets),
        )


def _active(endpoint: Endpoint) -> None:
    if endpoint.current_state != _ACTIVE:
        raise Refused(
            f"{endpoint.id} is {endpoint.current_state}: only an active endpoint can be restarted; the next connection "
            "starts it."
        )


def _counters(project: Project) -> tuple[Quota, ...]:
    quota, resets = project.settings.quota, project.consumption_period_end
    hours = quota.compute_time_seconds / _HOUR or None
    moved, written = quota.data_transfer_bytes / _GB or None, quota.written_data_bytes / _GB or None
    return (
        Quota("compute time", project.compute_time_seconds / _HOUR, hours, "hours", resets),
        Quota("transferred data", project.data_transfer_bytes / _GB, moved, "GB", resets),
        Quota("written data", project.written_data_bytes / _GB, written, "GB", resets),
        Quota("stored data", project.synthetic_storage_size / _GB, None, "GB"),
    )
