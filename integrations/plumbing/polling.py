"""Waiting until a vendor says that what it accepted is done."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, TryLater

T = TypeVar("T")

_FIRST_S = 0.1


async def until(
    look: Callable[[], Awaitable[T | None]], *, limit: timedelta, every: timedelta, new: bool = False
) -> T | None:
    """Look again and again until there is something, soon at first and then `every`; None after `limit`.

    A look that cannot be had is no end. Raises OutcomeUnknown where looking is refused, and where what is looked at is
    not there any more: what was sent goes on without us. What is `new` may be listed later than it was made, so not
    finding it is no end until it was found once. A look says that it ended badly by what it gives, never by an error.
    """
    end = time.monotonic() + limit.total_seconds()
    pause = min(_FIRST_S, every.total_seconds())
    there = not new
    while True:
        found: T | None = None
        try:
            found = await look()
            there = True
        except TryLater:
            pass
        except NotUnderstood as error:
            if there:
                raise OutcomeUnknown(f"It was sent, and what it was for is not there any more: {error}") from error
        except OpsError as error:
            raise OutcomeUnknown(f"It was sent, and how it ended cannot be read: {error}") from error
        if found is not None or time.monotonic() + pause > end:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, every.total_seconds())
