"""What pausing and resuming share: find the things meant, change exactly those, and tell what became of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, ClassVar, TypeVar

from pydantic import JsonValue, TypeAdapter

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Stale, TryLater
from bot.words.params import Choices, Duration, Option, Params, Reason, Spaced
from bot.words.report import Fact
from commands._shared.house import House
from commands._shared.services import (
    LONGEST_LABEL,
    OnService,
    ServiceName,
    ask_all,
    closest,
    matching,
    names,
    pick,
    retyped,
)
from integrations.capabilities import CautionsPause, Flipped, Switch, Switchable, Switches

ALL = "all"

Chosen = dict[str, tuple[Switchable, ...]]
"""Things by service."""
CHOSEN: TypeAdapter[Chosen] = TypeAdapter(Chosen)


@dataclass(frozen=True)
class Noun:
    """What the things are called; a noun that is listed by a command can also be meant as a whole, with `all`."""

    one: str
    listed_by: str = ""

    @property
    def all(self) -> str:
        return f"all {self.one}s"

    def means_all(self, name: str) -> bool:
        return bool(self.listed_by) and name.casefold() == ALL


CAMPAIGN = Noun("campaign", listed_by="campaigns")
THING = Noun("thing")
CAMPAIGN_KINDS = ("n8n", "postgres", "supabase")
"""Where everything that can be paused was named in ops.toml as a campaign; elsewhere `all` would mean too much."""


def campaign_services(house: House) -> tuple[Switches, ...]:
    return tuple(each for each in house.having(Switches) if each.kind in CAMPAIGN_KINDS)


class SwitchPlan(Plan):
    things: Chosen
    """Exactly those that will be changed, as they were when the approver looked."""


@dataclass(frozen=True)
class Seen:
    things: Chosen
    unread: tuple[str, ...]
    """Sentences: which services could not be read, and why."""


async def look(services: Sequence[Switches], deadline: timedelta, noun: Noun) -> Seen:
    """Everything of every service. Raises TryLater where nothing could be read, Misconfigured where there is none."""
    if not services:
        what = "campaigns" if noun is CAMPAIGN else "anything that can be paused"
        raise Misconfigured(f"ops.toml names no service with {what}; add one under [services].")
    heard = await ask_all(services, lambda service: service.switches(), deadline)
    if not heard.read:
        raise TryLater(" ".join(heard.missing))
    return Seen({service.name: things for service, things in heard.read}, heard.missing)


def _scope(services: Sequence[Switches], asked: "Asked", words: str, noun: Noun) -> Sequence[Switches]:
    """All services, or the one that was named."""
    if asked.on is None:
        return services
    return (pick(services, asked.on, can=f"pause {noun.one}s", typed=lambda name: retyped(words, asked, on=name)),)


def _choose(seen: Seen, asked: "Asked", wanted: Switch, words: str, noun: Noun) -> tuple[Chosen, str]:
    """The things in state `wanted` that the name (or an id, or `all`) means, and if there are none, why.

    Raises NotUnderstood for a name that is unknown or means several.
    """
    name = asked.name
    everything = [(service, thing) for service, things in seen.things.items() for thing in things]
    if noun.means_all(name):
        found = [(service, thing) for service, thing in everything if thing.state is wanted]
        return _by_service(found), "" if found else _but_unread(f"No {noun.one} is {wanted.value}", seen)
    called = [pair for pair in everything if name == pair[1].id]  # an id is exact: a name may look like another's
    called = called or [pair for pair in everything if name.casefold() == pair[1].name.casefold()]
    if not called:
        close = closest(name, (thing.name for _, thing in everything))
        some = ", ".join(repr(thing.name) for _, thing in everything[:5]) or "none"
        listed = f"`{noun.listed_by}` lists them." if noun.listed_by else f"There are: {some}."
        instead = f"Did you mean {close!r}?" if close else listed
        unread = "".join(f" {sentence}" for sentence in seen.unread)
        ids = {thing.name: thing.id for _, thing in everything if '"' in thing.name}  # which cannot be typed
        hint = retyped(words, asked, name=ids.get(close, close)) if close else noun.listed_by
        raise NotUnderstood(f"There is no {noun.one} {name!r}. {instead}{unread}", hint=hint)
    fitting = [(service, thing) for service, thing in called if thing.state is wanted]
    if len(fitting) > 1:
        listed = "; ".join(f"{thing.name!r} with id {thing.id} on {service}" for service, thing in fitting)
        choices = {
            f"{thing.id} on {service}": retyped(words, asked, name=thing.id, on=service) for service, thing in fitting
        }
        raise NotUnderstood(f"{name!r} means several: {listed}.", choices=choices)
    _, thing = called[0]
    why = f"{thing.name!r} is {state_of(thing)}, not {wanted.value}"
    return _by_service(fitting), "" if fitting else _but_unread(why, seen)


def _but_unread(nothing: str, seen: Seen) -> str:
    """Why there is nothing to do; with a service silent, it is only so as far as could be read."""
    return f"{nothing} in what could be read. {'; '.join(seen.unread)}." if seen.unread else f"{nothing}."


def _by_service(found: Sequence[tuple[str, Switchable]]) -> Chosen:
    chosen: Chosen = {}
    for service, thing in found:
        chosen[service] = (*chosen.get(service, ()), thing)
    return chosen


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


def _counted(chosen: Mapping[str, Sequence[Switchable]], noun: Noun, most: int = 5) -> str:
    """`3 campaigns: A, B and C`, in words that stay short."""
    called = [thing.name for things in chosen.values() for thing in things]
    told = ", ".join(called[:most]) + (f" and {len(called) - most} more" if len(called) > most else "")
    return f"{len(called)} {noun.one}{'' if len(called) == 1 else 's'}" + (f": {told}" if called else "")


async def _flip(
    services: Sequence[Switches],
    chosen: Chosen,
    change: Callable[[Switches, tuple[Switchable, ...]], Awaitable[Flipped]],
    *,
    done: str,
    noun: Noun,
) -> Receipt:
    """Change exactly the chosen ones; the receipt's undo holds exactly those that were.

    Raises Stale where none was as expected any more, OutcomeUnknown naming what is known, or what a lone service
    raised. What one service refuses does not lose what another has done.
    """
    by_name = {service.name: service for service in services}
    gone = [name for name in chosen if name not in by_name]
    if gone:
        raise Stale(f"ops.toml no longer names {', '.join(gone)}.")
    calls = (change(by_name[name], things) for name, things in chosen.items())
    results = await asyncio.gather(*calls, return_exceptions=True)
    changed: Chosen = {}
    missed: list[str] = []
    notes: list[str] = []
    failed: list[BaseException] = []
    for name, result in zip(chosen, results, strict=True):
        if isinstance(result, Flipped):
            changed |= {name: result.changed} if result.changed else {}
            missed.extend(result.missed)
            notes.extend([result.note] if result.note else [])
        else:
            failed.append(result)
            missed.append(f"{name}: {result}" if isinstance(result, OpsError) else f"{name}: {type(result).__name__}")
    known = f"{done} {_counted(changed, noun)}." if changed else f"{done} nothing that we know of."
    unknown = [error for error in failed if isinstance(error, OutcomeUnknown) or not isinstance(error, OpsError)]
    if unknown and len(chosen) > 1:
        raise OutcomeUnknown(f"{known} Not sure about the rest: {'; '.join(missed)}") from unknown[0]
    if failed and not changed:
        raise failed[0]
    if not changed:
        raise Stale(f"{done} nothing: {'; '.join(missed)}.", differences=tuple(missed))
    return Receipt(
        headline=known,
        facts=(
            *(Fact(label="Not changed", value=why) for why in missed),
            *(Fact(label="Note", value=note) for note in notes),
        ),
        undo={"changed": _json(changed)},
    )


def _json(chosen: Chosen) -> JsonValue:
    dumped: JsonValue = CHOSEN.dump_python(chosen, mode="json")
    return dumped


async def _still(services: Sequence[Switches], receipt: Receipt, state: Switch) -> Chosen:
    """What the receipt's change left in `state`. Raises Stale, naming them, if somebody changed any of them since."""
    changed = CHOSEN.validate_python(receipt.undo["changed"])
    named = [service for service in services if service.name in changed]
    now = dict(zip((each.name for each in named), await asyncio.gather(*(s.switches() for s in named)), strict=True))
    moved = []
    for name, things in changed.items():
        found = {thing.id: thing for thing in now.get(name, ())}
        for thing in things:
            current = found.get(thing.id)
            if current is None:
                moved.append(f"{thing.name!r} is gone")
            elif current.state is not state:
                moved.append(f"{thing.name!r} is {state_of(current)}")
    if moved:
        raise Stale(f"Somebody changed this since: {'; '.join(moved)}.", differences=tuple(moved))
    return changed


async def _evidence(services: Sequence[Switches], plan: SwitchPlan, deadline: timedelta, noun: Noun) -> str:
    """How each thing of the plan is now."""
    seen = await look([service for service in services if service.name in plan.things], deadline, noun)
    now = {(name, thing.id): state_of(thing) for name, things in seen.things.items() for thing in things}
    told = [
        f"{thing.name} is {now.get((name, thing.id), 'gone')}"
        for name, things in plan.things.items()
        if name in seen.things
        for thing in things
    ]
    return "; ".join((*told, *seen.unread))


def _running(things: Sequence[Switchable]) -> tuple[Switchable, ...]:
    """The same things as they shall be; which word of its own a service has for that is up to its client."""
    return tuple(replace(thing, state=Switch.RUNNING, detail="") for thing in things)


def state_of(thing: Switchable) -> str:
    # Only for OTHER is the service's own word a better one; n8n keeps a version there.
    return thing.detail if thing.state is Switch.OTHER and thing.detail else thing.state.value


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


class Asked(Params):
    """Each command says by its own hints what it means."""

    positional = ("name",)

    name: Annotated[str, Choices(), Spaced()]
    """Which one, by its name or id."""
    reason: Reason
    """Why, for the approver and the audit."""
    on: ServiceName = None
    """Only of this service, as named in ops.toml."""


class AskedToPause(Asked):
    for_: Duration | None = None
    """Resume by itself after this long, as in 2h; only when undone if left out."""


A = TypeVar("A", bound=Asked)
AP = TypeVar("AP", bound=AskedToPause)


@dataclass(frozen=True)
class _Flipping(OnService[Switches], Undoable[A, SwitchPlan]):
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
        seen = await look(_scope(self.services, params, self.words, self.noun), self.deadline, self.noun)
        return seen, *_choose(seen, params, self.found_in, self.words, self.noun)

    def _plan(self, params: A, seen: Seen, chosen: Chosen, nothing: str, *, verb: str, to: str) -> SwitchPlan:
        return SwitchPlan(
            target=_target(chosen, params.name, params.on, self.noun),
            headline=f"{verb} {_counted(chosen, self.noun)}.",
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

        return await _flip(self.services, things, change, done="Paused", noun=self.noun)

    async def _resume(self, things: Chosen) -> Receipt:
        def change(service: Switches, things: tuple[Switchable, ...]) -> Awaitable[Flipped]:
            return service.resume(things)

        return await _flip(self.services, things, change, done="Resumed", noun=self.noun)

    async def evidence(self, plan: SwitchPlan) -> str:
        return await _evidence(self.services, plan, self.deadline, self.noun)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "on":
            return matching(names(self.services), typed)
        return _offered(self.known, self.found_in, typed, self.noun)

    async def refresh(self) -> None:
        """A service that is silent keeps its last ones."""
        heard = await ask_all(self.services, lambda service: service.switches(), self.deadline)
        self.known.update((service.name, things) for service, things in heard.read)


class Pausing(_Flipping[AP]):
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
        return await self._resume(await _still(self.services, receipt, Switch.PAUSED))


class Resuming(_Flipping[A]):
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
        return await self._pause(await _still(self.services, receipt, Switch.RUNNING))
