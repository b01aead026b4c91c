"""What resolving and ignoring an issue share: one issue, by its id, from what the approver saw, and back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood
from bot.words.params import Choices, FreeText, Option, Params
from commands._shared.remembered import Remembering
from commands._shared.retyping import retyped
from commands._shared.services import ServiceName, closest
from commands.issues._issue_words import facts_of, moved, short, state_of
from integrations.capabilities import Issue, Issues, IssueStatus


def _one_id(text: str) -> str:
    """Never a query: whatever is typed means one issue or none."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,90}", text):
        raise ValueError(f"{text[:60]!r} is not an issue; type one's short id, like SHOP-API-1F, or its number")
    return text


class Settle(Params):
    positional = ("issue", "reason")

    issue: Annotated[str, Choices(), AfterValidator(_one_id)]
    """The issue, by its short id or its number."""
    reason: Annotated[str, Field(max_length=500), FreeText()] = ""
    """Why, for the approver and the audit."""
    service: ServiceName = None
    """Service that tracks it, as named in ops.toml; needed only where there are several."""


class SettlePlan(Plan):
    service: str
    issue: str
    """Its id: what is changed is this one, whatever its short id comes to mean."""
    short_id: str
    status: IssueStatus
    detail: str
    """The service's finer word for the status; an undo restores it."""


@dataclass(frozen=True)
class SetStatus(Remembering[Issues, Issue], Undoable[Settle, SettlePlan]):
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    can = "settle issues"
    params_type = Settle
    plan_type = SettlePlan
    risk = Risk.CHANGE
    refresh_every = timedelta(minutes=5)
    to: ClassVar[IssueStatus]
    verb: ClassVar[tuple[str, str]]
    """As in a headline: `Resolve`, and `Resolved`."""
    comes_back: ClassVar[str]
    """What brings the issue up again by itself, as a sentence."""

    async def preview(self, params: Settle) -> SettlePlan:
        service = self.chosen(params)
        try:
            issue = await service.issue(params.issue)
        except NotUnderstood as error:
            raise self._meant(params, str(error)) from error
        now = state_of(issue.status, issue.detail)
        return SettlePlan(
            target=f"{service.name} issue {issue.short_id} ({issue.id})",
            headline=f"{self.verb[0]} {issue.short_id} of {service.name}: {short(issue.title)}",
            effects=(f"{issue.short_id}: now {now}, then {self.to}",),
            facts=facts_of(issue, params.reason),
            warnings=(self.comes_back, *((issue.lost,) if issue.lost else ())),
            undo_note=f"Undo makes it {now} again, unless its status was changed meanwhile.",
            nothing_to_do=f"{issue.short_id} is {now} already." if issue.status == self.to else "",
            service=service.name,
            issue=issue.id,
            short_id=issue.short_id,
            status=issue.status,
            detail=issue.detail,
        )

    async def execute(self, plan: SettlePlan) -> Receipt:
        after = await self.planned(plan.service).set_status(plan.issue, self.to)
        return Receipt(
            headline=f"{self.verb[1]} {plan.short_id} of {plan.service}.",
            undo={"status": after.status, "detail": after.detail},
        )

    async def undo(self, plan: SettlePlan, receipt: Receipt) -> Receipt:
        service = self.planned(plan.service)
        now = await service.issue(plan.issue)
        if now.status != receipt.undo["status"] or now.detail != receipt.undo["detail"]:
            left = state_of(str(receipt.undo["status"]), str(receipt.undo["detail"]))
            raise moved(now, left)
        back = await service.set_status(plan.issue, plan.status, plan.detail)
        return Receipt(headline=f"{plan.short_id} of {plan.service} is {state_of(back.status, back.detail)} again.")

    async def evidence(self, plan: SettlePlan) -> str:
        now = await self.planned(plan.service).issue(plan.issue)
        return f"{now.short_id} is {state_of(now.status, now.detail)}"

    async def listed(self, service: Issues) -> Sequence[Issue]:
        return await service.issues(since=self.now() - timedelta(days=1), match=None, limit=50)

    def option(self, thing: Issue) -> Option:
        return Option(thing.short_id, f"{thing.short_id} {thing.title}")

    def _meant(self, asked: Settle, sentence: str) -> NotUnderstood:
        close = closest(asked.issue, (each.short_id for issues in self.known.values() for each in issues))
        instead = f"Did you mean {close}?" if close else "`issues` lists them."
        hint = retyped(self.words, asked, issue=close) if close else "issues"
        return NotUnderstood(f"{sentence} {instead}", hint=hint)
