"""Checks of services in words, the worst first, with what may help."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.words.report import Fact, Folded, Line, Moment, Span, Status, Suggestion, Table
from bot.words.request import Request
from bot.words.spelling import lasting, span
from commands._shared.machine import Measured
from integrations.capabilities import Checkable, ErrorSource, Health, LogSource

RANK = {health: rank for rank, health in enumerate(Health)}


OVERDUE = Status.FAILED


def standing_of(overdue: Sequence[Request]) -> str:
    """The beginning of the lead where something is in place that should not be."""
    if not overdue:
        return ""
    told = ", ".join(request.id for request in overdue[:5])
    return f"{told} should have ended and {'is' if len(overdue) == 1 else 'are'} still in place. "


def overdue_of(request: Request) -> Line:
    done = str((request.receipt or {}).get("headline") or request.typed)
    ended = ("it should have ended ", Moment(at=request.ends_at, said="ago"), ". ") if request.ends_at else ()
    return Line(
        text=f"{request.id}: {done}",
        detail=(*ended, request.note),
        status=OVERDUE,
        word="still in place",
        suggestions=(Suggestion(label="End now", words=f"end {request.id}"),),
    )


_IS = {Health.DOWN: "is down", Health.DEGRADED: "is degraded", Health.UNKNOWN: "could not be asked"}


def lead_of(worst_first: Sequence[Measured]) -> str:
    """`payments-api is down, and 2 more of 20 need attention.`"""
    worst, count = worst_first[0], len(worst_first)
    failing = sum(result.health is not Health.OK for result in worst_first)
    if not failing:
        return f"All {count} services are healthy." if count > 1 else f"{worst.service} is healthy."
    told = f"{worst.service} {_IS[worst.health]}"
    if failing == 1:
        rest = "; the other one is healthy" if count == 2 else f"; the other {count - 1} are healthy"
        return f"{told}{rest if count > 1 else ''}."
    if failing == count:
        return f"{told}, and {'the other one needs' if count == 2 else f'the other {count - 1} need'} attention."
    return f"{told}, and {failing - 1} more of {count} need{'s' if failing == 2 else ''} attention."


def line_of(result: Measured, since: datetime | None, now: datetime, remedies: tuple[Suggestion, ...]) -> Line:
    word = _IS[result.health].removeprefix("is ")
    if since is not None and now - since >= timedelta(minutes=1):
        word += f" for {lasting((now - since).total_seconds())}"
    left = f"{result.calls_left} calls left" if result.calls_left else ""
    again = (Suggestion(label="Try again", words=f"health {result.service} fresh=yes"),)
    return Line(
        text=result.service,
        detail="; ".join(filter(None, (result.detail.rstrip("."), left))),
        status=Status(result.health.value),
        word=word,
        suggestions=again if result.health is Health.UNKNOWN else (remedies or again),
    )


def remedies_of(service: Checkable) -> tuple[Suggestion, ...]:
    """Where to look next, if the service can be looked into at all."""
    errors = (Suggestion(label="Errors", words=f"errors {service.name}"),) if isinstance(service, ErrorSource) else ()
    logs = (Suggestion(label="Logs", words=f"logs {service.name}"),) if isinstance(service, LogSource) else ()
    return errors + logs


def facts_of(one: Measured, since: Mapping[str, datetime]) -> tuple[Fact, ...]:
    found = [Fact(label="Answered in", value=Span(seconds=round(one.latency.total_seconds(), 3)))]
    if one.service in since:
        found.append(Fact(label="Healthy", value=Moment(at=since[one.service], said="since")))
    found += [Fact(label="Calls left", value=one.calls_left)] if one.calls_left else []
    return (*found, *((Fact(label="It says", value=one.detail),) if one.detail else ()))


def well_of(well: Sequence[Measured], table: Table) -> Folded:
    slowest = max(well, key=lambda result: result.latency)
    return Folded(
        word="healthy",
        names=tuple(sorted(result.service for result in well)),
        remark=f"Slowest: {slowest.service}, {span(slowest.latency.total_seconds())}" if len(well) > 1 else "",
        table=table,
    )


def table_of(measured: Sequence[Measured], since: Mapping[str, datetime]) -> Table:
    return Table(
        columns=("service", "how it is", "answered in", "since", "calls left", "what it says"),
        rows=tuple(
            (
                each.service,
                "healthy" if each.health is Health.OK else _IS[each.health].removeprefix("is "),
                Span(seconds=round(each.latency.total_seconds(), 3)),
                Moment(at=since[each.service]) if each.service in since else None,
                each.calls_left or None,
                each.detail,
            )
            for each in measured
        ),
    )
