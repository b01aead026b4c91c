"""Changing exactly the things that are meant, at whatever services have them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, TypeVar

from bot.words.action import Receipt, Risk, Undoable
from bot.words.params import Option
from bot.words.report import Fact
from commands._shared.flips import SwitchPlan, evidence_of, flip
from commands._shared.remembered import Remembering
from commands._shared.services import matching, names
from commands._shared.switch_words import (
    CAMPAIGN,
    THING,
    Chosen,
    Noun,
    counted,
    effects_of,
    offered,
    phrase_of,
    target_of,
)
from commands._shared.switches import CAMPAIGN_KINDS, Asked, Seen, choose, look
from integrations.capabilities import Flipped, Switch, Switchable, Switches


def running_again(things: Sequence[Switchable]) -> tuple[Switchable, ...]:
    """The same things as they shall be; which word of its own a service has for that is up to its client."""
    return tuple(replace(thing, state=Switch.RUNNING, detail="") for thing in things)


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True)
class Flipping(Remembering[Switches, Switchable], Undoable[A, SwitchPlan]):
    """Change exactly the things that are meant."""

    deadline: timedelta = timedelta(seconds=5)

    can = "pause things"
    named_by = "on"
    risk = Risk.DESTRUCTIVE
    noun: ClassVar[Noun] = THING
    found_in: ClassVar[Switch]
    """The state of those that are changed."""

    def kinds(self) -> tuple[str, ...]:
        return CAMPAIGN_KINDS if self.noun is CAMPAIGN else super().kinds()

    async def _chosen(self, params: A) -> tuple[Seen, Chosen, str]:
        """What was seen, what is meant, and why there is nothing to do if so."""
        seen = await look(self.asked(params), self.deadline, self.noun)
        return seen, *choose(seen, params, self.found_in, self.words, self.noun)

    def _plan(self, params: A, seen: Seen, chosen: Chosen, nothing: str, *, verb: str, to: str) -> SwitchPlan:
        return SwitchPlan(
            target=target_of(chosen, params.name, params.on, self.noun),
            headline=f"{verb} {counted(chosen, self.noun)}.",
            effects=effects_of(chosen, to),
            confirm_phrase=phrase_of(chosen, params.name, self.noun),
            things=chosen,
            facts=(Fact(label="Reason", value=params.reason),),
            warnings=seen.unread,
            nothing_to_do=nothing,
        )

    async def _pause(self, things: Chosen) -> Receipt:
        def change(service: Switches, things: tuple[Switchable, ...]) -> Awaitable[Flipped]:
            return service.pause([thing.id for thing in things])

        return await flip(self.services, things, change, done="Paused", noun=self.noun)

    async def _resume(self, things: Chosen) -> Receipt:
        def change(service: Switches, things: tuple[Switchable, ...]) -> Awaitable[Flipped]:
            return service.resume(things)

        return await flip(self.services, things, change, done="Resumed", noun=self.noun)

    async def evidence(self, plan: SwitchPlan) -> str:
        return await evidence_of(self.services, plan, self.deadline, self.noun)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "on":
            return matching(names(self.services), typed)
        return offered(self.known, self.found_in, typed, self.noun)

    async def listed(self, service: Switches) -> Sequence[Switchable]:
        return await service.switches()

    def option(self, thing: Switchable) -> Option | None:
        return Option(thing.id, thing.name) if thing.state is self.found_in else None
