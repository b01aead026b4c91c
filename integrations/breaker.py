"""A circuit breaker: a service that gives no answer is left alone for a while, so that it slows nothing else down."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.errors import TryLater

TRIPS = 3
"""Calls in a row without an answer that open it."""
FIRST_S, LONGEST_S = 15.0, 120.0
"""How long it stays open, the first time and at most; each trial that fails doubles it."""


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
    _trying: bool = False

    @contextmanager
    def calling(self, name: str, *, ours: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
        """Around a call. `ours` are errors that say nothing of the service. Raises Open, caused by the last failure."""
        self._admit(name)
        try:
            yield
        except ours:
            self._trying = False
            raise
        except BaseException as error:
            # A cancelled call counts: whoever waited gave up on it.
            self._failed(error if isinstance(error, Exception) else TimeoutError())
            raise
        self.silent, self._trying, self.last = 0, False, None

    def _admit(self, name: str) -> None:
        if self.silent < TRIPS:
            return
        left = self._until - self.timer()
        if left <= 0 and not self._trying:
            self._trying = True  # one call finds out for all
            return
        again = timedelta(seconds=max(left, 1.0))
        raise Open(
            f"{name} gave no answer {self.silent} times in a row; it is asked again in {again.total_seconds():.0f} s.",
            after=again,
        ) from self.last

    def _failed(self, error: Exception) -> None:
        self.silent, self._trying, self.last = self.silent + 1, False, error
        if self.silent >= TRIPS:
            self._until = self.timer() + min(FIRST_S * 2 ** (self.silent - TRIPS), LONGEST_S)
