"""`python -m tests.crash`: three bots under load on one PostgreSQL and one Slack, harmed in every way there is; then
everything is let settle and judged from the ledger and the world. Exits with 1 if any verdict failed."""

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bot.slack.outbox.notices import LEASE as POSTING_LEASE
from bot.store.ledger.requests import PLANNING
from tests.crash import gather
from tests.crash.chaos import KINDS, Harmer, SlackTrouble, named_points
from tests.crash.eyes import Card
from tests.crash.facts import Facts
from tests.crash.judge import Finding, judge, unmet
from tests.crash.scene import AUDIT_KEY, Scene, scene
from tests.crash.table import table

RATE = 3.2
"""Lines typed a second."""
MORE = 1.6
"""So many times as long harm goes on at most, where some of it has not been done."""
SETTLE_S = PLANNING.total_seconds() + POSTING_LEASE.total_seconds() + 60
"""What a killed process had taken in hand is nobody else's until its leases have run out, one after the other."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--seconds",
        type=int,
        default=os.environ.get("SECONDS", "120"),
        help="how long harm is done; settling comes after it",
    )
    parser.add_argument("--seed", type=int, help="of all chance; a random one is printed")
    parser.add_argument("--keep", type=Path, help="folder that must not exist: logs, trails and the data stay there")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"crash test: {options.seconds} s of harm, seed {seed}", flush=True)
    try:
        findings = asyncio.run(run(options.seconds, seed, options.keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped; everything it started has ended")
        sys.exit(130)
    failed = [finding for finding in findings if not finding.passed]
    print(f"{sum(finding.must_be_none for finding in findings) - len(failed)} passed, {len(failed)} failed")
    for finding in failed:  # once more, for whoever sees only the end of a log
        print(f"{finding.what}: {'; '.join(finding.found[:3])}")
    sys.exit(bool(failed))


async def run(seconds: int, seed: int, keep: Path | None) -> Sequence[Finding]:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    folder = keep or Path(tempfile.mkdtemp(prefix="handrail-crash-"))
    if keep:
        keep.mkdir(parents=True)
    begun = time.monotonic()
    try:
        async with scene(folder, seed) as on:
            _say(begun, "all is up")
            trouble = SlackTrouble(on.slack_url, random.Random(seed + 3))
            harmer = Harmer(on.fleet, random.Random(seed + 4))
            async with going(on.crew.ask(RATE), harmer.run(), trouble.run()):
                for half in range(int(seconds * 2 * MORE)):
                    if half >= seconds * 2 and not unmet(on.fleet.harms, _asked(seconds)):
                        break
                    await asyncio.sleep(0.5)
            await on.fleet.calm()
            _say(begun, "no more harm; settling")
            await asyncio.sleep(1)
            on.crew.reconciling.set()
            await _settle(on, begun)
            await _heal(on)
            facts = await _facts(on, trouble)
            badly = await on.fleet.close()
        facts = replace(facts, fell=(*facts.fell, *badly))
        findings = (*judge(facts), *_demands(facts, seconds))
        (folder / "facts.json").write_text(json.dumps(asdict(facts), default=sorted, indent=1), encoding="utf-8")
        print(table(facts, findings), flush=True)
        return findings
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def going(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """All of it for the length of the block; what fails there fails here."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _settle(on: Scene, begun: float) -> None:
    """Twice in a row nothing is to come: whoever has just seen a card end may be about to ask for its undo."""
    deadline = time.monotonic() + SETTLE_S
    quiet = 0
    for half in itertools.count(1):
        left = await gather.unsettled(on.pool)
        if on.crew.busy:
            left = ", ".join(filter(None, (left, f"{on.crew.busy} people about to act")))
        quiet = 0 if left else quiet + 1
        if quiet == 2 or time.monotonic() > deadline:
            break
        if half % 40 == 0:
            _say(begun, f"still to come: {left}")
        await asyncio.sleep(0.5)
    _say(begun, f"not settled: {left}" if left else "settled")


async def _heal(on: Scene) -> None:
    """A card that nobody has noted can only be found by a click on it; then it must be drawn anew."""
    for card in await _unknown(on):
        await on.crew.looks_into(card, "mia")
    for _ in range(60):
        if not await _unknown(on) and not await gather.owed(on.pool):
            break
        await asyncio.sleep(0.3)


async def _unknown(on: Scene) -> list[Card]:
    known = {(copy.channel, copy.ts) for copy in await gather.copies(on.pool, on.crew.eyes) if copy.known}
    return [card for place, card in on.crew.eyes.cards.items() if place not in known and card.buttons]


async def _facts(on: Scene, trouble: SlackTrouble) -> Facts:
    problem, rows = await gather.trail_problem(on.pool, AUDIT_KEY)
    typed, clicks = on.crew.typed, on.crew.clicks
    deliveries = [line.at for line in typed] + [click.at for click in clicks]
    return Facts(
        now=time.time(),
        rows=await gather.rows(on.pool),
        votes=await gather.votes(on.pool),
        audit=await gather.trail(on.pool),
        effects=tuple((effect.key, effect.what) for effect in on.world.effects),
        clicks=tuple(clicks),
        copies=await gather.copies(on.pool, on.crew.eyes),
        harms=tuple(on.fleet.harms),
        passed=tuple(on.fleet.passed()),
        trail_problem=problem,
        fell=tuple(on.fleet.fell),
        hindered=tuple(on.crew.hindered),
        owed=await gather.owed(on.pool),
        counted={
            "lines typed": len(typed),
            "lines without an ack": sum(not line.acked for line in typed),
            "audit rows": rows,
            "sockets dropped in mid-envelope": trouble.dropped,
            "times all sockets were told to go": trouble.asked_to_go,
            "deliveries sent twice": trouble.doubled(deliveries),
            "spans of late delivery": trouble.late,
        },
    )


def _asked(seconds: int) -> dict[tuple[str, str], int]:
    """Harm that a run is worth nothing without: each kind at each point, and some at random moments."""
    named = {(kind, point): 1 for kind in KINDS for point in named_points()}
    return named | {("kill", ""): max(seconds // 40, 1), ("stop", ""): max(seconds // 60, 1)}


def _demands(facts: Facts, seconds: int) -> tuple[Finding, ...]:
    """A run that harmed too little has shown nothing."""
    ran = sum(entry.kind == "started" for entry in facts.audit)
    few = [f"{ran} requests ran, {seconds * 1.5:.0f} are asked"] if ran < seconds * 1.5 else []
    idle = [
        f"{what}: none"
        for what in ("sockets dropped in mid-envelope", "deliveries sent twice")
        if not facts.counted[what]
    ]
    return (Finding("harm that was asked and not done", (*unmet(facts.harms, _asked(seconds)), *few, *idle)),)


def _say(begun: float, what: str) -> None:
    print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
