"""The request and the table of its legal moves; no I/O."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, NewType

from pydantic import AfterValidator, AwareDatetime, JsonValue

from bot.words.action import Risk
from bot.words.params import Choices
from bot.words.report import Frozen, PersonId, Suggestion

RequestId = NewType("RequestId", str)
"""`R` and a number, as people type it: R42."""


def request_id(typed: str) -> str:
    """R42 from `R42`, `r42`, `#42` or `42`. Raises ValueError with what to type instead."""
    found = re.fullmatch(r"[Rr#]?(\d{1,12})", typed.strip())
    if found is None:
        raise ValueError(f"{typed!r} is no request; type one like R42, or requests to see them")
    return f"R{int(found[1])}"


RequestWord = Annotated[str, AfterValidator(request_id), Choices()]
"""A request as a parameter."""


class Via(StrEnum):
    """The surface something was said on. All of them lead to the same road."""

    SLASH = "slash"
    BUTTON = "button"
    FORM = "form"
    SHORTCUT = "shortcut"
    MENTION = "mention"
    HOME = "home"
    TERMINAL = "terminal"
    ALERT = "alert"
    SCHEDULE = "schedule"
    RUNBOOK = "runbook"


class Said(Frozen):
    """Who said what, on whose behalf, where."""

    who: PersonId
    words: str
    """As typed after `/ops `."""
    via: Via
    on_behalf_of: PersonId | None = None
    """The person behind a machine; counts as the requester."""
    channel: str | None = None
    """Slack channel id; None in the terminal."""
    thread: str | None = None
    delivery: str | None = None
    """Key of the delivery; the same key is acted on once, for ten minutes."""

    @property
    def is_person(self) -> bool:
        return not self.who.startswith("machine:")


class State(StrEnum):
    ASKED = "asked"
    DENIED = "denied"
    WAITING = "waiting"
    CLEARED = "cleared"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNDOING = "undoing"
    UNDONE = "undone"


MOVES: dict[State, frozenset[State]] = {
    State.ASKED: frozenset({State.DENIED, State.WAITING, State.CLEARED}),
    State.DENIED: frozenset(),
    State.WAITING: frozenset({State.CLEARED, State.REJECTED, State.EXPIRED, State.WITHDRAWN}),
    State.CLEARED: frozenset({State.RUNNING, State.STALE, State.EXPIRED}),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.STALE: frozenset(),
    # Stale is raised before any effect only, so a run that finds the world moved has changed nothing.
    State.RUNNING: frozenset({State.DONE, State.FAILED, State.UNKNOWN, State.STALE}),
    # An undo that finds its change altered by somebody changes nothing: the request is done as before.
    State.DONE: frozenset({State.UNDOING}),
    State.UNDOING: frozenset({State.UNDONE, State.FAILED, State.UNKNOWN, State.DONE}),
    State.FAILED: frozenset(),
    # Only by a person's reconcile.
    State.UNKNOWN: frozenset({State.DONE, State.FAILED}),
    State.UNDONE: frozenset(),
}

OPEN = frozenset({State.ASKED, State.WAITING, State.CLEARED, State.RUNNING, State.UNDOING})
"""States in which the machine or a person still owes a move."""


def sources_of(to: State) -> frozenset[State]:
    """States from which a move to `to` is legal."""
    return frozenset(source for source, targets in MOVES.items() if to in targets)


class Mode(StrEnum):
    """How a request gets its yes."""

    CONFIRM = "confirm"
    """The requester confirms the plan."""
    OTHERS = "others"
    """Other people approve."""
    TYPED = "typed"
    """The requester types the phrase; where others are approvers too, they may approve as well."""


class Needs(Frozen):
    """Requirements for a run: policy's answer as stored with the request and shown on its card."""

    rule: str
    reason: str
    mode: Mode
    approvers: tuple[PersonId, ...]
    """Sorted; never the requester unless the mode says so. Decided again at every click and at execution."""
    roles: tuple[str, ...] = ()
    """The roles those approvers come from; shown, and mentioned where a role is a user group."""
    count: int = 1
    lives: timedelta
    escalation: tuple[str, ...] = ()
    """Roles that are asked next when nobody has answered; their members may then approve too."""
    overrides_freeze: bool = False
    break_glass: bool = False
    skipped: tuple[PersonId, ...] = ()
    """Approvers passed over by breaking the glass; each is told."""


class Vote(Frozen):
    """One person's word on one request; a person has one."""

    person: PersonId
    approve: bool
    at: AwareDatetime
    digest: str
    """Of the plan that was on the card."""
    typed: bool = False
    """Given by typing the confirm phrase."""
    note: str = ""
    via: Via = Via.BUTTON


class Review(StrEnum):
    """Of a run that skipped its approvers."""

    NONE = "none"
    OPEN = "open"
    REVIEWED = "reviewed"


class Request(Frozen):
    """One asking for one action. A row; every stage returns the next one."""

    id: RequestId
    version: int
    """Counts moves and notes; a card drawn from an older one is redrawn."""
    state: State
    action: str
    """The action's words in the catalogue."""
    typed: str
    """The words as said, redacted."""
    params: dict[str, JsonValue]
    risk: Risk
    requester: PersonId
    on_behalf_of: PersonId | None = None
    via: Via
    channel: str | None = None
    thread: str | None = None
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    """When an asking or waiting or cleared request ends by itself."""
    override: str = ""
    """Why it may run during a freeze, in the requester's words."""
    break_glass: str = ""
    """Why nobody could be asked, in the requester's words."""
    target: str = ""
    plan: dict[str, JsonValue] | None = None
    digest: str = ""
    needs: Needs | None = None
    escalated: tuple[str, ...] = ()
    """Roles asked so far beyond the first."""
    self_approved: bool = False
    """Its requester alone said yes, by typing the phrase; set from the Clearance when it is cleared."""
    outcome: str = ""
    """How it ended, one sentence, redacted; also why it was denied, rejected or is stale."""
    progress: str = ""
    """The last lines that the run said of itself, redacted."""
    ended_by: PersonId | None = None
    """Who rejected, withdrew, reconciled or undid it; None where time or the machine did."""
    differences: tuple[str, ...] = ()
    """For a stale one: what moved since the plan was shown."""
    choices: tuple[Suggestion, ...] = ()
    """For a denied one that was not understood: whole lines of which one may have been meant."""
    receipt: dict[str, JsonValue] | None = None
    undo_receipt: dict[str, JsonValue] | None = None
    ends_at: AwareDatetime | None = None
    """When a time-boxed change is undone by itself; stays as it was where that did not succeed."""
    end_tries: int = 0
    """How often it could not be ended when its time was over."""
    end_again_at: AwareDatetime | None = None
    """When ending it is tried again."""
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    review: Review = Review.NONE
    reviewed_by: PersonId | None = None
    note: str = ""
    """Something people must know that is no move: a drift that kept a change from ending by itself."""

    @property
    def overdue(self) -> bool:
        """Time-boxed, and still in place although its time is over, as it could not be ended."""
        return self.state is State.DONE and self.ends_at is not None and self.end_tries > 0

    @property
    def owners(self) -> frozenset[PersonId]:
        """The people who count as its requester."""
        return frozenset({self.requester} | ({self.on_behalf_of} if self.on_behalf_of else set()))


class Answer(Frozen):
    """A private answer to one person who said or clicked something."""

    text: str
    hint: str = ""
    """The line to type instead; shown as code."""
    choices: tuple[Suggestion, ...] = ()
    """Whole lines of which one was meant: a button each, and the hint only where there are more than buttons."""
    request: RequestId | None = None
    again: RequestId | None = None
    """Set when the same was asked a moment ago: a button may repeat this request's words."""
    form: str = ""
    """Words of an action whose form may be opened to complete what was typed."""
