"""/ops pause and /ops resume: one thing of any service."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import Params
from commands._shared.switches import CAMPAIGN_KINDS
from commands.pause import Pause, PauseThing
from commands.resume import Resume, ResumeThing
from integrations.capabilities import Switch
from tests.commands.world import Board
from tests.test_promises import catalogue


@dataclass
class Lossy(Board):
    """CautionsPause."""

    pausing_means: str = ""


def boards() -> tuple[Board, Board]:
    stripe, n8n = Board("stripe", kind="stripe"), Board("n8n", kind="n8n")
    stripe.add("we_1", "https://shop.example.com/hook")
    n8n.add("w1", "Outreach cadence")
    n8n.add("w2", "Win-back", Switch.PAUSED)
    return stripe, n8n


async def test_pause_one_and_undo() -> None:
    stripe, n8n = boards()
    action = PauseThing((stripe, n8n))

    plan = await action.preview(Pause(name="we_1", for_=timedelta(hours=2), reason="it is down"))
    receipt = await action.execute(plan)

    assert plan.headline == "Pause 1 thing: https://shop.example.com/hook."
    assert plan.target == "stripe: https://shop.example.com/hook (we_1)"
    assert plan.ends_after == timedelta(hours=2)
    assert set(stripe.states().values()) == {"paused"}
    assert n8n.states()["Outreach cadence"] == "running"
    await action.undo(plan, receipt)
    assert set(stripe.states().values()) == {"running"}


async def test_resume_one() -> None:
    _, n8n = boards()
    action = ResumeThing((n8n,))
    plan = await action.preview(Resume(name="Win-back", reason="fixed"))
    assert plan.warnings == ()
    await action.execute(plan)
    assert set(n8n.states().values()) == {"running"}


async def test_all_is_no_thing() -> None:
    """What every service has that can be paused is too much for one word."""
    with pytest.raises(NotUnderstood, match="There is no thing 'all'") as caught:
        await PauseThing(boards()).preview(Pause(name="all", reason="panic"))
    assert "There are: 'https://shop.example.com/hook', 'Outreach cadence', 'Win-back'." in str(caught.value)
    with pytest.raises(Misconfigured, match="no service that can pause things"):
        await PauseThing(()).preview(Pause(name="x", reason="panic"))


async def test_options_offer_no_all() -> None:
    action = PauseThing(boards())
    await action.refresh()
    assert [each.value for each in await action.options("name", "")] == [
        "https://shop.example.com/hook",
        "Outreach cadence",
    ]


def test_a_campaign_is_only_what_ops_toml_called_one() -> None:
    """`campaigns pause` without a name means all: webhooks and databases must not be among them."""
    assert not {"stripe", "telnyx", "github", "http", "neon"} & set(CAMPAIGN_KINDS)
    for words in ("pause", "resume"):
        action, _ = catalogue().find(words)
        assert isinstance(action.params_type, type(Params))
        assert action.params_type.model_fields["name"].is_required()


async def test_what_a_pause_loses_is_on_the_plan() -> None:
    """Stripe sends nothing later of what happened meanwhile: whoever decides has to know before, not after."""
    stripe = Lossy("stripe", kind="stripe", pausing_means="Events made while it is disabled are not sent later.")
    stripe.add("we_1", "https://shop.example.com/hook")
    _, n8n = boards()
    action = PauseThing((stripe, n8n))
    plan = await action.preview(Pause(name="we_1", reason="it is down"))
    assert plan.warnings == ("Events made while it is disabled are not sent later.",)
    assert (await action.preview(Pause(name="Outreach cadence", reason="bounces"))).warnings == ()
