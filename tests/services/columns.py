"""The capabilities, the kinds that must have each, and what a person would type to use it on one service."""

import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from integrations import capabilities as can
from integrations.capabilities import Switch
from integrations.capabilities.tables import View

Lines = Callable[[Any], Awaitable[Sequence[str]]]
WHY = "reason=matrix"


@dataclass(frozen=True)
class Column:
    name: str
    protocol: Callable[..., Any]
    kinds: frozenset[str]
    """Those that must have it; a kind that has it beside them is tried as well."""
    lines: Lines


def _of(template: str) -> Lines:
    async def lines(client: Any) -> Sequence[str]:
        return (template.format(name=client.name),)

    return lines


async def _turning(client: can.Workflows) -> Sequence[str]:
    flow = next(each for each in await client.workflows() if each.active)
    return f"workflows {client.name}", f"workflows off {flow.id} service={client.name}"


async def _executions(client: can.Executions) -> Sequence[str]:
    run = (await client.failed(limit=1))[0]
    return f"execution {run.id} engine={client.name}", f"retry {run.id} engine={client.name}"


async def _stopping(client: can.Stoppable) -> Sequence[str]:
    return (f"stop {(await client.running())[0].id} engine={client.name}",)


async def _switching(client: can.Switches) -> Sequence[str]:
    thing = next(each for each in await client.switches() if each.state is Switch.RUNNING)
    return (f"pause {shlex.quote(thing.id)} on={client.name} {WHY}",)


async def _tracking(client: can.Issues) -> Sequence[str]:
    first = (await client.issues(since=datetime.now(UTC) - timedelta(days=7), match=None, limit=1))[0]
    return f"issues {client.name}", f"issues resolve {first.id}", f"issues ignore {first.id}"


async def _paged(client: can.VendorStatus) -> Sequence[str]:
    return (f"status {client.vendor}",)


async def _tending(client: can.Database) -> Sequence[str]:
    views = [f"db {view} db={client.name}" for view in get_args(View)]
    idle = min(client.pid for client in await client.backends() if client.state == "idle")
    rule = (await client.retention())[0]
    table = rule.table.replace('"', "")
    tended = [f"db {work} {table} db={client.name}" for work in ("analyze", "vacuum")]
    return *views, *tended, f"db terminate {idle} db={client.name}", f"db cleanup {table} db={client.name}"


async def _reading(client: can.Rows) -> Sequence[str]:
    return [f"rows {table} db={client.name} limit=3" for table in client.tables()]


async def _numbers(client: can.Numbers) -> Sequence[str]:
    number = next(each for each in await client.numbers() if each.state is can.NumberState.ASSIGNED)
    return "numbers assigned", f"numbers release {number.number} on={client.name}"


async def _starting(client: can.OwnJobs) -> Sequence[str]:
    job = next(each for each in client.jobs() if all(not param.required for param in each.params))
    return "jobs", f"job {job.name} service={client.name}"


CREDENTIALED = frozenset(
    {
        *("apollo", "clearbit", "github", "hubspot", "n8n", "neon", "openai", "postgres", "railway", "resend"),
        *("http", "process", "retell"),
        *("sentry", "stripe", "supabase", "telnyx", "unleashed", "vercel"),
    }
)

COLUMNS: tuple[Column, ...] = (
    Column("health", can.Checkable, CREDENTIALED, _of("health {name} fresh=yes")),
    Column("test", can.Testable, CREDENTIALED, _of("test {name}")),
    Column("keys", can.Credentialed, CREDENTIALED, _of("keys rotate {name}")),
    Column(
        "errors",
        can.ErrorSource,
        frozenset(
            {"github", "n8n", "postgres", "railway", "retell", "sentry", "stripe", "supabase", "telnyx", "vercel"}
        ),
        _of("errors {name} since=7d"),
    ),
    Column(
        "logs",
        can.LogSource,
        frozenset({"github", "n8n", "postgres", "railway", "supabase", "vercel"}),
        _of("logs {name} since=7d"),
    ),
    Column("stats", can.Statistics, frozenset({"n8n", "postgres", "sentry"}), _of("stats {name}")),
    Column("status", can.VendorStatus, frozenset({"statuspage"}), _paged),
    Column(
        "usage",
        can.Metered,
        frozenset({"apollo", "hubspot", "neon", "openai", "retell", "telnyx", "unleashed"}),
        _of("usage {name}"),
    ),
    Column("issues", can.Issues, frozenset({"sentry"}), _tracking),
    Column("workflows", can.Workflows, frozenset({"github", "n8n"}), _turning),
    Column("executions", can.Executions, frozenset({"github", "n8n"}), _executions),
    Column("stop", can.Stoppable, frozenset({"github", "n8n"}), _stopping),
    Column("deploys", can.Deployments, frozenset({"railway", "vercel"}), _of("deploys {name}")),
    Column("rollback", can.RollsBack, frozenset({"railway", "vercel"}), _of("deploys rollback {name}")),
    Column("promote", can.Promotes, frozenset({"vercel"}), _of("deploys promote {name} to=dpl_7mTpLd4Rz")),
    Column("redeploy", can.Redeploys, frozenset({"railway", "vercel"}), _of("deploys redeploy {name}")),
    Column("restart", can.Restarts, frozenset({"neon", "railway"}), _of("deploys restart {name}")),
    Column(
        "whitelist",
        can.RateLimiter,
        frozenset({"neon", "postgres", "supabase", "vercel"}),
        _of(f"whitelist 203.0.113.7 on={{name}} for=1h {WHY}"),
    ),
    Column(
        "pause", can.Switches, frozenset({"github", "http", "n8n", "neon", "postgres", "stripe", "telnyx"}), _switching
    ),
    Column("db", can.Database, frozenset({"postgres"}), _tending),
    Column("db writable", can.LiftsReadOnly, frozenset({"supabase"}), _of("db writable {name}")),
    Column("rows", can.Rows, frozenset({"postgres"}), _reading),
    Column("job", can.OwnJobs, frozenset({"github", "http", "process"}), _starting),
    Column("numbers", can.Numbers, frozenset({"postgres", "retell", "telnyx"}), _numbers),
    Column("calls", can.Calls, frozenset({"retell"}), _of("calls {name}")),
)
