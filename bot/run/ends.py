"""What a process knows of a run's end and could not write down: kept in a local journal, and told for the reconcile."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import structlog

from bot.run.execute import MACHINE
from bot.run.journal import Journal, Written
from bot.words.exceptions import StoreUnwritable
from bot.words.ports import Clock, Entry, Notice, NoticeKind, Requests
from bot.words.request import Request, RequestId, State

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ends:
    """`keep` where an end could not be written; `replay` again and again, in any process on the same folder."""

    journal: Journal
    requests: Requests
    clock: Clock

    async def keep(self, request: Request, to: State, outcome: str) -> None:
        """Never raises: what cannot be kept either is in the log. `outcome` is redacted."""
        line = Written(
            id=uuid4().hex,
            kind="run_ended",
            at=self.clock(),
            actor=MACHINE,
            action=request.action,
            target=request.target,
            detail={"request": request.id, "state": to.value, "outcome": outcome},
        )
        try:
            await asyncio.to_thread(self.journal.append, line)
        except OSError as error:
            log.error("end_not_kept", request=request.id, state=to, outcome=outcome, error=str(error))

    async def replay(self) -> None:
        """Tell what the journal holds of runs that are called unknown, once, and forget it."""
        try:
            await self._replayed()
        except (StoreUnwritable, OSError) as error:
            log.warning("ends_wait", error=str(error))

    async def _replayed(self) -> None:
        lines, read = await asyncio.to_thread(self.journal.read)
        if not lines:
            return
        with self.journal.alone() as alone:
            if not alone:
                return
            going = [await self._told(line) for line in lines]
            if all(going):
                await asyncio.to_thread(self.journal.clear, read)

    async def _told(self, line: Written) -> bool:
        """False where it has to be looked at again."""
        request = await self.requests.get(RequestId(str(line.detail["request"])))
        if request is None or request.state not in (State.RUNNING, State.UNDOING, State.UNKNOWN):
            return True  # written after all, or a person said how it ended
        if request.state is not State.UNKNOWN:
            return False  # its process may still write it, or its lease runs out
        known = f"The process that ran it knew how it ended: {line.detail['state']}. {line.detail['outcome']}"
        if request.note == known:
            return True
        people = tuple(sorted({*request.owners, *(request.needs.approvers if request.needs else ())}))
        text = f"{request.id}: {known} Look at {request.target or 'the target'}, then reconcile it."
        told = Notice(kind=NoticeKind.MENTION, text=text, to=people, key=f"known:{line.id}")
        detail = {**line.detail, "at": line.at.isoformat()}
        entry = Entry(kind="end_known", actor=MACHINE, request=request.id, detail=detail)
        noted = await self.requests.note(request.id, entry, version=request.version, note=known, notices=(told,))
        return noted is not None
