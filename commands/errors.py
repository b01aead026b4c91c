"""/ops errors: what went wrong lately, from every source at once, grouped; and what is new since."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Followable
from bot.words.params import Choices, Duration, FreeText, Params, Spaced, duration_text
from bot.words.report import Report, Status
from commands import House
from commands._shared.asking import Unanswered, ask, but_unread
from commands._shared.error_groups import grouped
from commands._shared.error_lines import counted, left_out, line_of, note_of, reading_of, table_of
from commands._shared.following import FollowFor, Reading, news
from commands._shared.services import OnService, closest
from integrations.capabilities import ErrorEvent, ErrorPage, ErrorSource


class Tail(Params):
    positional = ("source",)

    source: Annotated[str | None, Choices(), Spaced()] = None
    """Where the errors come from: a service of ops.toml, or else an origin within one; everywhere if left out."""
    since: Duration = timedelta(hours=1)
    """How far back to look, as in 15m, 2h or 3d."""
    n: Annotated[int, Field(ge=1, le=100)] = 20
    """How many groups to tell at once while following, 1 to 100; an answer has them all."""
    match: Annotated[str | None, Field(max_length=200), FreeText()] = None
    """Only errors whose text contains this; capitals do not matter."""
    follow: FollowFor | None = None
    """Go on telling new ones in the thread for this long, at most 2h."""


@dataclass(frozen=True)
class TailErrors(OnService[ErrorSource], Followable[Tail]):
    """Show recent errors, grouped by what they have in common."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=8)
    """For one source to answer."""
    read_at_most: int = 1000
    """Errors from one source in one reading."""
    late: timedelta = timedelta(minutes=1)
    """How long after its own time an error may appear and still be told while following."""

    can = "show its errors"
    named_by = "source"
    examples = ("errors", "errors n8n since=2h", 'errors since=1d n=50 match="timed out"', "errors follow=10m")

    async def answer(self, params: Tail) -> Report:
        now, asked = self.now(), self._asked(params)
        service = asked[0].name if params.source and _called(asked[0].name, params.source) else ""
        readings = await self._read(params, {source.name: now - params.since for source in asked})
        found = [
            (name, event)
            for name, page in readings.items()
            if isinstance(page, ErrorPage)
            for event in page.events
            if _wanted(params, name, event)
        ]
        silent = [name for name, page in readings.items() if isinstance(page, Unanswered)]
        notes = [note for name, page in readings.items() if (note := note_of(name, page))]
        if params.source and not service and not found:
            notes.append(f"Sources: {', '.join(source.name for source in self.services)}; or an origin within one.")
        groups = grouped(found)
        of = f" of the service {service}" if service else ""
        within = f"{of}{_matching(params)} in the last {duration_text(params.since)}"
        lead = f"{counted(groups)}{within}." if groups else f"No errors{within}."
        unknown = len(silent) == len(readings)
        if unknown:
            lead = f"{service} could not be read." if service else "No source of errors could be read."
        elif not groups and not service and (why := self._not_meant(params, readings, within)):
            lead, unknown = why, True
        elif silent and not groups:
            lead = f"No errors{within} in what could be read."
        else:
            lead = but_unread(lead, len(silent), len(readings), "sources")
        return Report(
            title=f"Errors of {params.source}" if params.source else "Errors",
            lead=lead,
            status=Status.UNKNOWN if unknown else None,
            table=table_of(groups) if groups else None,
            notes=tuple(notes),
            taken_at=now,
        )

    async def news(self, params: Tail, cursor: str) -> tuple[Report | None, str]:
        async def read(since: Mapping[str, datetime]) -> dict[str, Reading[ErrorEvent] | Unanswered]:
            pages = await self._read(params, since)
            return {name: reading_of(name, page) for name, page in pages.items()}

        now, sources = self.now(), [source.name for source in self._asked(params)]
        new = await news(sources, cursor, read, now=now, late=self.late)
        found = [(name, event) for name, event in new.found if _wanted(params, name, event)]
        if not found and not new.notes:
            return None, new.cursor
        groups = grouped(found)
        return Report(
            title="New errors",
            lead=f"{counted(groups)}." if groups else "",
            lines=tuple(line_of(group) for group in groups[: params.n]),
            notes=(*new.notes, *left_out(len(groups) - params.n)),
            taken_at=now,
        ), new.cursor

    def _asked(self, params: Tail) -> tuple[ErrorSource, ...]:
        """The service of that name alone; every one where it may be an origin's, or none was named."""
        if params.source is None:
            return self.services
        return tuple(source for source in self.services if _called(source.name, params.source)) or self.services

    def _not_meant(self, params: Tail, readings: Mapping[str, ErrorPage | Unanswered], within: str) -> str:
        """Why nothing was found says nothing: what could be read knows no such origin."""
        if params.source is None:
            return ""
        pages = [page for page in readings.values() if isinstance(page, ErrorPage)]
        close = closest(params.source, [*readings, *(event.origin for page in pages for event in page.events)])
        instead = f" Did you mean {close!r}?" if close else ""
        return f"No service is called {params.source!r}, and no error{within} has that origin.{instead}"

    async def _read(self, params: Tail, since: Mapping[str, datetime]) -> dict[str, ErrorPage | Unanswered]:
        match, limit = params.match or None, self.read_at_most
        sources = self._asked(params)
        calls = [source.errors(since=since[source.name], match=match, limit=limit) for source in sources]
        answers = await asyncio.gather(*(ask(call, self.deadline) for call in calls))
        return {source.name: answer for source, answer in zip(sources, answers, strict=True)}


def _wanted(params: Tail, source: str, event: ErrorEvent) -> bool:
    return params.source is None or _called(source, params.source) or _called(event.origin, params.source)


def _called(name: str, typed: str) -> bool:
    return name.casefold() == typed.casefold()


def _matching(params: Tail) -> str:
    return f" with {params.match!r}" if params.match else ""


def actions(house: House) -> TailErrors:
    return TailErrors(house.having(ErrorSource), house.now)
