"""A kind of service: the line that the `__init__.py` of its folder ends in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from integrations.capabilities import Named
from integrations.plumbing.section import Outside, Section

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Kind(Generic[S]):
    """`KIND = Kind(AcmeSection, acme)`; the folder's name is what people write as `kind` in ops.toml."""

    section: type[S]
    """Its table in ops.toml."""
    open: Callable[[str, S, Outside], Named | tuple[Named, ...]]
    """Builds the clients of one service from its name, its table and the way out. It contacts nothing and looks up no
    secret; one client is enough where all that the service can do fits one class."""

    def clients(self, name: str, section: S, outside: Outside) -> tuple[Named, ...]:
        built = self.open(name, section, outside)
        return built if isinstance(built, tuple) else (built,)
