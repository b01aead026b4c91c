"""What a command file may ask for: its `actions(house)` is called once, at the start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.ask.catalogue import Catalogue
from bot.words.action import AnyAction, Asker, words_of
from bot.words.mistakes import mistakes
from bot.words.ports import Clock
from bot.words.report import Frozen
from bot.words.retention import Retention
from commands._shared.machine import Book, Desk, Follows, HealthHistory, Inspection, Tokens
from integrations import Services

C = TypeVar("C")
S = TypeVar("S", bound=Frozen)


@dataclass(frozen=True)
class House:
    """Everything that a command may need."""

    services: Services
    now: Clock
    desk: Desk
    tokens: Tokens
    follows: Follows
    inspection: Inspection
    history: HealthHistory
    keys: Book
    retention: Retention
    catalogue: Callable[[], Catalogue]
    """Complete only after every command was made."""
    allowed: Callable[[Asker], Callable[[AnyAction], bool]]
    """What somebody may ask for, here."""
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`[commands.*]` of ops.toml, not yet read."""

    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, make: Callable[["House"], C]) -> C:
        """What several commands share: made by the first that asks."""
        if make not in self._made:
            self._made[make] = make(self)
        made: C = self._made[make]
        return made

    def having(self, capability: Callable[..., C]) -> tuple[C, ...]:
        """The services of ops.toml that can do this: `house.having(Checkable)`."""
        return self.services.having(capability)

    def settings(self, model: type[S]) -> S:
        """The `Settings` of the command file that declares them: commands/whitelist.py has `[commands.whitelist]`.

        Raises Misconfigured, naming the setting.
        """
        section = words_of(model.__module__)
        try:
            return model.model_validate(self.tables.get(section, {}))
        except ValidationError as error:
            raise mistakes(error, model, "commands", section) from None
