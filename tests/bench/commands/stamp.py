"""/ops stamp: a destructive action that only notes when it was started; a company's own module, for the benchmark."""

import time
from dataclasses import dataclass

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.params import Params
from commands import House


class Stamp(Params):
    positional = ("mark",)

    mark: str
    """Any word; no two requests have the same target."""


@dataclass(frozen=True)
class NoteTime(Change[Stamp, Plan]):
    """Note when this was started."""

    risk = Risk.DESTRUCTIVE
    examples = ("stamp 1",)

    async def preview(self, params: Stamp) -> Plan:
        return Plan(target=f"mark {params.mark}", headline=f"The time will be noted for {params.mark}.")

    async def execute(self, plan: Plan) -> Receipt:
        return Receipt(headline="The time was noted.", undo={"started": time.time()})


def actions(house: House) -> NoteTime:
    return NoteTime()
