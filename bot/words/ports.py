"""Interfaces of the road to its outside. `bot.store` and `bot.slack` fulfil them; tests take the same store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack

from pydantic import AwareDatetime, Field, JsonValue

from bot.words.action import Receipt, Risk
from bot.words.report import Frozen, PersonId, Report, Suggestion
from bot.words.request import Needs, Request, RequestId, Review, Said, State, Vote
from bot.words.verdict import Clearance, NotCounted, Rejected, Waiting

Clock = Callable[[], datetime]


class Entry(Frozen):
    """One audit row before it is chained."""

    kind: str
    """The event as a past participle: asked, denied, approved, started, done, expired, anchored …"""
    actor: PersonId
    on_behalf_of: PersonId | None = None
    request: RequestId | None = None
    action: str = ""
    target: str = ""
    detail: dict[str, JsonValue] = Field(default_factory=dict)
    """Already redacted."""


class Audited(Entry):
    """One row of the chain."""

    seq: int
    at: AwareDatetime
    mac: str
    """Hex HMAC-SHA256 over the row and the mac before it."""


class AuditLog(Protocol):
    """The trail. Moves write theirs inside `Requests`; this is for what moves nothing: refusals, anchors, readings."""

    async def write(self, entry: Entry) -> Audited: ...

    async def read(
        self,
        *,
        who: PersonId | None = None,
        action: str | None = None,
        request: RequestId | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[Audited, ...]:
        """Newest first."""
        ...


class Draft(Frozen):
    """A request before it has a number."""

    said: Said
    action: str
    params: dict[str, JsonValue]
    risk: Risk
    expires_at: AwareDatetime
    override: str = ""
    break_glass: str = ""


class NoticeKind(StrEnum):
    """Subject of a notice; decides how soon it is delivered."""

    MENTION = "mention"
    """Somebody must act: approvers asked, reminded, escalated to, skipped by a broken glass. First."""
    RESULT = "result"
    """It ended: the requester hears how."""
    NEWS = "news"
    """Follow-ups: new errors, a digest, an anchor. Last."""


class Notice(Frozen):
    """Words in a request's thread."""

    kind: NoticeKind
    text: str
    """Plain; escaped where it is rendered."""
    to: tuple[PersonId, ...] = ()
    """Mentioned."""
    key: str
    """The same key is told once per request."""


class Place(Frozen):
    """Where a copy of a request's card stands."""

    channel: str
    thread: str | None = None


class Copy(Frozen):
    """A copy of a request's card, as the outbox knows it; `refused` is why Slack does not take it there."""

    channel: str
    stands: bool
    refused: str = ""


class Columns(TypedDict, total=False):
    """Columns that a move may set beside the state."""

    params: dict[str, JsonValue]
    target: str
    plan: dict[str, JsonValue]
    digest: str
    needs: Needs
    risk: Risk
    expires_at: datetime
    outcome: str
    ended_by: PersonId | None
    differences: tuple[str, ...]
    choices: tuple[Suggestion, ...]
    receipt: Receipt
    undo_receipt: Receipt
    ends_at: datetime | None
    end_tries: int
    end_again_at: datetime | None
    started_at: datetime
    finished_at: datetime
    review: Review
    reviewed_by: PersonId
    note: str
    escalated: tuple[str, ...]
    reminded: bool
    cards: tuple[Place, ...]
    """Where cards must stand from now on; rows in the same transaction, drawn by the outbox."""
    notices: tuple[Notice, ...]
    """Told in the request's thread, once the move is committed."""


@dataclass(frozen=True)
class Duplicate:
    """The same delivery, or the same words by the same person a moment ago."""

    request: Request
    same_delivery: bool


@dataclass(frozen=True)
class Claimed:
    """This process, and no other, runs the request; `fence` is needed to finish it."""

    request: Request
    fence: str


@dataclass(frozen=True)
class Standing:
    """A request and every stored fact that policy asks for about it, as they were at one moment."""

    request: Request
    votes: tuple[Vote, ...]
    frozen: "Freeze | None"
    """Declared by somebody; windows of ops.toml are policy's own."""
    last_run: datetime | None
    """When the same action last finished as done on the same target."""
    read_at: datetime


@dataclass(frozen=True)
class Voted:
    """Result of a vote. `earlier` is set where this person had voted already: nothing was counted twice."""

    request: Request
    verdict: Waiting | Rejected | Clearance | NotCounted
    earlier: Vote | None = None
    votes: tuple[Vote, ...] = ()
    """All that are kept, this one among them where it is."""
    notices: tuple[Notice, ...] = ()
    """Told in the request's thread if the vote is kept."""


class Requests(Protocol):
    """The ledger. Every method that moves a request is one transaction holding the move, its audit row, and the word to
    whoever draws cards; if the audit row cannot be written, nothing has happened."""

    async def add(self, draft: Draft, entry: Entry, *, again_after: timedelta) -> Request | Duplicate:
        """Store as `asked`. A delivery key seen in the last ten minutes, or the same action and params by the same
        person within `again_after` (zero: never), gives the earlier request instead."""
        ...

    async def get(self, request: RequestId) -> Request | None: ...

    async def standing(self, request: RequestId) -> Standing | None: ...

    async def votes(self, request: RequestId) -> tuple[Vote, ...]: ...

    async def open(self) -> tuple[Request, ...]:
        """In an open state, unknown, time-boxed and not over, or in need of review; oldest first."""
        ...

    async def asked_since(self, at: datetime) -> tuple[Request, ...]:
        """Oldest first, at most 1,000."""
        ...

    async def last_run(self, action: str, target: str) -> datetime | None:
        """When this action last finished as done on this target."""
        ...

    async def move(
        self,
        request: RequestId,
        sources: frozenset[State],
        to: State,
        entry: Entry,
        *,
        fence: str | None = None,
        lapsed: bool = False,
        **columns: Unpack[Columns],
    ) -> Request | None:
        """Move if the state is still among `sources`, and, to leave `running` or `undoing`, if the fence is ours or
        (`lapsed`) the lease has run out; None otherwise. A move to those goes through `claim`; leaving them clears
        fence and lease."""
        ...

    async def note(
        self, request: RequestId, entry: Entry, *, version: int | None = None, **columns: Unpack[Columns]
    ) -> Request | None:
        """Set columns without a move: a new end, a review, a warning. None for an unknown request, for a reminder where
        one was given already, and where the request has another `version` by now."""
        ...

    async def vote(
        self, request: RequestId, vote: Vote, judge: Callable[[Request, Sequence[Vote]], Voted], entry: Entry
    ) -> Voted | None:
        """Lock the row, let `judge` decide with the votes so far and this one, and in the same transaction keep the
        vote and its audit row, and move (cleared, rejected) as the verdict says. A vote that does not count is
        not kept, its refusal is audited. None for an unknown request."""
        ...

    async def take_back(self, request: RequestId, person: PersonId, entry: Entry) -> Request | None:
        """Forget this person's yes, with its audit row; None where the request waits no more, or they gave none."""
        ...

    async def claim(
        self, request: RequestId, sources: frozenset[State], to: State, entry: Entry, *, lease: timedelta
    ) -> Claimed | None:
        """`UPDATE … SET state = to, fence, lease WHERE state IN sources`, committed with the started row. None where
        somebody else was first, or another request runs on the same target right now."""
        ...

    async def renew(self, claimed: Claimed, lease: timedelta) -> bool:
        """Lengthen the lease; False where it was lost."""
        ...

    async def progress(self, claimed: Claimed, text: str) -> bool:
        """Keep what the run says of itself and owe its card; no move, so nothing in the trail. False where the lease
        was lost."""
        ...

    async def due(self, now: datetime, *, plans: int = 100) -> "Due":
        """At most so many unplanned: whoever is given one has to plan it, as nobody else will for a while."""
        ...

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever another process moved something, and after every reconnect. Runs until cancelled."""
        ...


@dataclass(frozen=True)
class Due:
    """Rows that time has caught up with. Replicas may see the same ones: every move that follows is conditional."""

    unplanned: tuple[RequestId, ...]
    """Asked, and whoever was planning it is gone."""
    cleared: tuple[RequestId, ...]
    expired: tuple[RequestId, ...]
    lapsed: tuple[RequestId, ...]
    """Running or undoing with a lease that ran out: the outcome is unknown."""
    ending: tuple[RequestId, ...]
    """Time-boxed changes whose time is over, and that are to be ended now."""
    reminding: tuple[RequestId, ...]
    """Waiting, more than half of their life gone, not reminded yet."""


class Freeze(Frozen):
    """Why nothing destructive runs now."""

    name: str
    reason: str
    until: AwareDatetime | None = None
    by: PersonId | None = None


class Freezes(Protocol):
    """Freezes that people declared; the windows of ops.toml are policy's own."""

    async def current(self) -> Freeze | None: ...
    async def declare(self, freeze: Freeze, entry: Entry) -> None: ...
    async def lift(self, entry: Entry) -> Freeze | None:
        """The freeze that was lifted, None if there was none."""
        ...


class Roster(Frozen):
    """Who is in which role, as last read. A role that could not be read is in `unreadable`, with the reason."""

    members: Mapping[str, frozenset[PersonId]]
    unreadable: Mapping[str, str] = {}
    read_at: AwareDatetime


class Directory(Protocol):
    """People and groups, from memory; refreshed elsewhere so that nothing ever waits for Slack."""

    def roster(self) -> Roster: ...
    def name(self, person: PersonId) -> str:
        """How to call them in a terminal or a file."""
        ...

    def channel_name(self, channel: str) -> str:
        """Without #; empty where it is not known."""
        ...

    def is_shared(self, channel: str) -> bool:
        """Whether people of another organisation may read it; where that is not known, they may."""
        ...

    def channel_id(self, wanted: str | None) -> str | None:
        """Id of `#name`, or what was given if that is no name; None where the name is not known."""
        ...


class Posting(Frozen):
    """One thing the outbox owes Slack."""

    id: int
    kind: NoticeKind
    channel: str | None
    """None: wherever the request's card stands."""
    thread: str | None = None
    request: RequestId | None = None
    is_card: bool = False
    """Draw (or redraw, where `ts` is set) the request's card from its stored state."""
    ts: str | None = None
    text: str = ""
    to: tuple[PersonId, ...] = ()
    report: dict[str, JsonValue] | None = None
    """A Report to render, for what is no request."""
    attempts: int = 0


class Outbox(Protocol):
    """Messages owed to Slack, kept in Postgres; delivered at least once, most urgent and oldest first."""

    async def tell(self, request: RequestId, notice: Notice) -> None: ...

    async def post(
        self, channel: str, *, key: str, text: str = "", report: Report | None = None, thread: str | None = None
    ) -> None:
        """Owe a message that belongs to no request; the same `key` is owed once."""
        ...

    async def take(self, limit: int, lease: timedelta) -> tuple[Posting, ...]:
        """Lease what is owed now: undelivered messages, and cards drawn from an older version than their request has.
        Taken rows are nobody else's until the lease runs out."""
        ...

    async def delivered(
        self, posting: Posting, *, channel: str, ts: str, version: int, thread_gone: bool = False
    ) -> None:
        """`version`: of the drawn request, 0 for what is no card; `thread_gone`: it stands beside its thread."""

    async def postpone(self, posting: Posting, after: timedelta, why: str) -> None: ...

    async def give_up(self, posting: Posting, why: str) -> None:
        """A permanent error: never tried again. A card's row is owed anew, as a fresh message."""
        ...

    async def move_card(self, posting: Posting, places: Sequence[Place], why: str) -> None:
        """Slack refuses the card there: owe one at each of these places instead that has none."""

    async def copies(self, request: RequestId) -> tuple[Copy, ...]:
        """Every copy of its card that stands, is owed or was refused, oldest first."""

    async def found(self, request: RequestId, channel: str, ts: str) -> None:
        """Somebody clicked a copy of a card that we have no row of: redraw it from now on."""
        ...

    async def ts_of(self, key: str) -> str | None:
        """Name in Slack of what `post` owed under this key, once it stands there."""
        ...

    async def backlog(self, channel: str | None = None) -> int:
        """How many are owed."""
