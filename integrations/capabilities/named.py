"""The name and the kind that every client is known by."""

from typing import Protocol


class Named(Protocol):
    """Every client: `name` is the service's name in ops.toml, `kind` its kind."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
