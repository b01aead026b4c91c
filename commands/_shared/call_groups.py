"""Phone calls, grouped by agent and reason, and how they are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.words.report import Fact, Line, Link, Moment, Span, Status, Suggestion, Table
from integrations.capabilities import Call


@dataclass(frozen=True)
class Group:
    """Calls of one agent that ended alike."""

    service: str
    reason: str
    agent: str
    failed: bool
    count: int
    last: datetime


def _reason(call: Call) -> str:
    """A call that goes on has none yet."""
    return call.reason or call.status


def grouped(found: Sequence[tuple[str, Call]]) -> list[Group]:
    """The failed first, of those the most frequent, of those the most recent."""
    together: dict[tuple[str, str, str, bool], list[datetime]] = {}
    for name, call in found:
        together.setdefault((name, _reason(call), call.agent, call.failed), []).append(call.at)
    groups = [Group(*key, len(times), max(times)) for key, times in together.items()]
    return sorted(groups, key=lambda each: (each.failed, each.count, each.last), reverse=True)


def line_of(service: str, call: Call) -> Line:
    facts = [Fact(label="", value=service)] if service else []
    facts.append(Fact(label="", value=Moment(at=call.at)))
    if call.duration is not None:
        facts.append(Fact(label="lasted", value=Span(seconds=call.duration.total_seconds())))
    facts.append(Fact(label="", value=Link(url=call.link, name="open its log") if call.link else call.id))
    return Line(text=f"{_reason(call)}: {call.agent}", status=Status.FAILED, facts=tuple(facts))


def unread_line(name: str, why: str) -> Line:
    health = Suggestion(label="Health", words=f"health {name}")
    return Line(text=name, detail=why, status=Status.UNKNOWN, suggestions=(health,))


def table_of(groups: Sequence[Group]) -> Table:
    return Table(
        columns=("ended with", "agent", "calls", "failed", "last", "service"),
        rows=tuple(
            (each.reason, each.agent, each.count, "yes" if each.failed else "no", Moment(at=each.last), each.service)
            for each in groups
        ),
    )
