"""Base of every command file: Risk, Plan, Receipt, and the kinds of action."""

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from pydantic import JsonValue

from bot.words.params import Duration, Option, Params
from bot.words.report import Fact, Frozen, PersonId, Report


class Risk(StrEnum):
    """How much a person must do before it runs. Fixed per action; arguments may raise it."""

    READ = "read"
    CHANGE = "change"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        return list(Risk).index(self)


class Plan(Frozen):
    """The frozen preview people approve, and the only thing `execute` receives.

    The fields here are the words on the card. Fields that a subclass adds are the observed state the approval binds: if
    a fresh look gives others, the plan is stale and nothing runs.
    """

    target: str
    """The thing acted on, unique across services: `n8n execution 4711`. One request runs on a target at a time."""
    headline: str
    """The effect, one sentence in the future: counted, with names."""
    effects: tuple[str, ...] = ()
    """Each thing that changes: what is there now, what will be."""
    facts: tuple[Fact, ...] = ()
    warnings: tuple[str, ...] = ()
    undo_note: str = ""
    """How it can be undone, or why it cannot. Empty for an action that is no Undoable."""
    risk: Risk | None = None
    """Where what is there makes it riskier than the action's own risk; never lowers it."""
    governed_by: str = ""
    """Words of the action whose policy rule decides instead of this one's: undoing is ruled like what it undoes."""
    ends_after: Duration | None = None
    """Time-boxed: undone by itself this long after it ran."""
    confirm_phrase: str = ""
    """Phrase that a lone approver types to approve their own request; the target if empty."""
    nothing_to_do: str = ""
    """If set, there is nothing to change and why; no request is made."""

    def observed(self) -> dict[str, JsonValue]:
        """The part that approval binds, as JSON."""
        return self.model_dump(mode="json", exclude=set(Plan.model_fields) - {"target"})

    def digest(self, words: str, params: Params) -> str:
        """Hex SHA-256 of action, params, target and observed state: what a vote is given for."""
        bound = [words, params.model_dump(mode="json"), self.observed()]
        text = json.dumps(bound, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Receipt(Frozen):
    """Record of a change, with everything that `undo` needs."""

    headline: str
    """The change, one sentence in the past."""
    facts: tuple[Fact, ...] = ()
    undo: dict[str, JsonValue] = {}  # noqa: RUF012 - pydantic copies defaults


# -- actions ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asker:
    """Who asks, for whom, and where; for the few actions whose answer depends on it."""

    person: PersonId
    roles: frozenset[str] = frozenset()
    on_behalf_of: PersonId | None = None
    channel: str | None = None
    unread: tuple[str, ...] = ()
    """Roles whose members cannot be read right now; the asker may be in any of them."""


Tell = Callable[[str], None]
"""Says how a run goes on: its last lines so far. Each time all of them; the latest is what people see."""

P = TypeVar("P", bound=Params)
PL = TypeVar("PL", bound=Plan)


@cache
def words_of(module: str) -> str:
    """The words typed after `/ops ` for the command of this module: its path below `commands`."""
    return (module.partition("commands.")[2] or module).replace(".", " ").replace("_", "-")


class Action(ABC, Generic[P]):
    """Behaviour of a command. Its words are its module's path below `commands`."""

    risk: ClassVar[Risk]
    for_everyone: ClassVar[bool] = False
    """Asked by anybody, with a role or without: it tells them only about themselves."""
    restricted: ClassVar[bool] = False
    """Asked by approver roles alone, unless a rule of ops.toml that names it (not `*`) says otherwise."""
    examples: ClassVar[tuple[str, ...]] = ()
    """Whole lines as typed after `/ops `; each is parsed by a test and shown in help."""
    params_type: ClassVar[type[Params]]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if not inspect.isclass(argument) or get_origin(argument) is not None:
                    continue
                if issubclass(argument, Params):
                    cls.params_type = argument
                elif issubclass(argument, Plan):
                    cls.plan_type = argument  # type: ignore[attr-defined]  # only Change declares it

    @property
    def words(self) -> str:
        """The words typed after `/ops `."""
        return words_of(type(self).__module__)

    @property
    def summary(self) -> str:
        """First line of the class docstring, for help."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0].rstrip(".")

    def risk_of(self, params: P) -> Risk:
        """Risk with these arguments; never below `risk` (the road takes the higher)."""
        return self.risk

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        """Values for a `Choices` parameter, best first. Answered from memory: Slack waits three seconds."""
        return ()

    refresh_every: ClassVar[timedelta] = timedelta(seconds=30)
    """How often at most. Vendors count every call of an account: where they are asked, seldom is kind."""

    async def refresh(self) -> None:
        """Renew what `options` answers from; called in the background."""


class Lookup(Action[P]):
    """Only reads. Override `answer`, or `answer_for` where the asker matters."""

    risk = Risk.READ
    audited: ClassVar[bool] = False
    """Whether the reading is written into the trail first; without the row there is no answer."""

    async def answer(self, params: P) -> Report:
        """Raises any OpsError; a part that cannot be read is a line that says unknown, not an error."""
        raise TypeError(f"{type(self).__name__} answers nothing: define answer or answer_for")

    async def answer_for(self, asker: Asker, params: P) -> Report:
        return await self.answer(params)

    def ready(self, asker: Asker, params: P) -> Report | None:
        """An answer already in memory and fresh enough to be given inside Slack's ack; no I/O."""
        return None


class Upkeep(Action[P]):
    """Moves the ledger alone, by one conditional and audited update: withdraw, reconcile, a token. Needs no plan."""

    risk = Risk.CHANGE

    @abstractmethod
    async def carry_out(self, asker: Asker, params: P) -> Report:
        """Raises NotAllowed where this asker may not, NotUnderstood where there is nothing to move."""


class Followable(Lookup[P]):
    """A lookup that can go on telling what is new."""

    @abstractmethod
    async def news(self, params: P, cursor: str) -> tuple[Report | None, str]:
        """Report the news since `cursor` ("" at first: start from now), with the next cursor."""


class Change(Action[P], Generic[P, PL]):
    """Alters the world, after a plan was shown and allowed."""

    plan_type: ClassVar[type[Plan]]
    safety_stop: ClassVar[bool] = False
    """Turns something dangerous off; may run from the local journal while the database cannot be written."""

    async def preview(self, params: P) -> PL:
        """Read what is there and say what will be. Changes nothing; may be called often."""
        raise TypeError(f"{type(self).__name__} previews nothing: define preview or preview_for")

    async def preview_for(self, asker: Asker, params: P) -> PL:
        return await self.preview(params)

    def settled(self, params: P, plan: PL) -> P:
        """The parameters with what the plan settled written out: `last` becomes the execution it meant then."""
        return params

    @abstractmethod
    async def execute(self, plan: PL) -> Receipt:
        """Do what the plan says, once.

        Raises Stale (before any effect), Refused or TryLater (nothing, or what was done is in the sentence),
        OutcomeUnknown (it may have worked).
        """

    async def execute_telling(self, plan: PL, tell: Tell) -> Receipt:
        """As `execute`; override it where a run takes long and has something to say meanwhile."""
        return await self.execute(plan)

    async def evidence(self, plan: PL) -> str:
        """Look for traces of a run with an unknown end; shown to whoever reconciles it."""
        return ""


class Undoable(Change[P, PL]):
    """A change that leaves enough behind to be reversed."""

    async def extend(self, plan: PL, receipt: Receipt, until: datetime) -> Receipt:
        """Move an end that the outside keeps too; the receipt by which it is undone from now on."""
        return receipt

    @abstractmethod
    async def undo(self, plan: PL, receipt: Receipt) -> Receipt:
        """Put back what the receipt says was there. Raises Stale if somebody changed it since."""


AnyAction = Action[Any]
