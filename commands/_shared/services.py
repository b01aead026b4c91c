"""How commands speak to the services of ops.toml: find one by name, ask within a deadline, offer names."""

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar, get_args

from bot.words.action import Action
from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError
from bot.words.params import Choices, FreeText, Option, Params, Spaced
from integrations.kinds import kinds_that_can

SHOWN_OPTIONS = 100
"""Slack takes at most so many options in one answer."""
LONGEST_LABEL = 75
"""Slack shows at most so many characters of an option."""


class HasName(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T")
S = TypeVar("S", bound=HasName)

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
        return self.services if getattr(params, self.named_by) is None else (self.chosen(params),)

    def planned(self, name: str) -> S:
        """The service of a plan. Raises NotUnderstood where ops.toml does not name it any more."""
        return pick(self.services, name, can=self.can, typed=lambda each: "")

    def _naming(self, params: Params, service: str) -> str:
        return retyped(self.words, params, **{self.named_by: service})

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching(names(self.services), typed) if field == self.named_by else ()


@dataclass(frozen=True)
class Unanswered:
    """Why a service gave no answer, as a sentence or a clause a person may read."""

    why: str
    unknown: bool = False
    """It did answer: what was asked for is not there."""


async def ask(call: Awaitable[T], deadline: timedelta) -> T | Unanswered:
    """The answer, or why there is none: whatever goes wrong with one service leaves the others their turn."""
    try:
        async with asyncio.timeout(deadline.total_seconds()) as limit:
            return await call
    except OpsError as error:
        return Unanswered(str(error), unknown=isinstance(error, NotUnderstood))
    except Exception as error:
        if limit.expired():
            return Unanswered(f"no answer within {deadline.total_seconds():g} s")
        logging.getLogger(__name__).exception("a service's client raised what it should have translated")
        return Unanswered(f"our own client failed ({type(error).__name__}); the log has the details")


@dataclass(frozen=True)
class Heard(Generic[S, T]):
    """What several services answered that were asked at once, in their order."""

    read: tuple[tuple[S, T], ...]
    unread: tuple[tuple[S, Unanswered], ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence on each that could not be read."""
        return tuple(f"Could not read {service.name}: {no.why}" for service, no in self.unread)


async def ask_all(services: Iterable[S], call: Callable[[S], Awaitable[T]], deadline: timedelta) -> Heard[S, T]:
    """Ask each of them, all at once, each within the deadline."""
    asked = tuple(services)
    answers = await asyncio.gather(*(ask(call(service), deadline) for service in asked))
    pairs = tuple(zip(asked, answers, strict=True))
    return Heard(
        tuple((service, answer) for service, answer in pairs if not isinstance(answer, Unanswered)),
        tuple((service, answer) for service, answer in pairs if isinstance(answer, Unanswered)),
    )


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


def retyped(words: str, params: Params, **instead: str | None) -> str:
    """The whole line that was typed, with some of it put otherwise; None leaves it out.

    A hint that forgets what was asked means something else: `user=app` left out ends everybody's connections.
    """
    told = params.model_copy(update=instead).model_dump(mode="json", exclude_defaults=True)
    flags = {_typed(name) for name, info in type(params).model_fields.items() if info.annotation is bool}
    line, bare = [words], True
    for name in params.positional:
        value = told.get(name)
        bare = bare and value is not None and not _marked(params, name, FreeText)
        bare = bare and not ('"' in str(value) and _marked(params, name, Spaced))  # as name=, its quotes can be typed
        bare = bare and str(value).lower() not in flags  # a service may be called fresh
        if bare:
            line.append(_quoted(str(told.pop(name)), free=False))
    for name in type(params).model_fields:
        match told.get(name):
            case None | "":
                continue
            case bool(value):
                line.append(f"{_typed(name)}={'yes' if value else 'no'}")
            case dict(pairs):
                line += [f"{pair}={_quoted(str(value), free=False)}" for pair, value in pairs.items()]
            case value:
                line.append(f"{_typed(name)}={_quoted(str(value), free=_marked(params, name, Spaced))}")
    return " ".join(line)


def _typed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _marked(params: Params, name: str, mark: type[Spaced]) -> bool:
    info = type(params).model_fields[name]
    marks = [each for arm in (info.annotation, *get_args(info.annotation)) for each in getattr(arm, "__metadata__", ())]
    return any(isinstance(each, mark) for each in (*info.metadata, *marks))


def _quoted(value: str, *, free: bool) -> str:
    """As one value. Free text with double quotes of its own stands bare; elsewhere nothing can be typed for them."""
    if free and '"' in value:
        return value
    plain = value.replace('"', "'")
    return f'"{plain}"' if re.search(r"[\s=]", plain) else plain


def but_unread(lead: str, unread: int, asked: int, what: str = "services") -> str:
    """The lead, with how much of the picture is missing: in the small print it is not seen."""
    return f"{lead.rstrip('.')}; {unread} of {asked} {what} could not be read." if unread else lead


def tables_called(name: str, listed: Iterable[str]) -> list[str]:
    """The table of that name, or else those called so in whatever schema."""
    tables = list(dict.fromkeys(listed))
    return [name] if name in tables else [each for each in tables if each.rpartition(".")[2] == name]


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
