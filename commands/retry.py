"""/ops retry: run a failed workflow execution again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.exceptions import NotUnderstood, Refused, Stale
from bot.words.params import Choices, Option, Params, Spaced
from bot.words.report import Fact, Link, Moment
from commands import House
from commands._shared.executions import Engines
from commands._shared.services import LONGEST_LABEL, OnService, ServiceName, ask_all, matching, names, retyped
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


class RetryPlan(Plan):
    engine: str
    execution: str
    status: str
    retries: tuple[str, ...]
    """Ids of the retries there are so far; one more means that somebody was faster."""
    use: Literal["saved", "current"]


@dataclass(frozen=True)
class RetryExecution(OnService[Executions], Change[Retry, RetryPlan]):
    """Run a failed workflow execution again."""

    refresh_deadline: timedelta = timedelta(seconds=10)
    known: dict[str, tuple[Option, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from: failed executions by engine; empty until the first `refresh`."""

    can = "retry executions"
    named_by = "engine"
    risk = Risk.DESTRUCTIVE
    examples = ("retry 4711", "retry 4711 use=current", "retry last", 'retry last workflow="Lead intake"')

    async def preview(self, params: Retry) -> RetryPlan:
        name, wanted, silent = params.engine, params.execution, ""
        if wanted.casefold() == LAST:
            newest, wanted, silent = await self._known.newest_failure(name, params.workflow, params)
            name = newest.name
        elif params.workflow is not None:
            raise NotUnderstood("workflow= goes with `last` only.", hint=retyped(self.words, params, workflow=None))
        engine = await self._known.owner(name, wanted, params)
        version = "as it was then" if params.use == "saved" else f"with {self._current(engine, params)}"
        failed, retries = await asyncio.gather(engine.execution(wanted), engine.retries_of(wanted))
        warnings = _warnings(failed, retries, version if params.use == "current" else "")
        if silent:
            warnings = (*warnings, f"There may be a newer failure: {silent}")
        return RetryPlan(
            target=f"{engine.name} execution {failed.id}",
            headline=f"Run execution {failed.id} of {failed.workflow!r} again.",
            effects=(
                f"{failed.workflow!r} {version} runs from {failed.failing_node or 'the failing node'!r} on, "
                "with the data of then",
            ),
            facts=_facts(failed, retries),
            warnings=warnings,
            undo_note="A run cannot be taken back: what its nodes have sent is sent.",
            nothing_to_do=_nothing_to_do(failed, retries),
            engine=engine.name,
            execution=failed.id,
            status=failed.status,
            retries=tuple(retry.id for retry in retries),
            use=params.use,
        )

    def settled(self, params: Retry, plan: RetryPlan) -> Retry:
        return params.model_copy(update={"execution": plan.execution, "workflow": None, "engine": plan.engine})

    async def execute(self, plan: RetryPlan) -> Receipt:
        engine = self._engine_of(plan)
        failed, retries = await asyncio.gather(engine.execution(plan.execution), engine.retries_of(plan.execution))
        news = [_ended(retry) for retry in retries if retry.id not in plan.retries]
        if not news and failed.retried_by not in (None, *plan.retries):
            news = [f"retry {failed.retried_by} ended well"]
        if failed.status != plan.status:
            news.append(f"its status was {plan.status}, now it is {failed.status}")
        if news:
            raise Stale(f"Execution {plan.execution} was touched since: {'; '.join(news)}.", differences=tuple(news))
        run = await engine.retry(plan.execution, current_workflow=plan.use == "current")
        if run.failed or run.status == "canceled":
            raise Refused(f"The retry ran as execution {run.id} and failed too{_why(run)}. Nothing else was changed.")
        how = "ended well" if run.status == "success" else f"is {run.status}"
        new = Link(url=run.link, name=run.id) if run.link else run.id
        facts = [Fact(label="New execution", value=new), Fact(label="Status", value=run.status)]
        return Receipt(
            headline=f"Execution {plan.execution} was retried; {run.id} {how}.",
            facts=tuple(facts),
        )

    async def evidence(self, plan: RetryPlan) -> str:
        retries = await self._engine_of(plan).retries_of(plan.execution)
        news = [_ended(retry) for retry in retries if retry.id not in plan.retries]
        return "; ".join(news) or f"{plan.engine} lists no new retry of execution {plan.execution}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "engine":
            return matching(names(self.services), typed)
        return matching((option for options in self.known.values() for option in options), typed)

    async def refresh(self) -> None:
        """Read the newest failures for `options`, in the background; an engine that is silent keeps its last ones."""
        heard = await ask_all(self.services, lambda engine: engine.failed(limit=50), self.refresh_deadline)
        for engine, failures in heard.read:
            self.known[engine.name] = tuple(_option(failed) for failed in failures if failed.retried_by is None)

    @property
    def _known(self) -> Engines[Executions]:
        return Engines(self.services, self.words, "retry executions")

    def _engine_of(self, plan: RetryPlan) -> Executions:
        return self._known.named(plan.engine, Retry(execution=plan.execution))

    def _current(self, engine: Executions, asked: Retry) -> str:
        if not isinstance(engine, RetriesCurrent):
            hint = retyped(self.words, asked, use=None)
            raise NotUnderstood(f"{engine.name} runs an execution again only as it was then.", hint=hint)
        return engine.current_means


def _nothing_to_do(failed: Execution, retries: Sequence[Execution]) -> str:
    fixed = failed.retried_by or next((retry.id for retry in retries if retry.status == "success"), None)
    if fixed:
        return f"Execution {failed.id} was already retried as {fixed}, which ended well."
    if not failed.failed:
        return f"Execution {failed.id} is {failed.status}; only a failed one can be retried."
    going = next((retry.id for retry in retries if not retry.failed and retry.status != "canceled"), None)
    return f"A retry of execution {failed.id} is going on already: {going}." if going else ""


def _facts(failed: Execution, retries: Sequence[Execution]) -> tuple[Fact, ...]:
    when: datetime | None = failed.stopped_at or failed.started_at
    return (
        Fact(label="Workflow", value=failed.workflow),
        Fact(label="Failed at node", value=failed.failing_node),
        Fact(label="Error", value=_short(failed.error) if failed.error else None),
        Fact(label="When", value=Moment(at=when) if when else None),
        Fact(label="Retried before", value="; ".join(map(_ended, retries)) or "no"),
        *((Fact(label="Execution", value=Link(url=failed.link, name=failed.id)),) if failed.link else ()),
    )


def _warnings(failed: Execution, retries: Sequence[Execution], current: str) -> tuple[str, ...]:
    warnings = []
    if current:
        warnings.append(f"The workflow may have changed since it failed: it runs {current}.")
    if retries:
        warnings.append(
            f"Retried before without success: {len(retries)} times."
            if len(retries) > 1
            else "One retry failed already."
        )
    if failed.retry_of:
        warnings.append(f"This is itself a retry of execution {failed.retry_of}.")
    return tuple(warnings)


def _ended(retry: Execution) -> str:
    if retry.status == "success":
        return f"retry {retry.id} ended well"
    return f"retry {retry.id} failed{_why(retry)}" if retry.failed else f"retry {retry.id} is {retry.status}"


def _why(run: Execution) -> str:
    node = f" at node {run.failing_node!r}" if run.failing_node else ""
    return node + (f": {_short(run.error)}" if run.error else "")


def _short(text: str, most: int = 300) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _option(failed: Execution) -> Option:
    when = failed.stopped_at or failed.started_at
    label = f"{failed.id} {failed.workflow}"
    at = f" {when.astimezone(UTC):%d %b %H:%M} UTC" if when else ""
    return Option(failed.id, f"{label[: LONGEST_LABEL - len(at)]}{at}")


def actions(house: House) -> RetryExecution:
    return RetryExecution(house.having(Executions))
