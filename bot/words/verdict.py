"""How votes on a request stand: waiting for more, rejected, or cleared to run. No I/O."""

from dataclasses import dataclass

from bot.words.report import PersonId
from bot.words.request import Request


@dataclass(frozen=True)
class Waiting:
    """More votes are needed."""

    missing: int


@dataclass(frozen=True)
class Rejected:
    """Somebody who may decide said no."""

    by: PersonId
    why: str


@dataclass(frozen=True)
class Clearance:
    """Proof that a request may run: its present voters, with their present rights, approve this very plan.

    Made by `tally` alone; `execute` takes nothing else.
    """

    request: Request
    by: tuple[PersonId, ...]
    self_approved: bool
    _seal: object

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("a Clearance is made by approval.tally alone")


_SEAL = object()


@dataclass(frozen=True)
class NotCounted:
    """Why a person's word does not count on this request."""

    reason: str
