"""/ops stop: end a running execution, for good."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.exceptions import Stale
from bot.words.params import Choices, FreeText, Option, Params
from bot.words.report import Fact, Link, Moment
from commands import House
from commands._shared.executions import Engines
from commands._shared.services import LONGEST_LABEL, OnService, ServiceName, ask_all, matching, names
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
class StopExecution(OnService[StoppableExecutions], Change[Stop, StopPlan]):
    """Stop an execution that runs or waits."""

    refresh_deadline: timedelta = timedelta(seconds=10)
    known: dict[str, tuple[Option, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from: executions that are going, by engine; empty until the first `refresh`."""

    can = "stop executions"
    named_by = "engine"
    risk = Risk.DESTRUCTIVE
    examples = ("stop 4720", "stop 4720 reason=it sends the same mail again and again")

    async def preview(self, params: Stop) -> StopPlan:
        engine = await self._known.owner(params.engine, params.execution, params)
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
        engine = self._engine_of(plan)
        run = await engine.execution(plan.execution)
        if not run.going:
            raise Stale(f"Execution {run.id} is over: {run.status}.", differences=(f"it is {run.status} now",))
        stopped = await engine.stop(run.id)
        if stopped.status == "canceled":
            return Receipt(headline=f"Stopped execution {stopped.id} of {stopped.workflow!r}.")
        return Receipt(headline=f"Execution {stopped.id} ended as {stopped.status}, before it could be stopped.")

    async def evidence(self, plan: StopPlan) -> str:
        run = await self._engine_of(plan).execution(plan.execution)
        return f"execution {run.id} is {run.status}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "engine":
            return matching(names(self.services), typed)
        return matching((option for options in self.known.values() for option in options), typed)

    async def refresh(self) -> None:
        """Read what is going, in the background; an engine that is silent keeps its last ones."""
        heard = await ask_all(self.services, lambda engine: engine.running(), self.refresh_deadline)
        self.known.update((engine.name, tuple(map(_option, runs))) for engine, runs in heard.read)

    @property
    def _known(self) -> Engines[StoppableExecutions]:
        return Engines(self.services, self.words, "stop executions")

    def _engine_of(self, plan: StopPlan) -> StoppableExecutions:
        return self._known.named(plan.engine, Stop(execution=plan.execution))


def _option(run: Execution) -> Option:
    return Option(run.id, f"{run.id} {run.workflow} ({run.status})"[:LONGEST_LABEL])


def actions(house: House) -> StopExecution:
    return StopExecution(house.having(StoppableExecutions))
