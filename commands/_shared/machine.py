"""What commands need of the machine behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.action import Asker
from bot.words.follow import Follow
from bot.words.ports import Audited, Entry, Freeze
from bot.words.report import PersonId, Status
from bot.words.request import Request, State, Vote
from integrations.capabilities import Health


class Desk(Protocol):
    """The ledger, for commands that act on requests, freezes and the audit trail. `bot.desk` says what each raises."""

    async def request(self, request_id: str) -> Request: ...
    async def open_requests(self) -> tuple[Request, ...]: ...
    async def votes(self, request_id: str) -> tuple[Vote, ...]: ...
    async def story(self, request_id: str) -> tuple[Audited, ...]: ...
    async def trail(
        self,
        *,
        who: PersonId | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[Audited, ...]: ...
    async def evidence(self, request: Request) -> str: ...
    def undoable(self, request: Request) -> bool: ...
    def effects_of_undo(self, request: Request) -> str: ...
    async def how_it_ended(self, request: Request) -> str: ...
    async def undo(self, request_id: str, by: PersonId) -> Request: ...
    async def extend(self, request: Request, until: datetime, by: PersonId) -> Request: ...
    async def withdraw(self, asker: Asker, request_id: str) -> Request: ...
    async def reconcile(self, asker: Asker, request_id: str, to: State, note: str) -> Request: ...
    async def review(self, asker: Asker, request_id: str, note: str) -> Request: ...
    async def frozen(self) -> Freeze | None: ...
    async def freeze(self, freeze: Freeze) -> None: ...
    async def unfreeze(self, by: PersonId) -> Freeze | None: ...
    def now(self) -> datetime: ...


class Tokens(Protocol):
    """People's own tokens for the terminal."""

    async def issue(self, person: PersonId) -> tuple[str, object]: ...
    async def revoke(self, person: PersonId) -> int: ...


class Follows(Protocol):
    """Lookups that somebody follows."""

    async def stop(self, follow_id: int, entry: Entry) -> Follow | None: ...


class Finding(Protocol):
    """One thing that the doctor looked at; `mend` is empty where all is well."""

    @property
    def what(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def mend(self) -> str: ...


class Inspection(Protocol):
    """The doctor."""

    async def inspect(self) -> tuple[Finding, ...]: ...


@dataclass(frozen=True)
class Measured:
    """One check of a service's health, as history keeps it."""

    service: str
    kind: str
    health: Health
    detail: str
    latency: timedelta
    """How long the check took, the wait until its deadline included."""
    at: datetime
    calls_left: str = ""
    """What the vendor still allows, in its own count; not kept."""


class HealthHistory(Protocol):
    """Earlier checks."""

    async def record(self, results: Sequence[Measured]) -> Mapping[str, datetime]:
        """Keep these, and say for each service since when it has been as it is now."""
        ...


@dataclass(frozen=True)
class Kept:
    """What is kept of one credential; of its value a keyed hash alone, which stays where it is kept."""

    since: datetime | None
    """First seen here with the value it has now; None where it cannot be found, for `missing`."""
    worked_at: datetime | None = None
    missing: str = ""


class Book(Protocol):
    """Credentials: since when each is in use, and when it last worked."""

    async def look(self, credentials: Mapping[str, str], worked: frozenset[str]) -> Mapping[str, Kept]:
        """By setting: `credentials` are settings with their references, `worked` those that were just taken."""
        ...
