"""What a vendor's strange answer means for its health, of every kind that is asked over HTTP and has a credential.

Where a vendor has words of its own for it, or asks twice (n8n), its own tests tell more.
"""

from dataclasses import replace

import httpx
import pytest

from integrations import open_services
from integrations.capabilities import Checkable, Checked, Health
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.vendors import vendors
from tests.integrations.standin import serving

OPEN = ("backoffice", "vercel-status")
"""They are looked at without a credential, and anything of theirs that is no failure is an answer."""
NAMES = [name for name in vendors() if name not in OPEN]
FAILURES = ((Kind.HTML, 502), (Kind.STATUS, 500), (Kind.STATUS, 503))
STRANGE = [
    (Fault(Kind.HTML, status=200), Health.UNKNOWN),
    (Fault(Kind.STATUS, status=200), Health.UNKNOWN),
    (Fault(Kind.GARBAGE), Health.UNKNOWN),
    (Fault(Kind.TRUNCATED), Health.UNKNOWN),
    (Fault(Kind.DROPPED), Health.UNKNOWN),
    (Fault(Kind.SLOW, seconds=30), Health.UNKNOWN),
    *((Fault(kind, status=status), Health.DOWN) for kind, status in FAILURES),
    (Fault(Kind.STATUS, status=429, retry_after="60"), Health.DEGRADED),
    (Fault(Kind.HTML, status=429), Health.DEGRADED),
]
OTHERWISE = {
    # What answers is not what runs there: its failure is no outage.
    **{(name, kind, status): Health.UNKNOWN for name in ("etl", "supabase") for kind, status in FAILURES},
    **{("etl", kind, 429): Health.UNKNOWN for kind in (Kind.STATUS, Kind.HTML)},
    # Any JSON object proves that the key was taken.
    **{(name, Kind.STATUS, 200): Health.OK for name in ("voice", "openai", "apollo", "clearbit")},
}


async def seen(name: str, http: httpx.AsyncClient, *, fault: Fault | None = None, secret: str = "") -> Checked:
    """With `secret` for each of its credentials, where there is one."""
    fake = vendors()[name]
    secrets = {f"env:{variable}": secret or value for variable, value in fake.environment().items()}
    limit = "1s" if fault is not None and fault.kind is Kind.SLOW else "20s"
    async with serving(fake.app()) as url:
        section = fake.section(url) | {"deadline": limit, "timeout": limit}
        client = open_services({name: section}, http, secrets.__getitem__).named(name, Checkable)
        if fault is not None:
            fake.faults.arm(replace(fault, times=9))  # some ask again, or elsewhere
        return await client.check()


@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_as_it_should_be(http: httpx.AsyncClient, name: str) -> None:
    assert (await seen(name, http)).health is Health.OK


@pytest.mark.parametrize(("fault", "usual"), STRANGE)
@pytest.mark.parametrize("name", NAMES)
async def test_what_a_strange_answer_means(http: httpx.AsyncClient, name: str, fault: Fault, usual: Health) -> None:
    found = await seen(name, http, fault=fault)
    assert found.health is OTHERWISE.get((name, fault.kind, fault.status), usual)
    assert "do-not-repeat" not in found.detail


@pytest.mark.parametrize("name", NAMES)
async def test_a_wrong_credential_is_no_outage(http: httpx.AsyncClient, name: str) -> None:
    """The setting to mend is named, and what stands there is not."""
    found = await seen(name, http, secret="wr0ng")
    assert found.health is Health.DEGRADED
    assert f"services.{name}." in found.detail
    assert "wr0ng" not in found.detail
