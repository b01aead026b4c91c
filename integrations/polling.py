"""Waiting until a vendor says that what it accepted is done."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from bot.errors import TryLater

T = TypeVar("T")

_FIRST_S = 0.1


async def until(look: Callable[[], Awaitable[T | None]], *, limit: timedelta, every: timedelta) -> T | None:
    """Look again and again until there is something, soon at first and then `every`; None after `limit`.

    A look that cannot be had is no end.
    """
    end = time.monotonic() + limit.total_seconds()
    pause = min(_FIRST_S, every.total_seconds())
    while True:
        try:
            found = await look()
        except TryLater:
            found = None
        if found is not None or time.monotonic() + pause > end:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, every.total_seconds())
