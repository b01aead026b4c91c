"""Who is measured: Handrail as `ops serve` on a real PostgreSQL, and bare Bolt, each in a process of its own."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import asyncpg

from bot.store.migrate import migrate
from bot.store.server.embedded import EmbeddedPostgres
from sandbox.app_config import AppConfig
from tests.bench.processes import ROOT, answers, free_port, get, spawned, until
from tests.bench.slack import Front, HttpLine, Line

AUDIT_KEY = "of the benchmark only, and long enough"


@dataclass(frozen=True)
class World:
    """What the bots stand in: a folder, a PostgreSQL that waits for its disk, Slack, services."""

    folder: Path
    postgres: EmbeddedPostgres
    front: Front
    slack_url: str
    slow_port: int
    services: Mapping[str, Any]
    slow_services: Mapping[str, Any]
    every_service: Mapping[str, Any]
    """One of every kind at least, two of them dead."""
    dead_port: int
    environment: Mapping[str, str]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    async def database(self, name: str) -> str:
        """DSN of a new one, migrated."""
        admin = await asyncpg.connect(self.postgres.dsn("postgres"))
        try:
            await admin.execute(f"CREATE DATABASE {name}")
        finally:
            await admin.close()
        connection = await asyncpg.connect(self.postgres.dsn(name))
        try:
            await migrate(connection)
        finally:
            await connection.close()
        return self.postgres.dsn(name)

    async def asked_of_the_dead(self) -> float:
        """Calls that the dead services got since the last time this was asked."""
        return float((await get(self.dead_port, "/asked"))[1])

    async def slowest_ms(self) -> float:
        """Of the slow services, since the last time this was asked."""
        return float((await get(self.slow_port, "/longest"))[1])


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres(folder / "database"))
        found, log = folder / "addresses.json", folder / "world.log"
        world = await stack.enter_async_context(spawned(["-m", "tests.bench.world", postgres.dsn(), str(found)], log))

        async def written() -> bool:
            return found.exists()

        await until(written, world, log)
        told = json.loads(found.read_text())
        front = await stack.enter_async_context(Front(told["slack"]).open())
        yield World(
            folder,
            postgres,
            front,
            told["slack"],
            told["slow_port"],
            told["services"],
            told["slow_services"],
            told["every_service"],
            told["dead_port"],
            told["environment"],
        )


@dataclass(frozen=True)
class Bot:
    process: "Popen[bytes]"
    line: Line


@asynccontextmanager
async def handrail(
    world: World, *, http: bool, dsn: str = "", services: Mapping[str, Any] | None = None
) -> AsyncIterator[Bot]:
    """`ops serve`, ready. Without a `dsn` on an embedded server of its own, whose data stays for the next start."""
    name = f"handrail-{'http' if http else 'socket'}-{'given' if dsn else 'embedded'}"
    config = world.folder / f"{name}.toml"
    config.write_text(_ops_toml(services or world.services), encoding="utf-8")
    environment = {
        **world.environment,
        "SLACK_BOT_TOKEN": AppConfig.bot_token,
        "SLACK_APP_TOKEN": AppConfig.app_token,
        "SLACK_SIGNING_SECRET": AppConfig.signing_secret,
        "SLACK_API_URL": world.front.api_url(name),
        "OPS_CONFIG": str(config),
        "OPS_DATA": str(world.folder / name),
        **({"DATABASE_URL": dsn, "OPS_AUDIT_KEY": AUDIT_KEY} if dsn else {}),
    }
    port, health, log = free_port(), free_port(), world.log(name)
    mode = ["--http", f"127.0.0.1:{port}"] if http else []
    arguments = ["-m", "ops", "serve", *mode, "--health", f"127.0.0.1:{health}"]
    async with spawned(arguments, log, environment) as process:
        await until(lambda: answers(health, "/readyz"), process, log)
        line = HttpLine(port) if http else await world.front.connected(name)
        yield Bot(process, line)


@asynccontextmanager
async def bare(world: World, *, http: bool) -> AsyncIterator[Bot]:
    """The bare Bolt app, reachable."""
    name = f"bare-{'http' if http else 'socket'}"
    port, log = free_port(), world.log(name)
    address = [f"{world.slack_url}/api/", str(port)] if http else [world.front.api_url(name)]
    async with spawned(["-m", "tests.bench.bare", *address], log) as process:
        if http:
            await until(lambda: answers(port, "/", 404), process, log)
            yield Bot(process, HttpLine(port))
        else:
            yield Bot(process, await world.front.connected(name))


def _ops_toml(services: Mapping[str, Any]) -> str:
    """The demo's, with these services and the benchmark's own module."""
    demo = (ROOT / "sandbox" / "demo.toml").read_text(encoding="utf-8")
    tables = [
        "\n".join([f"[services.{name}]", *(f"{key} = {_toml(value)}" for key, value in service.items())])
        for name, service in services.items()
    ]
    return "\n\n".join(['modules = ["tests.bench.commands.stamp"]', demo, *tables]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
