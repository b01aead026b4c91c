"""Several things paused or resumed one by one: what was changed, what was not as expected, and what may be either."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Stale
from integrations.capabilities import Flipped, Switchable

T = TypeVar("T", str, Switchable)
"""Its id, or the thing."""


async def flipped(
    things: Sequence[T], flip: Callable[[T], Awaitable[Switchable]], *, verb: str, note: str = ""
) -> Flipped:
    """`flip` changes one and gives it as it was before; its Stale, or NotUnderstood where it is gone, names it.

    What fails with one does not lose what others did: it is `missed`. Where nothing was changed, the first failure is
    raised. Raises OutcomeUnknown with the names of those that were changed before it; what comes after is not touched.
    """
    changed: list[Switchable] = []
    missed: list[str] = []
    failed: list[OpsError] = []
    for thing in things:
        name = thing if isinstance(thing, str) else thing.name
        try:
            changed.append(await flip(thing))
        except OutcomeUnknown as error:
            names = ", ".join(each.name for each in changed)
            before = f" Before that, {verb}: {names}." if names else ""
            raise OutcomeUnknown(f"{name}: {error}{before}") from error
        except (Stale, NotUnderstood) as error:
            missed.append(str(error))
        except OpsError as error:
            missed.append(f"{name}: {error}")
            failed.append(error)
    if failed and not changed:
        raise failed[0]
    return Flipped(tuple(changed), tuple(missed), note=note if changed else "")
