"""Answers that may be a little old: many who ask at once share one, and the next one is given at once."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from cachetools import TTLCache

from bot.words.report import Report


class Recent:
    """Reports not older than `ttl`, and the one check in flight that everybody who asks meanwhile shares."""

    def __init__(self, ttl: timedelta = timedelta(seconds=10), timer: Callable[[], float] = time.monotonic) -> None:
        self._kept: TTLCache[str, Report] = TTLCache(maxsize=256, ttl=ttl.total_seconds(), timer=timer)
        self._flying: dict[str, asyncio.Task[Report]] = {}

    def get(self, key: str) -> Report | None:
        return self._kept.get(key)

    async def make(self, key: str, report: Callable[[], Coroutine[Any, Any, Report]]) -> Report:
        """A new report, or the one being made right now."""
        if key not in self._flying:
            self._flying[key] = asyncio.create_task(self._fly(key, report()))
        return await asyncio.shield(self._flying[key])  # one who gives up waiting must not end it for the others

    async def _fly(self, key: str, report: Coroutine[Any, Any, Report]) -> Report:
        try:
            made = await report
            self._kept[key] = made
            return made
        finally:
            del self._flying[key]
