"""A circuit breaker: a service that gives no answer is left alone for a while, so that it slows nothing else down."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.words.exceptions import TryLater

TRIPS = 3
"""Calls in a row without an answer that open it."""
FIRST_S, LONGEST_S = 15.0, 120.0
"""How long it stays open, the first time and at most; each trial that fails doubles it."""


PATIENCE_S = 1.0
"""A call that is cancelled sooner says nothing of the service."""


class Open(TryLater):
    """Not asked: it has not answered lately. Nothing was sent."""


@dataclass
class Breaker:
    """Of one service, for all its clients: any answer counts as one, whatever it says; only silence does not."""

    timer: Callable[[], float] = time.monotonic
    silent: int = 0
    """Calls in a row that got no answer."""
    last: Exception | None = None
    """How the last one of those ended."""
    _until: float = 0.0

    @contextmanager
    def calling(self, name: str, *, ours: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
        """Around a call. `ours` are errors that say nothing of the service. Raises Open, caused by the last failure."""
        trial, began = self._admit(name), self.timer()
        try:
            yield
        except ours:
            raise
        except BaseException as error:
            # Whoever waited for long gave up on it; one who left at once had other reasons.
            left_early = isinstance(error, asyncio.CancelledError) and self.timer() - began < PATIENCE_S
            if not left_early:
                self._failed(error if isinstance(error, Exception) else TimeoutError(), trial=trial)
            raise
        self.silent, self.last = 0, None

    def _admit(self, name: str) -> bool:
        """Whether this call is the one that finds out for all, while it is open."""
        if self.silent < TRIPS:
            return False
        left = self._until - self.timer()
        if left <= 0:
            self._until = self.timer() + FIRST_S  # a lease: one that lasts longer keeps nobody out
            return True
        again = timedelta(seconds=max(left, 1.0))
        raise Open(
            f"{name} gave no answer {self.silent} times in a row; it is asked again in {again.total_seconds():.0f} s.",
            after=again,
        ) from self.last

    def _failed(self, error: Exception, *, trial: bool) -> None:
        if self.silent >= TRIPS and not trial:
            return  # it began before the breaker opened: one hiccup of many calls is one
        self.silent, self.last = self.silent + 1, error
        if self.silent >= TRIPS:
            self._until = self.timer() + min(FIRST_S * 2 ** min(self.silent - TRIPS, 4), LONGEST_S)
