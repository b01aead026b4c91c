"""Wires everything; the only file that sees all of it."""

import asyncio
import secrets as randomness
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
from pydantic import SecretStr

from bot.ask.catalogue import Catalogue
from bot.decide.judge import Judge
from bot.desk import Desk
from bot.road import Road
from bot.run.emergency import Emergency
from bot.run.ends import Ends
from bot.run.execute import Checkpoint, Executor, no_checkpoint
from bot.run.journal import Journal
from bot.run.planning import Planner
from bot.settings import Environment, OpsToml, placing
from bot.store.ledger.follows import PgFollows
from bot.store.ledger.freezes import PgFreezes
from bot.store.ledger.home_rows import PgDashboards
from bot.store.ledger.outbox import PgOutbox
from bot.store.ledger.requests import PgRequests
from bot.store.migrate import migrate
from bot.store.pool import open_connection, open_pool
from bot.store.server.embedded import AlreadyUsed, EmbeddedPostgres
from bot.store.tokens import PgTokens
from bot.store.trail.audit import PgAuditLog
from bot.store.trail.old_rows import PgRetention
from bot.store.vendors.call_counts import PgTally
from bot.store.vendors.health import PgHealthHistory
from bot.store.vendors.keys import PgKeys
from bot.store.vendors.turns import PgTurns
from bot.tell.following import Following
from bot.words.exceptions import Misconfigured
from bot.words.ports import Clock, Directory
from bot.words.redaction import Redactor
from bot.words.secrets import Reader
from commands import House, commands
from commands._shared.machine import Kept
from commands.keys._book import OLD
from integrations import Services, open_services
from integrations.capabilities import Checkable, Credentialed
from integrations.plumbing.call_counts import Counted
from integrations.plumbing.pace import OwnTurns
from integrations.plumbing.probe import probe_session
from integrations.plumbing.transport import PerHost
from ops.doctor import Doctor, journal_probe, key_probe
from ops.endings import opening_database, opening_folder
from ops.rights import rights_probe

AUDIT_KEY_LENGTH = 32
"""Characters at least; a shorter key could be guessed offline from one exported row."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ops:
    """The whole machine but its Slack side."""

    environment: Environment
    settings: OpsToml
    road: Road
    desk: Desk
    catalogue: Catalogue
    services: Services
    pool: asyncpg.Pool
    audit_key: bytes
    audit: PgAuditLog
    outbox: PgOutbox
    dashboards: PgDashboards
    follows: PgFollows
    following: Following
    tokens: PgTokens
    redactor: Redactor
    doctor: Doctor
    emergency: Emergency
    ends: Ends
    retention: PgRetention
    clock: Clock


def registered(environment: Environment) -> Redactor:
    """A redactor that knows every secret of the environment."""
    values = [getattr(environment, name) for name in Environment.model_fields]
    return Redactor(value.get_secret_value() for value in values if isinstance(value, SecretStr))


@asynccontextmanager
async def database(environment: Environment, *, attach: bool = False) -> AsyncIterator[tuple[str, bytes]]:
    """A migrated database and the audit's key; the embedded server where DATABASE_URL is not set.

    With `attach`, a server that another process of ours keeps on the same data folder is used instead of refused.
    Raises Misconfigured.
    """
    async with AsyncExitStack() as stack:
        if environment.database_url is not None:
            setting, dsn = "DATABASE_URL", environment.database_url.get_secret_value()
        else:
            setting = "The embedded PostgreSQL in OPS_DATA"
            with opening_folder("OPS_DATA", environment.ops_data):
                try:
                    server = await stack.enter_async_context(EmbeddedPostgres(environment.ops_data))
                    dsn = server.dsn()
                except AlreadyUsed as used:
                    running = used.dsn() if attach else None
                    if running is None:
                        raise
                    dsn = running
        key = audit_key(environment)
        with opening_database(setting):
            connection = await open_connection(dsn)
            try:
                await migrate(connection)
            finally:
                await connection.close()
        yield dsn, key


def audit_key(environment: Environment) -> bytes:
    """OPS_AUDIT_KEY, or the embedded server's own, made at first use. Raises Misconfigured."""
    if environment.ops_audit_key is not None:
        key = environment.ops_audit_key.get_secret_value()
        if len(key) < AUDIT_KEY_LENGTH:
            raise Misconfigured(
                f"OPS_AUDIT_KEY is shorter than {AUDIT_KEY_LENGTH} characters; write a longer random one"
            )
        return key.encode()
    if environment.database_url is not None:
        raise Misconfigured("OPS_AUDIT_KEY is not set; it chains the audit: write 32 random characters or more")
    with opening_folder("OPS_DATA", environment.ops_data):
        return own_key(environment.ops_data / "audit.key")


def own_key(file: Path) -> bytes:
    """The embedded server's, made where there is none. Raises Misconfigured for one that was cut off; OSError."""
    if not file.exists():
        made = file.with_suffix(".new")
        made.unlink(missing_ok=True)
        made.touch(mode=0o600)
        made.write_text(randomness.token_hex(32), encoding="ascii")
        made.rename(file)  # whole or not at all
    key = file.read_bytes().strip()
    if len(key) < AUDIT_KEY_LENGTH:
        what = "is empty" if not key else f"holds fewer than {AUDIT_KEY_LENGTH} characters"
        raise Misconfigured(f"{file} {what}; it chains the audit. Restore it from the backup of OPS_DATA.")
    return key


@asynccontextmanager
async def open_ops(
    environment: Environment,
    settings: OpsToml,
    people: Directory,
    *,
    clock: Clock = utc_now,
    checkpoint: Checkpoint = no_checkpoint,
    attach: bool = False,
) -> AsyncIterator[Ops]:
    """Everything that `serve`, the terminal and the tests share. Raises Misconfigured."""
    redactor = registered(environment)
    async with AsyncExitStack() as stack:
        dsn, key = await stack.enter_async_context(database(environment, attach=attach))
        redactor.register(key.decode("ascii", "replace"))
        with opening_database("DATABASE_URL" if environment.database_url else "The embedded PostgreSQL in OPS_DATA"):
            pool = await stack.enter_async_context(open_pool(dsn))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=PerHost(), follow_redirects=False))
        probes = await stack.enter_async_context(probe_session())
        secrets = Reader(redactor)
        await asyncio.to_thread(secrets.warm, settings.services)
        keys = PgKeys(pool, key, secrets, clock, Kept)
        with placing(environment.ops_config):
            services = await stack.enter_async_context(
                open_services(
                    settings.services,
                    http,
                    secrets,
                    redact=redactor.text,
                    probes=probes,
                    turns=PgTurns(pool, OwnTurns().book),
                    tally=await stack.enter_async_context(PgTally(pool, clock, Counted)),
                    proofs=keys,
                )
            )
        requests, audit = PgRequests(pool, key, clock), PgAuditLog(pool, key, clock)
        tokens, follows, outbox = PgTokens(pool, key, clock), PgFollows(pool, key, clock), PgOutbox(pool, clock)
        # Filled below: the machine's own words look up what other actions can do.
        catalogue, freezes = Catalogue(), PgFreezes(pool, key, clock)
        judge = Judge(catalogue, settings.policy(), requests, freezes, people, clock)
        ends = Ends(Journal(environment.ops_data / "ends"), requests, clock)
        with suppress(OSError):  # it lies beside the other journal, of which the doctor speaks
            await asyncio.to_thread(ends.journal.prepare)
        executor = Executor(catalogue, requests, settings.limits, clock, redactor, checkpoint, ends.keep)
        doctor = Doctor(environment, settings, pool, people, lambda: catalogue, clock)
        retention = PgRetention(pool, key, clock, environment.ops_data / "archive")
        desk = Desk(catalogue, requests, audit, freezes, judge, executor, redactor, clock)
        house = House(
            services=services,
            now=clock,
            desk=desk,
            tokens=tokens,
            follows=follows,
            inspection=doctor,
            history=PgHealthHistory(pool),
            keys=keys,
            retention=retention,
            catalogue=lambda: catalogue,
            allowed=judge.may_ask,
            tables=settings.commands,
        )
        with placing(environment.ops_config):
            built = commands(house, settings.modules)
        catalogue.add(built, built.absent)
        following = Following(catalogue, follows, outbox, clock)
        journal = Journal(environment.ops_data / "journal")
        # Made while the disk has room; what is wrong with it is for `ops doctor` to say.
        await journal_probe(journal)()
        doctor.probes.extend((key_probe(pool, key), journal_probe(journal)))
        doctor.probes.append(rights_probe(services.having(Credentialed)))
        emergency = Emergency(
            journal=journal,
            audit=audit,
            outbox=outbox,
            channel=lambda: people.channel_id(settings.team.approvals_channel),
            limits=settings.limits,
            redactor=redactor,
            clock=clock,
        )
        approvals = settings.team.approvals_channel
        planner = Planner(catalogue, requests, judge, people, settings.limits, redactor, clock, approvals)
        road = Road(
            catalogue=catalogue,
            judge=judge,
            requests=requests,
            audit=audit,
            planner=planner,
            executor=executor,
            following=following,
            limits=settings.limits,
            redactor=redactor,
            clock=clock,
            checkpoint=checkpoint,
            emergency=emergency,
        )
        yield Ops(
            environment=environment,
            settings=settings,
            road=road,
            desk=desk,
            catalogue=catalogue,
            services=services,
            pool=pool,
            audit_key=key,
            audit=audit,
            outbox=outbox,
            dashboards=_dashboards(pool, services, clock),
            follows=follows,
            following=following,
            tokens=tokens,
            redactor=redactor,
            doctor=doctor,
            emergency=emergency,
            ends=ends,
            retention=retention,
            clock=clock,
        )


def _dashboards(pool: asyncpg.Pool, services: Services, clock: Clock) -> PgDashboards:
    checked = [service.name for service in services.having(Checkable)]
    keys = {each.setting: service.name for service in services.having(Credentialed) for each in service.credentials()}
    return PgDashboards(pool, clock, checked, keys, OLD)
