"""Every command there is: a file's path is what people type, and its `actions(house)` is all that registers it."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from types import ModuleType
from typing import Any

from bot.ask.catalogue import Absent, Catalogue
from bot.words.action import AnyAction, words_of
from bot.words.exceptions import Misconfigured
from commands._shared.house import House
from commands._shared.machine import Desk
from commands._shared.services import OnService

__all__ = ["Desk", "House", "command_files", "commands"]


def command_files() -> tuple[ModuleType, ...]:
    """The modules of this package; one whose name begins with _ is no command, but what several share."""
    names = (found.name for found in pkgutil.walk_packages(__path__, "commands."))
    return tuple(importlib.import_module(name) for name in names if "._" not in name)


def commands(house: House, own: Iterable[str] = ()) -> Catalogue:
    """Those of this package, then those of a company's own modules, by their importable names; which of them no service
    can carry out is kept apart.

    Raises Misconfigured, naming the module or the table of ops.toml that is wrong.
    """
    modules = (*command_files(), *map(_own, own))
    _refuse_unknown(house.tables, [words_of(module.__name__) for module in modules if hasattr(module, "Settings")])
    made = tuple(action for module in modules for action in _actions(module, house))
    lacking = [action for action in made if isinstance(action, OnService) and not action.services]
    return Catalogue(
        tuple(action for action in made if not isinstance(action, OnService) or action.services),
        tuple(Absent(action, partial(_missing, action)) for action in lacking),
    )


def _missing(action: OnService[Any]) -> str:
    kinds = action.kinds()
    listed = f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else "".join(kinds)
    kind = f"kind {listed}" if len(kinds) <= 6 else f"any of {len(kinds)} kinds, as docs/services.md lists them,"
    return f"No service of this team can do that: `{action.words}` needs a service of {kind} in ops.toml."


def _own(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # the company's own code: whatever is wrong in it is theirs to read
        why = f"{type(error).__name__}: {error}"
        raise Misconfigured(f"ops.toml: modules: {name!r} cannot be imported: {why}") from error


def _actions(module: ModuleType, house: House) -> Iterator[AnyAction]:
    if not hasattr(module, "actions"):
        raise Misconfigured(f"{module.__name__} has no actions(house): end the file with it, as every command does")
    made: AnyAction | tuple[AnyAction, ...] = module.actions(house)
    yield from made if isinstance(made, tuple) else (made,)


def _refuse_unknown(tables: Mapping[str, Any], known: list[str]) -> None:
    for name in tables:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            instead = f"did you mean commands.{close[0]}?" if close else f"write one of {', '.join(sorted(known))}"
            raise Misconfigured(f"ops.toml: commands.{name} is not a setting; {instead}")
