"""How often a vendor lets itself be asked: calls wait for their turn, and are not sent where it would come too late."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True)
class Pace:
    """`calls` in any span `per`, evenly; `at_once` of them may go out together before the pace holds them."""

    calls: int
    per: timedelta
    at_once: int = 10

    @property
    def each(self) -> timedelta:
        return self.per / self.calls

    @property
    def lead(self) -> timedelta:
        """How far ahead of the even pace calls may run."""
        return self.at_once * self.each


class Turns(Protocol):
    """Whose turn it is, for all processes that share it."""

    async def book(self, service: str, pace: Pace, longest: timedelta) -> timedelta:
        """How long to wait for the turn that was booked; where that is `longest` or more, none was."""
        ...


@dataclass
class OwnTurns:
    """Of this process alone."""

    timer: Callable[[], float] = time.monotonic
    _booked: dict[str, float] = field(default_factory=dict)
    """When the calls that went out would end, were they spread evenly."""

    async def book(self, service: str, pace: Pace, longest: timedelta) -> timedelta:
        now = self.timer()
        booked = max(self._booked.get(service, 0.0), now) + pace.each.total_seconds()
        wait = max(timedelta(seconds=booked - now) - pace.lead, timedelta(0))
        if wait < longest:
            self._booked[service] = booked
        return wait
