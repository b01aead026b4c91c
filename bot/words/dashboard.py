"""What one person's Home is made of, as kept: nothing in it was asked of a vendor."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import AwareDatetime

from bot.words.report import Frozen, PersonId
from bot.words.request import Request, RequestId


class Known(Frozen):
    """A service as it was found at its last check."""

    service: str
    health: str
    """A value of `bot.words.report.Status`, where the version that wrote it and this one agree."""
    since: AwareDatetime
    seen_at: AwareDatetime


class OldKey(Frozen):
    """A credential that is due to be rotated."""

    service: str
    setting: str
    since: AwareDatetime
    """First seen with the value it has now."""


class Dashboard(Frozen):
    """Oldest request first; services by name; the oldest key first."""

    open: tuple[Request, ...] = ()
    """What waits, runs, ends by itself, has an unknown outcome or is to be reviewed, whoever asked."""
    recent: tuple[Request, ...] = ()
    """The last five that this person asked for, newest first."""
    yes: Mapping[RequestId, int] = {}
    """How many have approved each."""
    voted: frozenset[RequestId] = frozenset()
    """Those on which this person has voted."""
    services: tuple[Known, ...] = ()
    keys: tuple[OldKey, ...] = ()


class Dashboards(Protocol):
    async def of(self, person: PersonId) -> Dashboard:
        """Raises: StoreUnwritable"""
        ...
