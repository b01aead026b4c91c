"""Work that goes on after an ack: kept, drained at the end, and never failing in silence."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex

import structlog

from bot.slack.outbox.answering import Teller, Unreachable
from bot.slack.views.place import Origin
from bot.slack.views.reports import words_message
from bot.words.exceptions import OpsError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Errands:
    teller: Teller
    _going: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, work: Coroutine[object, object, None], origin: Origin | None) -> None:
        """`origin` is who hears of a failure."""
        task = asyncio.create_task(self._guarded(work, origin))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def drain(self, patience: timedelta) -> None:
        if self._going:
            await asyncio.wait(list(self._going), timeout=patience.total_seconds())

    async def _guarded(self, work: Coroutine[object, object, None], origin: Origin | None) -> None:
        try:
            await work
        except Unreachable:
            pass  # logged with its words, and nobody is left to tell
        except OpsError as error:
            await self.sorry(origin, str(error))
        except Exception as error:
            await self.broke(origin, error)

    async def broke(self, origin: Origin | None, error: Exception) -> None:
        """A defect of ours: tell the person, privately, with the reference that finds the log line."""
        reference = token_hex(4)
        log.error("slack_failed", reference=reference, exc_info=error)
        await self.sorry(origin, f"Handrail failed there; nothing more came of it. Reference: {reference}")

    async def sorry(self, origin: Origin | None, sentence: str) -> None:
        if origin is None:
            return
        try:
            await self.teller.privately(origin, words_message(sentence))
        except Exception as error:
            log.warning("not_even_sorry", error=str(error))
