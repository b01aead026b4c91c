"""Things that can be paused, in words: counted, by state, as the target of a plan, as what is offered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from bot.words.params import Option
from commands._shared.services import LONGEST_LABEL, matching
from integrations.capabilities import Switch, Switchable

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


def counted(chosen: Mapping[str, Sequence[Switchable]], noun: Noun, most: int = 5) -> str:
    """`3 campaigns: A, B and C`, in words that stay short."""
    called = [thing.name for things in chosen.values() for thing in things]
    told = ", ".join(called[:most]) + (f" and {len(called) - most} more" if len(called) > most else "")
    return f"{len(called)} {noun.one}{'' if len(called) == 1 else 's'}" + (f": {told}" if called else "")


def state_of(thing: Switchable) -> str:
    # Only for OTHER is the service's own word a better one; n8n keeps a version there.
    return thing.detail if thing.state is Switch.OTHER and thing.detail else thing.state.value


def target_of(chosen: Chosen, name: str, on: str | None, noun: Noun) -> str:
    """What is acted on: one thing by service, name and id, or all of them."""
    if noun.means_all(name):
        return f"{noun.all} of {on}" if on else noun.all
    ones = [f"{service}: {thing.name} ({thing.id})" for service, things in chosen.items() for thing in things]
    return ones[0] if ones else name


def phrase_of(chosen: Chosen, name: str, noun: Noun) -> str:
    """What a lone approver types: shorter than the target, and as hard to type by mistake."""
    ones = [thing.name for things in chosen.values() for thing in things]
    return noun.all if noun.means_all(name) or not ones else ones[0]


def effects_of(chosen: Chosen, to: str) -> tuple[str, ...]:
    """For each thing what it is now and what it will be; with its service where there are several."""
    return tuple(
        f"{thing.name}{f' on {service}' if len(chosen) > 1 else ''}: now {state_of(thing)}, then {to}"
        for service, things in chosen.items()
        for thing in things
    )


def offered(known: Mapping[str, Sequence[Switchable]], wanted: Switch, typed: str, noun: Noun) -> list[Option]:
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
