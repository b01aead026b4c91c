"""Several things paused or resumed one by one: what was changed, what was not as expected, and what may be either."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bot.errors import OpsError, OutcomeUnknown
from integrations.capabilities import Flipped, Switchable

T = TypeVar("T")


async def flipped(
    things: Sequence[T], flip: Callable[[T], Awaitable[Switchable]], *, verb: str, note: str = ""
) -> Flipped:
    """`flip` changes one and gives it as it was before; any OpsError but OutcomeUnknown means that it is `missed`.

    Raises OutcomeUnknown with the names of those that were changed before it; what comes after is not touched.
    """
    changed: list[Switchable] = []
    missed: list[str] = []
    for thing in things:
        try:
            changed.append(await flip(thing))
        except OutcomeUnknown as error:
            names = ", ".join(each.name for each in changed)
            raise OutcomeUnknown(f"{error} Before that, {verb}: {names}." if names else str(error)) from error
        except OpsError as error:
            missed.append(str(error))
    return Flipped(tuple(changed), tuple(missed), note=note if changed else "")
