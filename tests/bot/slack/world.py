"""The real app on the real road and database, with the local Slack around it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from bot.ask.catalogue import Catalogue
from bot.decide.judge import Judge
from bot.desk import Desk
from bot.directory import People, Snapshot
from bot.later.due import Jobs
from bot.road import Road
from bot.run.execute import Executor
from bot.run.planning import Planner
from bot.settings import OpsToml, parse_toml
from bot.slack.door.app import SlackApp, slack_app
from bot.slack.door.connection import SocketMode, clients
from bot.slack.door.http_mode import HttpMode
from bot.slack.door.installation import Identity
from bot.slack.door.members import PeopleReader
from bot.slack.outbox.drawing import Drawing
from bot.slack.outbox.notices import Deliverer
from bot.slack.outbox.posting import Poster
from bot.store.ledger.follows import PgFollows
from bot.store.ledger.freezes import PgFreezes
from bot.store.ledger.home_rows import PgDashboards
from bot.store.ledger.outbox import PgOutbox
from bot.store.ledger.requests import PgRequests
from bot.store.trail.audit import PgAuditLog
from bot.tell.following import Following
from bot.words.redaction import Redactor
from bot.words.request import Request, RequestId
from sandbox.server import Sandbox
from tests.bot.slack.actions import Wall, actions

KEY = b"k" * 32
OPS_TOML: dict[str, Any] = {
    "team": {"approvals_channel": "#ops-approvals"},
    "people": {"sam": {"slack": "U0SAM0001"}},
    "roles": {"oncall": {"group": "S0ONCALL1"}, "leads": {"group": "S0LEADS01", "approves": True}},
    "limits": {"ask_again": "1s"},
}
"""ana and ben are on call and ask; mia and leo lead and approve; sam is nobody."""


def now() -> datetime:
    return datetime.now(UTC)


async def _forget(_seen: Snapshot, _at: datetime) -> None:
    """The terminal is not tested here."""


async def _sweeping(jobs: Jobs) -> None:
    while True:
        await jobs.sweep()
        await asyncio.sleep(0.05)


@dataclass
class World:
    slack: Sandbox
    road: Road
    app: SlackApp
    deliverer: Deliverer
    poster: Poster
    jobs: Jobs
    outbox: PgOutbox
    requests: PgRequests
    pool: asyncpg.Pool
    people: People
    reader: PeopleReader
    wall: Wall
    redactor: Redactor

    async def request(self, number: int = 1) -> Request:
        found = await self.requests.get(RequestId(f"R{number}"))
        assert found is not None, f"there is no R{number}"
        return found

    async def waits_until(self, state: str, number: int = 1) -> Request:
        """Raises TimeoutError after half a minute."""
        async with asyncio.timeout(30):
            while True:
                found = await self.requests.get(RequestId(f"R{number}"))
                if found is not None and found.state == state:
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def world(
    slack: Sandbox,
    pool: asyncpg.Pool,
    *,
    http: bool = False,
    settings: dict[str, Any] | None = None,
    serve: bool = True,
) -> AsyncIterator[World]:
    """Bot and workers running against a started sandbox; without `serve` the deliverer and the jobs stand still."""
    toml: OpsToml = parse_toml(settings or OPS_TOML)
    redactor, wall = Redactor(["hunter2hunter2"]), Wall()
    people = People(toml, now)
    requests, outbox = PgRequests(pool, KEY, now), PgOutbox(pool, now)
    catalogue, freezes, audit = Catalogue(), PgFreezes(pool, KEY, now), PgAuditLog(pool, KEY, now)
    judge = Judge(catalogue, toml.policy(), requests, freezes, people, now)
    executor = Executor(catalogue, requests, toml.limits, now, redactor)
    desk = Desk(catalogue, requests, audit, freezes, judge, executor, redactor, now)
    catalogue.add(actions(wall, desk, now))
    approvals = toml.team.approvals_channel
    road = Road(
        catalogue=catalogue,
        judge=judge,
        requests=requests,
        audit=audit,
        planner=Planner(catalogue, requests, judge, people, toml.limits, redactor, now, approvals),
        executor=executor,
        following=Following(catalogue, PgFollows(pool, KEY, now), outbox, now),
        limits=toml.limits,
        redactor=redactor,
        clock=now,
    )
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(clients("xoxb-sandbox", slack.api_url))
        reader = PeopleReader(both.patient, people, _forget, now)
        await reader.refresh()
        identity = await Identity.of(both.patient)
        secret = slack.workspace.app.signing_secret
        app = slack_app(road, outbox, PgDashboards(pool, now), both.patient, identity, reader)
        poster = Poster(both.strict)
        drawing = Drawing(requests, catalogue, people.name, redactor)
        deliverer = Deliverer(
            outbox, drawing, poster, lambda: people.channel_id(toml.team.approvals_channel), people.channel_name
        )
        jobs = Jobs(road)
        if http:
            server = await stack.enter_async_context(HttpMode(app.bolt, secret, "127.0.0.1", 0))
            slack.listen_at(f"{server.address}/slack/events")
            stack.callback(slack.listen_at, None)
        else:
            await stack.enter_async_context(SocketMode(app.bolt, "xapp-sandbox", slack.api_url))
        made = World(slack, road, app, deliverer, poster, jobs, outbox, requests, pool, people, reader, wall, redactor)
        workers = [asyncio.create_task(work) for work in (deliverer.run(), _sweeping(jobs))] if serve else []
        try:
            yield made
        finally:
            await app.drain(timedelta(seconds=5))
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await jobs.drain(timedelta(seconds=2))
