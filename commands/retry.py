"""/ops retry: run a failed workflow execution again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Literal

from pydantic import Field

from bot.words.action import Change, Receipt, Risk
from bot.words.exceptions import NotUnderstood, Refused
from bot.words.params import Choices, Option, Params, Spaced
from bot.words.report import Fact, Link
from commands import House
from commands._shared.executions import OnExecution
from commands._shared.remembered import Remembering
from commands._shared.retrying import RetryPlan, facts_of, nothing_to_do, warnings_of
from commands._shared.retyping import retyped
from commands._shared.services import LONGEST_LABEL, ServiceName
from integrations.capabilities import Execution, Executions, RetriesCurrent

LAST = "last"


class Retry(Params):
    positional = ("execution",)

    execution: Annotated[str, Choices(), Field(min_length=1, max_length=100)]
    """Id of the failed execution, or `last` for the newest failure that no retry has fixed."""
    workflow: Annotated[str | None, Spaced()] = None
    """With `last`: only failures of this workflow, by its name or id."""
    use: Literal["saved", "current"] = "saved"
    """`saved` runs the workflow as it was when it failed, `current` as it is now."""
    engine: ServiceName = None
    """Service that ran it, as named in ops.toml; needed only where several know that id."""


@dataclass(frozen=True)
class RetryExecution(OnExecution[Executions], Remembering[Executions, Execution], Change[Retry, RetryPlan]):
    """Run a failed workflow execution again."""

    can = "retry executions"
    risk = Risk.DESTRUCTIVE
    examples = ("retry 4711", "retry 4711 use=current", "retry last", 'retry last workflow="Lead intake"')

    async def preview(self, params: Retry) -> RetryPlan:
        wanted, silent = params.execution, ""
        if wanted.casefold() == LAST:
            engine, wanted, silent = await self.newest_failure(params, params.workflow)
        elif params.workflow is not None:
            raise NotUnderstood("workflow= goes with `last` only.", hint=retyped(self.words, params, workflow=None))
        else:
            engine = await self.owner(params, wanted)
        version = "as it was at the time" if params.use == "saved" else f"with {self._current(engine, params)}"
        failed, retries = await asyncio.gather(engine.execution(wanted), engine.retries_of(wanted))
        warnings = warnings_of(failed, retries, version if params.use == "current" else "")
        if silent:
            warnings = (*warnings, f"There may be a newer failure: {silent}")
        return RetryPlan(
            target=f"{engine.name} execution {failed.id}",
            headline=f"Run execution {failed.id} of {failed.workflow!r} again.",
            effects=(
                f"{engine.name} runs the workflow {version}, from {failed.failing_node or 'the failing node'!r} on, "
                "with the same data.",
            ),
            facts=facts_of(failed, retries),
            warnings=warnings,
            undo_note="A run cannot be taken back: what its nodes have sent is sent.",
            nothing_to_do=nothing_to_do(failed, retries),
            engine=engine.name,
            execution=failed.id,
            status=failed.status,
            retries=tuple(retry.id for retry in retries),
            use=params.use,
        )

    def settled(self, params: Retry, plan: RetryPlan) -> Retry:
        return params.model_copy(update={"execution": plan.execution, "workflow": None, "engine": plan.engine})

    async def execute(self, plan: RetryPlan) -> Receipt:
        run = await self.planned(plan.engine).retry(plan.execution, current_workflow=plan.use == "current")
        if run.failed or run.status == "canceled":
            raise Refused(f"The retry ran as execution {run.id} and failed too{run.why}. Nothing else was changed.")
        new = Link(url=run.link, name=run.id) if run.link else run.id
        facts = [Fact(label="New execution", value=new), Fact(label="Status", value=run.status)]
        return Receipt(
            headline=f"Execution {plan.execution} was retried; {run.id} {run.ended}.",
            facts=tuple(facts),
        )

    async def evidence(self, plan: RetryPlan) -> str:
        retries = await self.planned(plan.engine).retries_of(plan.execution)
        news = [f"retry {retry.id} {retry.ended}" for retry in retries if retry.id not in plan.retries]
        return "; ".join(news) or f"{plan.engine} lists no new retry of execution {plan.execution}"

    async def listed(self, service: Executions) -> Sequence[Execution]:
        return await service.failed(limit=50)

    def option(self, thing: Execution) -> Option | None:
        at = f" {thing.when.astimezone(UTC):%d %b %H:%M} UTC" if thing.when else ""
        label = f"{thing.id} {thing.workflow}"[: LONGEST_LABEL - len(at)]
        return None if thing.retried_by else Option(thing.id, f"{label}{at}")

    def _current(self, engine: Executions, asked: Retry) -> str:
        if not isinstance(engine, RetriesCurrent):
            hint = retyped(self.words, asked, use=None)
            raise NotUnderstood(f"{engine.name} runs an execution again only as it was then.", hint=hint)
        return engine.current_means


def actions(house: House) -> RetryExecution:
    return RetryExecution(house.having(Executions))
