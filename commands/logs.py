"""/ops logs: the lines of one service's log as they were written, newest last; and what is new since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.words.action import Followable
from bot.words.params import Duration, FreeText, Params, duration_text
from bot.words.report import Report, Status, Suggestion
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.following import FollowFor, Reading, news
from commands._shared.log_lines import counted, is_long, line_of, more_note, newest, shown_note, table_of
from commands._shared.retyping import retyped
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import ErrorSource, Level, LogLine, LogPage, LogSource


class Which(Params):
    positional = ("service",)

    service: ServiceName = None
    """Whose log, as named in ops.toml; may be left out where only one service has one."""
    since: Duration = timedelta(hours=1)
    """How far back to look, as in 15m, 2h or 3d."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least grave level to show; graver ones are shown too."""
    match: Annotated[str | None, Field(max_length=200), FreeText()] = None
    """Only lines that contain this; capitals do not matter."""
    n: Annotated[int, Field(ge=1, le=30)] = 20
    """How many of the newest lines to show, 1 to 30; the rest goes into a file."""
    follow: FollowFor | None = None
    """Go on telling new ones in the thread for this long, at most 2h."""


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
            lead=_lead(page, params),
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


def _lead(page: LogPage, params: Which) -> str:
    graver = "" if params.level == "debug" else f" of level {params.level}" + " or graver" * (params.level != "error")
    within = f"in the last {duration_text(params.since)}"
    matching = f" with {params.match!r}" if params.match else ""
    if not page.lines:
        return f"No line{graver}{matching} {within}."
    return f"{counted(page.lines, graver)}{matching} {within}."


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
