"""How commands speak to the services of ops.toml: find one by name, ask within a deadline, offer names."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Generic, get_args

from bot.words.action import Action
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import Choices, Option, Params
from commands._shared.asking import HasName, S
from commands._shared.retyping import retyped
from integrations.kinds import kinds_that_can

SHOWN_OPTIONS = 100
"""Slack takes at most so many options in one answer."""
LONGEST_LABEL = 75
"""Slack shows at most so many characters of an option."""


ServiceName = Annotated[str | None, Choices()]
"""A service as named in ops.toml; `OnService.options` offers those there are."""


@dataclass(frozen=True)
class OnService(Action[Any], Generic[S]):
    """A command that services of ops.toml carry out. Where none of them can, it does not exist."""

    services: tuple[S, ...]

    can: ClassVar[str]
    """What such a service can do, completing "several services can …"."""
    named_by: ClassVar[str] = "service"
    """The parameter that names one."""
    needs: ClassVar[Callable[..., Any]]
    """Their capability, from the type argument."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if inspect.isclass(argument) and getattr(argument, "_is_protocol", False):
                    cls.needs = argument

    def kinds(self) -> tuple[str, ...]:
        """The kinds of service that would bring it. Slow, as all of them are imported."""
        return kinds_that_can(self.needs)

    def chosen(self, params: Params) -> S:
        """The service that the parameters name, or the only one. Raises NotUnderstood."""
        name: str | None = getattr(params, self.named_by)
        return pick(self.services, name, can=self.can, typed=lambda each: self._naming(params, each))

    def asked(self, params: Params) -> tuple[S, ...]:
        """The service that the parameters name, or all. Raises NotUnderstood."""
        all_meant = self.services and getattr(params, self.named_by) is None
        return self.services if all_meant else (self.chosen(params),)

    def planned(self, name: str) -> S:
        """The service of a plan. Raises NotUnderstood where ops.toml does not name it any more."""
        return pick(self.services, name, can=self.can, typed=lambda each: "")

    def _naming(self, params: Params, service: str) -> str:
        return retyped(self.words, params, **{self.named_by: service})

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching(names(self.services), typed) if field == self.named_by else ()


def pick(services: Sequence[S], name: str | None, *, can: str, typed: Callable[[str], str]) -> S:
    """The service called `name`; the only one there is if nothing is said.

    `can` completes "ops.toml names no service that can ..."; `typed` gives the words with a name put in.
    Raises NotUnderstood or Misconfigured.
    """
    if not services:
        raise Misconfigured(f"ops.toml names no service that can {can}; add one under [services].")
    names = [service.name for service in services]
    if name is None:
        if len(services) == 1:
            return services[0]
        raise NotUnderstood(
            f"Several services can {can}: {', '.join(names)}. Say which.", choices={each: typed(each) for each in names}
        )
    for service in services:
        if service.name.casefold() == name.casefold():
            return service
    close = closest(name, names)
    instead = f"Did you mean {close!r}?" if close else f"There are: {', '.join(names)}."
    # One that is not like it is no guess of ours: `deploys restart neon` is soon typed by who is tired.
    raise NotUnderstood(f"No service called {name!r} can {can}. {instead}", hint=typed(close) if close else "")


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name most like `name`, if one is like it at all."""
    folded = {each.casefold(): each for each in names}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)  # `nothing` is half a `Marketing`
    return folded[found[0]] if found else None


def matching(options: Iterable[Option], typed: str) -> list[Option]:
    """The options that hold what is typed, those that begin with it first; at most what Slack takes."""
    wanted = typed.strip().casefold()
    found = [each for each in options if wanted in each.value.casefold() or wanted in each.label.casefold()]
    return sorted(found, key=lambda each: not each.value.casefold().startswith(wanted))[:SHOWN_OPTIONS]


def names(services: Iterable[HasName]) -> list[Option]:
    return [Option(each.name, each.name[:LONGEST_LABEL]) for each in services]
