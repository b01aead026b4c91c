"""/ops logs: the lines of one service's log as they were written, newest last; and what is new since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Followable
from bot.words.params import duration_text
from bot.words.report import Report, Status, Suggestion
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.following import Reading, news
from commands._shared.log_lines import (
    Which,
    counted,
    is_long,
    lead_of,
    line_of,
    more_note,
    newest,
    shown_note,
    table_of,
)
from commands._shared.retyping import retyped
from commands._shared.services import OnService
from integrations.capabilities import ErrorSource, Level, LogLine, LogPage, LogSource


@dataclass(frozen=True)
class ShowLogs(OnService[LogSource], Followable[Which]):
    """Show a service's log lines, newest last."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=10)
    """For the service to answer."""
    read_at_most: int = 1000
    """Lines in one reading."""
    late: timedelta = timedelta(minutes=1)
    """How long after its own time a line may appear and still be told while following."""

    can = "show a log"
    examples = ("logs n8n", "logs shop-db since=15m level=warning", 'logs n8n match="timed out" n=30 follow=10m')

    async def answer(self, params: Which) -> Report:
        source, now = self.chosen(params), self.now()
        page = await self._read(source, params, now - params.since)
        title = f"Log of {source.name}"
        if isinstance(page, Unanswered):
            lead = f"The log of {source.name} could not be read: {page.why.rstrip('.')}."
            return Report(title=title, lead=lead, status=Status.UNKNOWN, taken_at=now)
        shown = newest(page.lines, params.n)
        return Report(
            title=title,
            lead=lead_of(page, params),
            lines=tuple(map(line_of, reversed(shown))),
            table=table_of(page.lines) if is_long(page.lines, shown) else None,
            notes=tuple(filter(None, (shown_note(shown, page.lines), more_note(source.name, page), page.note))),
            suggestions=_next(source, params, page),
            taken_at=now,
        )

    async def news(self, params: Which, cursor: str) -> tuple[Report | None, str]:
        source, now = self.chosen(params), self.now()

        async def read(since: Mapping[str, datetime]) -> dict[str, Reading[LogLine] | Unanswered]:
            page = await self._read(source, params, since[source.name])
            if isinstance(page, Unanswered):
                return {source.name: page}
            return {source.name: Reading(page.lines, page.truncated, more_note(source.name, page), page.note)}

        new = await news([source.name], cursor, read, now=now, late=self.late)
        if not new.found and not new.notes:
            return None, new.cursor
        lines = sorted((line for _, line in new.found), key=lambda line: (line.at, line.key), reverse=True)
        shown = newest(lines, params.n)
        return Report(
            title=f"New in the log of {source.name}",
            lead=f"{counted(lines)}." if lines else "",
            lines=tuple(map(line_of, reversed(shown))),
            table=table_of(lines) if is_long(lines, shown) else None,
            notes=tuple(filter(None, (shown_note(shown, lines), *new.notes))),
            taken_at=now,
        ), new.cursor

    async def _read(self, source: LogSource, params: Which, since: datetime) -> LogPage | Unanswered:
        level, match = Level(params.level), params.match or None
        return await ask(source.logs(since=since, level=level, match=match, limit=self.read_at_most), self.deadline)


def _next(source: LogSource, params: Which, page: LogPage) -> tuple[Suggestion, ...]:
    """What to look at then: the errors grouped, or further back where there was nothing."""
    if not page.lines and params.since < timedelta(days=1):
        return (Suggestion(label="Look back a day", words=_typed(source, params, timedelta(days=1))),)
    if isinstance(source, ErrorSource) and any(line.level is Level.ERROR for line in page.lines):
        since = duration_text(params.since)
        return (Suggestion(label="Errors, grouped", words=f"errors {source.name} since={since}"),)
    return ()


def _typed(source: LogSource, params: Which, since: timedelta) -> str:
    return retyped("logs", params.model_copy(update={"service": source.name, "since": since, "follow": None}))


def actions(house: House) -> ShowLogs:
    return ShowLogs(house.having(LogSource), house.now)
