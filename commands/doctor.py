"""/ops doctor: what is wrong with the set-up, and how to mend it."""

from dataclasses import dataclass

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Line, Report, Status
from commands import House
from commands._shared.machine import Inspection


class NoParams(Params):
    pass


@dataclass(frozen=True)
class Doctor(Lookup[NoParams]):
    """What is wrong with tokens, scopes, database, services and policy, and how to mend it."""

    inspection: Inspection
    restricted = True
    examples = ("doctor",)

    async def answer(self, params: NoParams) -> Report:
        return await doctor_report(self.inspection)


async def doctor_report(inspection: Inspection) -> Report:
    """Worst first; the terminal shows it without asking who asks, since whoever sits there holds the tokens anyway."""
    findings = await inspection.inspect()
    order = list(Status)
    worst_first = sorted(findings, key=lambda finding: order.index(finding.status), reverse=True)
    bad = [finding for finding in findings if finding.status is not Status.OK]
    count = len(findings)
    return Report(
        title="Doctor",
        lead=f"{len(bad)} of {count} checks need attention." if bad else f"All {count} checks are well.",
        status=worst_first[0].status if worst_first else Status.UNKNOWN,
        lines=tuple(Line(text=found.what, detail=found.mend, status=found.status) for found in worst_first),
    )


def actions(house: House) -> Doctor:
    return Doctor(house.inspection)
