"""A tiny catalogue: a wall that can be painted, and looked at."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from bot.desk import Desk
from bot.words.action import AnyAction, Asker, Change, Lookup, Plan, Receipt, Risk, Undoable, Upkeep
from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Refused
from bot.words.params import Choices, Label, Option, Params, Reason
from bot.words.report import Chart, Fact, Line, Report, Series, Status, Suggestion, Table, Tone
from bot.words.request import RequestWord
from commands.withdraw import WithdrawRequest


@dataclass
class Wall:
    """The world outside: stateful, and shared by all actions."""

    colour: str = "white"
    painted: list[str] = field(default_factory=list)
    fails: Exception | None = None
    holds: asyncio.Event | None = None
    """Painting waits for it."""


class NoParams(Params):
    pass


CHART = Chart(
    title="Coats, last 24h",
    unit="per hour",
    times=tuple(datetime(2026, 11, 22, 21, 0, tzinfo=UTC) + timedelta(hours=n) for n in range(24)),
    series=(
        Series(name="coats", values=tuple(float(n) for n in range(24)), before=(8.0,) * 24),
        Series(name="spilled", values=(None, *(1.0,) * 23), tone=Tone.TROUBLE),
    ),
    before="the day before",
    alt="Coats per hour over the last 24h: 276, of which 23 spilled.",
)


BRICKS = Table(columns=("brick", "laid"), rows=tuple((f"brick {n}", n) for n in range(61)))


class Look(Params):
    positional = ("part",)

    part: str = "all"
    """Which part of the wall."""


class Paint(Params):
    positional = ("colour",)

    colour: Annotated[str, Choices()]
    """Colour it gets."""
    coats: Annotated[int, Label("How many coats?")] = 1
    """How many coats."""
    brush: Literal["wide", "thin"] = "wide"
    """Which brush."""
    wet: bool = False
    """Whether it may be wet."""
    reason: Reason = "because it is time"
    """Why it is painted."""


class WallPlan(Plan):
    before: str
    after: str


@dataclass(frozen=True)
class LookAtWall(Lookup[Look]):
    """Say what colour the wall has."""

    wall: Wall
    now: Callable[[], datetime]
    examples = ("wall", "wall left")

    @property
    def words(self) -> str:
        return "wall"

    async def answer(self, params: Look) -> Report:
        if params.part == "crash":
            raise RuntimeError("the wall fell down")
        if params.part == "window":
            raise NotUnderstood(
                "Several have a window: left, right. Say which.", choices={"left": "wall left", "right": "wall right"}
            )
        return Report(
            title="Wall",
            lead=f"It is {self.wall.colour}.",
            status=Status.OK,
            lines=(Line(text=params.part, detail="dry", suggestions=(Suggestion(label="Red", words="paint red"),)),),
            suggestions=(Suggestion(label="Look again", words="wall"),),
            table=BRICKS if params.part == "bricks" else None,
            chart=CHART if params.part == "chart" else None,
            taken_at=datetime(2026, 11, 22, 21, 0, tzinfo=UTC),
        )


@dataclass(frozen=True)
class Sum(Lookup[NoParams]):
    """Answered from memory."""

    @property
    def words(self) -> str:
        return "sum"

    def ready(self, asker: Asker, params: NoParams) -> Report:
        return Report(title="Sum", lead="Four.", facts=(Fact(label="two and two", value=4),))

    async def answer(self, params: NoParams) -> Report:
        raise TypeError("it is always ready")


@dataclass(frozen=True)
class PaintWall(Undoable[Paint, WallPlan]):
    """Paint the wall; another person approves."""

    wall: Wall
    risk = Risk.DESTRUCTIVE
    examples = ("paint red",)

    @property
    def words(self) -> str:
        return "paint"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return [Option(colour, colour.title()) for colour in ("red", "green", "blue") if typed in colour]

    async def preview(self, params: Paint) -> WallPlan:
        if params.colour == "tartan":
            line = f"paint {{}} coats={params.coats} reason={params.reason}"
            raise NotUnderstood(
                "Several tartans are there: green, blue. Say which.",
                choices={colour: line.format(colour) for colour in ("green", "blue")},
            )
        if params.colour == self.wall.colour:
            return _plan(self.wall, params, nothing_to_do=f"the wall is {params.colour} already")
        return _plan(self.wall, params)

    async def execute(self, plan: WallPlan) -> Receipt:
        if self.wall.holds is not None:
            await self.wall.holds.wait()
        if self.wall.fails is not None:
            raise self.wall.fails
        self.wall.painted.append(plan.after)
        self.wall.colour = plan.after
        return Receipt(headline=f"The wall is {plan.after}.", undo={"colour": plan.before})

    async def undo(self, plan: WallPlan, receipt: Receipt) -> Receipt:
        self.wall.colour = str(receipt.undo["colour"])
        self.wall.painted.append(self.wall.colour)
        return Receipt(headline=f"The wall is {self.wall.colour} again.")


def _plan(wall: Wall, params: Paint, *, nothing_to_do: str = "") -> WallPlan:
    return WallPlan(
        target="the wall",
        headline=f"Paint the wall {params.colour}",
        effects=(f"{wall.colour} → {params.colour}, {params.coats} coat(s)", f"reason: {params.reason}"),
        undo_note=f"painted {wall.colour} again",
        before=wall.colour,
        after=params.colour,
        nothing_to_do=nothing_to_do,
    )


@dataclass(frozen=True)
class DustWall(Change[NoParams, WallPlan]):
    """Dust the wall; you confirm."""

    wall: Wall
    risk = Risk.CHANGE

    @property
    def words(self) -> str:
        return "dust"

    async def preview(self, params: NoParams) -> WallPlan:
        return WallPlan(target="the wall", headline="Dust the wall", before="dusty", after="clean")

    async def execute(self, plan: WallPlan) -> Receipt:
        self.wall.painted.append("dusted")
        return Receipt(headline="The wall is clean.")


class Take(Params):
    positional = ("request",)

    request: RequestWord
    """The request to take back."""


@dataclass(frozen=True)
class Secret(Upkeep[NoParams]):
    """Shows something once."""

    @property
    def words(self) -> str:
        return "secret"

    async def carry_out(self, asker: Asker, params: NoParams) -> Report:
        return Report(title="Your token", lead="Keep it.", secret="ops_" + "a1B2" * 10)


@dataclass(frozen=True)
class UndoPaint(Change[Take, WallPlan]):
    """Put back what a request changed."""

    desk: Desk
    risk = Risk.CHANGE

    @property
    def words(self) -> str:
        return "undo"

    async def preview_for(self, asker: Asker, params: Take) -> WallPlan:
        return WallPlan(target=params.request, headline=f"Undo {params.request}", before=asker.person, after="undone")

    async def execute(self, plan: WallPlan) -> Receipt:
        undone = await self.desk.undo(plan.target, plan.before)  # type: ignore[arg-type]
        return Receipt(headline=f"{plan.target} is undone: {undone.outcome}")


def actions(wall: Wall, desk: Desk, now: Callable[[], datetime]) -> tuple[AnyAction, ...]:
    return (
        LookAtWall(wall, now),
        Sum(),
        PaintWall(wall),
        DustWall(wall),
        WithdrawRequest(desk),
        UndoPaint(desk),
        Secret(),
    )


FAILS = Refused("The paint shop is closed.")
UNSURE = OutcomeUnknown("The painter does not answer.")
