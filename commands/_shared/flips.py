"""Pausing or resuming exactly the things of a plan at several services, and what became of each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from pydantic import JsonValue

from bot.words.action import Plan, Receipt
from bot.words.exceptions import OpsError, OutcomeUnknown, Stale
from bot.words.report import Fact
from commands._shared.switch_words import CHOSEN, Chosen, Noun, counted, state_of
from commands._shared.switches import look
from integrations.capabilities import Flipped, Switch, Switchable, Switches


class SwitchPlan(Plan):
    things: Chosen
    """Exactly those that will be changed, as they were when the approver looked."""


async def flip(
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
    known = f"{done} {counted(changed, noun)}." if changed else f"{done} nothing that we know of."
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


async def evidence_of(services: Sequence[Switches], plan: SwitchPlan, deadline: timedelta, noun: Noun) -> str:
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
