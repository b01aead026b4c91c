"""What pausing and resuming share: find the campaigns meant, change exactly those, and tell what became of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import JsonValue, TypeAdapter

from bot.action import Plan, Receipt
from bot.errors import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Stale, TryLater
from bot.params import Option
from bot.report import Fact
from commands._services import LONGEST_LABEL, Unanswered, ask, closest, matching, pick
from integrations.capabilities import Flipped, Switch, Switchable, Switches

ALL = "all"

Chosen = dict[str, tuple[Switchable, ...]]
"""Campaigns by service."""
CHOSEN: TypeAdapter[Chosen] = TypeAdapter(Chosen)


class SwitchPlan(Plan):
    things: Chosen
    """Exactly those that will be changed, as they were when the approver looked."""


@dataclass(frozen=True)
class Seen:
    things: Chosen
    unread: tuple[str, ...]
    """Sentences: which services could not be read, and why."""


async def look(services: Sequence[Switches], deadline: timedelta) -> Seen:
    """Every campaign of every service. Raises TryLater where none could be read, Misconfigured where there is none."""
    if not services:
        raise Misconfigured("ops.toml names no service with campaigns; add one under [services].")
    answers = await asyncio.gather(*(ask(service.switches(), deadline) for service in services))
    pairs = [(service.name, answer) for service, answer in zip(services, answers, strict=True)]
    unread = tuple(f"Could not read {name}: {no.why}" for name, no in pairs if isinstance(no, Unanswered))
    if len(unread) == len(services):
        raise TryLater(" ".join(unread))
    return Seen({name: things for name, things in pairs if not isinstance(things, Unanswered)}, unread)


def scope(services: Sequence[Switches], on: str | None, words: str) -> Sequence[Switches]:
    """All services, or the one that was named."""
    if on is None:
        return services
    return (pick(services, on, can="pause campaigns", typed=lambda name: f"{words} on={name}"),)


def choose(seen: Seen, name: str, wanted: Switch, words: str) -> tuple[Chosen, str]:
    """The campaigns in state `wanted` that `name` (or an id, or `all`) means, and if there are none, why.

    Raises NotUnderstood for a name that is unknown or means several.
    """
    everything = [(service, thing) for service, things in seen.things.items() for thing in things]
    if name.casefold() == ALL:
        found = [(service, thing) for service, thing in everything if thing.state is wanted]
        return _by_service(found), "" if found else f"No campaign is {wanted.value}."
    called = [(s, thing) for s, thing in everything if name == thing.id or name.casefold() == thing.name.casefold()]
    if not called:
        close = closest(name, (thing.name for _, thing in everything))
        instead = f"Did you mean {close!r}?" if close else "`campaigns` lists them."
        unread = "".join(f" {sentence}" for sentence in seen.unread)
        hint = f'{words} "{close}"' if close else "campaigns"
        raise NotUnderstood(f"There is no campaign {name!r}. {instead}{unread}", hint=hint)
    fitting = [(service, thing) for service, thing in called if thing.state is wanted]
    if len(fitting) > 1:
        listed = "; ".join(f"{thing.name!r} with id {thing.id} on {service}" for service, thing in fitting)
        service, thing = fitting[0]
        raise NotUnderstood(f"{name!r} means several: {listed}.", hint=f"{words} {thing.id} on={service}")
    _, thing = called[0]
    return _by_service(fitting), "" if fitting else f"{thing.name!r} is {state_of(thing)}, not {wanted.value}."


def _by_service(found: Sequence[tuple[str, Switchable]]) -> Chosen:
    chosen: Chosen = {}
    for service, thing in found:
        chosen[service] = (*chosen.get(service, ()), thing)
    return chosen


def target(chosen: Chosen, name: str, on: str | None) -> str:
    """What is acted on: one campaign by service, name and id, or all of them."""
    if name.casefold() == ALL:
        return f"all campaigns of {on}" if on else "all campaigns"
    ones = [f"{service}: {thing.name} ({thing.id})" for service, things in chosen.items() for thing in things]
    return ones[0] if ones else name


def phrase(chosen: Chosen, name: str) -> str:
    """What a lone approver types: shorter than the target, and as hard to type by mistake."""
    ones = [thing.name for things in chosen.values() for thing in things]
    return "all campaigns" if name.casefold() == ALL or not ones else ones[0]


def effects(chosen: Chosen, to: str) -> tuple[str, ...]:
    """For each campaign what it is now and what it will be; with its service where there are several."""
    return tuple(
        f"{thing.name}{f' on {service}' if len(chosen) > 1 else ''}: now {state_of(thing)}, then {to}"
        for service, things in chosen.items()
        for thing in things
    )


def counted(chosen: Mapping[str, Sequence[Switchable]], most: int = 5) -> str:
    """`3 campaigns: A, B and C`, in words that stay short."""
    names = [thing.name for things in chosen.values() for thing in things]
    told = ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
    return f"{len(names)} campaign{'' if len(names) == 1 else 's'}" + (f": {told}" if names else "")


async def flip(
    services: Sequence[Switches],
    chosen: Chosen,
    change: Callable[[Switches, tuple[Switchable, ...]], Awaitable[Flipped]],
    *,
    done: str,
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
    failed: list[BaseException] = []
    for name, result in zip(chosen, results, strict=True):
        if isinstance(result, Flipped):
            changed |= {name: result.changed} if result.changed else {}
            missed.extend(result.missed)
        else:
            failed.append(result)
            missed.append(f"{name}: {result}" if isinstance(result, OpsError) else f"{name}: {type(result).__name__}")
    known = f"{done} {counted(changed)}." if changed else f"{done} nothing that we know of."
    unknown = [error for error in failed if isinstance(error, OutcomeUnknown) or not isinstance(error, OpsError)]
    if unknown and len(chosen) > 1:
        raise OutcomeUnknown(f"{known} Not sure about the rest: {'; '.join(missed)}") from unknown[0]
    if failed and not changed:
        raise failed[0]
    if not changed:
        raise Stale(f"{done} nothing: {'; '.join(missed)}.", differences=tuple(missed))
    return Receipt(
        headline=known,
        facts=tuple(Fact(label="Not changed", value=why) for why in missed),
        undo={"changed": _json(changed)},
    )


def _json(chosen: Chosen) -> JsonValue:
    dumped: JsonValue = CHOSEN.dump_python(chosen, mode="json")
    return dumped


async def still(services: Sequence[Switches], receipt: Receipt, state: Switch) -> Chosen:
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


async def evidence(services: Sequence[Switches], plan: SwitchPlan, deadline: timedelta) -> str:
    """How each campaign of the plan is now."""
    seen = await look([service for service in services if service.name in plan.things], deadline)
    now = {(name, thing.id): state_of(thing) for name, things in seen.things.items() for thing in things}
    told = [
        f"{thing.name} is {now.get((name, thing.id), 'gone')}"
        for name, things in plan.things.items()
        if name in seen.things
        for thing in things
    ]
    return "; ".join((*told, *seen.unread))


def running(things: Sequence[Switchable]) -> tuple[Switchable, ...]:
    """The same things as they shall be; which word of its own a service has for that is up to its client."""
    return tuple(replace(thing, state=Switch.RUNNING, detail="") for thing in things)


def state_of(thing: Switchable) -> str:
    # Only for OTHER is the service's own word a better one; n8n keeps a version there.
    return thing.detail if thing.state is Switch.OTHER and thing.detail else thing.state.value


async def remember(services: Sequence[Switches], known: dict[str, tuple[Switchable, ...]], deadline: timedelta) -> None:
    """Read campaigns for `options`, in the background; a service that is silent keeps its last ones."""
    answers = await asyncio.gather(*(ask(service.switches(), deadline) for service in services))
    for service, answer in zip(services, answers, strict=True):
        if not isinstance(answer, Unanswered):
            known[service.name] = answer


def offered(known: Mapping[str, Sequence[Switchable]], wanted: Switch, typed: str) -> list[Option]:
    """`all`, and the campaigns in state `wanted`; by name where only one has it."""
    things = [thing for each in known.values() for thing in each]
    names = [thing.name.casefold() for thing in things]
    options = [Option(ALL, f"all that are {wanted.value}")]
    for thing in things:
        if thing.state is wanted:
            clear = names.count(thing.name.casefold()) == 1 and len(thing.name) <= 100
            label = thing.name if clear else f"{thing.name} ({thing.id})"
            options.append(Option(thing.name if clear else thing.id, label[:LONGEST_LABEL]))
    return matching(options, typed) if len(options) > 1 else []
