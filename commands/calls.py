"""/ops calls: how many phone calls failed lately, why and with which agent; the newest of each kind with its log."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.params import Duration, FreeText, Params, duration_text
from bot.words.report import Report, Status, Suggestion
from commands import House
from commands._shared.asking import ask_all
from commands._shared.call_groups import _reason, grouped, line_of, table_of, unread_line, well_of
from commands._shared.retyping import retyped
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import Call, Calls, ErrorSource


class CallLog(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service whose calls to read, as named in ops.toml; all of them if left out."""
    since: Duration = timedelta(hours=24)
    """How far back to look, as in 1h, 24h or 7d."""
    failed: bool = False
    """Only the groups of calls that failed; all are counted all the same."""
    match: Annotated[str | None, Field(max_length=100), FreeText()] = None
    """Only calls whose agent, status or reason contains this; capitals do not matter."""


@dataclass(frozen=True)
class ShowCalls(OnService[Calls], Lookup[CallLog]):
    """Show which phone calls failed, by reason and agent."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=12)
    """For one service to answer: some are asked page by page."""
    read_at_most: int = 2000
    """Calls of one service."""
    most_rows: int = 10
    """Groups of failed calls that have a row; where there are more, a table holds all of them."""

    can = "list its calls"
    examples = ("calls", "calls since=1h failed=yes", "calls since=7d match=dial_failed")

    async def answer(self, params: CallLog) -> Report:
        chosen, now = self.asked(params), self.now()
        since, most = now - params.since, self.read_at_most
        heard = await ask_all(chosen, lambda service: service.calls(since=since, limit=most), self.deadline)
        read = [(service.name, calls) for service, calls in heard.read]
        unread = [(service.name, no.why) for service, no in heard.unread]
        cut = [name for name, calls in read if len(calls) >= self.read_at_most]
        found = [(name, call) for name, calls in read for call in calls if _wanted(params, call)]
        groups = [each for each in grouped(found) if each.failed or not params.failed]
        failing = [each for each in groups if each.failed]
        remedies = {service.name: _remedies(service, params) for service in chosen}
        several = len(self.services) > 1
        well = well_of(groups)
        hidden = len(failing) > self.most_rows
        return Report(
            title=f"Calls of {chosen[0].name if params.service else 'the last ' + duration_text(params.since)}",
            lead=_lead(params, [call for _, call in found], len(unread), len(chosen), cut=bool(cut)),
            status=Status.WARNING if failing else Status.UNKNOWN if unread else Status.OK,
            lines=(
                *(unread_line(name, why) for name, why in unread),
                *(line_of(each, remedies[each.service], several=several) for each in failing[: self.most_rows]),
            ),
            well=None if hidden else well,
            table=table_of(groups) if hidden else None,
            notes=tuple(f"{name} may have more calls; the newest {self.read_at_most:,} were read." for name in cut),
            suggestions=_further(params, chosen[0].name if params.service else "", failing=bool(failing)),
            taken_at=now,
        )


def _wanted(params: CallLog, call: Call) -> bool:
    return (params.match or "").casefold() in f"{call.agent} {call.status} {call.reason}".casefold()


def _lead(params: CallLog, calls: Sequence[Call], unread: int, services: int, *, cut: bool) -> str:
    if unread == services:
        return "No calls could be read."
    fitting = f" that fit {params.match!r}" if params.match else ""
    reasons = Counter(_reason(call) for call in calls if call.failed)
    failed = reasons.total()
    if not calls:
        told = f"No calls{fitting} in the last {duration_text(params.since)}"
    else:
        of = f"{'the newest ' if cut else ''}{len(calls):,} call{'' if len(calls) == 1 else 's'}{fitting}"
        told = f"{f'{failed:,}' if failed else 'None'} of {of} failed"
    if reasons:
        worst, count = reasons.most_common(1)[0]
        all_alike = f": {worst}" if failed == 1 else f", all of them {worst}"
        told += all_alike if count == failed else f", {count:,} of them {worst}"
    if unread:
        told += f"; {unread} of {services} services could not be read"
    return f"{told}."


def _remedies(service: Calls, params: CallLog) -> tuple[Suggestion, ...]:
    """Where to look next, if the service tells its errors."""
    if not isinstance(service, ErrorSource):
        return ()
    return (Suggestion(label="Errors", words=f"errors {service.name} since={duration_text(params.since)}"),)


def _further(params: CallLog, service: str, *, failing: bool) -> tuple[Suggestion, ...]:
    here = params.model_copy(update={"service": service or None})
    again = Suggestion(label="Read again", words=retyped("calls", here))
    if not failing or params.failed:
        return (again,)
    return Suggestion(label="Only the failed", words=retyped("calls", here.model_copy(update={"failed": True}))), again


def actions(house: House) -> ShowCalls:
    return ShowCalls(house.having(Calls), house.now)
