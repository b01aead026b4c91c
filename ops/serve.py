"""`ops serve`: the machine with its Slack side, its jobs, and what a supervisor may ask of it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bot.directory import People
from bot.later.anchoring import Anchoring
from bot.later.due import Every, Jobs
from bot.later.retiring import Retiring
from bot.later.weekly import Weekly
from bot.run.execute import Checkpoint, no_checkpoint
from bot.settings import Environment, OpsToml
from bot.slack.door.app import SlackApp, slack_app
from bot.slack.door.arrival import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, arrived, checked
from bot.slack.door.connection import SocketMode, clients
from bot.slack.door.http_mode import HttpMode
from bot.slack.door.installation import Identity
from bot.slack.door.members import PeopleReader
from bot.slack.outbox.drawing import Drawing
from bot.slack.outbox.notices import Deliverer
from bot.slack.outbox.posting import Poster
from bot.store.members import load_people, save_people
from bot.store.trail.audit import check_key
from bot.words.exceptions import Misconfigured
from bot.words.ports import Clock
from ops.endings import opening_port
from ops.slack_doctor import slack_probe
from ops.vitals import Vitals, served_vitals
from ops.wiring import Ops, open_ops, utc_now

log = structlog.get_logger(__name__)

REFRESH_CHOICES = timedelta(seconds=30)
PATIENCE = timedelta(seconds=7)
"""At a stop: for what runs, and for answers under way, to end. What does not is found by its lapsed lease."""
LAST_S = 9.5
"""After a signal: whatever the state is, the process is gone by then."""
FIRST_READING_S = 3.0
"""Longest wait for the names of Slack: a large workspace takes a minute, and is read on in the background."""
HEALTH = "127.0.0.1:8080"
"""Where /healthz is served if nobody says another address."""


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
    health: str | None = "",
    clock: Clock = utc_now,
    checkpoint: Checkpoint = no_checkpoint,
) -> AsyncIterator[Serving]:
    """Everything connected and running. `http` and `health` are HOST:PORT; Socket Mode without `http`.

    While Slack is away it is waited for, and what needs no Slack goes on meanwhile. `health` None is served at HEALTH
    if that is free, "" not at all. Raises Misconfigured where a token is missing or refused.
    """
    token, way_in = checked(BOT_TOKEN, environment.slack_bot_token), _way_in(environment, http)
    people = People(settings, clock)
    async with AsyncExitStack() as stack:
        ops = await stack.enter_async_context(
            open_ops(environment, settings, people, clock=clock, checkpoint=checkpoint)
        )
        await check_key(ops.pool, ops.audit_key)
        slack = await stack.enter_async_context(clients(token, environment.slack_api_url))
        people.learn(await load_people(ops.pool))
        ops.doctor.probes.append(slack_probe(environment, settings.team, people))
        jobs = Jobs(ops.road)
        vitals = Vitals(ops.pool, ops.outbox, jobs, time.monotonic)
        wakers, drains = [jobs.wake], [jobs.drain]

        def wake() -> None:
            for each in wakers:
                each()

        async def drain() -> None:
            ending, drains[:] = [each(PATIENCE) for each in drains], []
            await asyncio.gather(*ending)

        await _in_background(stack, ops.road.requests.listen(wake), "listener")
        await _in_background(stack, jobs.run(), "jobs")
        for every in _looks(ops, people):
            await _in_background(stack, every.run(), every.look.__qualname__)
        stack.push_async_callback(drain)
        if health is None or health:
            await _serve_vitals(stack, vitals, health)

        reader = PeopleReader(slack.patient, people, lambda seen, at: save_people(ops.pool, seen, at), clock)
        identity = await arrived(lambda: Identity.of(slack.patient), BOT_TOKEN, vitals.waits)
        await _in_background(stack, reader.run(), "people")
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_READING_S):
                await reader.read.wait()
        app = slack_app(ops.road, ops.outbox, ops.dashboards, slack.patient, identity, reader)
        deliverer = Deliverer(
            ops.outbox,
            Drawing(ops.road.requests, ops.catalogue, people.name, ops.redactor),
            Poster(slack.strict),
            lambda: people.channel_id(settings.team.approvals_channel),
            people.channel_name,
        )
        wakers.append(deliverer.wake)
        await _in_background(stack, deliverer.run(), "deliverer")
        drains.append(app.drain)
        stack.push_async_callback(drain)  # before the deliverer ends, which tells how it went
        link = way_in(app, vitals.waits)
        with opening_port("--http", http):
            await stack.enter_async_context(link)
        vitals.link = link
        yield Serving(ops, app, jobs, deliverer, link, vitals)


async def serve(environment: Environment, settings: OpsToml, *, http: str, health: str | None) -> None:
    """Until SIGTERM or SIGINT, which end it in any state, or until the embedded server is gone."""
    work = asyncio.create_task(_served(environment, settings, http=http, health=health))

    def stop() -> None:
        log.info("stopping")
        # A thread of its own: it comes through whatever the loop hangs on.
        last = threading.Timer(LAST_S, os._exit, (0,))
        last.daemon = True
        last.start()
        work.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    with suppress(asyncio.CancelledError):
        await work


async def _served(environment: Environment, settings: OpsToml, *, http: str, health: str | None) -> None:
    async with serving(environment, settings, http=http, health=health):
        log.info("ready", mode="http" if http else "socket")
        await asyncio.Event().wait()


async def _serve_vitals(stack: AsyncExitStack, vitals: Vitals, health: str | None) -> None:
    """Raises Misconfigured where the port was asked for and cannot be had; without one nobody asked for it goes on."""
    address = HEALTH if health is None else health
    try:
        with opening_port("--health", address):
            await stack.enter_async_context(served_vitals(vitals, *_address("--health", address)))
    except Misconfigured as error:
        if health is not None:
            raise
        log.warning("no_health_port", why=str(error))


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
    keep = ops.settings.audit.keep
    retiring = Retiring(ops.retention, ops.outbox, ops.clock, keep, audit_channel) if keep else None
    return (
        *((Every(timedelta(hours=1), retiring.sweep),) if retiring else ()),
        Every(timedelta(seconds=1), ops.following.sweep),
        Every(timedelta(seconds=10), ops.emergency.replay),
        Every(timedelta(seconds=10), ops.ends.replay),
        Every(timedelta(minutes=1), anchoring.sweep),
        Every(timedelta(minutes=1), weekly.sweep),
        Every(REFRESH_CHOICES, choices),
    )


def _way_in(environment: Environment, http: str) -> Callable[[SlackApp, Callable[[str], None]], SocketMode | HttpMode]:
    """How Slack will reach the app, checked before anything is opened. Raises Misconfigured."""
    if http:
        secret = checked(SIGNING_SECRET, environment.slack_signing_secret, "HTTP mode")
        host, port = _address("--http", http)
        return lambda app, _: HttpMode(app.bolt, secret, host, port)
    token = checked(APP_TOKEN, environment.slack_app_token, "Socket Mode")
    return lambda app, waits: SocketMode(app.bolt, token, environment.slack_api_url, waits=waits)


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise Misconfigured(f"{option}: {text!r} is no address. Write HOST:PORT, like 127.0.0.1:8080.")
    return host.strip("[]"), int(port)


async def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
