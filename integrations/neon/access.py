"""Neon's switches and its allow-list: endpoints that may be suspended, and addresses that may connect."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused, Stale
from bot.words.networks import covers, network_of, same, spelled
from integrations.capabilities import Flipped, RateLimitState, Switch, Switchable
from integrations.neon.api import AllowedIps, Endpoint, NeonApi
from integrations.plumbing.base import Part
from integrations.plumbing.flipping import flipped

_STATES = {"active": Switch.RUNNING, "init": Switch.RUNNING, "idle": Switch.PAUSED}


class PausableEndpoints(Part[NeonApi]):
    """Switches. What is suspended here starts again with the next connection."""

    def __init__(self, name: str, api: NeonApi, pausable: Sequence[str]) -> None:
        super().__init__(name, api)
        self._pausable = pausable

    async def switches(self) -> tuple[Switchable, ...]:
        """The endpoints that ops.toml lets us suspend."""
        endpoints, branches = await asyncio.gather(self._api.endpoints(), self._api.branch_names())
        return tuple(_switchable(each, branches.get(each.branch_id, "")) for each in endpoints if self._may(each))

    async def pause(self, ids: Sequence[str]) -> Flipped:
        """Source: POST /projects/{project_id}/endpoints/{endpoint_id}/suspend"""
        note = "A suspended endpoint starts again with the next connection."
        return await flipped(ids, lambda id_: self._flip(id_, id_, Switch.RUNNING), verb="suspended", note=note)

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        """Source: POST /projects/{project_id}/endpoints/{endpoint_id}/start"""
        return await flipped(things, lambda thing: self._flip(thing.id, thing.name, Switch.PAUSED), verb="started")

    async def _flip(self, id_: str, name: str, expected: Switch) -> Switchable:
        found: list[Switchable] = []

        def ready(endpoint: Endpoint) -> None:
            was = _switchable(endpoint, "")
            if not self._may(endpoint):
                raise Stale(f"{name} is not among the endpoints that may be paused")
            if was.state is not expected:
                raise Stale(f"{name} was {was.detail or endpoint.current_state} already")
            found.append(was)

        await self._api.turn(id_, "suspend" if expected is Switch.RUNNING else "start", ready)
        return found[-1]

    def _may(self, endpoint: Endpoint) -> bool:
        return endpoint.id in self._pausable or bool(endpoint.name and endpoint.name in self._pausable)


def _switchable(endpoint: Endpoint, branch: str) -> Switchable:
    where = f" on {branch}" if branch else ""
    if endpoint.disabled:
        return Switchable(endpoint.id, f"{endpoint.name or endpoint.id}{where}", Switch.OTHER, "disabled")
    state = _STATES.get(endpoint.current_state, Switch.OTHER)
    detail = endpoint.current_state if state is Switch.OTHER else ""
    return Switchable(endpoint.id, f"{endpoint.name or endpoint.id}{where}", state, detail)


class AllowedAddresses(Part[NeonApi]):
    """RateLimiter. Neon knows whole lists only, and takes an empty one as "everyone"."""

    def __init__(self, name: str, api: NeonApi, own_address: str | None) -> None:
        super().__init__(name, api)
        self._own = own_address
        self._turn = asyncio.Lock()
        """The list is read and then replaced: one of ours at a time."""

    async def rate_limits(self, network: str) -> RateLimitState:
        allowed = await self._list()
        notes = []
        if not allowed.ips:
            notes.append("Its list is empty, which lets everyone in.")
        elif allowed.protected_branches_only:
            notes.append("Its list holds for protected branches only.")
        if allowed.ips:
            notes.append("Neon replaces its whole list: what somebody else adds in the same second may be lost.")
        if allowed.ips and self._own is None:
            notes.append(f"services.{self.name}.own_address is not set: whether the bot itself gets in is not watched.")
        return RateLimitState(
            records=0,
            sample=(),
            allowed=not allowed.ips or _covered(allowed.ips, network),
            has_allow_list=True,
            notes=tuple(notes),
        )

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Gives `{"inserted": network or None, "before": the whole list}`. Neon keeps neither note nor end."""
        async with self._turn:
            before, written = await self._api.unlocked(lambda: self._added(network))
        return {"inserted": network if written else None, "before": list(before.ips)}

    async def _added(self, network: str) -> tuple[AllowedIps, bool]:
        """The list before it, and whether it had to be written."""
        before = await self._list()
        if not before.ips or _covered(before.ips, network):
            return before, False
        await self._write((*before.ips, network), before)
        return before, True

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        """Takes off what `lift` put there: the saved list again, with what others have added since."""
        if lifted.get("inserted") is None:
            return 0
        async with self._turn:
            return await self._api.unlocked(lambda: self._taken_off(network))

    async def _taken_off(self, network: str) -> int:
        now = await self._list()
        left = tuple(entry for entry in now.ips if not same(entry, network))
        if left == now.ips:
            return 0
        if not left:
            raise Refused(
                f"{network} is the last entry of {self.name}'s list, and an empty list lets everyone in. It was left "
                "as it is: put another address there first."
            )
        await self._write(left, now)
        return 1

    async def _list(self) -> AllowedIps:
        return (await self._api.project()).settings.allowed_ips

    async def _write(self, ips: Sequence[str], before: AllowedIps) -> None:
        if self._own is not None and not _covered(ips, self._own):
            raise Refused(
                f"That list would lock out the bot's own address {self._own} from {self.name}: it was not written. Add "
                "that address in Neon first."
            )
        now = await self._api.allow(ips, protected_branches_only=before.protected_branches_only)
        if set(map(spelled, now.ips)) != set(map(spelled, ips)):
            raise OutcomeUnknown(f"{self.name} took the list and now shows another: {', '.join(now.ips) or 'none'}.")
        await self._kept(ips)

    async def _kept(self, ips: Sequence[str]) -> None:
        """Whoever read the list before us and writes after us takes ours away again: only a second look shows it."""
        try:
            now = await self._list()
        except OpsError:
            return  # its answer showed the list as it was written
        gone = [each for each in ips if spelled(each) not in set(map(spelled, now.ips))]
        if gone:
            raise OutcomeUnknown(
                f"{self.name} took the list, and somebody else replaced it since: {', '.join(gone)} is not on it now."
            )


def _covered(ips: Sequence[str], network: str) -> bool:
    asked = network_of(network)
    return any(covers(entry, asked) for entry in ips)
