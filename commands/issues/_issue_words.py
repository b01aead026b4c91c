"""How an issue is told on a plan and in an answer."""

from collections.abc import Sequence

from bot.words.exceptions import Stale
from bot.words.report import Fact, Line, Link, Moment, Status, Suggestion, Table, Value
from bot.words.spelling import counted
from integrations.capabilities import Issue


def moved(now: Issue, expected: str) -> Stale:
    is_now = state_of(now.status, now.detail)
    return Stale(
        f"{now.short_id} was {expected} and is {is_now} by now; nothing was changed.",
        differences=(f"{now.short_id}: {expected}, now {is_now}",),
    )


def facts_of(issue: Issue, reason: str) -> tuple[Fact, ...]:
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


def state_of(status: str, detail: str) -> str:
    """`unresolved (regressed)`, `ignored (archived until escalating)`."""
    return f"{status} ({detail.replace('_', ' ')})" if detail else status


def short(title: str, most: int = 200) -> str:
    flat = " ".join(title.split()) or "(no title)"
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def line_of(service: str, issue: Issue, *, several: bool) -> Line:
    named = Link(url=issue.link, name=issue.short_id) if issue.link else issue.short_id
    origin = " / ".join(dict.fromkeys(filter(None, (service, issue.where))))
    said: list[Value] = [named, f" in {origin}, {issue.level}, {counted(issue.users, 'user')}"]
    if issue.last_seen:
        said += [", last ", Moment(at=issue.last_seen, said="ago")]
    back = "" if issue.detail in ("", "ongoing") else issue.detail.replace("_", " ")
    where = f" service={service}" if several else ""
    return Line(
        text=f"{issue.count:,} × {short(issue.title, 240)}",
        detail=tuple(said),
        status=Status.WARNING if back else None,
        word=back,
        suggestions=(
            Suggestion(label="Resolve", words=f"issues resolve {issue.short_id}{where}"),
            Suggestion(label="Ignore", words=f"issues ignore {issue.short_id}{where}"),
        ),
    )


def table_of(found: Sequence[tuple[str, Issue]]) -> Table:
    return Table(
        columns=("issue", "events", "users", "last seen", "level", "what", "where", "service"),
        rows=tuple(
            (
                Link(url=each.link, name=each.short_id) if each.link else each.short_id,
                each.count,
                each.users,
                Moment(at=each.last_seen, said="ago") if each.last_seen else None,
                each.level,
                each.title,
                each.where,
                service,
            )
            for service, each in found
        ),
    )
