"""How a service is tried out for `/ops test`: one step after the other, each timed, none ending the rest."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.words.exceptions import OpsError, TryLater
from integrations.capabilities import Health, Trial


@dataclass(frozen=True)
class Step:
    what: str
    """The step in plain words."""
    call: Callable[[], Awaitable[object]]
    remedy: str
    """The remedy where it fails."""


async def tried(*steps: Step) -> tuple[Trial, ...]:
    """A step that raises TryLater is unknown, any other OpsError degraded."""
    found = []
    for step in steps:
        started, health, detail = time.monotonic(), Health.OK, ""
        try:
            await step.call()
        except TryLater as error:
            health, detail = Health.UNKNOWN, str(error)
        except OpsError as error:
            health, detail = Health.DEGRADED, str(error)
        took = timedelta(seconds=time.monotonic() - started)
        found.append(Trial(step.what, health, took, detail, "" if health is Health.OK else step.remedy))
    return tuple(found)
