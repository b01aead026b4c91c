"""What can be broken in the demo world on purpose, as the five runbooks know it: each is mended from Slack.

A scenario breaks the world where people would find it (in a vendor's stand-in, in the tables), and looks there again to
tell whether it was mended. Nothing here knows the bot.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

from sandbox.inputs import NotPossible
from sandbox.world.hubspot import FakeHubSpot
from sandbox.world.n8n_state import Failure
from sandbox.world.own_jobs import FakeBackOffice
from sandbox.world.retell import FakeRetell
from sandbox.world.stripe import Event, FakeStripe
from sandbox.world.vercel import FakeVercel
from sandbox.world.vercel_state import Build

if TYPE_CHECKING:
    from sandbox.world import World

ORDERS: Final = "kT3vQe8LwYc1ZsRb"
"""The n8n workflow "Sync orders to HubSpot"."""
CUSTOMER: Final = "203.0.113.61"
PHYSIO_LINE: Final = "+18885550182"
SHOP_ENDPOINT: Final = "we_1Qshop"
BAD_RELEASE: Final = "dpl_4bAdRel3as"
STUCK: Final = "storefront-checkout"
"""Application name of the connections that hold each other up."""
_WAITING: Final = 8

V = TypeVar("V")


@dataclass(frozen=True)
class Scenario:
    key: str
    title: str
    what: str
    """What somebody would notice, in one sentence."""
    words: tuple[str, ...]
    """What to type after `/ops` to see it and to mend it."""
    broken: Callable[["Scenarios"], Awaitable[None]]
    mended: Callable[["Scenarios"], Awaitable[bool]]
    by_hand: Mapping[str, Callable[["Scenarios"], None]] = field(default_factory=dict)
    """What only a person can do, outside Slack: the label of a button, and what it does."""


class Scenarios:
    """The scenarios of one world, with those that were broken so far."""

    def __init__(self, world: "World", dsn: str) -> None:
        self.world = world
        self.dsn = dsn
        self.live_before = ""
        self._broken: set[str] = set()
        self._closing = contextlib.AsyncExitStack()

    async def aclose(self) -> None:
        await self._closing.aclose()

    def stand_in(self, kind: type[V]) -> V:
        return next(other for other in self.world.others.values() if isinstance(other, kind))

    async def listed(self) -> list[dict[str, Any]]:
        """Each with its `state`: `well` until it was broken, then `broken` until the world shows that it was mended."""
        states = await asyncio.gather(*(self._state(each) for each in SCENARIOS.values()))
        return [
            {
                "key": each.key,
                "title": each.title,
                "what": each.what,
                "words": list(each.words),
                "by_hand": list(each.by_hand),
                "state": state,
            }
            for each, state in zip(SCENARIOS.values(), states, strict=True)
        ]

    async def breaks(self, key: str) -> None:
        """Raises NotPossible for an unknown one, and for one that is broken already."""
        scenario = _named(key)
        if await self._state(scenario) == "broken":
            raise NotPossible(f"“{scenario.title}” is broken already")
        await scenario.broken(self)
        self._broken.add(key)

    async def by_hand(self, key: str, deed: str) -> None:
        """Raises NotPossible where there is no such thing to do."""
        done = _named(key).by_hand.get(deed)
        if done is None or key not in self._broken:
            raise NotPossible("there is nothing of that kind to do by hand")
        done(self)

    async def _state(self, scenario: Scenario) -> str:
        if scenario.key not in self._broken:
            return "well"
        return "mended" if await scenario.mended(self) else "broken"

    # -- the tables

    async def run(self, statement: str, *values: object) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def asked(self, question: str, *values: object) -> Any:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(question, *values)
        finally:
            await connection.close()

    async def logged(
        self, source: str, operation: str, message: str, details: Mapping[str, object], *, times: int
    ) -> None:
        """Errors of the last few minutes in the log table."""
        for number in range(times):
            await self.run(
                "INSERT INTO demo.integration_logs (created_at, source, operation, level, message, details_json) "
                "VALUES ($1, $2, $3, 'error', $4, $5)",
                _ago(seconds=20 * number + 5),
                source,
                operation,
                message,
                json.dumps(dict(details)),
            )

    async def hold(self, *statements: str) -> asyncpg.Connection:
        """A connection of the storefront's that stays as it is until somebody ends it, or the world does."""
        connection = await asyncpg.connect(self.dsn, user="storefront", server_settings={"application_name": STUCK})
        self._closing.callback(connection.terminate)
        for statement in statements:
            await connection.execute(statement)
        return connection

    def waits(self, connection: asyncpg.Connection, statement: str) -> None:
        task = asyncio.create_task(_until_it_ends(connection, statement))
        self._closing.callback(task.cancel)


def _ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)


async def _until_it_ends(connection: asyncpg.Connection, statement: str) -> None:
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
        await connection.execute(statement)


def _named(key: str) -> Scenario:
    if key not in SCENARIOS:
        raise NotPossible(f"there is no scenario {key!r}")
    return SCENARIOS[key]


# -- HubSpot's rate limit


async def _hubspot_says_no(scene: Scenarios) -> None:
    hubspot = scene.stand_in(FakeHubSpot)
    hubspot.used = hubspot.limit - 41
    failure = Failure(
        "HubSpot: upsert contact",
        "The service is receiving too many requests from you",
        "You have reached your ten_secondly_rolling limit.",
        "429",
    )
    for _ in range(4):
        scene.world.n8n.fail(ORDERS, failure)
    details = {"status": 429, "policyName": "TEN_SECONDLY_ROLLING", "limit": 100}
    await scene.logged("hubspot", "upsertContact", "HubSpot answered 429: rate limit reached", details, times=12)


async def _orders_are_paused(scene: Scenarios) -> bool:
    return not scene.world.n8n.workflows[ORDERS].active


# -- a pool that is exhausted


_STOREFRONT: Final = """
    DO $$ BEGIN CREATE ROLE storefront LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
    GRANT USAGE ON SCHEMA demo TO storefront;
    GRANT ALL ON demo.toll_free_numbers TO storefront;
"""
"""A role like any application's: a superuser's connections are nobody's to end."""


async def _pool_is_exhausted(scene: Scenarios) -> None:
    await scene.run(_STOREFRONT)
    await scene.hold("BEGIN", "LOCK TABLE demo.toll_free_numbers IN ACCESS EXCLUSIVE MODE")
    for _ in range(_WAITING):
        scene.waits(await scene.hold(), "SELECT count(*) FROM demo.toll_free_numbers")
    details = {"pool": 9, "in_use": 9, "waited_ms": 30000}
    await scene.logged("storefront", "checkout", "Timed out waiting for a connection from the pool", details, times=6)


async def _nobody_waits(scene: Scenarios) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
    return bool(await scene.asked(waiting, STUCK) == 0)


# -- a webhook endpoint that was disabled


async def _endpoint_is_disabled(scene: Scenarios) -> None:
    stripe = scene.stand_in(FakeStripe)
    stripe.endpoints[SHOP_ENDPOINT].status = "disabled"
    now = int(datetime.now(UTC).timestamp())
    missed = [Event(f"evt_1Qmiss{number}", "invoice.paid", now - 60 * number, pending=1) for number in range(3)]
    stripe.events[:0] = missed


async def _endpoint_is_enabled(scene: Scenarios) -> bool:
    return scene.stand_in(FakeStripe).endpoints[SHOP_ENDPOINT].status == "enabled"


# -- calls that do not connect


async def _calls_do_not_connect(scene: Scenarios) -> None:
    retell = scene.stand_in(FakeRetell)
    retell.numbers[PHYSIO_LINE]["inbound_agents"] = None
    for number in range(9):
        retell.add_call("agent_night", "error", "error_user_not_joined", ago=timedelta(minutes=number))


async def _the_line_has_an_agent(scene: Scenarios) -> bool:
    number = scene.stand_in(FakeRetell).numbers[PHYSIO_LINE]
    return bool(number["outbound_agents"] or number["inbound_agents"])


# -- an import that loads nothing


async def _import_loads_nothing(scene: Scenarios) -> None:
    scene.stand_in(FakeBackOffice).loaded["orders"] = 0
    details = {"records": 0, "usual": 1204}
    await scene.logged(
        "import", "loadOrders", "Import ended with 0 records of orders (usually 1,204)", details, times=2
    )


async def _records_are_there(scene: Scenarios) -> bool:
    return scene.stand_in(FakeBackOffice).loaded["orders"] > 0


# -- a bad release


async def _release_is_bad(scene: Scenarios) -> None:
    vercel = scene.stand_in(FakeVercel)
    scene.live_before = vercel.live
    vercel.builds[BAD_RELEASE] = Build(
        BAD_RELEASE,
        _ago(minutes=6),
        "d34db33",
        "Checkout: one page instead of three",
        "ben",
        log=[("stdout", "Build completed")],
    )
    vercel.live = BAD_RELEASE
    for number in range(12):
        vercel.logs("error", "TypeError: cart.total is not a function", _ago(seconds=25 * number + 5), 500)


async def _another_release_is_live(scene: Scenarios) -> bool:
    return scene.stand_in(FakeVercel).live != BAD_RELEASE


# -- a key that leaked


async def _key_leaks(scene: Scenarios) -> None:
    scene.stand_in(FakeHubSpot).leaked = scene.stand_in(FakeHubSpot).token


def _new_key(scene: Scenarios) -> None:
    hubspot = scene.stand_in(FakeHubSpot)
    hubspot.token = f"pat-demo-eu1-{datetime.now(UTC):%H%M%S}"
    os.environ.update(hubspot.environment())


def _revoke(scene: Scenarios) -> None:
    hubspot = scene.stand_in(FakeHubSpot)
    if hubspot.token == hubspot.leaked:
        raise NotPossible("make a new token first: with this one revoked, nothing could sign in")
    hubspot.revoked = True


async def _leak_is_closed(scene: Scenarios) -> bool:
    hubspot = scene.stand_in(FakeHubSpot)
    return hubspot.revoked and hubspot.token != hubspot.leaked


# -- a customer whom rate limits block


async def _customer_is_blocked(scene: Scenarios) -> None:
    for endpoint, count in (("/api/checkout", 940), ("/api/orders", 212)):
        await scene.run(
            "INSERT INTO demo.rate_limits (identifier, endpoint, request_count, window_start) VALUES ($1, $2, $3, $4)",
            CUSTOMER,
            endpoint,
            count,
            _ago(minutes=4),
        )


async def _customer_gets_through(scene: Scenarios) -> bool:
    counted = "SELECT count(*) FROM demo.rate_limits WHERE identifier = $1"
    return bool(await scene.asked(counted, CUSTOMER) == 0)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    each.key: each
    for each in (
        Scenario(
            "hubspot-limit",
            "HubSpot refuses: rate limit",
            "Orders stop arriving in HubSpot, and n8n's runs fail with 429.",
            ("errors hubspot", 'workflows off "Sync orders to HubSpot" for=30m', "retry last"),
            _hubspot_says_no,
            _orders_are_paused,
        ),
        Scenario(
            "pool",
            "The connection pool is exhausted",
            "Checkout hangs: one transaction holds a lock, and every other connection waits for it.",
            ("db locks db=shop-db", "db terminate PID db=shop-db"),
            _pool_is_exhausted,
            _nobody_waits,
        ),
        Scenario(
            "webhook",
            "Stripe disabled our webhook endpoint",
            "Payments succeed and orders stay unpaid: the shop hears nothing from Stripe.",
            ("errors stripe", f"resume {SHOP_ENDPOINT} reason=orders stay unpaid"),
            _endpoint_is_disabled,
            _endpoint_is_enabled,
        ),
        Scenario(
            "calls",
            "Calls do not connect",
            "Nobody answers Bayside Physio: its number has no agent any more.",
            ("calls", f'numbers reassign {PHYSIO_LINE} to="Front desk"'),
            _calls_do_not_connect,
            _the_line_has_an_agent,
        ),
        Scenario(
            "etl",
            "The import loaded no records",
            "Last night's import of orders ended well, with nothing in it.",
            ("errors shop-db", "job etl-replay table=orders reason=nothing was loaded"),
            _import_loads_nothing,
            _records_are_there,
        ),
        Scenario(
            "release",
            "A bad release went live",
            "Six minutes after a deployment, every checkout ends in a 500.",
            ("errors web", "deploys web", "deploys rollback web"),
            _release_is_bad,
            _another_release_is_live,
        ),
        Scenario(
            "leak",
            "A key has leaked",
            "HubSpot's token was found in a public repository.",
            ("keys rotate hubspot",),
            _key_leaks,
            _leak_is_closed,
            {
                "At HubSpot: make a new token, and give it to the bot": _new_key,
                "At HubSpot: revoke the old token": _revoke,
            },
        ),
        Scenario(
            "customer",
            "A customer is blocked by rate limits",
            f"A customer at {CUSTOMER} cannot check out.",
            (f"whitelist {CUSTOMER} for=2h reason=customer import on=shop-db",),
            _customer_is_blocked,
            _customer_gets_through,
        ),
    )
}
"""By key, in the order in which the page lists them."""
