"""What doctor says of each service's credential."""

from datetime import timedelta

import httpx

from bot.words.exceptions import Refused
from bot.words.report import Status
from integrations import open_services
from integrations.capabilities import Credentialed, Rights
from ops.rights import rights_probe
from sandbox.world.railway import FakeRailway
from tests.commands.world import Proof
from tests.integrations.standin import serving


async def test_a_token_that_may_too_much_is_said() -> None:
    """An agent with a wide token deleted a Railway volume: what a token may do that it need not is said, by its name
    in ops.toml, and what would do instead."""
    railway = FakeRailway("9b2e7c1a-of-the-tests")
    railway.of_project = False
    async with serving(railway.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        wide = {"scope": "account", "project": "p-1", "environment": "e-1"}
        services = open_services({"etl": railway.section(url) | wide}, http, lambda reference: railway.token)
        found = await rights_probe(services.having(Credentialed))()

    (too_much,) = [finding for finding in found if finding.status is Status.WARNING]
    assert too_much.what.startswith("etl: its credential may do what the bot does not need: ")
    assert "everything in the workspace Acme" in too_much.what
    assert "removing deployments, services and volumes" in too_much.what
    assert too_much.mend == (
        "put a narrower one into services.etl.token. A project's token for production alone would do."
    )
    assert [(finding.what, finding.status) for finding in found if finding is not too_much] == [
        ("etl: its credential may: everything in the environment production", Status.OK)
    ]


async def test_what_a_vendor_cannot_narrow_is_said_once_and_asks_for_nothing() -> None:
    may = Rights(
        has=("all of it",), unneeded=("removing volumes",), note="Etl has no token that may less.", narrowest=True
    )
    more, has = await rights_probe([Proof("etl", may=may)])()
    assert more.status is Status.OK
    assert "put a narrower one" not in f"{more.mend} {has.mend}"
    assert more.what == "etl: its credential may more than the bot needs, and none may less: removing volumes"
    assert (has.what, has.mend) == ("etl: its credential may: all of it", "")


async def test_what_it_lacks_is_said_with_the_commands_that_need_it() -> None:
    may = Rights(has=("read",), lacking=(("write", "retry"), ("stop", "stop")), note="Only its owner can give it.")
    found = await rights_probe((Proof("n8n", may=may),))()

    assert [(finding.what, finding.status, finding.mend) for finding in found] == [
        ("n8n: its credential lacks write, needed for retry", Status.WARNING, "give it to services.n8n.token"),
        ("n8n: its credential lacks stop, needed for stop", Status.WARNING, "give it to services.n8n.token"),
        ("n8n: its credential may: read", Status.OK, "Only its owner can give it."),
    ]


async def test_one_that_does_not_tell_is_no_trouble_and_one_that_fails_hides_nobody() -> None:
    quiet = Proof("db", may=Rights(note="It does not tell."))
    services = (
        Proof("refused", rights_fail=Refused("It refuses the token.")),
        Proof("broken", rights_fail=KeyError("id")),
        Proof("slow", takes=30),
        quiet,
    )
    found = {finding.what: finding.status for finding in await rights_probe(services, timedelta(seconds=0.2))()}

    unknown = "what its credential may do could not be found out"
    assert found == {
        f"refused: {unknown}: It refuses the token.": Status.UNKNOWN,
        f"broken: {unknown}: our own client failed (KeyError); the log has the details": Status.UNKNOWN,
        f"slow: {unknown}: no answer within 0.2 s": Status.UNKNOWN,
        "db: what its credential may do is not told": Status.OK,
    }


async def test_no_service_is_no_finding() -> None:
    assert await rights_probe(())() == []
