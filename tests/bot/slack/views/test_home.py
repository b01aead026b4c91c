"""Home: empty, full, at its longest; and nothing on it that its reader may not press."""

from datetime import timedelta
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.slack.views import blockkit
from bot.slack.views.home import HomeFacts, home
from bot.words.dashboard import Dashboard, Known, OldKey
from bot.words.ports import Freeze
from bot.words.report import PersonId
from bot.words.request import Mode, Request, RequestId, Review, State
from tests.bot.slack import made

NOW = made.AT + timedelta(minutes=3)
HOUR = timedelta(hours=1)


def drawn(person: PersonId, board: Dashboard | None = None, **more: Any) -> dict[str, Any]:
    view = home(HomeFacts(person, board or Dashboard(), NOW, **more))
    assert blockkit.problems(view, "home") == []
    return view


def buttons(view: dict[str, Any], request: str) -> list[str]:
    """Labels of those that are about one request."""
    elements = [each for block in view["blocks"] for each in (*block.get("elements", ()), block.get("accessory") or {})]
    return [each["text"]["text"] for each in elements if each.get("value") == request]


def known(service: str, health: str, minutes: int = 6) -> Known:
    return Known(service=service, health=health, since=made.AT - timedelta(minutes=minutes), seen_at=made.AT)


def timed(**more: Any) -> Request:
    return made.request(State.DONE, **{"requester": made.MIA, "ends_at": NOW + HOUR, **more})


BOARD = Dashboard(
    open=(
        made.request(State.WAITING),
        made.request(State.WAITING, Mode.TYPED, id="R43", requester=made.MIA),
        timed(id="R44", requester=made.BEN),
        made.request(State.DONE, Mode.TYPED, id="R45", **made.REVIEW),
        made.request(State.UNKNOWN, id="R46"),
        made.request(State.WAITING, Mode.CONFIRM, id="R47", requester=made.BEN, needs=made.needs(Mode.CONFIRM)),
        timed(id="R48", requester=made.BEN, needs=None, ends_at=made.AT, end_tries=1, end_again_at=NOW + HOUR),
    ),
    recent=(
        made.request(State.WAITING, Mode.TYPED, id="R43", requester=made.MIA),
        made.request(State.UNDONE, id="R40", requester=made.MIA),
        made.request(State.REJECTED, id="R39", requester=made.MIA),
    ),
    services=(
        known("hubspot", "degraded"),
        known("n8n", "ok"),
        known("payments-api", "down"),
        known("voice", "of a later version", minutes=0),
    ),
    keys=(OldKey(service="n8n", setting="services.n8n.api_key", since=made.AT - timedelta(days=100)),),
)


def test_home_with_everything(json: SnapshotAssertion) -> None:
    freeze = Freeze(name="sale", reason="the sale runs", until=NOW + 2 * HOUR, by=made.LEO)
    assert drawn(made.MIA, BOARD, may=lambda words: True, freeze=freeze) == json


def test_home_of_somebody_new(json: SnapshotAssertion) -> None:
    assert drawn(made.BEN) == json


def test_home_at_its_longest() -> None:
    waiting = [made.request(State.WAITING, id=f"R{n}", plan=made.plan(headline="x" * 3000)) for n in range(1, 90)]
    lasting = [timed(id=f"R{n}", review=Review.NONE) for n in range(100, 190)]
    late = [timed(id=f"R{n}", requester=made.BEN, needs=None, ends_at=made.AT, end_tries=1) for n in range(200, 290)]
    services = tuple(known(f"service-{n}" * 9, "down") for n in range(90))
    mine = tuple(made.request(State.WAITING, id=f"R{n}", requester=made.MIA) for n in range(90, 95))
    board = Dashboard(open=(*waiting, *lasting, *late), recent=mine, services=services, keys=BOARD.keys * 9)
    view = drawn(made.MIA, board, may=lambda words: True, freeze=Freeze(name="f", reason="y" * 3000, by=made.LEO))
    assert len(view["blocks"]) <= 100
    assert "81 more: type `/ops requests`" in str(view)
    assert "82 more: type `/ops health`" in str(view)
    assert view["blocks"][-1]["accessory"]["text"]["text"] == "Withdraw"


APPROVING = ["Approve and run", "Reject…"]
TWO = made.needs(count=2)


@pytest.mark.parametrize(
    ("person", "request_", "pressed"),
    [
        (made.MIA, made.request(State.WAITING), [*APPROVING, "Show plan"]),
        (made.ANA, made.request(State.WAITING), []),
        (made.ANA, made.request(State.WAITING, Mode.TYPED), ["Type to approve…", "Withdraw", "Show plan"]),
        (made.MIA, made.request(State.WAITING, Mode.TYPED), [*APPROVING, "Show plan"]),
        (made.ANA, made.request(State.WAITING, Mode.CONFIRM), ["Run it", "Cancel", "Show plan"]),
        (made.MIA, made.request(State.WAITING, Mode.CONFIRM), []),
        (
            made.MIA,
            made.request(State.WAITING, needs=TWO),
            ["Approve (2 of 2)", "Reject…", "Show plan"],
        ),
        (made.MIA, made.request(State.UNKNOWN), ["Show plan"]),
        (made.BEN, timed(), ["Show"]),
    ],
)
def test_nobody_sees_a_button_that_they_may_not_press(person: PersonId, request_: Request, pressed: list[str]) -> None:
    board = Dashboard(open=(request_,), yes={RequestId("R42"): 1})
    assert buttons(drawn(person, board), "R42") == pressed


def test_what_i_voted_on_or_may_not_decide_any_more_needs_me_no_longer() -> None:
    waits = made.request(State.WAITING)
    for view in (
        drawn(made.MIA, Dashboard(open=(waits,), voted=frozenset({waits.id}))),
        drawn(made.MIA, Dashboard(open=(waits,)), barred=frozenset({waits.id})),
    ):
        assert buttons(view, "R42") == []
        assert "Nothing needs you" in str(view)


@pytest.mark.parametrize(
    ("may", "pressed"),
    [
        ({"end", "extend", "retry"}, ["Extend 1 h", "End now", "Show"]),
        ({"end", "retry"}, ["End now", "Show"]),
        ({"end", "extend"}, ["Show"]),
    ],
)
def test_who_may_not_ask_for_the_change_neither_extends_nor_ends_it(may: set[str], pressed: list[str]) -> None:
    assert buttons(drawn(made.BEN, Dashboard(open=(timed(),)), may=may.__contains__), "R42") == pressed


def test_groups_that_cannot_be_read_are_said() -> None:
    assert "Slack does not tell the members of leads, oncall" in str(drawn(made.MIA, unread=("leads", "oncall")))
