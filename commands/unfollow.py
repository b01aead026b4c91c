"""/ops unfollow: stop following before its time is over."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.words.action import Asker, Upkeep
from bot.words.exceptions import NotUnderstood
from bot.words.params import Label, Params
from bot.words.ports import Entry
from bot.words.report import Report
from commands import House
from commands._shared.machine import Follows


class Unfollow(Params):
    positional = ("number",)

    number: Annotated[int, Label("Which one?"), Field(ge=1)]
    """Its number, as the Stop button has it."""


@dataclass(frozen=True)
class StopFollowing(Upkeep[Unfollow]):
    """Stop following."""

    follows: Follows
    examples = ("unfollow 7",)

    async def carry_out(self, asker: Asker, params: Unfollow) -> Report:
        entry = Entry(kind="unfollowed", actor=asker.person, detail={"follow": params.number})
        stopped = await self.follows.stop(params.number, entry)
        if stopped is None:
            raise NotUnderstood("That is over already.")
        return Report(title="Stopped", lead=f"{stopped.action} is not followed any more.")


def actions(house: House) -> StopFollowing:
    return StopFollowing(house.follows)
