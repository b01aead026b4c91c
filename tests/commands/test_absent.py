"""Only what can work exists: a command that no service of ops.toml can carry out is offered to nobody."""

import re
from typing import Any

import httpx
import pytest

from bot.ask.catalogue import Catalogue
from bot.words.exceptions import NotUnderstood
from bot.words.report import Line, Report, Suggestion
from commands import commands
from commands._shared.services import OnService
from commands._shared.switches import CAMPAIGN_KINDS
from integrations import open_services
from integrations.capabilities import Deployments
from tests.commands.world import bare_house
from tests.services.page import every_kind
from tests.test_promises import catalogue

OF_THE_MACHINE = {
    *(
        "audit",
        "audit archive",
        "doctor",
        "end",
        "extend",
        "freeze",
        "help",
        "reconcile",
        "requests",
        "review",
        "show",
        "token",
    ),
    *("undo", "unfollow", "unfreeze", "withdraw"),
}
WEB = {"kind": "http", "url": "https://shop.example.com"}


async def team(**services: dict[str, Any]) -> Catalogue:
    async with httpx.AsyncClient() as http:
        return commands(bare_house(services=open_services(services, http, lambda reference: reference)))


@pytest.mark.parametrize(
    ("services", "more"),
    [
        ({}, set()),
        ({"shop": WEB}, {"health", "test"}),
        ({"shop": WEB | {"headers": {"X-Key": "env:KEY"}}}, {"health", "test", "keys", "keys rotate"}),
        ({"web": {"kind": "vercel", "token": "env:T", "project": "p"}}, {"deploys rollback", "deploys", "whitelist"}),
    ],
    ids=["no service", "one website", "one website behind a key", "one host"],
)
async def test_a_team_has_the_commands_that_its_services_can_carry_out(
    services: dict[str, Any], more: set[str]
) -> None:
    found = {action.words for action in await team(**services)}
    assert found >= OF_THE_MACHINE | more
    assert not found & {"job", "retry", "db", "campaigns pause", "errors" if len(more) < 3 else "numbers"}
    if "deploys" not in more:
        assert found == OF_THE_MACHINE | more


async def test_with_every_kind_of_service_nothing_is_absent() -> None:
    assert catalogue().absent == ()


@pytest.mark.parametrize("action", [each for each in catalogue() if isinstance(each, OnService)], ids=lambda a: a.words)
async def test_what_is_typed_all_the_same_hears_which_kinds_would_bring_it(action: OnService[Any]) -> None:
    """The kinds are those whose clients have the capability, in a world where each kind is there."""
    able = {client.kind for client in every_kind().having(action.needs)}
    if action.words.startswith("campaigns"):
        able = set(CAMPAIGN_KINDS)
    assert set(action.kinds()) == able
    nothing = await team()
    with pytest.raises(NotUnderstood) as told:
        nothing.find(action.examples[0])
    assert str(told.value).startswith(f"No service of this team can do that: `{action.words}` needs a service of ")
    named = set(re.findall(r"[a-z0-9]+", str(told.value).partition(" of kind ")[2].partition(" in ops.toml")[0]))
    assert named - {"or"} == (able if len(able) <= 6 else set())


async def test_a_word_too_many_does_not_lead_past_an_absent_command() -> None:
    with pytest.raises(NotUnderstood, match="`deploys rollback` needs a service of kind railway or vercel"):
        (await team(shop=WEB)).find("Deploys  Rollback web to=dpl_1")
    with pytest.raises(NotUnderstood, match="`deploys` needs a service of kind railway or vercel"):
        (await team(shop=WEB)).find("deploys web")


async def test_what_was_asked_while_a_service_could_is_gone_on_with() -> None:
    """A request whose service was taken out of ops.toml is shown, ended and reconciled like any other."""
    absent = (await team()).get("whitelist")
    assert absent is not None
    assert absent.words == "whitelist"


async def test_no_suggestion_leads_to_an_absent_command() -> None:
    here, gone = Suggestion(label="Requests", words="requests"), Suggestion(label="Health", words="health fresh=yes")
    report = Report(title="x", lines=(Line(text="shop", suggestions=(gone, here)),), suggestions=(here, gone))
    without = (await team()).reachable(report)
    assert (without.suggestions, without.lines[0].suggestions) == ((here,), (here,))
    assert (await team(shop=WEB)).reachable(report) == report


def test_commands_on_deployments_share_one_list_of_them() -> None:
    """Some hosts allow few calls an hour: each command with a list of its own would ask them as often."""
    house = bare_house(*every_kind().having(Deployments))
    listings = [action.listing for action in commands(house) if hasattr(action, "listing")]
    assert len(listings) == 3
    assert all(listing is listings[0] for listing in listings)
