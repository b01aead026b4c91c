"""/ops test: tries out what the bot does at a service, step by step, and says with which rights."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.exceptions import NotUnderstood
from bot.words.params import Option, Params
from bot.words.report import Report, Status, Suggestion
from commands import House
from commands._shared.asking import ask
from commands._shared.services import OnService, ServiceName, matching, names, pick
from commands._shared.trial_words import RANK, Tried, facts_of, lead_of, lines_of, notes_of, steps_of, well_of
from integrations.capabilities import Credentialed, Testable

EVERY = "all"


class Which(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service to try out, as named in ops.toml, or all; may be left out where there is only one."""


@dataclass(frozen=True)
class TryServices(OnService[Testable], Lookup[Which]):
    """Try out a service step by step, and say what its credential may do."""

    credentialed: tuple[Credentialed, ...]
    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=25)
    """For all steps of one service."""

    can = "be tested"
    examples = ("test n8n", "test all")

    async def answer(self, params: Which) -> Report:
        chosen = self._chosen(params.service)
        found = await asyncio.gather(*(self._try(service) for service in chosen))
        one = found[0] if len(found) == 1 else None
        lines = [line for each in found for line in lines_of(each, alone=one is not None)]
        worst_first = sorted(lines, key=lambda line: -RANK[line.status or Status.OK])
        return Report(
            title=f"Test of {one.service}" if one else f"Test of {len(found)} services",
            lead=lead_of(found),
            status=worst_first[0].status if worst_first else Status.OK,
            facts=facts_of(one) if one else (),
            lines=tuple(worst_first),
            well=None if one else well_of(found),
            table=steps_of(found, well_only=True) if one else None,
            notes=tuple(note for each in found for note in notes_of(each, alone=one is not None)),
            suggestions=(Suggestion(label="Test again", words=f"test {one.service if one else EVERY}"),),
            taken_at=self.now(),
        )

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching([*names(self.services), Option(EVERY, EVERY)], typed)

    def _chosen(self, name: str | None) -> Sequence[Testable]:
        if name is not None and name.casefold() == EVERY and self.services:
            return self.services
        if name is None and len(self.services) > 1:
            told = ", ".join(service.name for service in self.services)
            raise NotUnderstood(
                f"Several services can be tested: {told}. Say which, or all.",
                choices={each: f"test {each}" for each in (EVERY, *(service.name for service in self.services))},
            )
        return (pick(self.services, name, can="be tested", typed=lambda each: f"test {each}"),)

    async def _try(self, service: Testable) -> Tried:
        proofs = [each for each in self.credentialed if each.name == service.name]
        steps, rights = await asyncio.gather(
            ask(service.test(), self.deadline),
            asyncio.gather(*(ask(each.rights(), self.deadline) for each in proofs)),
        )
        settings = tuple(credential.setting for each in proofs for credential in each.credentials())
        return Tried(service.name, steps, tuple(rights), settings)


def actions(house: House) -> TryServices:
    return TryServices(house.having(Testable), house.having(Credentialed), house.now)
