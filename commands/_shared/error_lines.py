"""Errors as they are told: grouped in lines, one by one in a table."""

from collections.abc import Sequence

from bot.words.report import Fact, Line, Link, Moment, Table
from commands._shared.asking import Unanswered
from commands._shared.error_groups import Group
from commands._shared.following import Reading, unread
from integrations.capabilities import ErrorEvent, ErrorPage


def reading_of(source: str, page: ErrorPage | Unanswered) -> Reading[ErrorEvent] | Unanswered:
    if isinstance(page, Unanswered):
        return page
    return Reading(page.events, page.truncated, _more(source, page), page.note)


def note_of(source: str, page: ErrorPage | Unanswered) -> str:
    if isinstance(page, Unanswered):
        return unread(source, page)
    return " ".join(filter(None, (_more(source, page), page.note)))


def _more(source: str, page: ErrorPage) -> str:
    return f"{source} has more errors than the newest that were read." if page.truncated else ""


def counted(groups: Sequence[Group]) -> str:
    count = sum(group.count for group in groups)
    errors = "1 error" if count == 1 else f"{count} errors"
    return errors if len(groups) == 1 else f"{errors} in {len(groups)} groups"


def line_of(group: Group) -> Line:
    where = " / ".join(dict.fromkeys(filter(None, (group.source, group.origin, group.operation))))
    facts = [Fact(label="", value=where), Fact(label="last", value=Moment(at=group.last))]
    if group.first != group.last:
        facts.append(Fact(label="first", value=Moment(at=group.first)))
    if group.newest.link:
        facts.append(Fact(label="", value=Link(url=group.newest.link, name="open the newest")))
    return Line(text=f"{group.count:,} × {_short(group.newest.message)}", facts=tuple(facts))


def _short(message: str, most: int = 240) -> str:
    flat = " ".join(message.split()) or "(no message)"
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def table_of(found: Sequence[tuple[str, ErrorEvent]]) -> Table:
    newest_first = sorted(found, key=lambda each: each[1].at, reverse=True)
    return Table(
        columns=("time", "source", "origin", "operation", "message"),
        rows=tuple((Moment(at=e.at), source, e.origin, e.operation, e.message) for source, e in newest_first),
    )
