"""/ops stop: end a running execution, for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.params import Choices, FreeText, Option, Params
from bot.words.report import Fact, Link, Moment
from commands import House
from commands._shared.executions import OnExecution
from commands._shared.remembered import Remembering
from commands._shared.services import ServiceName
from integrations.capabilities import Execution, Executions, Stoppable


@runtime_checkable
class StoppableExecutions(Executions, Stoppable, Protocol):
    """Runs can be looked at, and stopped."""


class Stop(Params):
    positional = ("execution",)

    execution: Annotated[str, Choices(), Field(min_length=1, max_length=100)]
    """Id of the execution that runs or waits."""
    engine: ServiceName = None
    """Service that runs it, as named in ops.toml; needed only where several know that id."""
    reason: Annotated[str, Field(max_length=500), FreeText()] = ""
    """Why, for the approver and the audit."""


class StopPlan(Plan):
    engine: str
    execution: str
    going: bool


@dataclass(frozen=True)
class StopExecution(
    OnExecution[StoppableExecutions], Remembering[StoppableExecutions, Execution], Change[Stop, StopPlan]
):
    """Stop an execution that runs or waits."""

    can = "stop executions"
    risk = Risk.DESTRUCTIVE
    examples = ("stop 4720", "stop 4720 reason=it sends the same mail again and again")

    async def preview(self, params: Stop) -> StopPlan:
        engine = await self.owner(params, params.execution)
        run = await engine.execution(params.execution)
        facts = [
            Fact(label="Workflow", value=run.workflow),
            Fact(label="Began", value=Moment(at=run.started_at) if run.started_at else None),
        ]
        if run.link:
            facts.append(Fact(label="Execution", value=Link(url=run.link, name=run.id)))
        if params.reason:
            facts.append(Fact(label="Reason", value=params.reason))
        return StopPlan(
            target=f"{engine.name} execution {run.id}",
            headline=f"Stop execution {run.id} of {run.workflow!r}.",
            effects=(f"execution {run.id}: now {run.status}, then canceled",),
            facts=tuple(facts),
            warnings=("What it has done so far stays done; the rest is left out.",),
            undo_note="A stopped run cannot be gone on with.",
            nothing_to_do="" if run.going else f"Execution {run.id} is over: {run.status}.",
            engine=engine.name,
            execution=run.id,
            going=run.going,
        )

    async def execute(self, plan: StopPlan) -> Receipt:
        stopped = await self.planned(plan.engine).stop(plan.execution)
        if stopped.status == "canceled":
            return Receipt(headline=f"Stopped execution {stopped.id} of {stopped.workflow!r}.")
        return Receipt(headline=f"Execution {stopped.id} ended as {stopped.status}, before it could be stopped.")

    async def evidence(self, plan: StopPlan) -> str:
        run = await self.planned(plan.engine).execution(plan.execution)
        return f"execution {run.id} is {run.status}"

    async def listed(self, service: StoppableExecutions) -> Sequence[Execution]:
        return await service.running()

    def option(self, thing: Execution) -> Option:
        return Option(thing.id, f"{thing.id} {thing.workflow} ({thing.status})")


def actions(house: House) -> StopExecution:
    return StopExecution(house.having(StoppableExecutions))
