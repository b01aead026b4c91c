"""Resend's traps, each with its name. What is said is held against Resend's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Refused
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered
from integrations.capabilities.trials import Testable as Tryable
from integrations.plumbing.pace import OwnTurns, Pace
from integrations.resend.client import Resend
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.probes import FakeResend
from tests.integrations.contract import NO_SPECS, Contract

KEY = "re_k3y-that-must-not-be-seen"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("resend")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeResend]:
    fake = FakeResend(KEY)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeResend, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"mail": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def mail(fake: FakeResend, url: str, http: httpx.AsyncClient) -> Resend:
    client = opened(fake, url, http).named("mail", Checkable)
    assert isinstance(client, Resend)
    return client


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert {"GET /domains", "GET /emails"} <= set(contract.operations())


def test_it_claims_what_it_can(fake: FakeResend, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed):
        assert [type(each) for each in services.having(can)] == [Resend]
    assert services.having(Metered) == ()


async def test_with_full_access(fake: FakeResend, mail: Resend) -> None:
    assert await mail.check() == Checked(Health.OK)
    assert [trial.health for trial in await mail.test()] == [Health.OK]
    rights = await mail.rights()
    assert (rights.has, rights.unneeded) == (("sending", "full access"), ("full access",))
    assert [(each.setting, each.reference) for each in mail.credentials()] == [
        ("services.mail.api_key", "env:DEMO_RESEND_API_KEY")
    ]


async def test_a_domain_that_failed_is_told_and_one_that_waits_is_not(fake: FakeResend, mail: Resend) -> None:
    fake.domains["mail.acme.example"] = "partially_failed"
    assert await mail.check() == Checked(
        Health.DEGRADED,
        "mail is not taken from every domain: mail.acme.example is partially failed; check its DNS records",
    )
    assert (await mail.rights()).has == ("sending", "full access")


@pytest.mark.parametrize("reads_mails", [True, False])
async def test_restricted_api_key_is_a_scope(fake: FakeResend, mail: Resend, reads_mails: bool) -> None:
    """A key that only sends is a 401 for domains, and by now perhaps for mails too; it is good all the same."""
    fake.sending_only, fake.reads_mails = True, reads_mails
    assert await mail.check() == Checked(Health.OK)
    assert [call.path for call in fake.heard] == ["/domains", "/emails"]
    rights = await mail.rights()
    assert (rights.has, rights.unneeded) == (("sending",), ())


async def test_mails_that_cannot_be_listed_with_a_restricted_key(fake: FakeResend, mail: Resend) -> None:
    fake.sending_only = True
    fake.faults.arm(Fault(Kind.STATUS, only="/emails", status=500))
    seen = await mail.check()
    assert (seen.health, "in trouble (500)" in seen.detail) == (Health.DOWN, True)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_wrong_key_whatever_status_it_is_told_with(
    fake: FakeResend, url: str, http: httpx.AsyncClient, status: int
) -> None:
    """`API key is invalid` is a 400 of reads, a 401 of sending and in the older documentation a 403."""
    fake.invalid_key_status = status
    wrong = opened(fake, url, http, key="wr0ng").named("mail", Tryable)
    (trial,) = await wrong.test()
    assert trial.health is Health.DEGRADED
    assert trial.detail == (f"mail refused our credential ({status}): API key is invalid. Check services.mail.api_key.")
    assert trial.remedy == "Check services.mail.api_key, and at Resend the domains."
    with pytest.raises(Refused, match="API key is invalid"):
        await opened(fake, url, http, key="wr0ng").named("mail", Credentialed).rights()


async def test_a_user_agent_is_required_and_sent(fake: FakeResend, url: str, http: httpx.AsyncClient) -> None:
    """Without one any key is a 403 with the code 1010."""
    bare = await http.get(f"{url}/domains", headers={"Authorization": f"Bearer {KEY}", "User-Agent": ""})
    assert (bare.status_code, bare.text) == (403, "error code: 1010")
    assert await opened(fake, url, http).named("mail", Checkable).check() == Checked(Health.OK)


async def test_it_is_asked_twice_a_second_at_most(fake: FakeResend, url: str, http: httpx.AsyncClient) -> None:
    class Counted(OwnTurns):
        async def book(self, service: str, pace: Pace, longest: timedelta) -> timedelta:
            asked.append((service, pace.calls / pace.per.total_seconds(), pace.at_once))
            return timedelta(0)

    asked: list[tuple[str, float, int]] = []
    services = open_services({"mail": fake.section(url)}, http, lambda reference: KEY, turns=Counted())
    await services.named("mail", Checkable).check()
    assert asked == [("mail", 2.0, 2)]
