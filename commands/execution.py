"""/ops execution: how one run of a workflow went, and what can be done with it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.exceptions import Refused, TryLater
from bot.words.params import Params
from bot.words.report import Fact, Line, Link, Moment, Report, Span, Status, Suggestion
from commands import House
from commands._shared.executions import OnExecution
from commands._shared.services import ServiceName
from integrations.capabilities import Execution, Executions, Stoppable


class Which(Params):
    positional = ("execution",)

    execution: Annotated[str, Field(min_length=1, max_length=100)]
    """Id of the execution."""
    engine: ServiceName = None
    """Service that ran it, as named in ops.toml; needed only where several know that id."""


@dataclass(frozen=True)
class ShowExecution(OnExecution[Executions], Lookup[Which]):
    """Show one execution: where and why it failed, and its retries."""

    now: Callable[[], datetime]

    can = "show executions"
    examples = ("execution 4711", "execution 4711 engine=n8n")

    async def answer(self, params: Which) -> Report:
        wanted = params.execution
        engine = await self.owner(params, wanted)
        run, retries = await asyncio.gather(engine.execution(wanted), _retries(engine, wanted))
        listed = retries if isinstance(retries, tuple) else ()
        return Report(
            title=f"Execution {run.id} of {run.workflow}",
            lead=_lead(run),
            status=_status(run),
            facts=_facts(run),
            lines=tuple(Line(text=_told(retry)) for retry in listed),
            notes=(retries,) if isinstance(retries, str) else (),
            suggestions=_suggestions(engine, run, listed, named=len(self.services) > 1),
            taken_at=self.now(),
        )


async def _retries(engine: Executions, execution: str) -> tuple[Execution, ...] | str:
    try:
        return await engine.retries_of(execution)
    except (Refused, TryLater) as error:  # the run itself can be shown all the same
        return str(error)


def _status(run: Execution) -> Status | None:
    if run.failed and not run.retried_by:
        return Status.FAILED
    return Status.OK if run.status == "success" else None


def _lead(run: Execution) -> str:
    if run.failed and run.retried_by:
        return f"It failed, and its retry {run.retried_by} ended well."
    if run.failed:
        return f"It failed at {run.failing_node!r}." if run.failing_node else "It failed."
    return "It ended well." if run.status == "success" else f"It is {run.status}."


def _facts(run: Execution) -> tuple[Fact, ...]:
    took = (run.stopped_at - run.started_at).total_seconds() if run.started_at and run.stopped_at else None
    facts = (
        Fact(label="Error", value=run.error),
        Fact(label="Node", value=run.failing_node),
        Fact(label="Began", value=Moment(at=run.started_at) if run.started_at else None),
        Fact(label="Took", value=Span(seconds=took) if took is not None else None),
        Fact(label="Retry of", value=run.retry_of),
        Fact(label="Link", value=Link(url=run.link, name=run.id) if run.link else None),
    )
    return tuple(fact for fact in facts if fact.value is not None)


def _told(retry: Execution) -> str:
    how = "ended well" if retry.status == "success" else f"is {retry.status}" if not retry.failed else "failed"
    return f"Retry {retry.id} {how}"


def _suggestions(
    engine: Executions, run: Execution, retries: tuple[Execution, ...], *, named: bool
) -> tuple[Suggestion, ...]:
    where = f" engine={engine.name}" if named else ""
    mended = run.retried_by or any(retry.status == "success" or retry.going for retry in retries)
    if run.failed and not mended:
        return (Suggestion(label="Retry", words=f"retry {run.id}{where}"),)
    going = [each for each in (run, *retries) if each.going]
    if going and isinstance(engine, Stoppable):
        return tuple(Suggestion(label=f"Stop {each.id}", words=f"stop {each.id}{where}") for each in going)
    return ()


def actions(house: House) -> ShowExecution:
    return ShowExecution(house.having(Executions), house.now)
