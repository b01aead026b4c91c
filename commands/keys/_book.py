"""What the commands on keys share: since when each credential is in use here, and whether its service takes it now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commands._shared.asking import Unanswered, ask
from commands._shared.machine import Book, Kept
from integrations.capabilities import Checkable, Checked, Credential, Credentialed, Health

OLD = timedelta(days=90)
"""Past it a key is to be rotated."""


@dataclass(frozen=True)
class Held:
    """One credential of one service, as it stands."""

    service: str
    credential: Credential
    kept: Kept
    health: Health
    detail: str

    @property
    def unproven(self) -> bool:
        """No health check carries it, and nothing else was seen to take it with the value that it has now; or one
        carries it that says nothing of it."""
        if self.kept.since is None:
            return False
        if self.credential.doubt:
            return self.health is Health.UNKNOWN
        return bool(self.credential.proved_by) and self.kept.worked_at is None

    def age(self, now: datetime) -> timedelta:
        return now - self.kept.since if self.kept.since else timedelta(0)


async def held(
    services: Sequence[Credentialed], checks: Mapping[str, Checkable], book: Book, deadline: timedelta
) -> list[Held]:
    """Every service is checked at once; a check that goes well is proof that the credential is taken, unless that is in
    doubt."""

    async def checked(service: Credentialed) -> Checked:
        client = checks.get(service.name)
        if client is None:
            return Checked(Health.UNKNOWN, "it has no check")
        seen = await ask(client.check(), deadline)
        return Checked(Health.UNKNOWN, seen.why) if isinstance(seen, Unanswered) else seen

    seen = await asyncio.gather(*(checked(service) for service in services))
    pairs = [
        (service, one, each) for service, one in zip(services, seen, strict=True) for each in service.credentials()
    ]
    worked = frozenset(
        each.setting for _, one, each in pairs if one.health is Health.OK and not each.proved_by and not each.doubt
    )
    kept = await book.look({each.setting: each.reference for _, _, each in pairs}, worked)
    return [_held(service.name, each, kept[each.setting], one) for service, one, each in pairs]


async def held_since(found: Sequence[Held], book: Book) -> list[Held]:
    """The same, with what was noted of them meanwhile."""
    kept = await book.look({one.credential.setting: one.credential.reference for one in found}, frozenset())
    return [
        _held(one.service, one.credential, kept[one.credential.setting], Checked(one.health, one.detail))
        for one in found
    ]


def _held(service: str, credential: Credential, kept: Kept, seen: Checked) -> Held:
    """What the service's health says of one that its check does not carry is nothing."""
    one = Held(service, credential, kept, seen.health, seen.detail)
    if credential.doubt and seen.health is Health.OK:
        return replace(one, health=Health.UNKNOWN, detail=credential.doubt)
    if not credential.proved_by:
        return one
    if one.unproven:
        return replace(one, health=Health.UNKNOWN, detail=f"not proven yet: {credential.proved_by} proves it")
    return replace(one, health=Health.OK, detail="")
