"""What doctor found, and what finds it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.words.report import Status


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `mend` says what to do, empty where all is well."""

    what: str
    status: Status
    mend: str = ""


Probe = Callable[[], Awaitable[Sequence[Finding]]]
