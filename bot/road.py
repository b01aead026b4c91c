"""The road: ask, prepare, vote, run, and what time does to requests. Where the stages meet; no Slack, no SQL, no HTTP.

Slash command, button, form, mention, terminal, alert and schedule all come in through `accept`; there is one `judge`,
and it is asked at the typing, at every click and again at execution.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from secrets import token_hex

import structlog
from cachetools import LRUCache
from pydantic import ValidationError

from bot.ask.catalogue import Catalogue
from bot.ask.parse import NotFilled, Parsed, filled, parse
from bot.decide.approval import tally
from bot.decide.judge import Judge
from bot.decide.policy import Allow, Deny, NeedsApproval, Policy
from bot.decide.weigh import Scales
from bot.run.emergency import Emergency
from bot.run.execute import MACHINE, Checkpoint, Executor, no_checkpoint
from bot.settings import Limits
from bot.tell.following import Following
from bot.tell.sentences import call, misunderstood, same_phrase, told
from bot.words.action import AnyAction, Asker, Change, Followable, Lookup, Plan, Risk, Upkeep
from bot.words.exceptions import NotAllowed, NotUnderstood, OpsError, OurFault, StoreUnwritable
from bot.words.params import duration_text
from bot.words.ports import (
    AuditLog,
    Clock,
    Columns,
    Directory,
    Draft,
    Duplicate,
    Entry,
    Freezes,
    Notice,
    NoticeKind,
    Place,
    Requests,
)  # fmt: skip
from bot.words.redaction import Redactor
from bot.words.report import PersonId, Report, Suggestion
from bot.words.request import Answer, Mode, Needs, Request, RequestId, Said, State, Via, Vote, sources_of
from bot.words.verdict import Clearance, Rejected, Waiting

log = structlog.get_logger(__name__)


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


@dataclass(frozen=True)
class Road:
    catalogue: Catalogue
    policy: Policy
    limits: Limits
    requests: Requests
    audit: AuditLog
    freezes: Freezes
    directory: Directory
    following: Following
    executor: Executor
    redactor: Redactor
    clock: Clock
    approvals_channel: str | None = None
    """Id or #name of the channel where requests from elsewhere are shown."""
    checkpoint: Checkpoint = no_checkpoint
    emergency: Emergency | None = None
    meant: LRUCache[RequestId, tuple[Suggestion, ...]] = field(default_factory=lambda: LRUCache(256), compare=False)
    """Lines of which a request that was denied may have meant one, for whoever still waits for its answer."""

    @cached_property
    def judge(self) -> Judge:
        return Judge(self.catalogue, self.policy, self.requests, self.freezes, self.directory, self.clock)

    # -- asking ----------------------------------------------------------------------------------

    def instant(self, said: Said) -> Shown | Answer | None:
        """What can be answered without any I/O, inside Slack's ack: help, a fresh cached answer, a mistake."""
        try:
            parsed = parse(self.catalogue, said.words)
        except NotUnderstood as error:
            return self._misunderstood(error)
        if not isinstance(parsed.action, Lookup) or parsed.action.audited:
            return None
        decision = self.judge.of_words(said, parsed.action, Risk.READ)
        if not isinstance(decision, Allow):
            return None  # a refusal is audited first
        report = parsed.action.ready(self.asker(said), parsed.params)
        return (
            None
            if report is None
            else Shown(self.catalogue.reachable(report), decision.open, said, parsed.action.words)
        )

    async def ask(self, said: Said, *, again: bool = False) -> Reply:
        """Accept and, for a change, look at what it would do. Never raises an OpsError."""
        reply = await self.accept(said, again=again)
        return Asked(await self.prepare(reply.request.id)) if isinstance(reply, Asked) else reply

    async def accept(self, said: Said, *, again: bool = False) -> Reply:
        """Understand, authorise, and answer, or store a change as asked. Raises nothing."""
        try:
            return await self._answered(said, parse(self.catalogue, said.words), again=again)
        except NotUnderstood as error:
            return self._misunderstood(error)

    async def accept_form(self, said: Said, action_words: str, fields: Mapping[str, str]) -> Reply:
        """The same from a form. Raises parse.NotFilled with what is wrong in which field."""
        try:
            action = self.catalogue.offered(action_words)
            return await self._answered(said, filled(action, fields), again=True)
        except NotFilled:
            raise
        except NotUnderstood as error:
            return self._misunderstood(error)

    async def _answered(self, said: Said, parsed: Parsed, *, again: bool) -> Reply:
        """Raises NotUnderstood alone."""
        try:
            return await self._accepted(said, parsed, again=again)
        except NotAllowed as error:
            # An upkeep's own refusal, which policy could not know.
            return await self._refused(said, parsed.action.words, Deny(error.rule, str(error)))
        except NotUnderstood:
            raise
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
        return await self.accept(said.model_copy(update={"words": earlier.typed}), again=True)

    async def _accepted(self, said: Said, parsed: Parsed, *, again: bool) -> Reply:
        action = parsed.action
        risk = max(action.risk, action.risk_of(parsed.params), key=lambda risk: risk.rank)
        frozen = await self.freezes.current() if risk is Risk.DESTRUCTIVE else None
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
        """Preview, decide, and put the plan before people. Only reads the outside, so it may be repeated."""
        request = await self.requests.get(request_id)
        if request is None:
            raise NotUnderstood(f"There is no request {request_id}.")
        if request.state is not State.ASKED:
            return request
        action = self.catalogue.get(request.action)
        if not isinstance(action, Change):
            return await self._denied(request, "preview", f"There is no command {request.action!r} any more.")
        try:
            params = action.params_type.model_validate(request.params)
        except ValidationError:
            # Redaction may have made a value longer than it may be, a newer version may want other ones.
            return await self._denied(request, "preview", "No plan could be made: its parameters do not fit any more.")
        asker = self.judge.asker(request.requester, request.on_behalf_of, request.channel)
        try:
            async with asyncio.timeout(self.limits.preview.total_seconds()):
                plan: Plan = await action.preview_for(asker, params)
        except NotUnderstood as error:
            self.meant[request_id] = self._misunderstood(error).choices
            instead = f" Type: {error.hint}" if error.hint and not error.choices else ""
            return await self._denied(request, "not understood", f"{error}{instead}")
        except OpsError as error:
            return await self._denied(request, "preview", f"No plan could be made: {error}")
        except TimeoutError:
            took = duration_text(self.limits.preview)
            return await self._denied(request, "preview", f"No plan could be made: no answer within {took}.")
        except Exception:
            log.exception("preview_crashed", request=request.id)
            return await self._denied(request, "preview", "No plan could be made: Handrail failed while it looked.")
        if plan.nothing_to_do:
            return await self._denied(request, "nothing to do", f"Nothing to do: {plan.nothing_to_do}")
        risk = max(request.risk, plan.risk or Risk.READ, key=lambda risk: risk.rank)
        params = action.settled(params, plan)
        planned = request.model_copy(update={
            "target": self.redactor.text(plan.target), "risk": risk, "plan": plan.model_dump(mode="json"),
            "params": params.model_dump(mode="json"), "digest": plan.digest(action.words, params),
        })  # fmt: skip
        decision = await self.judge.of_request(planned)
        match decision:
            case NeedsApproval(needs=needs):
                return await self._waiting(planned, needs)
            case Deny():
                return await self._denied(planned, decision.rule, f"Not allowed: {decision.reason}")
            case Allow():
                # No rule lets a change run without anybody's yes.
                return await self._denied(planned, decision.rule, "Not allowed: a change needs somebody's yes")

    async def _waiting(self, request: Request, needs: Needs) -> Request:
        columns: Columns = {
            "params": self.redactor.json(request.params),
            "target": request.target,
            "plan": self.redactor.json(request.plan),
            "digest": request.digest,
            "risk": request.risk,
            "needs": needs,
            "expires_at": self.clock() + needs.lives,
            "cards": self._places(request, needs),
        }
        notices = [Notice(kind=NoticeKind.MENTION, text=call(request, needs), to=needs.approvers, key="asked")]
        if needs.break_glass and needs.skipped:
            passed_over = f"The glass is being broken for this: {request.break_glass}. You would have been asked."
            notices.append(Notice(kind=NoticeKind.MENTION, text=passed_over, to=needs.skipped, key="skipped"))
        columns["notices"] = tuple(notices)
        detail = {"rule": needs.rule, "mode": needs.mode.value, "digest": request.digest, "count": needs.count}
        entry = self._about(request, "planned", MACHINE, detail=detail)
        return await self._moved(request, State.WAITING, entry, columns)

    async def _denied(self, request: Request, rule: str, reason: str) -> Request:
        outcome = self.redactor.text(reason)
        entry = self._about(request, "denied", MACHINE, detail={"rule": rule, "reason": outcome})
        return await self._moved(request, State.DENIED, entry, {"outcome": outcome, "finished_at": self.clock()})

    async def _moved(self, request: Request, to: State, entry: Entry, columns: Columns) -> Request:
        moved = await self.requests.move(request.id, sources_of(to), to, entry, **columns)
        return moved or await self.requests.get(request.id) or request

    def _places(self, request: Request, needs: Needs) -> tuple[Place, ...]:
        """Where it was asked, so that its requester sees it, and the approval channel where other people must act."""
        approvals = self.directory.channel_id(self.approvals_channel)
        elsewhere = approvals and approvals != request.channel and needs.mode is not Mode.CONFIRM
        places = [Place(channel=str(approvals))] if elsewhere else []
        if request.channel:
            places.insert(0, Place(channel=request.channel, thread=request.thread))
        elif needs.mode is not Mode.OTHERS or not places:  # from a terminal: it says there what becomes of it
            places.append(Place(channel=request.on_behalf_of or request.requester))
        return tuple(places)

    # -- deciding --------------------------------------------------------------------------------

    async def vote(self, request_id: RequestId, who: PersonId, *, approve: bool, digest: str | None = None,
                   phrase: str | None = None, note: str = "", via: Via = Via.BUTTON) -> Answer:  # fmt: skip
        """Keep one person's word. Committed when this returns, so the ack may follow.

        `digest` is that of the plan the person saw; the stored one where the surface shows no other.
        """
        request = await self.requests.get(request_id)
        if request is None:
            return Answer(text=f"There is no request {request_id}.", hint="requests")
        phrase_wanted = self.executor.phrase(request)
        typed = phrase is not None and same_phrase(phrase, phrase_wanted)
        if phrase is not None and not typed:
            return Answer(text=f"That is not the phrase. Type {phrase_wanted!r} to approve {request_id}.")
        vote = Vote(
            person=who, approve=approve, at=self.clock(), digest=digest or request.digest, typed=typed,
            note=self.redactor.text(note), via=via,
        )  # fmt: skip
        weigh = Scales(vote, await self.judge.of_request(request), self.directory, self.clock)
        kind = "approved" if approve else "rejected"
        detail = {"digest": vote.digest, "typed": typed, "note": vote.note, "via": via.value}
        await self.checkpoint("before_vote")
        voted = await self.requests.vote(request_id, vote, weigh, self._about(request, kind, who, detail=detail))
        await self.checkpoint("voted")
        return told(voted, vote) if voted else Answer(text=f"There is no request {request_id}.")

    # -- running ---------------------------------------------------------------------------------

    async def run(self, request_id: RequestId) -> Request | None:
        """Run a cleared request if requester and voters still have the right; stale where they lost it."""
        request = await self.requests.get(request_id)
        if request is None or request.state is not State.CLEARED:
            return request
        decision = await self.judge.of_request(request)
        verdict: Waiting | Rejected | Clearance | None = None
        if isinstance(decision, NeedsApproval):
            verdict = tally(request, decision.needs, await self.requests.votes(request_id))
        why = decision.reason if isinstance(decision, Deny) else "those who approved it may not any more"
        if isinstance(verdict, Clearance):
            try:
                return await self.executor.run(verdict)
            except OurFault as error:
                why = str(error)
        outcome = f"Not run: {why.rstrip('.')}."
        entry = self._about(request, "stale", MACHINE, detail={"outcome": outcome})
        notice = Notice(kind=NoticeKind.RESULT, text=outcome, to=tuple(sorted(request.owners)), key="stale")
        columns: Columns = {"outcome": outcome, "finished_at": self.clock(), "notices": (notice,)}
        return await self._moved(request, State.STALE, entry, columns)

    # -- facts -----------------------------------------------------------------------------------

    def asker(self, said: Said) -> Asker:
        return self.judge.asker(said.who, said.on_behalf_of, said.channel)

    def may_ask(self, asker: Asker, via: Via = Via.SLASH) -> Callable[[AnyAction], bool]:
        """Whether this asker may ask for an action here; for help and Home."""
        return self.judge.may_ask(asker, via)

    async def _refused(self, said: Said, action: str, denial: Deny) -> Answer:
        detail = {"rule": denial.rule, "reason": denial.reason, "words": self.redactor.text(said.words)}
        try:
            await self.audit.write(self._entry("denied", said.who, said.on_behalf_of, action=action, detail=detail))
        except StoreUnwritable as error:
            log.warning("refusal_not_audited", action=action, who=said.who, error=str(error))
        return Answer(text=f"Not allowed: {denial.reason.rstrip('.')}. ({denial.rule})")

    def _entry(self, kind: str, actor: PersonId, on_behalf_of: PersonId | None, *, action: str,
               detail: Mapping[str, object]) -> Entry:  # fmt: skip
        return Entry.model_validate(
            {"kind": kind, "actor": actor, "on_behalf_of": on_behalf_of, "action": action, "detail": detail}
        )

    def _about(self, request: Request, kind: str, actor: PersonId, *, detail: Mapping[str, object]) -> Entry:
        on_behalf_of = request.requester if actor == MACHINE else None
        return self._entry(kind, actor, on_behalf_of, action=request.action, detail=detail).model_copy(
            update={"request": request.id, "target": request.target}
        )
