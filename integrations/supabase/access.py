"""Who reaches a Supabase project's database: its network restrictions, and the bans of those who failed to log in."""

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused
from bot.words.networks import covers, network_of, same
from integrations.capabilities import RateLimitState
from integrations.plumbing.base import Part
from integrations.plumbing.polling import until as wait_until
from integrations.supabase.api import Restrictions, SupabaseApi

_V4, _V6 = "dbAllowedCidrs", "dbAllowedCidrsV6"
_APPLIED = "applied"
_SAMPLE = 5


class DatabaseAccess(Part[SupabaseApi]):
    """RateLimiter. Holds for PostgreSQL and its pooler, not for the HTTP APIs."""

    def __init__(
        self, name: str, api: SupabaseApi, own_address: str | None, *, settle: timedelta, every: timedelta
    ) -> None:
        super().__init__(name, api)
        self._own = own_address
        self._settle = settle
        self._every = every

    async def rate_limits(self, network: str) -> RateLimitState:
        banned = await self._banned(network)
        now = await self._api.restrictions()
        notes = ["Both hold for the database and its pooler, not for the HTTP APIs."]
        if now.entitlement != "allowed":
            notes.append("Network restrictions are not on its plan: the database can be reached from everywhere.")
        elif now.status != _APPLIED:
            notes.append("An earlier change of its network restrictions is not applied yet.")
        elif self._own is None:
            notes.append(f"services.{self.name}.own_address is not set: whether the bot itself gets in is not watched.")
        return RateLimitState(
            records=len(banned),
            sample=tuple(f"ban of {address} after failed logins" for address in banned[:_SAMPLE]),
            allowed=now.entitlement == "allowed" and _allowed(now, network),
            has_allow_list=now.entitlement == "allowed",
            notes=tuple(notes),
        )

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Gives `{"inserted": the entry or None, "unbanned": [address]}`. Supabase keeps neither note nor end."""
        now = await self._api.restrictions()
        inserted = None
        if now.entitlement == "allowed" and not _allowed(now, network):
            inserted = str(network_of(network))
            await self._change(now, "add", inserted)
        banned: list[str] = []
        try:
            if banned := await self._banned(network):
                await self._api.unban(banned)
        except OpsError as error:
            if inserted is None:
                raise
            kind = OutcomeUnknown if isinstance(error, OutcomeUnknown) else Refused
            raise kind(f"{error} Before that: {network} was let in; take that back in Supabase.") from error
        return {"inserted": inserted, "unbanned": list(banned)}

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        """Takes off the one entry that `lift` put there. Bans are not put back: Supabase cannot."""
        if lifted.get("inserted") is None:
            return 0
        now = await self._api.restrictions()
        entry = next((each for each in _entries(now, network) or () if same(each, network)), None)
        if entry is None:
            return 0
        await self._change(now, "remove", entry)
        return 1

    async def _banned(self, network: str) -> list[str]:
        asked = network_of(network)
        return [address for address in await self._api.bans() if covers(str(asked), network_of(address))]

    async def _change(self, before: Restrictions, verb: str, entry: str) -> None:
        """One entry, by PATCH: whoever changes others meanwhile loses nothing. Waits until it is applied."""
        key = _key(entry)
        old = getattr(before.config, key) or ()
        new = (*old, entry) if verb == "add" else tuple(each for each in old if not same(each, entry))
        self._guard(new, entry)
        unknown: OutcomeUnknown | None = None
        try:
            await self._api.change_restrictions(verb, key, entry)
        except OutcomeUnknown as error:
            unknown = error

        def is_done(now: Restrictions) -> bool:
            there = any(same(each, entry) for each in getattr(now.config, key) or ())
            return now.status == _APPLIED and there == (verb == "add")

        if await self._until(is_done) is None:
            raise unknown or OutcomeUnknown(
                f"{self.name} took the change of its network restrictions, and did not say within "
                f"{self._settle.total_seconds():g} s that it is applied."
            )

    async def _until(self, is_done: Callable[[Restrictions], bool]) -> Restrictions | None:
        async def look() -> Restrictions | None:
            now = await self._api.restrictions()
            return now if is_done(now) else None

        return await wait_until(look, limit=self._settle, every=self._every)

    def _guard(self, new: tuple[str, ...], entry: str) -> None:
        if not new:
            raise Refused(
                f"{entry} is the last entry of {self.name}'s list; without it nobody reaches the database. It was left "
                "as it is: put another address there first."
            )
        if self._own is None or _key(self._own) != _key(entry):
            return
        own = network_of(self._own)
        if not any(covers(each, own) for each in new):
            raise Refused(
                f"That list would lock out the bot's own address {self._own} from {self.name}: it was not written. Add "
                "that address in Supabase first."
            )


def _key(network: str) -> str:
    return _V4 if isinstance(network_of(network), ipaddress.IPv4Network) else _V6


def _entries(now: Restrictions, network: str) -> tuple[str, ...] | None:
    found: tuple[str, ...] | None = getattr(now.config, _key(network))
    return found


def _allowed(now: Restrictions, network: str) -> bool:
    """A list that was never set lets everyone in: writing the first entry would shut everybody else out."""
    entries = _entries(now, network)
    asked = network_of(network)
    return entries is None or any(covers(each, asked) for each in entries)
