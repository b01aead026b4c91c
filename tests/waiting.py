"""Waiting for what another task, process or server does: by looking, for as long as the slowest machine may need.

How long it took is never what a test asserts; the limit is there so that what never comes has an end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0


async def until(holds: Callable[[], object]) -> None:
    """Raises TimeoutError where it does not hold in the end."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it asks about any state, on both sides
            await asyncio.sleep(0.01)


async def until_told(holds: Callable[[], Awaitable[object]]) -> None:
    """As `until`, where one has to ask. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is asked has no event for it
            await asyncio.sleep(0.02)


async def in_time(waited_for: Awaitable[T]) -> T:
    """What must end by itself. Raises TimeoutError where it does not."""
    return await asyncio.wait_for(waited_for, PATIENCE_S)
