"""/ops db read-only: which databases their host holds read-only, and why."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Line, Moment, Report, Status, Suggestion, Value
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.services import OnService
from integrations.capabilities import LiftsReadOnly, ReadOnly


class Everything(Params):
    pass


@dataclass(frozen=True)
class ShowReadOnly(OnService[LiftsReadOnly], Lookup[Everything]):
    """Show which databases their host holds read-only."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=8)

    can = "show a read-only mode"
    examples = ("db read-only",)

    async def answer(self, params: Everything) -> Report:
        answers = await asyncio.gather(*(ask(host.read_only(), self.deadline) for host in self.services))
        pairs = [(host.name, seen) for host, seen in zip(self.services, answers, strict=True)]
        held = [name for name, seen in pairs if isinstance(seen, ReadOnly) and seen.on]
        unread = [name for name, seen in pairs if isinstance(seen, Unanswered)]
        lead = f"{', '.join(held)} {'is' if len(held) == 1 else 'are'} read-only." if held else "None is read-only."
        if unread and not held:
            lead = f"Could not read: {', '.join(unread)}."
        return Report(
            title="Read-only mode",
            lead=lead,
            status=Status.WARNING if held else Status.UNKNOWN if unread else Status.OK,
            lines=tuple(_line(name, seen) for name, seen in pairs),
            taken_at=self.now(),
        )


def _line(name: str, seen: ReadOnly | Unanswered) -> Line:
    if isinstance(seen, Unanswered):
        return Line(text=name, detail=seen.why, status=Status.UNKNOWN)
    lifted = seen.lifted_until
    until: tuple[Value, ...] = ("; may be written ", Moment(at=lifted, said="until")) if lifted else ()
    lift = Suggestion(label="Let it write", words=f"db writable {name}")
    return Line(
        text=name,
        detail=(seen.detail, *until) if until else seen.detail,
        status=Status.WARNING if seen.on else Status.OK,
        word="read-only" if seen.on else "may be written",
        suggestions=(lift,) if seen.on and not seen.lifted_until else (),
    )


def actions(house: House) -> ShowReadOnly:
    return ShowReadOnly(house.having(LiftsReadOnly), house.now)
