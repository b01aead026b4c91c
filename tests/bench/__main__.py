"""`python -m tests.bench`: measure Handrail against bare Bolt, and print the table of docs/performance.md.

Exit code 1 where a bar is missed. With --quick one short round, to see that everything can be measured; no bar counts.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bot.store.pool import open_pool
from tests.bench.answering import Contest
from tests.bench.every_kind import EveryKind
from tests.bench.figures import Row, machine, table
from tests.bench.scene import World, bare, handrail, opened
from tests.bench.working import Approvals, ManyServices, Presence, Trail


@dataclass(frozen=True)
class Effort:
    rounds: int
    warm_ups: int
    burst_s: float
    approvals: int
    """In a round."""
    checks: int
    """Of the many services, in a round."""
    rest_s: float
    """Between ready and weighed."""
    rows: int
    """Of the trail, beside those that are appended while it is measured."""
    embedded: bool = True
    """Start on an embedded server that has data already."""


FULL = Effort(rounds=5, warm_ups=20, burst_s=0.6, approvals=20, checks=3, rest_s=1.0, rows=5000)
QUICK = Effort(rounds=1, warm_ups=2, burst_s=0.1, approvals=2, checks=1, rest_s=0.0, rows=200, embedded=False)


async def measured(world: World, effort: Effort) -> tuple[list[Row], float]:
    """The rows, and the most of one core that the driver took."""
    rows: list[Row] = []
    async with contests(world) as (found, approvals):
        for contest in found:
            await contest.warm_up(effort.warm_ups)
        for number in range(effort.rounds):
            for contest in found:
                await contest.round(number, effort.burst_s)
            await approvals.round(effort.approvals)
    rows += [row for contest in found for row in contest.rows()]
    rows += approvals.rows()

    dsn = "" if effort.embedded else await world.database("starts")
    presence, many = Presence(world, dsn, effort.rest_s), ManyServices(world)
    async with open_pool(await world.database("trail")) as pool:
        trail = Trail(pool)
        await trail.fill(effort.rows)
        if not dsn:
            async with handrail(world, http=False, services=world.slow_services):
                pass  # now there is data to start on
        for _ in range(effort.rounds):
            await trail.round(effort.burst_s)
            async with presence.round() as bot:
                await many.round(bot, effort.checks)
    every = EveryKind(world, await world.database("every_kind"), effort.rest_s)
    for _ in range(effort.rounds):
        await every.round()
    rows += [many.row(), *every.rows(), *trail.rows(), *presence.rows(), every.weight(presence.bare)]
    return rows, max(contest.driver for contest in found)


@asynccontextmanager
async def contests(world: World) -> AsyncIterator[tuple[list[Contest], Approvals]]:
    async with AsyncExitStack() as stack:
        ours = {http: await world.database("ours_http" if http else "ours_socket") for http in (True, False)}
        async with asyncio.TaskGroup() as group:
            bots = {
                (who, http): group.create_task(stack.enter_async_context(bot))
                for http, dsn in ours.items()
                for who, bot in (("ours", handrail(world, http=http, dsn=dsn)), ("bare", bare(world, http=http)))
            }
        found = []
        for mode, http in (("HTTP", True), ("Socket Mode", False)):
            lines = (world.front, bots["ours", http].result().line, bots["bare", http].result().line)
            found += [
                Contest(f"/ops help, {mode}", *lines, our_words="help", their_command="/ops"),
                Contest(
                    f"/ops health, {mode}", *lines, our_words="health", their_command="/health", warm="health fresh=yes"
                ),
            ]
            if http:
                title = f"/ops help where nobody asked before, {mode}"
                found.append(Contest(title, *lines, our_words="help", their_command="/ops", anew=True))
        connection = await asyncpg.connect(ours[True])
        stack.push_async_callback(connection.close)
        yield found, Approvals(world.front, bots["ours", True].result(), connection)


async def run(effort: Effort) -> list[Row]:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        async with opened(Path(folder)) as world:
            rows, driver = await measured(world, effort)
    print(table(rows))
    print(
        f"\n{machine()}. Medians of {effort.rounds} interleaved rounds, the lowest and the highest in brackets; ratios "
        "are formed within a round. Each server and the driver in a process of its own; the driver plays Slack with an "
        f"asyncio HTTP client and an aiohttp WebSocket server and took at most {driver:.0%} of one core. "
        f"Load of the machine before: {load:.1f}."
    )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure against bare Bolt.")
    parser.add_argument("--quick", action="store_true", help="one short round; no bar counts")
    quick = parser.parse_args().quick
    try:
        rows = asyncio.run(run(QUICK if quick else FULL))
    except KeyboardInterrupt:
        return 130
    missed = [row.what for row in rows if row.missed]
    if missed and not quick:
        print(f"\nMissed: {'; '.join(missed)}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
