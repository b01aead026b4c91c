"""The kinds of service there are: a folder each, found by its name and imported when somebody needs it."""

import difflib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from bot.words.exceptions import Misconfigured
from bot.words.mistakes import Mistake, WrongSettings
from integrations.plumbing.kind import Kind

_NO_KINDS: Final = frozenset({"capabilities", "plumbing"})
_OF_ONE_SERVICE: Final = frozenset({"name", "deadline", "vendor", "services"})
"""Properties of capabilities that a client is given by its table in ops.toml."""


class _Kinds(Mapping[str, Kind[Any]]):
    """By folder. Asking for one imports it; asking which there are imports none."""

    def __getitem__(self, name: str) -> Kind[Any]:
        if name not in self:
            raise KeyError(name)
        kind = getattr(import_module(f"integrations.{name}"), "KIND", None)
        if not isinstance(kind, Kind):
            raise Misconfigured(f"integrations/{name}/__init__.py lacks its line: KIND = Kind(Section, open)")
        return kind

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)

    def __iter__(self) -> Iterator[str]:
        found = pkgutil.iter_modules(import_module("integrations").__path__)
        return (each.name for each in found if each.ispkg and each.name not in _NO_KINDS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


KINDS: Final[Mapping[str, Kind[Any]]] = _Kinds()


def kind_of(name: str, table: Mapping[str, Any]) -> Kind[Any]:
    """The kind that a service's table names. Raises Misconfigured, with the nearest one that there is."""
    kind = table.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    known = ", ".join(f'"{each}"' for each in KINDS)
    close = difflib.get_close_matches(str(kind), KINDS, n=1) if kind is not None else []
    guess = f' Did you mean "{close[0]}"?' if close else ""
    wrong = "is missing" if kind is None else f"{str(kind)[:40]!r} is not known"
    told = f"services.{name}.kind {wrong}; write one of {known}.{guess}"
    raise WrongSettings(Mistake(("services", name, "kind"), told, rank=0))


def kinds_that_can(*capabilities: Callable[..., object]) -> tuple[str, ...]:
    """Kinds with a client that has any of these capabilities, whatever ops.toml names.

    Imports every kind: for when somebody asks what to add to ops.toml, never at start.
    """
    wanted = [_members(each) for each in capabilities]
    return tuple(kind for kind in KINDS if any(members <= set(dir(each)) for members in wanted for each in _own(kind)))


def _members(capability: Callable[..., object]) -> frozenset[str]:
    """Methods and properties of a Protocol, as far as a class has them before there is a service."""
    protocols = [base for base in getattr(capability, "__mro__", ()) if getattr(base, "_is_protocol", False)]
    members = {name for base in protocols for name in vars(base) if not name.startswith("_")}
    return frozenset(members - _OF_ONE_SERVICE)


def _own(kind: str) -> Iterator[type]:
    """Classes of the kind's folder."""
    folder = import_module(f"integrations.{kind}").__name__
    inside = [there for name, there in tuple(sys.modules.items()) if f"{name}.".startswith(f"{folder}.")]
    for there in inside:
        yield from (
            each for each in vars(there).values() if isinstance(each, type) and each.__module__ == there.__name__
        )
