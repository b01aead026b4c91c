"""What the commands on keys share: since when each credential is in use here, and whether its service takes it now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from commands._services import Unanswered, ask
from integrations.capabilities import Checkable, Checked, Credential, Credentialed, Health

OLD = timedelta(days=90)
"""Past it a key is to be rotated."""


@dataclass(frozen=True)
class Kept:
    """What is kept of one credential; of its value a keyed hash alone, which stays where it is kept."""

    since: datetime | None
    """First seen here with the value it has now; None where it cannot be found, for `missing`."""
    worked_at: datetime | None = None
    missing: str = ""


class Book(Protocol):
    async def look(self, credentials: Mapping[str, str], worked: frozenset[str]) -> Mapping[str, Kept]:
        """By setting: `credentials` are settings with their references, `worked` those that were just taken."""
        ...


@dataclass(frozen=True)
class Held:
    """One credential of one service, as it stands."""

    service: str
    credential: Credential
    kept: Kept
    health: Health
    detail: str

    def age(self, now: datetime) -> timedelta:
        return now - self.kept.since if self.kept.since else timedelta(0)


async def held(
    services: Sequence[Credentialed], checks: Mapping[str, Checkable], book: Book, deadline: timedelta
) -> list[Held]:
    """Every service is checked at once; a check that goes well is proof that the credential is taken."""

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
    worked = frozenset(each.setting for _, one, each in pairs if one.health is Health.OK)
    kept = await book.look({each.setting: each.reference for _, _, each in pairs}, worked)
    return [Held(service.name, each, kept[each.setting], one.health, one.detail) for service, one, each in pairs]
