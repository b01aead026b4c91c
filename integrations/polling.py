"""Waiting until a vendor says that what it accepted is done."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from bot.errors import NotUnderstood, OpsError, OutcomeUnknown, TryLater

T = TypeVar("T")

_FIRST_S = 0.1


async def until(look: Callable[[], Awaitable[T | None]], *, limit: timedelta, every: timedelta) -> T | None:
    """Look again and again until there is something, soon at first and then `every`; None after `limit`.

    A look that cannot be had is no end, nor is one that does not find it: what was just made may be listed later.
    Raises OutcomeUnknown where looking is refused: what was accepted goes on without us. A look says that it ended
    badly by what it gives, never by an error.
    """
    end = time.monotonic() + limit.total_seconds()
    pause = min(_FIRST_S, every.total_seconds())
    while True:
        try:
            found = await look()
        except (TryLater, NotUnderstood):
            found = None
        except OpsError as error:
            raise OutcomeUnknown(f"It was accepted, and how it ended cannot be read: {error}") from error
        if found is not None or time.monotonic() + pause > end:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, every.total_seconds())
