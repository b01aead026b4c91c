"""Takes old rows of the audit trail out of the database once a day, where ops.toml says how long they stay."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.run.execute import MACHINE
from bot.words.ports import Clock, Outbox
from bot.words.retention import Retention, midnight_before


@dataclass
class Retiring:
    retention: Retention
    outbox: Outbox
    clock: Clock
    keep: timedelta
    channel: Callable[[], str | None]
    """Id of the channel that hears of it; None where there is none."""
    _done: datetime | None = field(default=None)

    async def sweep(self) -> None:
        before = midnight_before(self.clock(), self.keep)
        if before == self._done:
            return
        if (await self.retention.old(before)).rows:
            retired = await self.retention.retire(before, MACHINE)
            if channel := self.channel():
                await self.outbox.post(channel, key=f"archived:{retired.last}", text=retired.told)
        self._done = before
