"""Puts the head of the audit chain where whoever owns the database does not reach: a channel and a file."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.words.ports import AuditLog, Clock, Outbox


@dataclass
class Anchoring:
    """Once a period, whatever number of replicas sweeps: the period names the message."""

    audit: AuditLog
    outbox: Outbox
    clock: Clock
    every: timedelta
    channel: Callable[[], str | None]
    """Id, once it is known; None where there is none."""
    file: Path | None = None
    _done: int = field(default=-1)

    async def sweep(self) -> None:
        period = int(self.clock().timestamp() // self.every.total_seconds())
        if period == self._done:
            return
        newest = await self.audit.read(limit=1)
        if not newest:
            return
        seq, mac, at = newest[0].seq, newest[0].mac, newest[0].at
        if channel := self.channel():
            text = f"Audit anchor: row {seq}, seal {mac}"
            await self.outbox.post(channel, key=f"anchor:{period}", text=text)
        if self.file is not None:
            await asyncio.to_thread(_append, self.file, seq, mac, at)
        self._done = period


def _append(file: Path, seq: int, mac: str, at: datetime) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"seq": seq, "mac": mac, "at": at.isoformat()}) + "\n")
