"""/ops campaigns, campaigns pause, campaigns resume."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.words.action import Receipt
from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from commands.campaigns import Campaigns, ListCampaigns
from commands.campaigns.pause import Pause, PauseCampaigns
from commands.campaigns.resume import Resume, ResumeCampaigns
from integrations.capabilities import Flipped, Switch
from tests.commands.world import Board, Clock


def a_board(name: str = "crm") -> Board:
    board = Board(name)
    board.add("1", "Spring sale")
    board.add("2", "Win-back")
    board.add("3", "Newsletter", Switch.PAUSED)
    board.add("4", "Old promo", Switch.OTHER, "archived")
    return board


def pausing(*boards: Board, deadline: float = 10) -> PauseCampaigns:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return PauseCampaigns(boards, deadline=timedelta(seconds=deadline))


def resuming(*boards: Board) -> ResumeCampaigns:
    return ResumeCampaigns(boards, deadline=timedelta(seconds=10))


def stored(receipt: Receipt) -> Receipt:
    """As it comes back from the database."""
    return Receipt.model_validate_json(receipt.model_dump_json())


PAUSE_ALL = Pause(reason="bounces")


async def test_the_list_shows_what_runs_first() -> None:
    slow = Board("n8n", fails=TryLater("n8n did not answer."))

    report = await ListCampaigns((a_board(), slow), Clock()).answer(Campaigns())

    assert report.lead == "2 running, 1 paused, 1 other; 1 of 2 services could not be read."
    assert report.table is not None
    assert [row[:3] for row in report.table.rows] == [
        ("Spring sale", "running", "1"),
        ("Win-back", "running", "2"),
        ("Newsletter", "paused", "3"),
        ("Old promo", "archived", "4"),
    ]
    assert report.notes == ("Could not read n8n: n8n did not answer.",)


async def test_no_service_with_campaigns_says_what_to_write() -> None:
    with pytest.raises(Misconfigured):
        await ListCampaigns((), Clock()).answer(Campaigns())
    with pytest.raises(Misconfigured):
        await pausing().preview(PAUSE_ALL)


async def test_pause_all_and_undo_exactly_those() -> None:
    board = a_board()
    action = pausing(board)

    plan = await action.preview(Pause(for_=timedelta(hours=2), reason="bounces"))
    receipt = await action.execute(plan)

    assert plan.headline == "Pause 2 campaigns: Spring sale, Win-back."
    assert plan.effects == ("Spring sale: now running, then paused", "Win-back: now running, then paused")
    assert (plan.target, plan.confirm_phrase) == ("all campaigns", "all campaigns")
    assert plan.ends_after == timedelta(hours=2)
    assert receipt.headline == "Paused 2 campaigns: Spring sale, Win-back."
    assert set(board.states().values()) == {"paused", "other"}

    undone = await action.undo(plan, stored(receipt))

    assert undone.headline == "Resumed 2 campaigns: Spring sale, Win-back."
    assert board.states() == a_board().states()


async def test_one_by_name_or_id() -> None:
    board = a_board()
    action = pausing(board)

    plan = await action.preview(Pause(name="win-BACK", reason="bounces"))

    assert (plan.target, plan.confirm_phrase) == ("crm: Win-back (2)", "Win-back")
    assert (await action.preview(Pause(name="2", reason="bounces"))).things == plan.things
    await action.execute(plan)
    assert board.states()["Spring sale"] == "running"


async def test_the_plan_binds_exactly_which_and_survives_the_database() -> None:
    board = a_board()
    action = pausing(board)
    plan = await action.preview(PAUSE_ALL)
    same = await action.preview(PAUSE_ALL)
    board.add("5", "Started since")
    other = await action.preview(PAUSE_ALL)

    assert same.digest("campaigns pause", PAUSE_ALL) == plan.digest("campaigns pause", PAUSE_ALL)
    assert other.digest("campaigns pause", PAUSE_ALL) != plan.digest("campaigns pause", PAUSE_ALL)
    await action.execute(type(plan).model_validate(plan.model_dump(mode="json")))
    assert board.states()["Started since"] == "running"


async def test_one_that_moved_meanwhile_is_told_and_left_alone_by_undo() -> None:
    board = a_board()
    action = pausing(board)
    plan = await action.preview(PAUSE_ALL)
    board.turn("2", Switch.PAUSED)

    receipt = await action.execute(plan)

    assert receipt.headline == "Paused 1 campaign: Spring sale."
    assert [fact.value for fact in receipt.facts] == ["Win-back was not running any more"]
    await action.undo(plan, stored(receipt))
    assert (board.states()["Spring sale"], board.states()["Win-back"]) == ("running", "paused")


async def test_when_none_is_as_planned_nothing_happens() -> None:
    board = a_board()
    action = pausing(board)
    plan = await action.preview(PAUSE_ALL)
    board.turn("1", Switch.OTHER)
    board.turn("2", Switch.PAUSED)

    with pytest.raises(Stale, match="Spring sale was not running any more; Win-back was not running any more"):
        await action.execute(plan)


@pytest.mark.parametrize(
    ("state", "sentence"), [(Switch.RUNNING, "'Win-back' is running"), (Switch.OTHER, "'Win-back' is other")]
)
async def test_undo_touches_nothing_once_somebody_changed_one(state: Switch, sentence: str) -> None:
    """sso-elevator#35: a time-boxed change checks for drift before it reverts."""
    board = a_board()
    action = pausing(board)
    plan = await action.preview(PAUSE_ALL)
    receipt = await action.execute(plan)
    board.turn("2", state)

    with pytest.raises(Stale, match=sentence):
        await action.undo(plan, stored(receipt))

    assert board.states()["Spring sale"] == "paused"
    del board.things["2"]
    with pytest.raises(Stale, match="'Win-back' is gone"):
        await action.undo(plan, stored(receipt))


async def test_resume_is_the_mirror() -> None:
    board = a_board()
    action = resuming(board)

    plan = await action.preview(Resume(reason="fixed"))
    receipt = await action.execute(plan)

    assert plan.headline == "Resume 1 campaign: Newsletter."
    assert plan.effects == ("Newsletter: now paused, then running",)
    assert plan.warnings == (
        "This resumes what is paused now, by whoever; undoing a pause resumes exactly what that one paused.",
    )
    assert board.states()["Newsletter"] == "running"
    await action.undo(plan, stored(receipt))
    assert board.states() == a_board().states()


async def test_undo_of_a_resume_checks_too() -> None:
    board = a_board()
    action = resuming(board)
    plan = await action.preview(Resume(name="newsletter", reason="fixed"))
    receipt = await action.execute(plan)
    board.turn("3", Switch.OTHER)

    with pytest.raises(Stale, match="'Newsletter' is other"):
        await action.undo(plan, stored(receipt))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("newsletter", "'Newsletter' is paused, not running."),
        ("old promo", "'Old promo' is archived, not running."),
        ("win-back", ""),
    ],
)
async def test_nothing_to_do(name: str, why: str) -> None:
    assert (await pausing(a_board()).preview(Pause(name=name, reason="bounces"))).nothing_to_do == why


async def test_nothing_runs() -> None:
    assert (await pausing(Board("crm")).preview(PAUSE_ALL)).nothing_to_do == "No campaign is running."


async def test_that_nothing_runs_is_only_said_of_what_could_be_read() -> None:
    """At 3 a.m. `No campaign is running` ends the search, while the service that sends them did not answer."""
    board, silent = a_board(), Board("n8n", fails=TryLater("n8n did not answer"))
    for id_ in board.things:
        board.turn(id_, Switch.PAUSED)

    everything = await pausing(board, silent).preview(PAUSE_ALL)
    one = await pausing(board, silent).preview(Pause(name="Spring sale", reason="bounces"))

    unread = "in what could be read. Could not read n8n: n8n did not answer."
    assert everything.nothing_to_do == f"No campaign is running {unread}"
    assert one.nothing_to_do == f"'Spring sale' is paused, not running {unread}"


async def test_an_id_means_its_own_thing_and_not_one_that_is_called_so() -> None:
    board = Board("crm")
    board.add("1", "2")
    board.add("2", "all")

    plan = await pausing(board).preview(Pause(name="2", reason="bounces"))

    assert plan.target == "crm: all (2)"
    action = pausing(board)
    await action.refresh()
    assert [(each.value, each.label) for each in await action.options("name", "all")] == [
        ("all", "all that are running"),
        ("2", "all (2)"),
    ]


async def test_an_unknown_name_is_answered_with_the_likely_one() -> None:
    with pytest.raises(
        NotUnderstood, match=r"There is no campaign 'sprnig sale'\. Did you mean 'Spring sale'"
    ) as caught:
        await pausing(a_board()).preview(Pause(name="sprnig sale", reason="bounces"))
    assert caught.value.hint == 'campaigns pause "Spring sale" reason=bounces'
    with pytest.raises(NotUnderstood, match="`campaigns` lists them") as caught:
        await pausing(a_board()).preview(Pause(name="zzz", reason="bounces"))
    assert caught.value.hint == "campaigns"


async def test_a_name_that_means_several_is_answered_with_all_of_them() -> None:
    board, other = a_board(), Board("n8n")
    other.add("9", "spring SALE")
    with pytest.raises(NotUnderstood, match="with id 1 on crm; 'spring SALE' with id 9 on n8n") as caught:
        await pausing(board, other).preview(Pause(name="Spring sale", reason="bounces"))
    assert caught.value.hint == "campaigns pause 1 reason=bounces on=crm"

    plan = await pausing(board, other).preview(Pause(name="Spring sale", on="n8n", reason="bounces"))

    assert plan.target == "n8n: spring SALE (9)"
    other.turn("9", Switch.PAUSED)
    assert list((await pausing(board, other).preview(Pause(name="Spring sale", reason="bounces"))).things) == ["crm"]


async def test_a_service_that_cannot_be_read_is_said_and_the_rest_can_still_be_paused() -> None:
    """klangk#3154: failing closed must not block an emergency stop."""
    board, silent = a_board(), Board("n8n", takes=30)

    plan = await pausing(board, silent, deadline=0.2).preview(PAUSE_ALL)

    assert plan.warnings == ("Could not read n8n: no answer within 0.2 s",)
    assert plan.headline == "Pause 2 campaigns: Spring sale, Win-back."
    with pytest.raises(TryLater, match="Could not read n8n"):
        await pausing(silent, deadline=0.2).preview(PAUSE_ALL)


class Failing(Board):
    """Can be read; pausing ends as `ends` says."""

    ends: Exception

    async def pause(self, ids: Sequence[str]) -> Flipped:
        raise self.ends


def with_failing(error: Exception) -> tuple[Board, Failing]:
    board, failing = a_board(), Failing("n8n")
    failing.add("9", "Drip")
    failing.ends = error
    return board, failing


async def test_what_one_service_refuses_does_not_lose_what_another_did() -> None:
    board, failing = with_failing(Refused("n8n says no."))
    action = pausing(board, failing)
    plan = await action.preview(PAUSE_ALL)

    receipt = await action.execute(plan)

    assert plan.effects[0] == "Spring sale on crm: now running, then paused"
    assert receipt.headline == "Paused 2 campaigns: Spring sale, Win-back."
    assert [fact.value for fact in receipt.facts] == ["n8n: n8n says no."]
    await action.undo(plan, stored(receipt))
    assert board.states() == a_board().states()


@pytest.mark.parametrize("error", [OutcomeUnknown("n8n did not answer."), RuntimeError("token=hunter2")])
async def test_an_unknown_end_says_what_is_known(error: Exception) -> None:
    board, failing = with_failing(error)
    action = pausing(board, failing)

    with pytest.raises(
        OutcomeUnknown, match=r"Paused 2 campaigns: Spring sale, Win-back\. Not sure about the rest: n8n"
    ) as caught:
        await action.execute(await action.preview(PAUSE_ALL))

    assert "hunter2" not in str(caught.value)


async def test_a_lone_services_error_is_its_own() -> None:
    _, failing = with_failing(Refused("n8n says no."))
    action = pausing(failing)

    with pytest.raises(Refused, match=r"n8n says no\."):
        await action.execute(await action.preview(PAUSE_ALL))


async def test_a_service_that_left_ops_toml_is_said() -> None:
    plan = await pausing(a_board(), a_board("old")).preview(PAUSE_ALL)

    with pytest.raises(Stale, match=r"ops\.toml no longer names old"):
        await pausing(a_board()).execute(plan)


async def test_options_are_read_in_the_background_and_answered_from_memory() -> None:
    """bolt-python#1083: options come from a cache already in memory."""
    board = a_board()
    board.add("5", "Win-back")
    action, mirror = pausing(board), resuming(board)
    assert await action.options("name", "") == []

    await action.refresh()
    await mirror.refresh()
    board.fails = TryLater("no.")
    await action.refresh()
    calls = board.calls

    assert [option.value for option in await action.options("name", "")] == ["all", "Spring sale", "2", "5"]
    assert [option.label for option in await action.options("name", "win")] == ["Win-back (2)", "Win-back (5)"]
    assert [option.value for option in await mirror.options("name", "")] == ["all", "Newsletter"]
    assert [option.value for option in await mirror.options("on", "")] == ["crm"]
    assert board.calls == calls
