"""`ops demo`: a local Slack, a small world and the bot on this machine alone, thrown away at the end."""

import asyncio
import contextlib
import os
import secrets
import signal
import tempfile
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

import sandbox
from bot.settings import Environment, OpsToml, parse_toml
from bot.store.server.embedded import EmbeddedPostgres
from ops.serve import Serving, serving
from ops.slack_doctor import SCOPES
from sandbox.app_config import AppConfig
from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from sandbox.world import World
from sandbox.world.scenarios import Scenarios
from sandbox.world.vendors import vendors

PULSE_S = 45.0
"""Between two things that go wrong in the demo world."""


@dataclass(frozen=True)
class Demo:
    slack: Sandbox
    world: World
    bot: Serving


def demo_settings(world: World) -> OpsToml:
    """demo.toml with the stand-ins' addresses."""
    raw = tomllib.loads(Path(sandbox.__file__).with_name("demo.toml").read_text(encoding="utf-8"))
    return parse_toml(raw | {"services": world.services()})


def demo_environment(slack: Sandbox, app: AppConfig, dsn: str, data: Path) -> Environment:
    """Tokens of the sandbox, and an audit key that is thrown away with the data."""
    return Environment(
        slack_bot_token=SecretStr(app.bot_token),
        slack_app_token=SecretStr(app.app_token),
        slack_api_url=slack.api_url,
        database_url=SecretStr(dsn),
        ops_audit_key=SecretStr(secrets.token_hex(32)),
        ops_data=data,
    )


@contextlib.asynccontextmanager
async def demo(*, port: int = 0, pulse: float | None = None) -> AsyncIterator[Demo]:
    """Everything running and connected. `pulse` lets something go wrong every so many seconds."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handrail-demo-")))
        server = await stack.enter_async_context(EmbeddedPostgres(folder, durable=False))
        app = AppConfig(scopes=frozenset(SCOPES))
        world = await stack.enter_async_context(
            World(server.dsn(), pulse=pulse, moody=pulse is not None, others=vendors())
        )
        os.environ.update(world.environment())
        scenarios = Scenarios(world, server.dsn())
        stack.push_async_callback(scenarios.aclose)
        slack = await stack.enter_async_context(Sandbox(Workspace.demo(app), port=port, breakable=scenarios))
        environment = demo_environment(slack, app, server.dsn(), folder)
        bot = await stack.enter_async_context(serving(environment, demo_settings(world)))
        yield Demo(slack, world, bot)


async def run_demo(*, port: int, tour: bool, pictures: Path | None) -> None:
    """Print the page's address and stay until stopped; or play the tour and stop."""
    console = Console()
    if tour:
        from ops.tour import play

        async with demo(port=0) as scene:
            await play(scene.slack, console, pictures)
        return
    async with demo(port=port, pulse=PULSE_S) as scene:
        console.print(f"\n  Open [bold]{scene.slack.base_url}[/]  (you are ana; switch people at the bottom left)")
        console.print("  Type [bold]/ops health[/], then [bold]/ops retry last[/], and approve it as mia.")
        console.print("  Everything is local and thrown away at the end. Stop with Ctrl-C.\n")
        stopped = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
        await stopped.wait()
