"""Work that time and others bring: cleared requests to run, expiry, reminders, ends of time-boxes, lapsed leases.

The ledger itself is the queue: `cleared` is what is to be run, a due column is what is to be done, and every move is a
conditional update, so any number of replicas may sweep at once. A wake-up over LISTEN makes it prompt; the sweep makes
it sure.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.road import Road
from bot.run.execute import MACHINE, LeaseLost, NotClaimed, lapsed
from bot.run.overdue import overdue
from bot.words.exceptions import OpsError, StoreUnwritable
from bot.words.ports import Columns, Entry, Notice, NoticeKind, Standing
from bot.words.request import Request, RequestId, Review, State, sources_of

log = structlog.get_logger(__name__)
SWEEP = timedelta(seconds=1)
"""Longest time before something due is seen, should a wake-up be lost."""


@dataclass
class Jobs:
    """One per process. `run` until cancelled, woken by whoever listens to the store; `drain` lets what runs end."""

    road: Road
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[RequestId, asyncio.Task[None]] = field(default_factory=dict)

    swept_at: float = field(default_factory=time.monotonic)
    """Of the monotonic clock; old where the loop hangs."""

    @property
    def busy(self) -> int:
        return len(self._busy)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        self.road.handover.taker = self.take
        try:
            while True:
                await self._look()
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up.
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP.total_seconds()):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            self.road.handover.taker = None

    def take(self, cleared: Standing) -> None:
        """Start what a vote in this process has just cleared; where all executors are busy, a sweep finds it."""
        self._start(cleared.request.id, self._run_cleared(cleared))

    async def _look(self) -> None:
        try:
            await self.sweep()
            self.swept_at = time.monotonic()
        except (OpsError, OSError) as error:
            log.warning("sweep_failed", error=str(error))
        except Exception:
            log.exception("sweep_crashed")

    async def sweep(self) -> None:
        """Look once at everything due. Runs are started, not waited for."""
        room = self.road.limits.executors - len(self._busy)
        due = await self.road.requests.due(self.road.clock(), plans=max((room + 1) // 2, 0))
        for request_id in due.unplanned:
            self._start(request_id, self._prepare(request_id))
        for request_id in due.cleared:
            self._start(request_id, self._run(request_id))
        for request_id in due.ending:
            self._start(request_id, self._end(request_id))
        for request_id in due.lapsed:
            if request_id not in self._busy:  # else this very process may be writing down how it ended
                await self._lapse(request_id)
        for request_id in due.expired:
            await self._expire(request_id)
        for request_id in due.reminding:
            await self._remind(request_id)

    async def drain(self, patience: timedelta) -> None:
        """Let running work end; what does not end in time is found by its lapsed lease."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=patience.total_seconds())

    def _start(self, request_id: RequestId, work: Awaitable[object]) -> None:
        if request_id in self._busy or len(self._busy) >= self.road.limits.executors:
            if asyncio.iscoroutine(work):
                work.close()
            return

        async def guarded() -> None:
            try:
                await work
            except OpsError as error:  # the database is away, say: what is due is seen again, what ran is lapsed
                log.warning("job_gave_up", request=request_id, error=str(error))
            except Exception:
                log.exception("job_crashed", request=request_id)
            finally:
                self._busy.pop(request_id, None)
                self.wake()

        self._busy[request_id] = asyncio.create_task(guarded(), name=f"job {request_id}")

    async def _run(self, request_id: RequestId) -> None:
        request = await self.road.run(request_id)
        if request is None:
            # Its target is busy, or another replica has it: the next sweep looks again.
            await asyncio.sleep(0.2)

    async def _run_cleared(self, cleared: Standing) -> None:
        if await self.road.run_cleared(cleared) is None:
            await asyncio.sleep(0.2)

    async def _prepare(self, request_id: RequestId) -> None:
        """Whoever took it in is gone: of a refusal its requester is told here, as nobody else waits for it."""
        request = await self.road.prepare(request_id)
        if request.state is State.DENIED:
            told = Notice(kind=NoticeKind.RESULT, text=request.outcome, to=tuple(sorted(request.owners)), key="denied")
            entry = self._entry("told", request, request.outcome)
            await self.road.requests.note(request_id, entry, version=request.version, notices=(told,))

    async def _end(self, request_id: RequestId) -> None:
        """The time of a time-boxed change is over: undo it, unless somebody changed its target meanwhile."""
        requests, now = self.road.requests, self.road.clock()
        request = await requests.get(request_id)
        if request is None or request.state is not State.DONE or request.ends_at is None or request.ends_at > now:
            return  # somebody ended or extended it meanwhile
        alarm = request.owners | self.road.judge.concerned(request)
        try:
            await self.road.executor.undo(request_id, MACHINE, alarm=alarm)
        except (NotClaimed, LeaseLost, StoreUnwritable):
            return  # another replica ends it, or something runs on its target, or nothing was done: looked at again
        except OpsError as error:
            # Where it was claimed, the request has another version, and the row that moved it back tells the failure.
            why = self.road.redactor.text(str(error))
            columns = overdue(request, error, why, now, alarm)
            await requests.note(request_id, self._entry("end_failed", request, why), version=request.version, **columns)

    async def _lapse(self, request_id: RequestId) -> None:
        request = await self.road.requests.get(request_id)
        if request is None or request.state not in (State.RUNNING, State.UNDOING):
            return
        entry, sentence = lapsed(request)
        people = tuple(sorted(request.owners | set(request.needs.approvers if request.needs else ())))
        told = Notice(kind=NoticeKind.MENTION, text=sentence, to=people, key=f"unknown:{request.version}")
        columns: Columns = {"outcome": sentence, "finished_at": self.road.clock(), "notices": (told,)}
        if request.break_glass and request.state is State.RUNNING:
            columns["review"] = Review.OPEN
        await self.road.requests.move(
            request_id, frozenset({State.RUNNING, State.UNDOING}), State.UNKNOWN, entry, lapsed=True, **columns
        )

    async def _expire(self, request_id: RequestId) -> None:
        request = await self.road.requests.get(request_id)
        if request is None or request.state not in sources_of(State.EXPIRED):
            return
        waited = "Nobody answered in time; nothing was run."
        outcome = waited if request.state is State.WAITING else "It was approved but could not start in time."
        entry = self._entry("expired", request, outcome)
        told = Notice(
            kind=NoticeKind.RESULT, text=f"Expired: {outcome}", to=tuple(sorted(request.owners)), key="expired"
        )
        columns: Columns = {"outcome": outcome, "finished_at": self.road.clock(), "notices": (told,)}
        await self.road.requests.move(request_id, frozenset({request.state}), State.EXPIRED, entry, **columns)

    async def _remind(self, request_id: RequestId) -> None:
        """Once: the approvers again, and the next role beside them."""
        request = await self.road.requests.get(request_id)
        if request is None or request.needs is None or request.state is not State.WAITING:
            return
        needs = request.needs
        roster = self.road.judge.directory.roster()
        fresh = [role for role in needs.escalation if role not in needs.roles]
        members = {person for role in fresh for person in roster.members.get(role, frozenset())}
        asked_next = {person for person in members - request.owners if not person.startswith("machine:")}
        left = request.expires_at - self.road.clock()
        minutes = max(int(left.total_seconds() // 60), 1)
        text = f"{request.id} still waits; it expires in {minutes} min."
        people = tuple(sorted({*needs.approvers, *asked_next}))
        told = Notice(kind=NoticeKind.MENTION, text=text, to=people, key="reminded")
        columns: Columns = {"reminded": True, "notices": (told,)}
        if fresh:
            columns["escalated"] = tuple(fresh)
            approvers = tuple(sorted({*needs.approvers, *asked_next}))
            columns["needs"] = needs.model_copy(update={"approvers": approvers, "roles": (*needs.roles, *fresh)})
        await self.road.requests.note(request_id, self._entry("reminded", request, text), **columns)

    def _entry(self, kind: str, request: Request, outcome: str) -> Entry:
        return Entry(
            kind=kind,
            actor=MACHINE,
            on_behalf_of=request.requester,
            request=request.id,
            action=request.action,
            target=request.target,
            detail={"outcome": outcome},
        )


@dataclass(frozen=True)
class Every:
    """Something looked at again and again, apart from the jobs: a vendor that is slow holds up no request."""

    span: timedelta
    """Rest between two looks."""
    look: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Until cancelled; a look that fails is repeated at its next turn."""
        while True:
            try:
                await self.look()
            except (OpsError, OSError) as error:
                log.warning("look_failed", look=self.look.__qualname__, error=str(error))
            except Exception:
                log.exception("look_crashed", look=self.look.__qualname__)
            await asyncio.sleep(self.span.total_seconds())
