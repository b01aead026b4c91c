"""Word of a secret that was taken, from whoever saw it: for those that no health check carries."""

from collections.abc import Mapping
from typing import Protocol


class Proofs(Protocol):
    async def worked(self, used: Mapping[str, str]) -> None:
        """These values, by setting, were just taken. No value is kept. Raises nothing."""
        ...


class Unnoted:
    """Nobody keeps it."""

    async def worked(self, used: Mapping[str, str]) -> None:
        pass
