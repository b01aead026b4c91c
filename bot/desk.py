"""The ledger as the machine's own words (undo, withdraw, reconcile, review …) may use it. Commands see parts of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ask.catalogue import Catalogue
from bot.decide.judge import Judge
from bot.run.execute import MACHINE, Executor, NotClaimed
from bot.words.action import Asker, Change, Receipt, Undoable
from bot.words.exceptions import NotAllowed, NotUnderstood, OpsError, Stale
from bot.words.params import duration_text
from bot.words.ports import Audited, AuditLog, Clock, Entry, Freeze, Freezes, Requests
from bot.words.redaction import Redactor
from bot.words.report import PersonId
from bot.words.request import Mode, Request, RequestId, Review, State, Vote, sources_of


@dataclass(frozen=True)
class Desk:
    catalogue: Catalogue
    requests: Requests
    audit: AuditLog
    freezes: Freezes
    judge: Judge
    executor: Executor
    redactor: Redactor
    clock: Clock

    async def request(self, request_id: str) -> Request:
        """Raises NotUnderstood for an unknown one."""
        found = await self.requests.get(RequestId(request_id))
        if found is None:
            raise NotUnderstood(f"There is no request {request_id}.", hint="requests")
        return found

    async def open_requests(self) -> tuple[Request, ...]:
        return await self.requests.open()

    async def votes(self, request_id: str) -> tuple[Vote, ...]:
        return await self.requests.votes(RequestId(request_id))

    async def trail(
        self,
        *,
        who: PersonId | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[Audited, ...]:
        return await self.audit.read(who=who, action=action, since=since, limit=limit)

    async def story(self, request_id: str) -> tuple[Audited, ...]:
        """The newest hundred rows of one request, oldest first."""
        return (await self.audit.read(request=RequestId(request_id), limit=100))[::-1]

    def name(self, person: PersonId) -> str:
        return self.judge.directory.name(person)

    def undoable(self, request: Request) -> bool:
        return isinstance(self.catalogue.get(request.action), Undoable)

    def effects_of_undo(self, request: Request) -> str:
        """The plan's promise of its undo."""
        return self.executor.plan(request).undo_note

    async def undo(self, request_id: str, by: PersonId) -> Request:
        """Raises as `Executor.undo`; of two at once the later one hears who was first."""
        try:
            return await self.executor.undo(RequestId(request_id), by)
        except NotClaimed as lost:
            request = await self.request(request_id)
            if request.state in (State.UNDOING, State.UNDONE):
                raise Stale(await self.how_it_ended(request)) from lost
            raise

    async def how_it_ended(self, request: Request) -> str:
        """Who ended a request that is being undone or was, and when, as a sentence."""
        rows = await self.audit.read(request=request.id, limit=20)
        begun = next((row for row in rows if row.kind == "undoing"), None)
        by = "by itself, as its time was over"
        if begun is not None and begun.actor != MACHINE:
            by = f"by {self.name(begun.actor)}"
        if request.state is State.UNDOING:
            return f"{request.id} is being ended right now {by}; its card says how that goes."
        since = request.finished_at or self.now()
        ago = duration_text(max(self.now() - since, timedelta(seconds=1)))
        return f"{request.id} was ended {ago} ago {by}."

    async def extend(self, request: Request, until: datetime, by: PersonId) -> Request:
        """Set another end. Raises NotUnderstood where it has none any more."""
        if request.state is not State.DONE or request.ends_at is None:
            raise NotUnderstood(f"{request.id} has no end to move.")
        action = self.catalogue.get(request.action)
        receipt = Receipt.model_validate(request.receipt)
        if isinstance(action, Undoable):
            receipt = await action.extend(self.executor.plan(request), receipt, until)
        entry = self._about(request, "extended", by, {"until": until.isoformat()})
        moved = await self.requests.note(
            request.id, entry, ends_at=until, end_tries=0, end_again_at=None, note="", receipt=receipt
        )
        return moved or request

    async def withdraw(self, asker: Asker, request_id: str) -> Request:
        """By its own requester, while it waits; by an approver, their yes alone: the request waits on then.

        Raises NotAllowed, NotUnderstood.
        """
        request = await self.request(request_id)
        if asker.person not in request.owners:
            return await self._take_back(request, asker.person)
        outcome = "Taken back by its requester."
        entry = self._about(request, "withdrawn", asker.person, {})
        moved = await self.requests.move(
            request.id,
            sources_of(State.WITHDRAWN),
            State.WITHDRAWN,
            entry,
            outcome=outcome,
            ended_by=asker.person,
            finished_at=self.clock(),
        )
        if moved is None:
            raise await self._too_late(request, "only a waiting request can be withdrawn")
        return moved

    async def _take_back(self, request: Request, person: PersonId) -> Request:
        if not any(vote.person == person and vote.approve for vote in await self.votes(request.id)):
            raise NotAllowed("Only the person who asked can withdraw it; approvers reject.", rule="own requests")
        back = await self.requests.take_back(request.id, person, self._about(request, "retracted", person, {}))
        if back is None:
            raise await self._too_late(request, "a yes can be taken back only while it waits")
        return back

    async def _too_late(self, request: Request, only: str) -> NotUnderstood:
        """With the state of now: that which was read before somebody else moved it explains nothing."""
        now = await self.request(request.id)
        return NotUnderstood(f"{now.id} is {now.state} now: {only}.")

    async def evidence(self, request: Request) -> str:
        """Traces of an unknown run that the service shows; empty where it shows none."""
        action = self.catalogue.get(request.action)
        if not isinstance(action, Change) or request.plan is None:
            return ""
        try:
            return str(await action.evidence(self.executor.plan(request)))
        except OpsError as error:
            return f"Could not look: {error}"

    async def reconcile(self, asker: Asker, request_id: str, to: State, note: str) -> Request:
        """By somebody who may decide on it: say how an unknown run ended. Raises NotAllowed, NotUnderstood."""
        request = await self.request(request_id)
        if not self.may_decide(request, asker.person):
            raise NotAllowed("Only those who may approve this request can reconcile it.", rule="approvers")
        if request.overdue and to is State.DONE:
            return await self._stands(request, asker.person, note)
        seen = await self.evidence(request)
        entry = self._about(
            request, "reconciled", asker.person, {"to": to.value, "note": note, "evidence": seen, "known": request.note}
        )
        moved = await self.requests.move(
            request.id,
            frozenset({State.UNKNOWN}),
            to,
            entry,
            outcome=f"Reconciled as {to}{f': {note}' if note else ''}.",
            ended_by=asker.person,
            finished_at=self.clock(),
            ends_at=None,  # what a person had to look into, the machine does not go on with by itself
        )
        if moved is None:
            raise await self._too_late(request, "only an unknown outcome can be reconciled")
        return moved

    async def _stands(self, request: Request, by: PersonId, note: str) -> Request:
        """A change that could not be ended is to stay: nobody tries, and nobody is told again."""
        entry = self._about(request, "kept", by, {"note": note})
        kept = f"It is to stay, says {self.name(by)}{f': {note}' if note else '.'}"
        noted = await self.requests.note(
            request.id, entry, version=request.version, ends_at=None, end_tries=0, end_again_at=None, note=kept
        )
        if noted is None:
            raise NotUnderstood(f"{request.id} has changed at this very moment: look at it again.")
        return noted

    async def review(self, asker: Asker, request_id: str, note: str) -> Request:
        """By an approver of this moment, of those whom a broken glass passed over. Raises NotAllowed, NotUnderstood."""
        request = await self.request(request_id)
        if request.review is not Review.OPEN:
            raise NotUnderstood(f"{request.id} needs no review.")
        if asker.person not in self.judge.approvers(request):
            raise NotAllowed("Only an approver can review it, and not whoever broke the glass.", rule="break glass")
        entry = self._about(request, "reviewed", asker.person, {"note": note})
        changed = await self.requests.note(request.id, entry, review=Review.REVIEWED, reviewed_by=asker.person)
        return changed or request

    def may_decide(self, request: Request, person: PersonId) -> bool:
        """Whether this person may say how it ended, with the roles of this moment."""
        if request.needs is None or person.startswith("machine:"):
            return False
        alone = person in request.owners and request.needs.mode is not Mode.OTHERS
        return alone or person in self.judge.approvers(request)

    async def frozen(self) -> Freeze | None:
        """The freeze that holds now: declared, or a window of ops.toml."""
        return await self.judge.frozen()

    async def freeze(self, freeze: Freeze) -> None:
        entry = Entry(kind="frozen", actor=freeze.by or MACHINE, detail={"reason": freeze.reason})
        await self.freezes.declare(freeze, entry)

    async def unfreeze(self, by: PersonId) -> Freeze | None:
        return await self.freezes.lift(Entry(kind="unfrozen", actor=by))

    def now(self) -> datetime:
        return self.clock()

    def _about(self, request: Request, kind: str, by: PersonId, detail: dict[str, str]) -> Entry:
        return Entry.model_validate(
            {
                "kind": kind,
                "actor": by,
                "on_behalf_of": None,
                "request": request.id,
                "action": request.action,
                "target": request.target,
                "detail": self.redactor.json(detail),
            }
        )
