"""Errors as they are told: a row of a table each group, or a line of what is new."""

from collections.abc import Sequence

from bot.words.report import Line, Link, Moment, Table, Value
from commands._shared.asking import Unanswered
from commands._shared.error_groups import Group
from commands._shared.following import Reading
from integrations.capabilities import ErrorEvent, ErrorPage


def reading_of(source: str, page: ErrorPage | Unanswered) -> Reading[ErrorEvent] | Unanswered:
    if isinstance(page, Unanswered):
        return page
    return Reading(page.events, page.truncated, _more(source, page), page.note)


def note_of(source: str, page: ErrorPage | Unanswered) -> str:
    if isinstance(page, Unanswered):
        return page.about(source)
    return " ".join(filter(None, (_more(source, page), page.note)))


def _more(source: str, page: ErrorPage) -> str:
    return f"{source} has more errors than the newest that were read." if page.truncated else ""


def counted(groups: Sequence[Group]) -> str:
    count = sum(group.count for group in groups)
    errors = "1 error" if count == 1 else f"{count} errors"
    return errors if len(groups) == 1 else f"{errors} in {len(groups)} groups"


def _where(group: Group) -> str:
    return " / ".join(dict.fromkeys(filter(None, (group.source, group.origin, group.operation))))


def line_of(group: Group) -> Line:
    said: list[Value] = [f"{_where(group)}, last ", Moment(at=group.last, said="ago")]
    if group.first != group.last:
        said += [", first ", Moment(at=group.first, said="ago")]
    if group.newest.link:
        said += [", ", Link(url=group.newest.link, name="open the newest")]
    return Line(text=f"{group.count:,} × {_short(group.newest.message)}", detail=tuple(said))


def _short(message: str, most: int = 240) -> str:
    flat = " ".join(message.split()) or "(no message)"
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def table_of(groups: Sequence[Group]) -> Table:
    """A row a group, the most frequent first."""
    return Table(
        columns=("times", "what", "where", "last seen", "newest"),
        rows=tuple(
            (
                group.count,
                _short(group.newest.message),
                _where(group),
                Moment(at=group.last, said="ago"),
                Link(url=group.newest.link, name="open") if group.newest.link else None,
            )
            for group in groups
        ),
    )


def left_out(groups: int) -> tuple[str, ...]:
    """What is said where so many groups more were found than are told."""
    if groups <= 0:
        return ()
    return (f"{groups:,} {'group' if groups == 1 else 'groups'} more: type `errors` for all of them.",)
