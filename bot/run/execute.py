"""Runs what is cleared: claim, audit, look again, act, audit. The only caller of Change.execute and Undoable.undo."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError

from bot.ask.catalogue import Catalogue
from bot.run.overdue import overdue
from bot.run.progress import telling
from bot.settings import Limits
from bot.words.action import Asker, Change, Plan, Receipt, Undoable
from bot.words.exceptions import (
    Misconfigured,
    NotUnderstood,
    OpsError,
    OurFault,
    OutcomeUnknown,
    Refused,
    Stale,
    StoreUnwritable,
    TryLater,
)
from bot.words.params import duration_text
from bot.words.ports import Claimed, Clock, Columns, Entry, Notice, NoticeKind, Requests
from bot.words.redaction import Redactor
from bot.words.report import PersonId
from bot.words.request import Request, RequestId, Review, State, sources_of
from bot.words.verdict import Clearance

log = structlog.get_logger(__name__)
FINISH_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
"""Between the tries to write down how a run ended; the last one again until its lease is over."""
MACHINE = PersonId("machine:handrail")
Checkpoint = Callable[[str], Awaitable[None]]
"""Called at each named point of the road; the crash test stops or kills the process there."""


Ended = Callable[[Request, State, str], Awaitable[None]]
"""Keeps how a run ended, where that could not be written down: its request, the state and the outcome."""


async def no_journal(_request: Request, to: State, outcome: str) -> None:
    log.error("end_not_kept", state=to, outcome=outcome)


async def no_checkpoint(_name: str) -> None:
    """Outside the crash test a checkpoint does nothing."""


class NotClaimed(Stale):
    """Somebody else acts on the request or on its target at this moment."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.id} cannot be undone at this moment: something else runs on {request.target}.")


class LeaseLost(Stale):
    """Nothing was done, as this process had been stopped or starved; whoever acts next may do it."""

    def __init__(self) -> None:
        super().__init__("This process was too slow and lost its lease.")


@dataclass(frozen=True)
class Executor:
    catalogue: Catalogue
    requests: Requests
    limits: Limits
    clock: Clock
    redactor: Redactor
    checkpoint: Checkpoint = no_checkpoint
    ended: Ended = no_journal

    async def run(self, clearance: Clearance) -> Request | None:
        """Run the cleared request, at most once; None where somebody else was first or its target is busy.

        Raises OurFault, before any move, where this version does not know the action, or cannot read its plan.
        """
        request = clearance.request
        action, plan = self._action(request), self.plan(request)
        entry = Entry(
            kind="started",
            actor=MACHINE,
            on_behalf_of=request.requester,
            request=request.id,
            action=request.action,
            target=request.target,
            detail={"approved_by": list(clearance.by), "digest": request.digest},
        )
        await self.checkpoint("before_claim")
        claimed = await self.requests.claim(
            request.id, sources_of(State.RUNNING), State.RUNNING, entry, lease=self.limits.lease
        )
        if claimed is None:
            return None
        await self.checkpoint("claimed")
        started = self.clock()

        async def act() -> Receipt:
            await self._still_as_planned(action, request, plan)
            await self._still_ours(claimed)
            await self.checkpoint("before_effect")
            async with telling(self.requests, claimed, self.redactor) as tell:
                return await action.execute_telling(plan, tell)

        end = await self._outcome(claimed, act(), State.DONE)
        columns = end.columns
        columns["started_at"] = started
        if end.to is State.DONE and plan.ends_after and isinstance(action, Undoable):
            columns["ends_at"] = self.clock() + plan.ends_after
        if request.break_glass and end.to is not State.STALE:
            columns["review"] = Review.OPEN
        await self.checkpoint("after_effect")
        finished = await self._finish(claimed, end.to, columns)
        await self.checkpoint("finished")
        return finished

    async def undo(self, request_id: RequestId, by: PersonId, *, alarm: Collection[PersonId] = ()) -> Request:
        """Reverse a done change from its receipt, at most once. `alarm` are those who hear that the machine could not
        end it.

        Raises NotUnderstood where there is nothing to undo; NotClaimed where somebody else acts on it; Stale, Refused,
        TryLater, OutcomeUnknown as the undo did, after the request was moved accordingly.
        """
        request = await self.requests.get(request_id)
        if request is None:
            raise NotUnderstood(f"There is no request {request_id}.")
        action = self.catalogue.get(request.action)
        if not isinstance(action, Undoable) or request.receipt is None:
            raise NotUnderstood(f"{request_id} cannot be undone by the machine.")
        plan, receipt = self.plan(request), Receipt.model_validate(request.receipt)
        entry = Entry(
            kind="undoing",
            actor=by,
            on_behalf_of=request.requester if by == MACHINE else None,
            request=request.id,
            action=request.action,
            target=request.target,
        )
        claimed = await self.requests.claim(
            request.id, sources_of(State.UNDOING), State.UNDOING, entry, lease=self.limits.lease
        )
        if claimed is None:
            raise NotClaimed(request)
        await self.checkpoint("undo_claimed")

        async def act() -> Receipt:
            await self._still_ours(claimed)
            return await action.undo(plan, receipt)

        end = await self._outcome(claimed, act(), State.UNDONE)
        columns = end.columns
        if end.to is State.UNDONE:
            columns["undo_receipt"] = columns.pop("receipt")
            columns["ended_by"] = by
            columns["ends_at"] = columns["end_again_at"] = None
            columns["end_tries"] = 0
            columns["note"] = ""
        if end.to is State.DONE:
            why = columns.pop("outcome")
            columns["note"] = f"Not undone: {why}"
            if by == MACHINE and end.failure is not None and not isinstance(end.failure, LeaseLost):
                columns.update(overdue(claimed.request, end.failure, why, self.clock(), alarm))
        moved = await self._finish(claimed, end.to, columns, by=by)
        if end.failure is not None:
            raise end.failure
        if moved is None:
            raise OutcomeUnknown(f"The undo of {request_id} took longer than its lease; look at the target.")
        return moved

    def plan(self, request: Request) -> Plan:
        """The stored plan as its action's own type. Raises OurFault where another version stored it and it
        cannot be read."""
        try:
            return self._action(request).plan_type.model_validate(request.plan)
        except ValidationError as error:
            sentence = f"The plan of {request.id} was made by another version of Handrail; ask again."
            raise OurFault(sentence, reference=request.id) from error

    def phrase(self, request: Request) -> str:
        """The phrase typed to approve one's own request."""
        plan = request.plan or {}
        return str(plan.get("confirm_phrase") or plan.get("target") or "")

    def _action(self, request: Request) -> Change[Any, Any]:
        action = self.catalogue.get(request.action)
        if not isinstance(action, Change):
            raise OurFault(f"There is no command {request.action!r} any more.", reference=request.id)
        return action

    async def _still_as_planned(self, action: Change[Any, Any], request: Request, plan: Plan) -> None:
        """Raises Stale with what moved since the plan was shown."""
        params = action.params_type.model_validate(request.params)
        try:
            fresh: Plan = await action.preview_for(Asker(request.requester, on_behalf_of=request.on_behalf_of), params)
        except NotUnderstood as error:
            raise Stale(str(error)) from error
        if fresh.nothing_to_do:
            raise Stale(f"Nothing is left to do: {fresh.nothing_to_do}")
        if fresh.digest(action.words, params) == request.digest:
            return
        before, after = plan.observed(), fresh.observed()
        moved = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        differences = tuple(f"{name}: {before.get(name)} → {after.get(name)}" for name in moved)
        raise Stale("What the plan showed has changed since.", differences=differences)

    async def _still_ours(self, claimed: Claimed) -> None:
        # A process that was stopped for longer than its lease must not act when it wakes up.
        if not await self.requests.renew(claimed, self.limits.lease):
            raise LeaseLost

    async def _outcome(self, claimed: Claimed, act: Awaitable[Receipt], done: State) -> "_End":
        """Wait for the end, whatever it is, and put it into words. An end we do not understand is unknown."""
        # A change that could not be undone is in place, whatever the reason: it is done.
        undoing = done is State.UNDONE
        try:
            async with self._lease(claimed), asyncio.timeout(self.limits.run.total_seconds()):
                receipt = await act
        except Stale as error:
            return self._failed(State.DONE if undoing else State.STALE, error, differences=error.differences)
        except TryLater as error:
            return self._failed(State.DONE if undoing else State.FAILED, error, more=" Nothing was changed.")
        except (Refused, NotUnderstood, Misconfigured) as error:
            return self._failed(State.DONE if undoing else State.FAILED, error)
        except OutcomeUnknown as error:
            return self._failed(State.UNKNOWN, error)
        except TimeoutError:
            sentence = f"No answer within {duration_text(self.limits.run)}; it may have worked."
            return self._failed(State.UNKNOWN, OutcomeUnknown(sentence))
        except Exception as error:
            log.exception("action_crashed", request=claimed.request.id)
            sentence = f"Handrail failed while it ran ({type(error).__name__}); it may have worked."
            return self._failed(State.UNKNOWN, OutcomeUnknown(sentence))
        shown = Receipt.model_validate(self.redactor.json(receipt.model_dump(mode="json", exclude={"undo"})))
        # What undo needs stays as it is: it leaves to the service alone.
        return _End(done, {"receipt": shown.model_copy(update={"undo": receipt.undo}), "outcome": shown.headline})

    def _failed(self, to: State, error: OpsError, *, more: str = "", differences: tuple[str, ...] = ()) -> "_End":
        columns: Columns = {"outcome": self.redactor.text(f"{error}{more}")}
        if differences:
            columns["differences"] = tuple(self.redactor.text(difference) for difference in differences)
        return _End(to, columns, error)

    @asynccontextmanager
    async def _lease(self, claimed: Claimed) -> AsyncIterator[None]:
        async def keep() -> None:
            while True:
                await asyncio.sleep(self.limits.lease.total_seconds() / 3)
                with suppress(StoreUnwritable):  # the next one may still come in time
                    await self.requests.renew(claimed, self.limits.lease)

        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()

    async def _finish(self, claimed: Claimed, to: State, columns: Columns, *, by: PersonId = MACHINE) -> Request | None:
        request = claimed.request
        not_undone = to is State.DONE and request.state is State.UNDOING
        kept = "end_failed" if "end_tries" in columns else "not_undone"
        entry = Entry(
            kind=kept if not_undone else to.value,
            actor=by,
            on_behalf_of=request.requester if by == MACHINE else None,
            request=request.id,
            action=request.action,
            target=request.target,
            detail={"outcome": columns.get("outcome") or columns.get("note") or ""},
        )
        if not not_undone:
            columns["finished_at"] = self.clock()
        columns.setdefault("notices", (self._told(request, to, columns),))
        moved = await self._written(claimed, to, entry, columns)
        if moved is None:
            log.warning("lease_lost", request=request.id, outcome=to)
            await self.ended(request, to, _said(columns))
        return moved

    async def _written(self, claimed: Claimed, to: State, entry: Entry, columns: Columns) -> Request | None:
        """How it ended is known here alone: while the database is away it is asked again, and a journal has it then.

        Raises OutcomeUnknown where it stays away until the lease is over: people look then, and read what was known.
        """
        request, until, kept = claimed.request, self.clock() + self.limits.lease, False
        for pause in itertools.chain(FINISH_PAUSES_S, itertools.repeat(FINISH_PAUSES_S[-1])):
            try:
                return await self.requests.move(
                    request.id, frozenset({request.state}), to, entry, fence=claimed.fence, **columns
                )
            except StoreUnwritable as error:
                if not kept:
                    kept = True
                    await self.ended(request, to, _said(columns))
                if self.clock() > until:
                    raise OutcomeUnknown(f"{_said(columns)} This could not be written down: {error}") from error
                await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    def _told(self, request: Request, to: State, columns: Columns) -> Notice:
        outcome = columns.get("outcome")
        heads = {
            State.DONE: "Done",
            State.FAILED: "Failed",
            State.STALE: "Not run",
            State.UNKNOWN: "Outcome unknown",
            State.UNDONE: "Undone",
        }
        must_look = request.needs.approvers if to is State.UNKNOWN and request.needs else ()
        return Notice(
            kind=NoticeKind.MENTION if must_look else NoticeKind.RESULT,
            text=f"{heads.get(to, to.value)}: {outcome}" if outcome else columns.get("note", ""),
            to=tuple(sorted({*request.owners, *must_look})),
            key=f"{to}:{request.version}",
        )


def _said(columns: Columns) -> str:
    return columns.get("outcome") or columns.get("note") or ""


@dataclass(frozen=True)
class _End:
    to: State
    columns: Columns
    failure: OpsError | None = None


def lapsed(request: Request) -> tuple[Entry, str]:
    """The audit row and the sentence for a run whose executor fell silent: unknown, never tried again."""
    sentence = (
        "The process that ran this fell silent before it could say how it ended. "
        f"Look at {request.target or 'the target'}, then type reconcile {request.id} done or failed."
    )
    entry = Entry(
        kind="unknown",
        actor=MACHINE,
        on_behalf_of=request.requester,
        request=request.id,
        action=request.action,
        target=request.target,
        detail={"outcome": sentence},
    )
    return entry, sentence
