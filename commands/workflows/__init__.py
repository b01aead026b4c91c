"""/ops workflows: which run, which do not, and which failed lately."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Link, Moment, Report, Status, Table
from commands import House
from commands._shared.asking import ask_all, but_unread
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import Workflow, Workflows


class Listed(Params):
    positional = ("service",)

    service: ServiceName = None
    """Only of this service, as named in ops.toml."""
    failures: bool = False
    """Only those with a failure that no retry has mended."""


@dataclass(frozen=True)
class ListWorkflows(OnService[Workflows], Lookup[Listed]):
    """List workflows: whether they are on, and when they last failed."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=20)
    """For one service to answer; the last failures are looked for among its runs."""

    can = "list workflows"
    examples = ("workflows", "workflows failures", "workflows n8n")

    async def answer(self, params: Listed) -> Report:
        asked = self.asked(params)
        heard = await ask_all(asked, lambda service: service.workflows(), self.deadline)
        found = [(service.name, each) for service, workflows in heard.read for each in workflows]
        unread, nothing = heard.missing, not heard.read
        shown = [each for each in found if each[1].last_failed_at or not params.failures]
        shown.sort(key=lambda each: each[1].name.casefold())
        shown.sort(key=lambda each: each[1].last_failed_at.timestamp() if each[1].last_failed_at else 0, reverse=True)
        return Report(
            title="Workflows",
            lead="No service's workflows could be read."
            if nothing
            else but_unread(_counted([each for _, each in found]), len(unread), len(asked)),
            status=Status.UNKNOWN if nothing else None,
            table=_table(shown) if shown else None,
            notes=unread,
            taken_at=self.now(),
        )


def _counted(found: list[Workflow]) -> str:
    if not found:
        return "There are no workflows."
    on, failing = sum(each.active for each in found), sum(each.last_failed_at is not None for each in found)
    failed = f"{failing} with failures that nothing has mended" if failing else "none with failures"
    return f"{on} on, {len(found) - on} off; {failed}."


def _table(shown: list[tuple[str, Workflow]]) -> Table:
    return Table(
        columns=("workflow", "state", "last failure", "id", "service"),
        rows=tuple(
            (
                Link(url=each.link, name=each.name) if each.link else each.name,
                "on" if each.active else "off",
                Moment(at=each.last_failed_at) if each.last_failed_at else None,
                each.id,
                service,
            )
            for service, each in shown
        ),
    )


def actions(house: House) -> ListWorkflows:
    return ListWorkflows(house.having(Workflows), house.now)
