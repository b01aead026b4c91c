"""Phone calls, grouped by agent and reason, and how they are told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.words.report import Folded, Line, Link, Moment, Span, Status, Suggestion, Table, Value
from integrations.capabilities import Call


@dataclass(frozen=True)
class Group:
    """Calls of one agent that ended alike."""

    service: str
    reason: str
    agent: str
    failed: bool
    count: int
    newest: Call


def _reason(call: Call) -> str:
    """A call that goes on has none yet."""
    return call.reason or call.status


def grouped(found: Sequence[tuple[str, Call]]) -> list[Group]:
    """The failed first, of those the most frequent, of those the most recent."""
    together: dict[tuple[str, str, str, bool], list[Call]] = {}
    for name, call in found:
        together.setdefault((name, _reason(call), call.agent, call.failed), []).append(call)
    groups = [Group(*key, len(calls), max(calls, key=lambda each: each.at)) for key, calls in together.items()]
    return sorted(groups, key=lambda each: (each.failed, each.count, each.newest.at), reverse=True)


def line_of(group: Group, remedies: tuple[Suggestion, ...], *, several: bool) -> Line:
    """With the newest call of the group: where its log is, or what to look for there."""
    newest = group.newest
    said: list[Value] = [f"in {group.service}, last " if several else "last ", Moment(at=newest.at, said="ago")]
    if newest.duration is not None:
        said += [" after ", Span(seconds=newest.duration.total_seconds())]
    said += [", ", Link(url=newest.link, name="open its log") if newest.link else newest.id]
    return Line(
        text=f"{group.count:,} × {group.reason}: {group.agent}",
        detail=tuple(said),
        status=Status.FAILED,
        suggestions=remedies,
    )


def well_of(groups: Collection[Group]) -> Folded | None:
    """The agents whose calls did not fail; behind it, all groups."""
    well = [each for each in groups if not each.failed]
    if not well:
        return None
    agents = tuple(dict.fromkeys(each.agent or "no agent" for each in well))
    word = f"agent{'' if len(agents) == 1 else 's'} with calls that did not fail"
    return Folded(word=word, names=agents, table=table_of(tuple(groups)))


def unread_line(name: str, why: str) -> Line:
    health = Suggestion(label="Health", words=f"health {name}")
    return Line(text=name, detail=why, status=Status.UNKNOWN, suggestions=(health,))


def table_of(groups: Sequence[Group]) -> Table:
    return Table(
        columns=("ended with", "agent", "calls", "outcome", "last", "service"),
        rows=tuple(
            (
                each.reason,
                each.agent,
                each.count,
                "failed" if each.failed else "not failed",
                Moment(at=each.newest.at, said="ago"),
                each.service,
            )
            for each in groups
        ),
    )
