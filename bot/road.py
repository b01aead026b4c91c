"""The road: hear, ask, prepare, vote, run. Where the stages meet; no Slack, no SQL, no HTTP.

Slash command, button, form, mention, terminal, alert and schedule all come in through `accept`; there is one `judge`,
and it is asked before something is stored, at every click and again at execution.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_hex

import structlog

from bot.ask.catalogue import Catalogue
from bot.ask.parse import Heard, Parsed, hear
from bot.decide.approval import tally
from bot.decide.judge import Judge
from bot.decide.policy import Allow, Decision, Deny, NeedsApproval
from bot.decide.weigh import Scales
from bot.run.emergency import Emergency
from bot.run.execute import MACHINE, Checkpoint, Executor, no_checkpoint
from bot.run.planning import Planner
from bot.settings import Limits
from bot.tell.following import Following
from bot.tell.sentences import misunderstood, same_phrase, told
from bot.words.action import Asker, Followable, Lookup, Risk, Upkeep
from bot.words.exceptions import NotAllowed, NotUnderstood, OpsError, OurFault, StoreUnwritable
from bot.words.params import duration_text
from bot.words.ports import AuditLog, Clock, Columns, Draft, Duplicate, Entry, Notice, NoticeKind, Requests, Standing
from bot.words.redaction import Redactor
from bot.words.report import PersonId, Report
from bot.words.request import Answer, Request, RequestId, Said, State, Via, Vote, sources_of
from bot.words.verdict import Clearance, Rejected, Waiting

log = structlog.get_logger(__name__)
FRESH = timedelta(seconds=2)
"""How old the facts may be by which a request was cleared, to run it on them; they are read anew past it."""


@dataclass(frozen=True)
class Shown:
    """A lookup's or an upkeep's answer."""

    report: Report
    open: bool
    """For the whole channel, not for the asker alone."""
    said: Said
    action: str


@dataclass(frozen=True)
class Asked:
    """A request was stored; its card tells the rest."""

    request: Request


Reply = Shown | Asked | Answer


@dataclass
class Handover:
    """Takes a request from the vote that cleared it to the executor of the same process, without a way round the
    database. Where nobody takes it, or the process dies, the next sweep of any replica finds the cleared request."""

    taker: Callable[[Standing], None] | None = None

    def give(self, cleared: Standing) -> None:
        if self.taker is not None:
            self.taker(cleared)


@dataclass(frozen=True)
class Road:
    catalogue: Catalogue
    judge: Judge
    requests: Requests
    audit: AuditLog
    planner: Planner
    executor: Executor
    following: Following
    limits: Limits
    redactor: Redactor
    clock: Clock
    checkpoint: Checkpoint = no_checkpoint
    emergency: Emergency | None = None
    handover: Handover = field(default_factory=Handover)

    # -- asking ----------------------------------------------------------------------------------

    def hear(self, said: Said) -> Heard:
        """Read what was said, once; everything that follows takes the value."""
        return hear(self.catalogue, said)

    def instant(self, heard: Heard) -> Shown | Answer | None:
        """Answer without any I/O, inside Slack's ack, where possible: help, a fresh cached answer, a mistake."""
        said, parsed = heard.said, heard.meaning
        if isinstance(parsed, NotUnderstood):
            return self._misunderstood(parsed)
        if not isinstance(parsed.action, Lookup) or parsed.action.audited:
            return None
        decision = self.judge.of_words(said, parsed.action, Risk.READ)
        if not isinstance(decision, Allow):
            return None  # a refusal is audited first
        try:
            report = parsed.action.ready(self.asker(said), parsed.params)
        except NotUnderstood as error:
            return self._misunderstood(error)
        if report is None:
            return None
        return Shown(self.catalogue.reachable(report), decision.open, said, parsed.action.words)

    async def ask(self, said: Said, *, again: bool = False) -> Reply:
        """Accept and, for a change, look at what it would do. Never raises an OpsError."""
        reply = await self.accept(self.hear(said), again=again)
        return Asked(await self.prepare(reply.request.id)) if isinstance(reply, Asked) else reply

    async def accept(self, heard: Heard, *, again: bool = False) -> Reply:
        """Authorise, and answer, or store a change as asked. When this returns, what was decided is committed. Raises
        nothing."""
        said, parsed = heard.said, heard.meaning
        if isinstance(parsed, NotUnderstood):
            return self._misunderstood(parsed)
        try:
            return await self._accepted(said, parsed, again=again)
        except NotAllowed as error:
            # An upkeep's own refusal, which policy could not know.
            return await self._refused(said, parsed.action.words, Deny(error.rule, str(error)))
        except NotUnderstood as error:
            return self._misunderstood(error)
        except StoreUnwritable as error:
            return await self._without_store(said, parsed, error)
        except OpsError as error:
            return Answer(text=self.redactor.text(str(error)))
        except TimeoutError:
            return Answer(text=f"No answer within {duration_text(self.limits.lookup)}; nothing was changed.")
        except Exception:
            reference = token_hex(4)
            log.exception("accept_crashed", action=parsed.action.words, reference=reference)
            return Answer(text=f"Handrail failed there; nothing more came of it. Reference: {reference}")

    async def _without_store(self, said: Said, parsed: Parsed, error: StoreUnwritable) -> Answer:
        if self.emergency is None or not self.emergency.covers(said, parsed.action):
            return Answer(text=self.redactor.text(str(error)))
        decision = self.judge.of_words(said, parsed.action, Risk.DESTRUCTIVE, override=bool(parsed.override))
        if isinstance(decision, Deny):
            return await self._refused(said, parsed.action.words, decision)
        return await self.emergency.stop(self.asker(said), said, parsed, error)

    def _misunderstood(self, error: NotUnderstood) -> Answer:
        return Answer.model_validate(self.redactor.json(misunderstood(error).model_dump(mode="json")))

    async def accept_again(self, said: Said, request_id: RequestId) -> Reply:
        """Ask for the same as an earlier request of the same person."""
        earlier = await self.requests.get(request_id)
        if earlier is None or said.who not in earlier.owners:
            return Answer(text="Only the person who asked can ask for the same again.")
        return await self.accept(self.hear(said.model_copy(update={"words": earlier.typed})), again=True)

    async def _accepted(self, said: Said, parsed: Parsed, *, again: bool) -> Reply:
        action = parsed.action
        risk = max(action.risk, action.risk_of(parsed.params), key=lambda risk: risk.rank)
        frozen = await self.judge.declared() if risk is Risk.DESTRUCTIVE else None
        decision = self.judge.of_words(
            said, action, risk, override=bool(parsed.override), glass=bool(parsed.break_glass), frozen=frozen
        )
        if isinstance(decision, Deny):
            return await self._refused(said, action.words, decision)
        asker = self.asker(said)
        async with asyncio.timeout(self.limits.lookup.total_seconds()):
            if isinstance(action, Lookup):
                if action.audited:
                    detail = self.redactor.json(parsed.params.model_dump(mode="json"))
                    await self.audit.write(
                        self._entry("read", said.who, said.on_behalf_of, action=action.words, detail=detail)
                    )
                report = await action.answer_for(asker, parsed.params)
                span = getattr(parsed.params, "follow", None)
                if isinstance(action, Followable) and span:
                    await self.following.start(said, action, parsed.params, span)
                return Shown(
                    self.catalogue.reachable(report), isinstance(decision, Allow) and decision.open, said, action.words
                )
            if isinstance(action, Upkeep):
                report = await action.carry_out(asker, parsed.params)
                return Shown(self.catalogue.reachable(report), False, said, action.words)
        return await self._stored(said, parsed, risk, again=again)

    async def _stored(self, said: Said, parsed: Parsed, risk: Risk, *, again: bool) -> Reply:
        draft = Draft(
            said=said.model_copy(update={"words": self.redactor.text(said.words)}),
            action=parsed.action.words,
            params=self.redactor.json(parsed.params.model_dump(mode="json")),
            risk=risk,
            expires_at=self.clock() + self.limits.preview * 3,
            override=self.redactor.text(parsed.override),
            break_glass=self.redactor.text(parsed.break_glass),
        )
        entry = self._entry(
            "asked", said.who, said.on_behalf_of, action=draft.action, detail={"words": draft.said.words}
        )
        stored = await self.requests.add(draft, entry, again_after=timedelta(0) if again else self.limits.ask_again)
        if isinstance(stored, Duplicate):
            if stored.same_delivery:
                return Asked(stored.request)
            ago = duration_text(max(self.clock() - stored.request.asked_at, timedelta(seconds=1)))
            return Answer(
                text=f"You asked for the same {ago} ago: {stored.request.id} is {stored.request.state}.",
                again=stored.request.id,
            )
        return Asked(stored)

    async def prepare(self, request_id: RequestId) -> Request:
        """As `Planner.prepare`."""
        return await self.planner.prepare(request_id)

    # -- deciding --------------------------------------------------------------------------------

    async def vote(
        self,
        request_id: RequestId,
        who: PersonId,
        *,
        approve: bool,
        digest: str | None = None,
        phrase: str | None = None,
        note: str = "",
        via: Via = Via.BUTTON,
    ) -> Answer:
        """Keep one person's word. Committed when this returns, so the ack may follow.

        `digest` is that of the plan the person saw; the stored one where the surface shows no other.
        """
        standing = await self.requests.standing(request_id)
        if standing is None:
            return Answer(text=f"There is no request {request_id}.", hint="requests")
        request = standing.request
        phrase_wanted = self.phrase(request)
        typed = phrase is not None and same_phrase(phrase, phrase_wanted)
        if phrase is not None and not typed:
            return Answer(text=f"That is not the phrase. Type {phrase_wanted!r} to approve {request_id}.")
        vote = Vote(
            person=who,
            approve=approve,
            at=self.clock(),
            digest=digest or request.digest,
            typed=typed,
            note=self.redactor.text(note),
            via=via,
        )
        weigh = Scales(vote, self.judge.of_standing(standing), self.judge.directory, self.clock)
        kind = "approved" if approve else "rejected"
        detail = {"digest": vote.digest, "typed": typed, "note": vote.note, "via": via.value}
        await self.checkpoint("before_vote")
        voted = await self.requests.vote(request_id, vote, weigh, self._about(request, kind, who, detail=detail))
        await self.checkpoint("voted")
        if voted is None:
            return Answer(text=f"There is no request {request_id}.")
        if isinstance(voted.verdict, Clearance):
            self.handover.give(replace(standing, request=voted.request, votes=voted.votes))
        return told(voted, vote)

    # -- running ---------------------------------------------------------------------------------

    async def run(self, request_id: RequestId) -> Request | None:
        """Run a cleared request if requester and voters still have the right; stale where they lost it.

        None where there is none, or somebody else was first, or its target is busy.
        """
        standing = await self.requests.standing(request_id)
        return None if standing is None else await self.run_cleared(standing)

    async def run_cleared(self, standing: Standing) -> Request | None:
        """The same with the facts at hand; they are read anew where they are no longer fresh. Whether it is still
        cleared is for the ledger to say, in the one update that claims it."""
        request = standing.request
        if self.clock() - standing.read_at > FRESH:
            return await self.run(request.id)
        if request.state is not State.CLEARED:
            return request
        decision = self.judge.of_standing(standing)
        clearance = self._clearance(standing, decision)
        why = decision.reason if isinstance(decision, Deny) else "those who approved it may not any more"
        if clearance is not None:
            try:
                return await self.executor.run(clearance)
            except OurFault as error:
                why = str(error)
        outcome = f"Not run: {why.rstrip('.')}."
        entry = self._about(request, "stale", MACHINE, detail={"outcome": outcome})
        notice = Notice(kind=NoticeKind.RESULT, text=outcome, to=tuple(sorted(request.owners)), key="stale")
        columns: Columns = {"outcome": outcome, "finished_at": self.clock(), "notices": (notice,)}
        moved = await self.requests.move(request.id, sources_of(State.STALE), State.STALE, entry, **columns)
        return moved or await self.requests.get(request.id)

    def _clearance(self, standing: Standing, decision: Decision) -> Clearance | None:
        if not isinstance(decision, NeedsApproval):
            return None
        verdict: Waiting | Rejected | Clearance = tally(standing.request, decision.needs, standing.votes)
        return verdict if isinstance(verdict, Clearance) else None

    # -- facts -----------------------------------------------------------------------------------

    def asker(self, said: Said) -> Asker:
        return self.judge.asker(said.who, said.on_behalf_of, said.channel)

    def phrase(self, request: Request) -> str:
        """The phrase typed to approve one's own request."""
        return self.executor.phrase(request)

    async def _refused(self, said: Said, action: str, denial: Deny) -> Answer:
        detail = {"rule": denial.rule, "reason": denial.reason, "words": self.redactor.text(said.words)}
        try:
            await self.audit.write(self._entry("denied", said.who, said.on_behalf_of, action=action, detail=detail))
        except StoreUnwritable as error:
            log.warning("refusal_not_audited", action=action, who=said.who, error=str(error))
        return Answer(text=f"Not allowed: {denial.reason.rstrip('.')}. ({denial.rule})")

    def _entry(
        self, kind: str, actor: PersonId, on_behalf_of: PersonId | None, *, action: str, detail: Mapping[str, object]
    ) -> Entry:
        return Entry.model_validate(
            {"kind": kind, "actor": actor, "on_behalf_of": on_behalf_of, "action": action, "detail": detail}
        )

    def _about(self, request: Request, kind: str, actor: PersonId, *, detail: Mapping[str, object]) -> Entry:
        on_behalf_of = request.requester if actor == MACHINE else None
        return self._entry(kind, actor, on_behalf_of, action=request.action, detail=detail).model_copy(
            update={"request": request.id, "target": request.target}
        )
