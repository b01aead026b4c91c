"""The weekly review: what ran on one person's word, what skipped its approvers, and what nobody knows the end of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.words.ports import Clock, Outbox, Requests
from bot.words.report import Fact, Line, Moment, Person, Report, Suggestion, Value
from bot.words.request import Request, Review, State

HOUR = 9
"""Of Monday, in the team's zone, from which the week before is reported."""
MOST = 20
"""Requests told one by one."""


@dataclass(frozen=True)
class Weekly:
    """Posted once a week, however many replicas look: the week names the message."""

    requests: Requests
    outbox: Outbox
    clock: Clock
    zone: tzinfo
    channel: Callable[[], str | None]

    async def sweep(self) -> None:
        now = self.clock().astimezone(self.zone)
        channel = self.channel()
        if channel is None or (now.weekday() == 0 and now.hour < HOUR):
            return
        monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
        year, week, _ = (monday - timedelta(days=7)).isocalendar()
        asked = await self.requests.asked_since(monday - timedelta(days=7))
        of_the_week = tuple(request for request in asked if request.asked_at < monday)
        if of_the_week:
            await self.outbox.post(channel, key=f"weekly:{year}-{week}", report=weekly_report(of_the_week, monday))


def weekly_report(requests: tuple[Request, ...], until: datetime) -> Report:
    """Of the requests asked in the week that ended at `until`."""
    ran = [request for request in requests if request.started_at is not None]
    alone = [request for request in ran if request.self_approved and not request.break_glass]
    broken = [request for request in ran if request.break_glass]
    unknown = [request for request in requests if request.state is State.UNKNOWN]
    groups = (
        ("self-approved", alone),
        ("ran without their approvers", broken),
        ("of unknown outcome", unknown),
    )
    told = ", ".join(f"{len(group)} {words}" for words, group in groups if group)
    lead = f"{len(requests)} asked, {len(ran)} run{f'; {told}' if told else '; nothing that needs a second look'}."
    lines = [_line(words, request) for words, group in groups for request in group]
    left_out = (f"{len(lines) - MOST} more; the audit has them all.",) if len(lines) > MOST else ()
    return Report(
        title="Weekly review",
        lead=lead,
        facts=(Fact(label="Week until", value=Moment(at=until)),),
        lines=tuple(lines[:MOST]),
        notes=left_out,
    )


def _line(words: str, request: Request) -> Line:
    headline = str((request.plan or {}).get("headline") or request.typed)
    said: list[Value] = ["by ", Person(id=request.requester)]
    if request.break_glass:
        reviewed = request.review is Review.REVIEWED and request.reviewed_by is not None
        said += [f": {request.break_glass}. ", "Reviewed by " if reviewed else "Reviewed by nobody yet."]
        said += [Person(id=request.reviewed_by)] if reviewed and request.reviewed_by else []
    return Line(
        text=f"{request.id} {words}: {headline}",
        detail=tuple(said),
        suggestions=(Suggestion(label=f"Show {request.id}", words=f"show {request.id}"),),
    )
