"""What resolving and ignoring an issue share: one issue, by its id, from what the approver saw, and back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, Stale
from bot.words.params import Choices, FreeText, Option, Params
from bot.words.report import Fact, Link, Moment
from commands._shared.services import (
    LONGEST_LABEL,
    OnService,
    ServiceName,
    ask_all,
    closest,
    matching,
    names,
    pick,
    retyped,
)
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
class SetStatus(OnService[Issues], Undoable[Settle, SettlePlan]):
    deadline: timedelta = timedelta(seconds=10)
    known: dict[str, tuple[Issue, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""
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
        service = self._service(params.service, params)
        try:
            issue = await service.issue(params.issue)
        except NotUnderstood as error:
            raise self._meant(params, str(error)) from error
        now = _state(issue.status, issue.detail)
        return SettlePlan(
            target=f"{service.name} issue {issue.short_id} ({issue.id})",
            headline=f"{self.verb[0]} {issue.short_id} of {service.name}: {_short(issue.title)}",
            effects=(f"{issue.short_id}: now {now}, then {self.to}",),
            facts=_facts(issue, params.reason),
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
        service = self._service(plan.service, Settle(issue=plan.issue))
        before = await service.issue(plan.issue)
        if (before.status, before.detail) != (plan.status, plan.detail):
            raise _moved(before, _state(plan.status, plan.detail))
        after = await service.set_status(plan.issue, self.to)
        return Receipt(
            headline=f"{self.verb[1]} {plan.short_id} of {plan.service}.",
            undo={"status": after.status, "detail": after.detail},
        )

    async def undo(self, plan: SettlePlan, receipt: Receipt) -> Receipt:
        service = self._service(plan.service, Settle(issue=plan.issue))
        now = await service.issue(plan.issue)
        if now.status != receipt.undo["status"] or now.detail != receipt.undo["detail"]:
            left = _state(str(receipt.undo["status"]), str(receipt.undo["detail"]))
            raise _moved(now, left)
        back = await service.set_status(plan.issue, plan.status, plan.detail)
        return Receipt(headline=f"{plan.short_id} of {plan.service} is {_state(back.status, back.detail)} again.")

    async def evidence(self, plan: SettlePlan) -> str:
        now = await self._service(plan.service, Settle(issue=plan.issue)).issue(plan.issue)
        return f"{now.short_id} is {_state(now.status, now.detail)}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field != "issue":
            return matching(names(self.services), typed)
        found = (each for issues in self.known.values() for each in issues)
        return matching(
            (Option(each.short_id, f"{each.short_id} {each.title}"[:LONGEST_LABEL]) for each in found), typed
        )

    async def refresh(self) -> None:
        """Read the unresolved ones for `options`, in the background; a service that is silent keeps its last ones."""
        since = self.now() - timedelta(days=1)
        heard = await ask_all(
            self.services, lambda service: service.issues(since=since, match=None, limit=50), self.deadline
        )
        self.known.update((service.name, issues) for service, issues in heard.read)

    def _meant(self, asked: Settle, sentence: str) -> NotUnderstood:
        close = closest(asked.issue, (each.short_id for issues in self.known.values() for each in issues))
        instead = f"Did you mean {close}?" if close else "`issues` lists them."
        hint = retyped(self.words, asked, issue=close) if close else "issues"
        return NotUnderstood(f"{sentence} {instead}", hint=hint)

    def _service(self, name: str | None, asked: Settle) -> Issues:
        return pick(
            self.services, name, can="settle issues", typed=lambda each: retyped(self.words, asked, service=each)
        )


def _moved(now: Issue, expected: str) -> Stale:
    is_now = _state(now.status, now.detail)
    return Stale(
        f"{now.short_id} was {expected} and is {is_now} by now; nothing was changed.",
        differences=(f"{now.short_id}: {expected}, now {is_now}",),
    )


def _facts(issue: Issue, reason: str) -> tuple[Fact, ...]:
    facts = [
        Fact(label="Issue", value=Link(url=issue.link, name=issue.short_id) if issue.link else issue.short_id),
        Fact(label="Where", value=issue.where),
        Fact(label="Level", value=issue.level),
        Fact(label="Events in all", value=issue.count),
        Fact(label="Users in all", value=issue.users),
        Fact(label="First seen", value=Moment(at=issue.first_seen) if issue.first_seen else None),
        Fact(label="Last seen", value=Moment(at=issue.last_seen) if issue.last_seen else None),
    ]
    return (*facts, *((Fact(label="Reason", value=reason),) if reason else ()))


def _state(status: str, detail: str) -> str:
    """`unresolved (regressed)`, `ignored (archived until escalating)`."""
    return f"{status} ({detail.replace('_', ' ')})" if detail else status


def _short(title: str, most: int = 200) -> str:
    flat = " ".join(title.split()) or "(no title)"
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _option(issue: Issue) -> Option:
    return Option(issue.short_id, f"{issue.short_id} {issue.title}"[:LONGEST_LABEL])
