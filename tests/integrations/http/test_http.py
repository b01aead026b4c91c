"""A web address that can be looked at, in all its moods."""

from typing import Any

import httpx
import pytest

from integrations import open_services
from integrations.capabilities import Checkable, Checked, Credential, Credentialed, Health
from integrations.capabilities.trials import Testable as Tryable
from sandbox.world import World
from sandbox.world.misbehaving import Fault, Kind
from tests.integrations.vendor import Vendor, says
from tests.waiting import in_time


async def look(http: httpx.AsyncClient, url: str, secret: str = "", **section: Any) -> Checked:
    table = {"kind": "http", "url": url, "deadline": "20s", **section}
    client = open_services({"web": table}, http, lambda reference: secret).named("web", Checkable)
    return await in_time(client.check())


async def test_the_demo_services(services: Any, world: World) -> None:
    store, payments = services.named("storefront", Checkable), services.named("payments-api", Checkable)
    assert [(await each.check()).health for each in (store, payments)] == [Health.OK, Health.OK]
    world.payments.mood = "failing"
    assert await payments.check() == Checked(Health.DOWN, "it answers 503")


async def test_a_refused_credential_is_no_outage(http: httpx.AsyncClient, world: World) -> None:
    url = f"{world.urls['payments-api']}/health"
    seen = await look(http, url, "Bearer wrong", headers={"Authorization": "env:X"})
    assert (seen.health, "services.web.headers" in seen.detail) == (Health.DEGRADED, True)
    assert "wrong" not in seen.detail
    assert (await look(http, url)).detail == "it answers 401"


@pytest.mark.parametrize(
    ("status", "expected", "health"),
    [
        (200, (), Health.OK), (204, (), Health.OK), (301, (), Health.DEGRADED), (404, (), Health.DEGRADED),
        (429, (), Health.DEGRADED), (500, (), Health.DOWN), (401, (401,), Health.OK), (200, (204,), Health.DEGRADED),
    ],
)  # fmt: skip
async def test_statuses(
    vendor: Vendor, http: httpx.AsyncClient, status: int, expected: tuple[int, ...], health: Health
) -> None:
    vendor.steps = [says("", status=status)]
    seen = await look(http, vendor.url, status=list(expected))
    assert seen.health is health
    assert bool(seen.detail) is (health is not Health.OK)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    ("body", "equals", "health"),
    [
        ('{"a": {"b": "ok"}}', "ok", Health.OK),
        ('{"a": {"b": true}}', True, Health.OK),
        ('{"a": {"b": 1}}', True, Health.DEGRADED),
        ('{"a": {"b": 0}}', 0, Health.OK),
        ('{"a": {"b": "broken"}}', "ok", Health.DEGRADED),
        ('{"a": {"b": {"c": 1}}}', "ok", Health.DEGRADED),
        ('{"a": {}}', "ok", Health.UNKNOWN),
        ("[]", "ok", Health.UNKNOWN),
        ("<html>do-not-repeat", "ok", Health.UNKNOWN),
    ],
)
async def test_a_field_of_its_json(
    vendor: Vendor, http: httpx.AsyncClient, body: str, equals: object, health: Health
) -> None:
    vendor.steps = [says(body)]
    seen = await look(http, vendor.url, field="a.b", equals=equals)
    assert seen.health is health
    assert "do-not-repeat" not in seen.detail


async def test_a_graphql_query(http: httpx.AsyncClient, world: World) -> None:
    """The health query of the ocean runbook."""
    url = f"{world.urls['storefront']}/graphql"
    ask: dict[str, Any] = {"field": "system_status.healthy", "equals": True}
    assert (await look(http, url, graphql="{ system_status { healthy } }", **ask)).health is Health.OK
    world.storefront.mood = "failing"
    seen = await look(http, url, graphql="{ system_status { healthy } }", **ask)
    assert seen == Checked(Health.DEGRADED, "it says system_status.healthy is false, not true")
    assert (await look(http, url, graphql="{ nonsense }")).detail == "its answer to the query has errors"


async def test_slow_is_degraded_and_too_slow_is_unknown(http: httpx.AsyncClient, world: World) -> None:
    world.storefront.faults.arm(Fault(Kind.SLOW, seconds=1.05))
    seen = await look(http, f"{world.urls['storefront']}/health", slow="1s")
    assert (seen.health, "more than 1000 ms" in seen.detail) == (Health.DEGRADED, True)
    world.storefront.faults.arm(Fault(Kind.SLOW, seconds=60))
    assert await look(http, f"{world.urls['storefront']}/health", deadline="1s") == Checked(
        Health.UNKNOWN, "no answer within 1 s"
    )


async def test_nobody_listens(http: httpx.AsyncClient, nobodys_port: int) -> None:
    assert await look(http, f"http://127.0.0.1:{nobodys_port}") == Checked(Health.DOWN, "it refused the connection")


async def test_the_address_is_asked_as_it_is_written(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says()]
    await look(http, f"{vendor.url}/health/?deep=1&x=%20")
    assert str(vendor.requests[0].rel_url) == "/health/?deep=1&x=%20"


async def test_its_headers_are_among_the_keys(services: Any) -> None:
    """Those of an address that does nothing else are carried by the look at it, which may be open to all; without
    headers there is no key."""
    client = services.named("payments-api", Credentialed)
    assert client.credentials() == (
        Credential(
            "services.payments-api.headers.Authorization",
            "env:DEMO_PAYMENTS_AUTH",
            doubt="carried by its health check, which may be open to all",
        ),
    )
    assert (await client.rights()).note.startswith("Only what its address")
    assert "storefront" not in [each.name for each in services.having(Credentialed)]


async def test_to_try_it_out_is_to_look_at_it(services: Any, http: httpx.AsyncClient, world: World) -> None:
    well = services.named("payments-api", Tryable)
    assert [(each.what, each.health) for each in await well.test()] == [("look at its address", Health.OK)]
    table = {"payments-api": world.services()["payments-api"]}
    wrong = open_services(table, http, lambda reference: "Bearer wrong").named("payments-api", Tryable)
    (refused,) = await wrong.test()
    assert refused.health is Health.DEGRADED
    assert "check services.payments-api.headers" in refused.detail
    assert refused.remedy == "Check services.payments-api.url, and what it says of itself."
