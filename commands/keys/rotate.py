"""/ops keys rotate: walk through the rotation of a service's key, testing after each step."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.params import Choices, Params
from bot.words.report import Fact, Line, Moment, Report, Status, Suggestion
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.machine import Book
from commands._shared.retyping import retyped
from commands._shared.services import OnService, pick
from commands.keys._book import held, held_since
from commands.keys._rotation import STEPS, detail_of, seen_of, where_of, works_of
from integrations.capabilities import Checkable, Credentialed, Health, Testable, Trial


class Rotation(Params):
    positional = ("service",)

    service: Annotated[str, Choices()]
    """Service whose key is rotated, as named in ops.toml; or the key, as `keys` lists it."""
    step: Annotated[int, Field(ge=1, le=len(STEPS))] = 1
    """The step you are at; the buttons count it up."""


@dataclass(frozen=True)
class RotateKey(OnService[Credentialed], Lookup[Rotation]):
    """Walk through rotating a key, step by step, with a test after each."""

    tests: Mapping[str, Testable]
    checks: Mapping[str, Checkable]
    book: Book
    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=20)

    can = "be proved with a key"
    restricted = True
    examples = ("keys rotate n8n", "keys rotate n8n step=3")

    async def answer(self, params: Rotation) -> Report:
        service = pick(
            self.services,
            self._whose(params.service),
            can="be proved with a key",
            typed=lambda name: retyped(self.words, params, service=name),
        )
        found, trials, rights = await asyncio.gather(
            held((service,), self.checks, self.book, self.deadline), self._tried(service), self._rights(service)
        )
        if any(one.unproven for one in found):  # the test may just have proved it
            found = await held_since(found, self.book)
        what, how = STEPS[params.step - 1]
        told = how.format(rights=rights, where=where_of(found), seen=seen_of(found, self.now()))
        bad = [trial for trial in trials if trial.health is not Health.OK]
        return Report(
            title=f"Rotate the key of {service.name}: step {params.step} of {len(STEPS)}",
            lead=f"{what}. {told}",
            facts=tuple(
                Fact(label=f"{one.credential.setting}, here since", value=Moment(at=one.kept.since))
                for one in found
                if one.kept.since
            ),
            lines=(
                works_of(trials, found),
                *(Line(text=each.what, detail=detail_of(each), status=Status(each.health)) for each in bad),
                *(
                    Line(text=one.credential.setting, detail=one.detail, status=Status.UNKNOWN)
                    for one in found
                    if one.unproven
                ),
                *(
                    Line(text=one.credential.setting, detail=one.kept.missing, status=Status.FAILED)
                    for one in found
                    if one.kept.missing
                ),
            ),
            suggestions=self._next(service.name, params.step),
            taken_at=self.now(),
        )

    def _whose(self, typed: str) -> str:
        """The service of a key that is called as it is listed, `ci.token`; other words as they are."""
        listed = {key.setting.casefold(): each.name for each in self.services for key in each.credentials()}
        return listed.get(typed.casefold()) or listed.get(f"services.{typed.casefold()}") or typed

    def _next(self, service: str, step: int) -> tuple[Suggestion, ...]:
        ahead = (Suggestion(label=f"Done: step {step + 1}", words=f"keys rotate {service} step={step + 1}"),)
        errors = (Suggestion(label="Errors", words=f"errors {service} since=1h"),) if step >= len(STEPS) - 1 else ()
        again = Suggestion(label="Test again", words=f"keys rotate {service} step={step}")
        return (*(ahead if step < len(STEPS) else ()), again, *errors)

    async def _tried(self, service: Credentialed) -> tuple[Trial, ...]:
        tester = self.tests.get(service.name)
        if tester is None:
            return ()
        answer = await ask(tester.test(), self.deadline)
        if isinstance(answer, Unanswered):
            return (Trial("be tested", Health.UNKNOWN, self.deadline, answer.why),)
        return answer

    async def _rights(self, service: Credentialed) -> str:
        answer = await ask(service.rights(), self.deadline)
        if isinstance(answer, Unanswered):
            return "those that docs/services.md names."
        needed = [right for right in answer.has if right not in answer.unneeded]
        needed += [right for right, _ in answer.lacking]
        return answer.note or f"{', '.join(needed) or 'those that docs/services.md names'}."


def actions(house: House) -> RotateKey:
    tests = {each.name: each for each in house.having(Testable)}
    checks = {each.name: each for each in house.having(Checkable)}
    return RotateKey(house.having(Credentialed), tests, checks, house.keys, house.now)
