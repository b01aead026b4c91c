"""`ops serve`: the machine with its Slack side, its jobs, and what a supervisor may ask of it."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bot.directory import People
from bot.later.anchoring import Anchoring
from bot.later.due import Every, Jobs
from bot.later.weekly import Weekly
from bot.run.execute import Checkpoint, no_checkpoint
from bot.settings import Environment, OpsToml
from bot.slack.door.app import Identity, SlackApp, slack_app
from bot.slack.door.connection import SocketMode, clients
from bot.slack.door.http_mode import HttpMode
from bot.slack.door.members import PeopleReader
from bot.slack.outbox.drawing import Drawing
from bot.slack.outbox.notices import Deliverer
from bot.slack.outbox.posting import Poster
from bot.store.members import load_people, save_people
from bot.words.exceptions import Misconfigured
from bot.words.ports import Clock
from ops.slack_doctor import slack_probe
from ops.vitals import Vitals, served_vitals
from ops.wiring import Ops, open_ops, utc_now

log = structlog.get_logger(__name__)

REFRESH_CHOICES = timedelta(seconds=30)
PATIENCE = timedelta(seconds=20)
"""At a stop: for what runs to end. What does not is found by its lapsed lease."""


@dataclass(frozen=True)
class Serving:
    ops: Ops
    app: SlackApp
    jobs: Jobs
    deliverer: Deliverer
    link: SocketMode | HttpMode
    vitals: Vitals


@asynccontextmanager
async def serving(
    environment: Environment,
    settings: OpsToml,
    *,
    http: str = "",
    health: str = "",
    clock: Clock = utc_now,
    checkpoint: Checkpoint = no_checkpoint,
) -> AsyncIterator[Serving]:
    """Everything connected and running. `http` and `health` are HOST:PORT; Socket Mode without `http`.

    Raises Misconfigured where a token is missing or refused.
    """
    people = People(settings, clock)
    async with AsyncExitStack() as stack:
        ops = await stack.enter_async_context(
            open_ops(environment, settings, people, clock=clock, checkpoint=checkpoint)
        )
        slack = await stack.enter_async_context(clients(_token(environment), environment.slack_api_url))
        people.learn(await load_people(ops.pool))
        reader = PeopleReader(slack.patient, people, lambda seen, at: save_people(ops.pool, seen, at), clock)
        identity, _ = await asyncio.gather(Identity.of(slack.patient), reader.refresh())
        app = slack_app(ops.road, ops.outbox, slack.patient, identity)
        approvals = people.channel_id(settings.team.approvals_channel)
        deliverer = Deliverer(
            ops.outbox,
            Drawing(ops.road.requests, ops.catalogue, people.name, ops.redactor),
            Poster(slack.strict),
            approvals,
            people.channel_name,
        )
        jobs = Jobs(ops.road)
        link = _link(app, environment, http)
        vitals = Vitals(ops.pool, ops.outbox, jobs, lambda: link.connected, time.monotonic)
        ops.doctor.probes.append(slack_probe(environment, settings.team, people))

        def wake() -> None:
            jobs.wake()
            deliverer.wake()

        await _in_background(stack, ops.road.requests.listen(wake), "listener")
        await _in_background(stack, jobs.run(), "jobs")
        await _in_background(stack, deliverer.run(), "deliverer")
        for every in _looks(ops, people):
            await _in_background(stack, every.run(), every.look.__qualname__)
        await _in_background(stack, reader.run(), "people")
        stack.push_async_callback(jobs.drain, PATIENCE)
        stack.push_async_callback(app.drain, PATIENCE)
        if health:
            await stack.enter_async_context(served_vitals(vitals, *_address(health)))
        await stack.enter_async_context(link)
        yield Serving(ops, app, jobs, deliverer, link, vitals)


async def serve(environment: Environment, settings: OpsToml, *, http: str, health: str) -> None:
    """Until SIGTERM or SIGINT, or until the embedded server is gone."""
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with serving(environment, settings, http=http, health=health):
        log.info("ready", mode="http" if http else "socket")
        await stopped.wait()
        log.info("stopping")


def _looks(ops: Ops, people: People) -> tuple[Every, ...]:
    """What is looked at apart from the requests."""
    team = ops.settings.team

    due: dict[str, float] = {}

    async def choices() -> None:
        now = time.monotonic()
        now_due = [action for action in ops.catalogue if due.get(action.words, 0.0) <= now]
        due.update({action.words: now + action.refresh_every.total_seconds() for action in now_due})
        async with asyncio.timeout(REFRESH_CHOICES.total_seconds()):
            await asyncio.gather(*(action.refresh() for action in now_due))

    def audit_channel() -> str | None:
        return people.channel_id(team.audit_channel)

    anchoring = Anchoring(ops.audit, ops.outbox, ops.clock, team.anchor_every, audit_channel, team.anchor_file)
    zone = ZoneInfo(team.timezone)
    weekly = Weekly(
        ops.road.requests,
        ops.outbox,
        ops.clock,
        zone,
        lambda: audit_channel() or people.channel_id(team.approvals_channel),
    )
    return (
        Every(timedelta(seconds=1), ops.following.sweep),
        Every(timedelta(seconds=10), ops.emergency.replay),
        Every(timedelta(minutes=1), anchoring.sweep),
        Every(timedelta(minutes=1), weekly.sweep),
        Every(REFRESH_CHOICES, choices),
    )


def _link(app: SlackApp, environment: Environment, http: str) -> SocketMode | HttpMode:
    if http:
        if environment.slack_signing_secret is None:
            raise Misconfigured("HTTP mode needs SLACK_SIGNING_SECRET; copy it from the app's Basic Information")
        return HttpMode(app.bolt, environment.slack_signing_secret.get_secret_value(), *_address(http))
    if environment.slack_app_token is None:
        raise Misconfigured("Socket Mode needs SLACK_APP_TOKEN; make an app-level token with connections:write")
    return SocketMode(app.bolt, environment.slack_app_token.get_secret_value(), environment.slack_api_url)


def _token(environment: Environment) -> str:
    if environment.slack_bot_token is None:
        raise Misconfigured("SLACK_BOT_TOKEN is not set; copy it from OAuth & Permissions of the Slack app")
    return environment.slack_bot_token.get_secret_value()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{text!r} is no address; write HOST:PORT, like 127.0.0.1:8080")
    return host, int(port)


async def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
