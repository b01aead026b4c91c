"""n8n in the small world, as the tests of its executions open it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import (
    Executions,
)
from integrations.n8n.client import N8n
from sandbox.world import World

ORDERS = "kT3vQe8LwYc1ZsRb"


INVOICES = "Qx8DnPz3BvTw1KrE"


WINBACK = "Ue1GzJx0EhOc8YvT"


CADENCE = "Ld5ToNi4RbMq7WkS"


RETRY = "POST /api/v1/executions/4711/retry"


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def n8n(services: Services) -> N8n:
    client = services.named("n8n", Executions)
    assert isinstance(client, N8n)
    return client


async def impatient(world: World, http: httpx.AsyncClient, **settings: object) -> Executions:
    section = {**world.services()["n8n"], **settings}
    return open_services({"n8n": section}, http, world.secret).named("n8n", Executions)
