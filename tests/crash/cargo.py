"""A company's own commands, loaded through `modules` of ops.toml: each has an effect that is counted outside.

What a plan observes does not depend on whether the effect has happened: a second run would find its plan still good, so
nothing but the ledger stands between a request and a second effect.
"""

import os
from dataclasses import dataclass
from typing import ClassVar

import aiohttp

from bot.words.action import AnyAction, Change, Plan, Receipt, Risk, Undoable
from bot.words.exceptions import TryLater
from bot.words.params import Duration, Params
from commands import House

WORLD, PROCESS = "CRASH_WORLD", "CRASH_PROCESS"
"""Environment: the stand-in's address; the name of this bot process."""


class Keyed(Params):
    positional = ("key",)

    key: str
    """What is acted on; typed once, ever."""


class Boxed(Keyed):
    for_: Duration | None = None
    """Undone by itself after this."""


class KeyPlan(Plan):
    key: str
    colour: str


@dataclass(frozen=True)
class World:
    """The stand-in in the harness; every call is one HTTP request, never repeated."""

    url: str
    process: str

    async def colour(self, key: str) -> str:
        try:
            async with aiohttp.request("GET", f"{self.url}/things/{key}") as response:
                response.raise_for_status()
                return str((await response.json())["colour"])
        except aiohttp.ClientError as error:
            raise TryLater(f"The world did not answer: {type(error).__name__}") from error

    async def act(self, what: str, key: str) -> None:
        body = {"what": what, "key": key, "process": self.process}
        async with aiohttp.request("POST", f"{self.url}/effects", json=body) as response:
            response.raise_for_status()


def _plan(word: str, key: str, colour: str, **more: object) -> KeyPlan:
    told = {"target": f"thing {key}", "headline": f"{word} {key}", "effects": (f"{key} gets one more effect",)}
    return KeyPlan.model_validate({**told, **more, "key": key, "colour": colour})


@dataclass(frozen=True)
class _Plain(Change[Keyed, KeyPlan]):
    world: World
    risk = Risk.DESTRUCTIVE
    name: ClassVar[str]

    @property
    def words(self) -> str:
        return f"crash {self.name}"

    async def preview(self, params: Keyed) -> KeyPlan:
        return _plan(self.name, params.key, await self.world.colour(params.key))

    async def execute(self, plan: KeyPlan) -> Receipt:
        await self.world.act("done", plan.key)
        return Receipt(headline=f"{self.name} {plan.key} had its effect.")


class Touch(_Plain):
    """Have one effect; another person approves."""

    name = "touch"


class Tweak(_Plain):
    """Have one effect; the requester confirms."""

    risk = Risk.CHANGE
    name = "tweak"


class Pair(_Plain):
    """Have one effect; two people approve."""

    name = "pair"


class Leave(_Plain):
    """Wait for an answer that nobody gives."""

    name = "leave"


@dataclass(frozen=True)
class Hold(Undoable[Boxed, KeyPlan]):
    """Have one effect that can be undone, and is by itself with for=."""

    world: World
    risk = Risk.DESTRUCTIVE

    @property
    def words(self) -> str:
        return "crash hold"

    async def preview(self, params: Boxed) -> KeyPlan:
        return _plan("hold", params.key, await self.world.colour(params.key), ends_after=params.for_)

    async def execute(self, plan: KeyPlan) -> Receipt:
        await self.world.act("done", plan.key)
        return Receipt(headline=f"hold {plan.key} had its effect.", undo={"key": plan.key})

    async def undo(self, plan: KeyPlan, receipt: Receipt) -> Receipt:
        await self.world.act("undone", str(receipt.undo["key"]))
        return Receipt(headline=f"hold {plan.key} was put back.")


def actions(house: House) -> tuple[AnyAction, ...]:
    world = World(os.environ[WORLD], os.environ[PROCESS])
    return Touch(world), Tweak(world), Pair(world), Leave(world), Hold(world)
