"""What ending connections shares: how they are told, and ending exactly those of a plan."""

from collections.abc import Sequence

from pydantic import JsonValue

from bot.words.action import Plan, Receipt
from bot.words.exceptions import Stale
from bot.words.params import duration_text
from bot.words.report import Fact
from integrations.capabilities import Backend, Database

SHOWN = 20


class EndPlan(Plan):
    db: str
    backends: tuple[Backend, ...]
    """Exactly those that are ended; each by pid and start, since pids are used again."""

    def observed(self) -> dict[str, JsonValue]:
        """Without the connections: these come and go by the second, and only those listed here are ever ended."""
        return {name: value for name, value in super().observed().items() if name != "backends"}


def told(backend: Backend) -> str:
    idle = f" for {duration_text(backend.idle_for)}" if backend.idle_for else ""
    program = f", {backend.application}" if backend.application else ""
    query = f"; last: {backend.query}" if backend.query else ""
    return f"{backend.pid} of {backend.user}{program}, {backend.state}{idle}{query}"


def listed(backends: Sequence[Backend]) -> tuple[str, ...]:
    more = (f"and {len(backends) - SHOWN} more",) if len(backends) > SHOWN else ()
    return (*map(told, backends[:SHOWN]), *more)


def counted(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"


async def end(database: Database, plan: EndPlan) -> Receipt:
    """Raises Stale where none of them is as it was any more."""
    done = await database.terminate(plan.backends)
    if not done.backends:
        raise Stale(f"Nothing was ended: of the plan's {counted(len(plan.backends))} none is as it was then.")
    facts = [Fact(label="Ended", value=_pids(done.backends))]
    refused = {each.partition(":")[0] for each in done.refused}
    left = [each for each in plan.backends if each not in done.backends and str(each.pid) not in refused]
    if left:
        facts.append(Fact(label="Left alone", value=f"{_pids(left)}: gone, in use again, or not ours to end"))
    if done.refused:
        facts.append(Fact(label="Not ended", value="; ".join(done.refused)))
    return Receipt(headline=f"Ended {counted(len(done.backends))} of {database.name}.", facts=tuple(facts))


def _pids(backends: Sequence[Backend]) -> str:
    return ", ".join(str(backend.pid) for backend in backends)


async def still_there(database: Database, plan: EndPlan) -> str:
    """For whoever reconciles: which of the plan's connections there are yet."""
    now = {(backend.pid, backend.started) for backend in await database.backends()}
    left = [str(backend.pid) for backend in plan.backends if (backend.pid, backend.started) in now]
    return f"still connected: {', '.join(left)}" if left else "none of them is connected any more"
