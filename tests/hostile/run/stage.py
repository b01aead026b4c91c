"""What the inputs meet: a local Slack in this process, a world that counts effects, an address that nobody may call,
and bots started as an administrator starts them."""

import asyncio
import random
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import asyncpg
from aiohttp import web

from bot.store.server.embedded import EmbeddedPostgres
from sandbox.http_mode import HttpMode
from sandbox.model import JSON, Channel, Member, Message
from sandbox.payloads import Payloads
from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from tests.crash.cargo import PROCESS, WORLD
from tests.crash.processes import ended, send, spawn
from tests.crash.scene import AUDIT_KEY, OPS_TOML
from tests.crash.world import World

Mode = Literal["http", "socket"]
OPS = "C0DEMO002"
START_S, STOP_S = 90.0, 45.0
LOOK_S = 0.1


@dataclass
class Trap:
    """An address that stands in bodies, and that nobody may call."""

    calls: list[str] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._called)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _called(self, request: web.Request) -> web.Response:
        self.calls.append(f"{request.method} {request.path}")
        return web.Response()


@dataclass
class Bot:
    name: str
    process: asyncio.subprocess.Process
    log: Path
    http: str
    health: str


@dataclass
class Stage:
    slack: Sandbox
    world: World
    trap: Trap
    pool: asyncpg.Pool
    bots: list[Bot]
    people: tuple[str, ...]
    """Ids: one for each row, all on call, nobody an approver."""
    card: Message | None = None
    """Of R1, which waits for approval."""

    @property
    def payloads(self) -> Payloads:
        return Payloads(self.slack.workspace)

    def member(self, who: str) -> Member:
        return self.slack.workspace.members[who]

    def channel(self, id: str) -> Channel:
        return self.slack.workspace.channels[id]

    def sender(self, who: str) -> JSON:
        """What every interactive payload says of whoever sent it."""
        workspace = self.slack.workspace
        return {
            "user": {"id": who, "name": who.lower(), "team_id": workspace.team_id},
            "team": {"id": workspace.team_id, "domain": workspace.domain},
            "api_app_id": workspace.app.app_id,
            "trigger_id": workspace.new_trigger(who),
        }

    def event(self, event: JSON) -> JSON:
        workspace = self.slack.workspace
        return {
            "type": "event_callback", "team_id": workspace.team_id, "api_app_id": workspace.app.app_id, "event": event,
            "event_id": workspace.new_id("Ev"), "event_time": workspace.now(),
            "authorizations": [{"team_id": workspace.team_id, "user_id": workspace.app.bot_user_id, "is_bot": True}],
        }  # fmt: skip

    def said(self) -> dict[str, str]:
        """By person: the last thing that the bot told them, or showed of them."""
        found: dict[str, str] = {}
        for channel in self.slack.workspace.channels.values():
            for message in channel.messages.values():
                if not message.bot:
                    continue
                if message.ephemeral_to is not None:
                    found[message.ephemeral_to] = message.text
                elif channel.kind == "dm":
                    found.update((member, message.text) for member in channel.members)
                else:
                    shown = f"{message.text}{message.blocks}"
                    found.update((person, message.text) for person in self._named(shown))
        found.update((person, "a form") for person, views in self.slack.workspace.modals.items() if views)
        found.update((person, "Home") for person in self.slack.workspace.homes)
        return found

    def _named(self, shown: str) -> list[str]:
        return [part[:9] for part in shown.split("<@")[1:]]


@asynccontextmanager
async def stage(server: EmbeddedPostgres, folder: Path, mode: Mode, replicas: int, rows: int) -> AsyncIterator[Stage]:
    """Everything up and ready; at the end the bots were asked to end, as a deploy does."""
    folder.mkdir()
    config = folder / "ops.toml"
    config.write_text(OPS_TOML, encoding="utf-8")
    name = f"hostile_{mode}_{replicas}"
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    workspace = Workspace.demo()
    people = tuple(f"U0H{number:06}" for number in range(rows))
    for who in people:
        workspace.members[who] = Member(who, who.lower(), who)
        workspace.channels[OPS].members.append(who)
        workspace.dm(who)
    workspace.groups["S0ONCALL1"].users += people
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Sandbox(workspace))
        world = await stack.enter_async_context(World(random.Random(7), 0.1))
        trap = await stack.enter_async_context(Trap())
        bots: list[Bot] = []
        stack.push_async_callback(_end, bots)
        for number in range(replicas):
            http, health = f"127.0.0.1:{_free_port()}", f"127.0.0.1:{_free_port()}"
            environment = {
                "SLACK_BOT_TOKEN": workspace.app.bot_token,
                "SLACK_APP_TOKEN": workspace.app.app_token,
                "SLACK_SIGNING_SECRET": workspace.app.signing_secret,
                "SLACK_API_URL": slack.api_url,
                "DATABASE_URL": server.dsn(name),
                "OPS_AUDIT_KEY": AUDIT_KEY,
                "OPS_CONFIG": str(config),
                "OPS_DATA": str(folder / f"ops-{number}"),
                WORLD: world.url,
                PROCESS: f"bot{number}",
            }
            words = ["serve", "--health", health, *(["--http", http] if mode == "http" else [])]
            log = folder / f"bot{number}.log"
            process = await spawn("ops", log, *words, environment=environment)
            bots.append(Bot(f"bot{number}", process, log, f"http://{http}/slack/events", f"http://{health}"))
        await asyncio.gather(*map(_ready, bots))
        pool = await stack.enter_async_context(asyncpg.create_pool(server.dsn(name), min_size=1, max_size=2))
        yield Stage(slack, world, trap, pool, bots, people)


def ways(on: Stage, mode: Mode) -> tuple[Any, ...]:
    """One way to each bot over HTTP; Slack chooses the socket by itself."""
    if mode == "socket":
        return (on.slack.sockets,)
    return tuple(HttpMode(on.slack.workspace, bot.http) for bot in on.bots)


async def _ready(bot: Bot) -> None:
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{bot.health}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if bot.process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{bot.name} did not start:\n{bot.log.read_text(errors='replace')[-3000:]}")
            await asyncio.sleep(LOOK_S)


async def _end(bots: list[Bot]) -> None:
    for bot in bots:
        send(bot.process, signal.SIGTERM)
    await asyncio.gather(*(ended(bot.process, STOP_S) for bot in bots))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
