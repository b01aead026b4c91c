"""What the judge looks at: frozen rows of the ledger, its trail, the world, Slack, and what was done to whom.

Times are seconds since the epoch, of one machine's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NEVER = float("inf")


@dataclass(frozen=True)
class Harm:
    """Something done to a bot process."""

    kind: str
    """`kill` or `stop`."""
    process: str
    at: float
    point: str = ""
    """Named point of the road; empty for a random moment."""
    until: float = NEVER
    """When a stopped one went on."""


@dataclass(frozen=True)
class Passed:
    """A bot passed a named point."""

    at: float
    process: str
    point: str
    task: str
    """`job R42` where it was a job."""


@dataclass(frozen=True)
class Row:
    """A request."""

    id: str
    action: str
    state: str
    words: str
    """Those of its state on the card."""
    requester: str
    version: int
    key: str = ""
    """What it acts on; empty for undo and end."""
    of: str = ""
    """The request that an undo or end is about."""
    expires_at: float = 0.0
    ends_at: float | None = None


@dataclass(frozen=True)
class Audit:
    seq: int
    at: float
    kind: str
    actor: str
    request: str


@dataclass(frozen=True)
class Click:
    """A person pressed a button, and Slack heard an ack or did not."""

    action: str
    request: str
    person: str
    at: float
    acked: bool


@dataclass(frozen=True)
class Copy:
    """A message that shows a request's card."""

    request: str
    channel: str
    ts: str
    text: str
    buttons: frozenset[str]
    known: bool
    """The outbox has a row of it."""


@dataclass(frozen=True)
class Facts:
    now: float
    rows: tuple[Row, ...] = ()
    votes: frozenset[tuple[str, str]] = frozenset()
    """(request, person)"""
    audit: tuple[Audit, ...] = ()
    effects: tuple[tuple[str, str], ...] = ()
    """(key, `done` or `undone`), one for each that happened."""
    clicks: tuple[Click, ...] = ()
    copies: tuple[Copy, ...] = ()
    harms: tuple[Harm, ...] = ()
    passed: tuple[Passed, ...] = ()
    trail_problem: str = ""
    """What `verify` says; empty where the chain holds."""
    fell: tuple[str, ...] = ()
    """Processes that ended without our doing."""
    hindered: tuple[str, ...] = ()
    """What kept people from acting: faults of the harness."""
    owed: int = 0
    """What the outbox still owed Slack when everything else had settled."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """Further numbers for the table."""

    def story(self, request: str) -> tuple[Audit, ...]:
        return tuple(entry for entry in self.audit if entry.request == request)
