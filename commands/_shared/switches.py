"""What pausing and resuming share: find the things meant, change exactly those, and tell what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.params import Choices, Duration, Params, Reason, Spaced
from commands._shared.asking import ask_all
from commands._shared.house import House
from commands._shared.retyping import retyped
from commands._shared.services import ServiceName, closest
from commands._shared.switch_words import CAMPAIGN, Chosen, Noun, state_of
from integrations.capabilities import Switch, Switchable, Switches

CAMPAIGN_KINDS = ("n8n", "postgres", "supabase")
"""Where everything that can be paused was named in ops.toml as a campaign; elsewhere `all` would mean too much."""


def campaign_services(house: House) -> tuple[Switches, ...]:
    return tuple(each for each in house.having(Switches) if each.kind in CAMPAIGN_KINDS)


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


def choose(seen: Seen, asked: "Asked", wanted: Switch, words: str, noun: Noun) -> tuple[Chosen, str]:
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
