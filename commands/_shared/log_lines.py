"""Log lines as they are told: how many fit one answer, and how each looks."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.words.params import Duration, FreeText, Params, duration_text
from bot.words.report import Line, Link, Moment, Status, Table, Value
from commands._shared.following import FollowFor
from commands._shared.services import ServiceName
from integrations.capabilities import Level, LogLine, LogPage


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


ROOM = 3500
"""Characters of lines in one answer: a card drops what is too much from its end, where the newest are."""


BESIDE = 60
"""Characters that time, level and the markup of one line take, about."""


LONGEST_MESSAGE = 240


def counted(lines: Sequence[LogLine], graver: str = "") -> str:
    """`3 errors and 1 warning in 40 lines`; `3 errors` where there is nothing else."""
    count = f"1 line{graver}" if len(lines) == 1 else f"{len(lines):,} lines{graver}"
    found = {level: sum(line.level is level for line in lines) for level in (Level.ERROR, Level.WARNING)}
    grave = " and ".join(f"{many:,} {level}{'s' * (many != 1)}" for level, many in found.items() if many)
    if not grave:
        return count
    return grave if len(lines) in found.values() else f"{grave} in {count}"


def newest(lines: Sequence[LogLine], most: int) -> Sequence[LogLine]:
    """Of lines that are newest first, those that one answer has room for: at least one."""
    room = ROOM
    for place, line in enumerate(lines[:most]):
        room -= len(_flat(line.message)) + len(line.origin) + len(line.link) + BESIDE
        if room < 0 and place:
            return lines[:place]
    return lines[:most]


_MARKED = {Level.ERROR: Status.FAILED, Level.WARNING: Status.WARNING}


def line_of(line: LogLine) -> Line:
    """What is grave has a mark; any other level is only a word."""
    status = _MARKED.get(line.level)
    said: list[Value] = [Moment(at=line.at)]
    said += ["".join(f", {each}" for each in ("" if status else line.level.value, line.origin) if each)]
    if line.link:
        said += [", ", Link(url=line.link, name="open")]
    return Line(
        text=_flat(line.message),
        detail=tuple(part for part in said if part),
        status=status,
        word=line.level.value if status else "",
    )


def _flat(message: str) -> str:
    flat = " ".join(message.split()) or "(no message)"
    return flat if len(flat) <= LONGEST_MESSAGE else f"{flat[: LONGEST_MESSAGE - 1]}…"


def is_long(lines: Sequence[LogLine], shown: Sequence[LogLine]) -> bool:
    """Something is not shown, or not whole."""
    return len(shown) < len(lines) or any(len(line.message) > LONGEST_MESSAGE for line in lines)


def table_of(lines: Sequence[LogLine]) -> Table:
    return Table(
        columns=("when", "level", "where", "line", "link"),
        rows=tuple((Moment(at=e.at), e.level.value, e.origin, e.message, e.link or None) for e in reversed(lines)),
    )


def shown_note(shown: Sequence[LogLine], lines: Sequence[LogLine]) -> str:
    return f"These are the newest {len(shown)} of {len(lines):,} lines." if len(shown) < len(lines) else ""


def more_note(name: str, page: LogPage) -> str:
    return f"{name} has more lines than the newest {len(page.lines):,} that were read." if page.truncated else ""


def lead_of(page: LogPage, params: Which) -> str:
    graver = "" if params.level == "debug" else f" of level {params.level}" + " or graver" * (params.level != "error")
    within = f"in the last {duration_text(params.since)}"
    matching = f" with {params.match!r}" if params.match else ""
    if not page.lines:
        return f"No line{graver}{matching} {within}."
    return f"{counted(page.lines, graver)}{matching} {within}."
