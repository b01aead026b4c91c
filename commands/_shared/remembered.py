"""Offering what services hold while a person types: from memory, which is renewed in the background."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from bot.words.params import Option
from commands._shared.asking import HasName, ask_all
from commands._shared.services import LONGEST_LABEL, OnService, matching, names

S = TypeVar("S", bound=HasName)
T = TypeVar("T")


@dataclass(frozen=True)
class Remembering(OnService[S], Generic[S, T]):
    """A command on one thing of a service."""

    deadline: timedelta = timedelta(seconds=10)
    """For a service to list its things."""
    known: dict[str, tuple[T, ...]] = field(default_factory=dict, compare=False)
    """By service, as they were listed last; empty until the first `refresh`."""

    @abstractmethod
    async def listed(self, service: S) -> Sequence[T]:
        """What may be offered of one service."""

    @abstractmethod
    def option(self, thing: T) -> Option | None:
        """How it is offered; None for one that this command has no use for."""

    async def refresh(self) -> None:
        """A service that is silent keeps its last ones."""
        heard = await ask_all(self.services, self.listed, self.deadline)
        self.known.update((service.name, tuple(things)) for service, things in heard.read)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == self.named_by:
            return matching(names(self.services), typed)
        offered = (self.option(thing) for things in self.known.values() for thing in things)
        return matching((Option(each.value, each.label[:LONGEST_LABEL]) for each in offered if each), typed)
