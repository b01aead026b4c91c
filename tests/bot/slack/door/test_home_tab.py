"""Home over the local Slack: what needs somebody is decided there, and everything they may run is found there."""

from tests.bot.slack.world import World


async def test_what_waits_is_approved_from_home(ops: World) -> None:
    ana, mia = ops.slack.person("ana"), ops.slack.person("mia")
    await ana.says("/ops paint red")
    await ops.waits_until("waiting")
    mine = await ana.home("Paint the wall red")
    assert "Nothing needs you" in mine.text_all
    assert mine.buttons == ["Run something…", "Withdraw"]
    home = await mia.home("Paint the wall red")
    assert home.buttons == ["Run something…", "Approve and run", "Reject…", "Show plan"]
    await mia.clicks("Approve and run", on=home)
    await mia.sees("You approved R1")
    await ops.waits_until("done")
    assert "Paint the wall red" not in (await mia.home("Nothing needs you")).text_all
    assert (await ana.home("R1 done")).buttons == ["Run something…", "Show"]


async def test_one_s_own_request_is_withdrawn_from_home(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops paint red")
    await ops.waits_until("waiting")
    await ana.clicks("Withdraw", on=await ana.home("Paint the wall red"))
    await ops.waits_until("withdrawn")


async def test_run_something_finds_a_command_and_opens_its_form(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.clicks("Run something…", on=await ana.home("needs you"))
    await ana.view("What do you want to do?")
    offered = await ana.options("What do you want to do?", "COLOUR has")
    assert offered == ["wall: Say what colour the wall has"]
    assert await ana.options("What do you want to do?", "no such thing") == ["Nothing that you may run has these words"]
    await ana.options("What do you want to do?", "paint")
    await ana.fills({"What do you want to do?": "paint"})
    await ana.submits()
    assert "Which colour?" in (await ana.view("Which colour?")).labels


async def test_nothing_is_offered_to_who_may_not_ask_for_it(ops: World) -> None:
    sam = ops.slack.person("sam")
    await sam.clicks("Run something…", on=await sam.home("needs you"))
    assert "paint" not in str(await sam.options("What do you want to do?", ""))


async def test_home_says_when_groups_cannot_be_read(ops: World) -> None:
    ops.people.learn(ops.people.snapshot.model_copy(update={"groups": {}}))
    await ops.slack.person("mia").home("Slack does not tell the members of leads, oncall")
