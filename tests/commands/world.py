"""One small world behind the capabilities: it keeps state, and can be slow, silent or changed behind our back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from bot.slack.views.text import plain_sentence
from bot.words.action import Asker, Change, Plan, Receipt
from bot.words.exceptions import NotUnderstood, Stale
from bot.words.params import Params
from bot.words.report import Line, PersonId
from commands import House
from commands._shared.machine import Measured
from integrations import Services
from integrations.capabilities import (
    Checked,
    Credential,
    ErrorEvent,
    ErrorPage,
    Execution,
    Flipped,
    Health,
    Level,
    LogLine,
    LogPage,
    RateLimitState,
    Rights,
    Switch,
    Switchable,
    Trial,
    Workflow,
)


def detail(line: Line) -> str:
    """What a row says, as plain text."""
    return plain_sentence(line.detail, str)


NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def tick(self, **by: float) -> None:
        self.at += timedelta(**by)


def bare_house(*clients: Any, **instead: Any) -> House:
    """One with these services, and nothing behind the rest of what a command may ask for."""
    nothing: dict[str, Any] = dict.fromkeys((each.name for each in fields(House) if each.init), object())
    return House(**nothing | {"services": Services(clients), "now": Clock(), "tables": {}} | instead)


async def carry_out(action: Change[Any, Any], params: Params, plan: Plan) -> Receipt:
    """As the executor does, which makes the plan again right before the effect. Raises Stale."""
    fresh = await action.preview_for(Asker(PersonId("U0ANA")), params)
    if fresh.nothing_to_do:
        raise Stale(fresh.nothing_to_do)
    if fresh.digest(action.words, params) != plan.digest(action.words, params):
        raise Stale("It is not as it was planned.")
    return await action.execute(plan)


@dataclass
class Outside:
    """What every service here can do: take its time, or fail."""

    name: str
    kind: str = "world"
    takes: float = 0.0
    fails: Exception | None = None
    calls: int = 0

    async def answers(self) -> None:
        self.calls += 1
        await asyncio.sleep(self.takes)
        if self.fails is not None:
            raise self.fails


@dataclass
class Box(Outside):
    """Checkable."""

    checked: Checked = field(default_factory=lambda: Checked(Health.OK))
    deadline: timedelta = timedelta(seconds=3)

    async def check(self) -> Checked:
        await self.answers()
        return self.checked


@dataclass
class History(Outside):
    """Since when each service has been as it is."""

    kept: list[Measured] = field(default_factory=list)
    since: dict[str, tuple[Health, datetime]] = field(default_factory=dict)

    async def record(self, results: Sequence[Measured]) -> Mapping[str, datetime]:
        await self.answers()
        self.kept.extend(results)
        for result in results:
            if self.since.get(result.service, (None,))[0] is not result.health:
                self.since[result.service] = (result.health, result.at)
        return {result.service: self.since[result.service][1] for result in results}


@dataclass
class ErrorLog(Outside):
    """ErrorSource."""

    events: list[ErrorEvent] = field(default_factory=list)

    def write(self, message: str, at: datetime, *, origin: str = "stripe", operation: str = "charge") -> ErrorEvent:
        event = ErrorEvent(f"{self.name}-{len(self.events)}", at, origin, operation, message)
        self.events.append(event)
        return event

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        await self.answers()
        wanted = (match or "").casefold()
        found = [event for event in self.events if event.at >= since and wanted in event.message.casefold()]
        found.sort(key=lambda event: event.at, reverse=True)
        return ErrorPage(tuple(found[:limit]), truncated=len(found) > limit)


@dataclass
class LineLog(Outside):
    """LogSource."""

    lines: list[LogLine] = field(default_factory=list)
    note: str = ""

    def write(
        self, message: str, at: datetime, level: Level = Level.INFO, *, origin: str = "api", link: str = ""
    ) -> LogLine:
        line = LogLine(f"{self.name}-{len(self.lines):04}", at, level, origin, message, link)
        self.lines.append(line)
        return line

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        await self.answers()
        wanted, grave = (match or "").casefold(), list(Level)[list(Level).index(level) :]
        found = [
            line
            for line in self.lines
            if line.at >= since and line.level in grave and wanted in f"{line.origin} {line.message}".casefold()
        ]
        found.sort(key=lambda line: (line.at, line.key), reverse=True)
        return LogPage(tuple(found[:limit]), len(found) > limit, self.note)


@dataclass
class Proof(Outside):
    """Testable, Credentialed."""

    steps: tuple[Trial, ...] = ()
    may: Rights = field(default_factory=Rights)
    rights_fail: Exception | None = None

    def credentials(self) -> tuple[Credential, ...]:
        return (Credential(f"services.{self.name}.token", "env:TOKEN"),)

    async def test(self) -> tuple[Trial, ...]:
        await self.answers()
        return self.steps

    async def rights(self) -> Rights:
        await asyncio.sleep(self.takes)
        if self.rights_fail is not None:
            raise self.rights_fail
        return self.may


@dataclass
class Engine(Outside):
    """RetriesCurrent, Stoppable."""

    current_means: ClassVar[str] = "its latest draft"

    runs: dict[str, Execution] = field(default_factory=dict)
    next_ends: str = "success"
    retried_with: list[bool] = field(default_factory=list)

    def ran(
        self, id_: str, status: str = "error", *, retry_of: str | None = None, workflow: str = "Lead intake"
    ) -> None:
        failed = status == "error"
        self.runs[id_] = Execution(
            id=id_,
            workflow_id=f"w-{workflow}",
            workflow=workflow,
            status=status,
            started_at=NOON - timedelta(minutes=10),
            stopped_at=NOON - timedelta(minutes=9),
            failing_node="HTTP Request" if failed else None,
            error="ECONNREFUSED 10.0.0.5:443" if failed else None,
            retry_of=retry_of,
        )
        if retry_of and status == "success":
            self.runs[retry_of] = replace(self.runs[retry_of], retried_by=id_)

    async def failed(
        self, *, workflow: str | None = None, since: datetime | None = None, limit: int = 20
    ) -> tuple[Execution, ...]:
        await self.answers()
        found = [run for run in self.runs.values() if run.failed and workflow in (None, run.workflow, run.workflow_id)]
        newest_first = sorted(found, key=lambda run: int(run.id), reverse=True)
        return tuple(replace(run, failing_node=None, error=None) for run in newest_first[:limit])

    async def execution(self, execution_id: str) -> Execution:
        await self.answers()
        if execution_id not in self.runs:
            raise NotUnderstood(f"n8n has no execution {execution_id!r}.")
        return self.runs[execution_id]

    async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
        await self.answers()
        return tuple(run for run in self.runs.values() if run.retry_of == execution_id)

    async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
        await self.answers()
        self.retried_with.append(current_workflow)
        new = str(max(map(int, self.runs)) + 1)
        self.ran(new, self.next_ends, retry_of=execution_id, workflow=self.runs[execution_id].workflow)
        return self.runs[new]

    async def running(self) -> tuple[Execution, ...]:
        await self.answers()
        return tuple(run for run in self.runs.values() if run.going)

    async def stop(self, execution_id: str) -> Execution:
        await self.answers()
        self.runs[execution_id] = replace(self.runs[execution_id], status="canceled")
        return self.runs[execution_id]


@dataclass
class Flows(Outside):
    """Workflows; turning one on makes its draft live."""

    found: dict[str, Workflow] = field(default_factory=dict)
    turned: list[str] = field(default_factory=list)

    def add(self, id_: str, name: str, *, active: bool = True, version: str = "v1", **more: Any) -> None:
        self.found[id_] = Workflow(id_, name, active, version, **more)

    async def workflows(self) -> tuple[Workflow, ...]:
        await self.answers()
        return tuple(self.found.values())

    async def turn(self, workflow: Workflow, *, on: bool) -> dict[str, JsonValue]:
        await self.answers()
        self._change(workflow, expected=workflow.active, to=on)
        return {"version": workflow.version}

    async def turn_back(self, workflow: Workflow, kept: dict[str, JsonValue]) -> None:
        await self.answers()
        assert kept == {"version": workflow.version}
        self._change(workflow, expected=not workflow.active, to=workflow.active)

    def _change(self, workflow: Workflow, *, expected: bool, to: bool) -> None:
        now = self.found[workflow.id]
        if now.active is not expected or now.version != workflow.version:
            raise Stale(f"{now.name} was changed meanwhile.")
        self.found[workflow.id] = replace(now, active=to)
        self.turned.append(f"{workflow.id} {'on' if to else 'off'} {workflow.version}")


@dataclass
class Limiter(Outside):
    """RateLimiter."""

    records: dict[str, int] = field(default_factory=dict)
    allowed: dict[str, tuple[str, datetime | None]] | None = field(default_factory=dict)
    """Network to note and end; None where there is no allow-list."""

    async def rate_limits(self, network: str) -> RateLimitState:
        await self.answers()
        count = self.records.get(network, 0)
        sample = (f"/api/import: {count} requests",) if count else ()
        return RateLimitState(count, sample, network in (self.allowed or {}), self.allowed is not None)

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        await self.answers()
        deleted = self.records.pop(network, 0)
        inserted = self.allowed is not None and network not in self.allowed
        if self.allowed is not None and inserted:
            self.allowed[network] = (note, until)
        return {"deleted": deleted, "inserted": inserted, "note": note}

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        await self.answers()
        if not lifted["inserted"] or self.allowed is None:
            return 0
        if self.allowed.get(network, ("",))[0] != lifted["note"]:
            raise Stale(f"The allow-list row of {network} was changed since.")
        del self.allowed[network]
        return 1


@dataclass
class Board(Outside):
    """Switches."""

    things: dict[str, Switchable] = field(default_factory=dict)

    def add(self, id_: str, name: str, state: Switch = Switch.RUNNING, detail: str = "") -> None:
        self.things[id_] = Switchable(id_, name, state, detail)

    def turn(self, id_: str, state: Switch) -> None:
        """Somebody does it by hand."""
        self.things[id_] = replace(self.things[id_], state=state)

    def states(self) -> dict[str, str]:
        return {thing.name: thing.state.value for thing in self.things.values()}

    async def switches(self) -> tuple[Switchable, ...]:
        await self.answers()
        return tuple(self.things.values())

    async def pause(self, ids: Sequence[str]) -> Flipped:
        await self.answers()
        return self._flip({id_: self.things[id_].name for id_ in ids}, Switch.RUNNING, Switch.PAUSED)

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        await self.answers()
        assert all(thing.state is Switch.RUNNING for thing in things), "resume puts things back to the state they carry"
        return self._flip({thing.id: thing.name for thing in things}, Switch.PAUSED, Switch.RUNNING)

    def _flip(self, ids: Mapping[str, str], expected: Switch, to: Switch) -> Flipped:
        changed, missed = [], []
        for id_, name in ids.items():
            thing = self.things.get(id_)
            if thing is None or thing.state is not expected:
                missed.append(f"{name} was not {expected.value} any more")
                continue
            changed.append(thing)
            self.things[id_] = replace(thing, state=to)
        return Flipped(tuple(changed), tuple(missed))
