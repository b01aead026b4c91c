"""What a command file may ask for: its `actions(house)` is called once, at the start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from bot.ask.catalogue import Catalogue
from bot.words.action import AnyAction, Asker, words_of
from bot.words.exceptions import Misconfigured
from bot.words.mistakes import mistake
from bot.words.ports import Audited, Clock, Entry, Follow, Freeze
from bot.words.report import Frozen, PersonId, Status
from bot.words.request import Request, State, Vote
from integrations import Services
from integrations.capabilities import Health

C = TypeVar("C")
S = TypeVar("S", bound=Frozen)


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


@dataclass(frozen=True)
class House:
    """Everything that a command may need."""

    services: Services
    now: Clock
    desk: Desk
    tokens: Tokens
    follows: Follows
    inspection: Inspection
    history: HealthHistory
    keys: Book
    catalogue: Callable[[], Catalogue]
    """Complete only after every command was made."""
    allowed: Callable[[Asker], Callable[[AnyAction], bool]]
    """What somebody may ask for, here."""
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`[commands.*]` of ops.toml, not yet read."""

    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, make: Callable[["House"], C]) -> C:
        """What several commands share: made by the first that asks."""
        if make not in self._made:
            self._made[make] = make(self)
        made: C = self._made[make]
        return made

    def having(self, capability: Callable[..., C]) -> tuple[C, ...]:
        """The services of ops.toml that can do this: `house.having(Checkable)`."""
        return self.services.having(capability)

    def settings(self, model: type[S]) -> S:
        """The `Settings` of the command file that declares them: commands/whitelist.py has `[commands.whitelist]`.

        Raises Misconfigured, naming the setting.
        """
        section = words_of(model.__module__)
        try:
            return model.model_validate(self.tables.get(section, {}))
        except ValidationError as error:
            raise Misconfigured(f"ops.toml: {mistake(error, model, 'commands', section).sentence}") from None
