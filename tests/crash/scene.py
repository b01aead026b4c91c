"""Everything that the crash test stands on, started in order and taken down whatever happens."""

import asyncio
import random
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from bot.store.server.embedded import EmbeddedPostgres
from sandbox.app_config import AppConfig
from tests.crash.cargo import WORLD
from tests.crash.fleet import Fleet
from tests.crash.people import IDS, Crew
from tests.crash.processes import ended, send, spawn
from tests.crash.world import World

LEASE_S = 5
"""Renewed at a third of it, and PostgreSQL lets go of a stopped process's locks after 2 s: a lease is not lost because
another process was stopped."""
AUDIT_KEY = "the key of the crash test's audit trail"
CHANNELS = 12
"""Slack takes one message a second in a channel; the load has to go somewhere."""
START_S = 60.0

OPS_TOML = f"""
modules = ["tests.crash.cargo"]

[team]
name = "Crash test"
approvals_channel = "#ops-approvals"

[limits]
lease = "{LEASE_S}s"
run = "30s"
ask_again = "5s"

[roles.oncall]
group = "S0ONCALL1"
[roles.lead]
group = "S0LEADS01"
approves = true

[rules."*"]
ask = ["oncall", "lead"]
approvers = ["lead"]
lives = "4m"
[rules."crash pair"]
count = 2
[rules."crash leave"]
lives = "8s"
"""


@dataclass(frozen=True)
class Scene:
    world: World
    fleet: Fleet
    crew: Crew
    pool: asyncpg.Pool
    slack_url: str


@asynccontextmanager
async def scene(folder: Path, seed: int) -> AsyncIterator[Scene]:
    """PostgreSQL that survives a power cut, the local Slack, three bots, people who watch."""
    config = folder / "ops.toml"
    config.write_text(OPS_TOML, encoding="utf-8")
    async with (
        EmbeddedPostgres(folder / "data") as server,
        World(random.Random(seed), LEASE_S) as world,
        local_slack(folder) as url,
    ):
        app = AppConfig()
        environment = {
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_APP_TOKEN": app.app_token,
            "SLACK_API_URL": f"{url}/api/",
            "DATABASE_URL": server.dsn(),
            "OPS_AUDIT_KEY": AUDIT_KEY,
            "OPS_CONFIG": str(config),
            "OPS_DATA": str(folder / "ops"),
            WORLD: world.url,
        }
        channels = await _channels(url, app.bot_token)
        fleet = Fleet(folder, environment, random.Random(seed + 1), (LEASE_S * 1.1, LEASE_S * 1.7))
        crew = Crew(url, channels, random.Random(seed + 2), lambda key: any(key == e.key for e in world.effects))
        try:
            await fleet.start()
            await crew.watch()
            async with asyncpg.create_pool(server.dsn(), min_size=1, max_size=2) as pool:
                yield Scene(world, fleet, crew, pool, url)
        finally:
            await crew.close()
            await fleet.close()


@asynccontextmanager
async def local_slack(folder: Path) -> AsyncIterator[str]:
    """The address of a local Slack in a process of its own."""
    log = folder / "slack.log"
    process = await spawn("sandbox", log, "--port", "0")
    try:
        deadline = time.monotonic() + START_S
        while not (found := re.search(r"^sandbox (\S+)$", log.read_text(), re.MULTILINE)):
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the local Slack did not start:\n{log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)
        yield found[1]
    finally:
        send(process, signal.SIGTERM)
        await ended(process, 5)


async def _channels(url: str, token: str) -> tuple[str, ...]:
    names = tuple(f"crash-{number}" for number in range(1, CHANNELS + 1))
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as session:

        async def call(method: str, **arguments: str) -> dict[str, str]:
            async with session.post(f"/api/{method}", data=arguments) as response:
                answer = await response.json()
            if not answer["ok"]:
                raise RuntimeError(f"{method}: {answer}")
            return dict(answer.get("channel") or {})

        for name in names:
            channel = await call("conversations.create", name=name)
            await call("conversations.invite", channel=channel["id"], users=",".join(IDS.values()))
    return tuple(f"#{name}" for name in names)
