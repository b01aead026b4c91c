"""Asking services within a deadline, all at once; a silent one leaves the others their turn."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from bot.words.exceptions import NotUnderstood, OpsError


class HasName(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T")


S = TypeVar("S", bound=HasName)


@dataclass(frozen=True)
class Unanswered:
    """Why a service gave no answer, as a sentence or a clause a person may read."""

    why: str
    unknown: bool = False
    """It did answer: what was asked for is not there."""

    def about(self, service: str) -> str:
        return f"Could not read {service}: {self.why}"


async def ask(call: Awaitable[T], deadline: timedelta) -> T | Unanswered:
    """The answer, or why there is none: whatever goes wrong with one service leaves the others their turn."""
    try:
        async with asyncio.timeout(deadline.total_seconds()) as limit:
            return await call
    except OpsError as error:
        return Unanswered(str(error), unknown=isinstance(error, NotUnderstood))
    except Exception as error:
        if limit.expired():
            return Unanswered(f"no answer within {deadline.total_seconds():g} s")
        logging.getLogger(__name__).exception("a service's client raised what it should have translated")
        return Unanswered(f"our own client failed ({type(error).__name__}); the log has the details")


@dataclass(frozen=True)
class Heard(Generic[S, T]):
    """What several services answered that were asked at once, in their order."""

    read: tuple[tuple[S, T], ...]
    unread: tuple[tuple[S, Unanswered], ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence on each that could not be read."""
        return tuple(no.about(service.name) for service, no in self.unread)


async def ask_all(services: Iterable[S], call: Callable[[S], Awaitable[T]], deadline: timedelta) -> Heard[S, T]:
    """Ask each of them, all at once, each within the deadline."""
    asked = tuple(services)
    answers = await asyncio.gather(*(ask(call(service), deadline) for service in asked))
    pairs = tuple(zip(asked, answers, strict=True))
    return Heard(
        tuple((service, answer) for service, answer in pairs if not isinstance(answer, Unanswered)),
        tuple((service, answer) for service, answer in pairs if isinstance(answer, Unanswered)),
    )


def but_unread(lead: str, unread: int, asked: int, what: str = "services") -> str:
    """The lead, with how much of the picture is missing: in the small print it is not seen."""
    return f"{lead.rstrip('.')}; {unread} of {asked} {what} could not be read." if unread else lead
