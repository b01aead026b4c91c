"""Makes the plan of a request that was asked, and puts it before the people who may say yes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import structlog
from pydantic import ValidationError

from bot.ask.catalogue import Catalogue
from bot.decide.judge import Judge
from bot.decide.policy import Allow, Deny, NeedsApproval
from bot.run.execute import MACHINE
from bot.settings import Limits
from bot.tell.sentences import call, misunderstood
from bot.words.action import Change, Plan, Risk
from bot.words.exceptions import NotUnderstood, OpsError
from bot.words.params import Params, duration_text
from bot.words.ports import Clock, Columns, Directory, Entry, Notice, NoticeKind, Place, Requests
from bot.words.redaction import Redactor
from bot.words.report import Suggestion
from bot.words.request import Mode, Needs, Request, RequestId, State, sources_of

log = structlog.get_logger(__name__)


class NoPlan(Exception):
    """Why a request is denied before anybody could decide on it, in one sentence."""

    def __init__(self, rule: str, reason: str, choices: tuple[Suggestion, ...] = ()) -> None:
        super().__init__(reason)
        self.rule = rule
        self.choices = choices


@dataclass(frozen=True)
class Planner:
    catalogue: Catalogue
    requests: Requests
    judge: Judge
    directory: Directory
    limits: Limits
    redactor: Redactor
    clock: Clock
    approvals_channel: str | None = None
    """Id or #name of the channel where requests from elsewhere are shown."""

    async def prepare(self, request_id: RequestId) -> Request:
        """Preview, decide, and put the plan before people. Only reads the outside, so it may be repeated.

        Raises NotUnderstood for a request that is not there.
        """
        request = await self.requests.get(request_id)
        if request is None:
            raise NotUnderstood(f"There is no request {request_id}.")
        if request.state is not State.ASKED:
            return request
        try:
            planned = await self._planned(request)
        except NoPlan as why:
            return await self._denied(request, why.rule, str(why), why.choices)
        decision = await self.judge.of_request(planned)
        match decision:
            case NeedsApproval(needs=needs):
                return await self._waiting(planned, needs)
            case Deny():
                return await self._denied(planned, decision.rule, f"Not allowed: {decision.reason}")
            case Allow():
                # No rule lets a change run without anybody's yes.
                return await self._denied(planned, decision.rule, "Not allowed: a change needs somebody's yes")
            case _:
                assert_never(decision)

    async def _planned(self, request: Request) -> Request:
        """The request with its plan, and with what the plan settled. Raises NoPlan."""
        action = self.catalogue.get(request.action)
        if not isinstance(action, Change):
            raise NoPlan("preview", f"There is no command {request.action!r} any more.")
        try:
            params = action.params_type.model_validate(request.params)
        except ValidationError as error:
            # Redaction may have made a value longer than it may be, a newer version may want other ones.
            raise NoPlan("preview", "No plan could be made: its parameters do not fit any more.") from error
        plan = await self._preview(action, params, request)
        if plan.nothing_to_do:
            raise NoPlan("nothing to do", f"Nothing to do: {plan.nothing_to_do}")
        risk = max(request.risk, plan.risk or Risk.READ, key=lambda risk: risk.rank)
        params = action.settled(params, plan)
        found = {
            "target": self.redactor.text(plan.target),
            "risk": risk,
            "plan": plan.model_dump(mode="json"),
            "params": params.model_dump(mode="json"),
            "digest": plan.digest(action.words, params),
        }
        return request.model_copy(update=found)

    async def _preview(self, action: Change[Params, Plan], params: Params, request: Request) -> Plan:
        """Raises NoPlan."""
        asker = self.judge.asker(request.requester, request.on_behalf_of, request.channel)
        try:
            async with asyncio.timeout(self.limits.preview.total_seconds()):
                return await action.preview_for(asker, params)
        except NotUnderstood as error:
            instead = f" Type: {error.hint}" if error.hint and not error.choices else ""
            raise NoPlan("not understood", f"{error}{instead}", misunderstood(error).choices) from error
        except OpsError as error:
            raise NoPlan("preview", f"No plan could be made: {error}") from error
        except TimeoutError as error:
            took = duration_text(self.limits.preview)
            raise NoPlan("preview", f"No plan could be made: no answer within {took}.") from error
        except Exception as error:
            log.exception("preview_crashed", request=request.id)
            raise NoPlan("preview", "No plan could be made: Handrail failed while it looked.") from error

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
        return await self._moved(request, State.WAITING, self._entry(request, "planned", detail), columns)

    async def _denied(self, request: Request, rule: str, reason: str, choices: tuple[Suggestion, ...] = ()) -> Request:
        outcome = self.redactor.text(reason)
        clean = tuple(
            Suggestion(label=self.redactor.text(choice.label), words=self.redactor.text(choice.words))
            for choice in choices
        )
        columns: Columns = {"outcome": outcome, "choices": clean, "finished_at": self.clock()}
        entry = self._entry(request, "denied", {"rule": rule, "reason": outcome})
        return await self._moved(request, State.DENIED, entry, columns)

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

    def _entry(self, request: Request, kind: str, detail: Mapping[str, object]) -> Entry:
        return Entry.model_validate(
            {
                "kind": kind,
                "actor": MACHINE,
                "on_behalf_of": request.requester,
                "request": request.id,
                "action": request.action,
                "target": request.target,
                "detail": detail,
            }
        )
