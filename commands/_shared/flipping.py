"""What pausing and resuming share: a plan of exactly the things that are meant, and what became of each."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar, TypeVar

from bot.words.action import Receipt, Risk, Undoable
from bot.words.params import Option
from bot.words.report import Fact
from commands._shared.asking import ask_all
from commands._shared.flips import SwitchPlan, evidence_of, flip, still
from commands._shared.services import LONGEST_LABEL, OnService, matching, names
from commands._shared.switches import (
    ALL,
    CAMPAIGN,
    CAMPAIGN_KINDS,
    THING,
    Asked,
    AskedToPause,
    Chosen,
    Noun,
    Seen,
    choose,
    counted,
    look,
    scope,
    state_of,
)
from integrations.capabilities import CautionsPause, Flipped, Switch, Switchable, Switches


def _target(chosen: Chosen, name: str, on: str | None, noun: Noun) -> str:
    """What is acted on: one thing by service, name and id, or all of them."""
    if noun.means_all(name):
        return f"{noun.all} of {on}" if on else noun.all
    ones = [f"{service}: {thing.name} ({thing.id})" for service, things in chosen.items() for thing in things]
    return ones[0] if ones else name


def _phrase(chosen: Chosen, name: str, noun: Noun) -> str:
    """What a lone approver types: shorter than the target, and as hard to type by mistake."""
    ones = [thing.name for things in chosen.values() for thing in things]
    return noun.all if noun.means_all(name) or not ones else ones[0]


def _effects(chosen: Chosen, to: str) -> tuple[str, ...]:
    """For each thing what it is now and what it will be; with its service where there are several."""
    return tuple(
        f"{thing.name}{f' on {service}' if len(chosen) > 1 else ''}: now {state_of(thing)}, then {to}"
        for service, things in chosen.items()
        for thing in things
    )


def _running(things: Sequence[Switchable]) -> tuple[Switchable, ...]:
    """The same things as they shall be; which word of its own a service has for that is up to its client."""
    return tuple(replace(thing, state=Switch.RUNNING, detail="") for thing in things)


def _offered(known: Mapping[str, Sequence[Switchable]], wanted: Switch, typed: str, noun: Noun) -> list[Option]:
    """The things in state `wanted`, by name where only one has it; before them `all`, where all can be meant."""
    things = [thing for each in known.values() for thing in each]
    called = [thing.name.casefold() for thing in things]
    whole = [Option(ALL, f"all that are {wanted.value}")] if noun.listed_by else []
    options = list(whole)
    for thing in things:
        if thing.state is wanted:
            clear = called.count(thing.name.casefold()) == 1 and len(thing.name) <= 100
            clear = clear and not noun.means_all(thing.name)  # a campaign that is called All
            label = thing.name if clear else f"{thing.name} ({thing.id})"
            options.append(Option(thing.name if clear else thing.id, label[:LONGEST_LABEL]))
    return matching(options, typed) if len(options) > len(whole) else []


A = TypeVar("A", bound=Asked)


AP = TypeVar("AP", bound=AskedToPause)


@dataclass(frozen=True)
class Flipping(OnService[Switches], Undoable[A, SwitchPlan]):
    deadline: timedelta = timedelta(seconds=5)
    known: dict[str, tuple[Switchable, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""

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
        seen = await look(scope(self.services, params, self.words, self.noun), self.deadline, self.noun)
        return seen, *choose(seen, params, self.found_in, self.words, self.noun)

    def _plan(self, params: A, seen: Seen, chosen: Chosen, nothing: str, *, verb: str, to: str) -> SwitchPlan:
        return SwitchPlan(
            target=_target(chosen, params.name, params.on, self.noun),
            headline=f"{verb} {counted(chosen, self.noun)}.",
            effects=_effects(chosen, to),
            confirm_phrase=_phrase(chosen, params.name, self.noun),
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
        return _offered(self.known, self.found_in, typed, self.noun)

    async def refresh(self) -> None:
        """A service that is silent keeps its last ones."""
        heard = await ask_all(self.services, lambda service: service.switches(), self.deadline)
        self.known.update((service.name, things) for service, things in heard.read)


class Pausing(Flipping[AP]):
    """Pause what runs, and remember exactly which."""

    safety_stop = True
    found_in = Switch.RUNNING

    async def preview(self, params: AP) -> SwitchPlan:
        plan = self._plan(params, *await self._chosen(params), verb="Pause", to="paused")
        note = "Undo resumes exactly these, unless somebody changed one meanwhile."
        cautions = tuple(
            service.pausing_means
            for service in self.services
            if service.name in plan.things and isinstance(service, CautionsPause)
        )
        update = {"undo_note": note, "ends_after": params.for_, "warnings": (*plan.warnings, *cautions)}
        return plan.model_copy(update=update)

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await self._pause(plan.things)

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        return await self._resume(await still(self.services, receipt, Switch.PAUSED))


class Resuming(Flipping[A]):
    """Let run what is paused now."""

    found_in = Switch.PAUSED

    async def preview(self, params: A) -> SwitchPlan:
        plan = self._plan(params, *await self._chosen(params), verb="Resume", to="running")
        whoever = "This resumes what is paused now, by whoever; undoing a pause resumes exactly what that one paused."
        note = "Undo pauses exactly these again, unless somebody changed one meanwhile."
        warnings = (whoever, *plan.warnings) if self.noun.means_all(params.name) else plan.warnings
        return plan.model_copy(update={"undo_note": note, "warnings": warnings})

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await self._resume({service: _running(things) for service, things in plan.things.items()})

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        return await self._pause(await still(self.services, receipt, Switch.RUNNING))
