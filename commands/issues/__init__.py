"""/ops issues: what is unresolved, most frequent first, with what to do about it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.params import Duration, FreeText, Params, duration_text
from bot.words.report import Report, Status
from commands import House
from commands._shared.asking import Unanswered, ask, but_unread
from commands._shared.services import OnService, ServiceName
from commands.issues._issue_words import line_of, table_of
from integrations.capabilities import Issue, Issues

SHOWN = 5
"""Rows with buttons; where there are more, a table holds all of them."""


class Listed(Params):
    positional = ("service",)

    service: ServiceName = None
    """Only of this service, as named in ops.toml."""
    since: Duration = timedelta(hours=24)
    """Only those that happened within this time, as in 2h or 3d; their events are counted within it."""
    match: Annotated[str | None, Field(max_length=200), FreeText()] = None
    """Only those whose text contains this; capitals do not matter."""


@dataclass(frozen=True)
class ListIssues(OnService[Issues], Lookup[Listed]):
    """List unresolved issues, most frequent first."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=15)
    """For one service to answer."""
    read_at_most: int = 100
    """Issues of one service."""

    can = "list issues"
    examples = ("issues", "issues sentry since=3d", 'issues since=2h match="timed out"')

    async def answer(self, params: Listed) -> Report:
        asked, now = self.asked(params), self.now()
        since, most = now - params.since, self.read_at_most
        calls = (ask(each.issues(since=since, match=params.match, limit=most), self.deadline) for each in asked)
        found: list[tuple[str, Issue]] = []
        notes: list[str] = []
        unread = 0
        for service, answer in zip(asked, await asyncio.gather(*calls), strict=True):
            if isinstance(answer, Unanswered):
                unread += 1
                notes.append(answer.about(service.name))
                continue
            found.extend((service.name, each) for each in answer)
            if len(answer) >= most:
                notes.append(f"{service.name} may have more than the {most} most frequent ones.")
        found.sort(key=lambda each: each[1].count, reverse=True)
        if len(found) > SHOWN:
            notes.append(f"The {SHOWN} most frequent have a menu; the table has all {len(found)}.")
        several = len(self.services) > 1
        lead = _lead(found, params, partly=unread > 0)
        lead = but_unread(lead, unread, len(asked)) if found else lead
        return Report(
            title="Issues",
            lead="No service's issues could be read." if unread == len(asked) else lead,
            status=Status.UNKNOWN if unread == len(asked) else None,
            lines=tuple(line_of(service, each, several=several) for service, each in found[:SHOWN]),
            table=table_of(found) if len(found) > SHOWN else None,
            notes=tuple(notes),
            taken_at=now,
        )


def _lead(found: list[tuple[str, Issue]], params: Listed, *, partly: bool) -> str:
    within = f"in the last {duration_text(params.since)}"
    fitting = f" that fit {params.match!r}" if params.match else ""
    if not found:
        return f"No unresolved issues{fitting} {within}{' in what could be read' if partly else ''}."
    events = sum(each.count for _, each in found)
    issues = f"{len(found)} unresolved issue{'' if len(found) == 1 else 's'}"
    return f"{issues}{fitting} with {events:,} event{'' if events == 1 else 's'} {within}."


def actions(house: House) -> ListIssues:
    return ListIssues(house.having(Issues), house.now)
