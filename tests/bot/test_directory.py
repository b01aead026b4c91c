"""Who is in which role: from ops.toml, and from user groups that were read, and lately."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.directory import Group, People, Snapshot
from bot.settings import parse_toml
from bot.words.report import PersonId

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ANA, MIA, LEO = PersonId("U0ANA"), PersonId("U0MIA"), PersonId("U0LEO")
TOML: dict[str, Any] = {
    "team": {"groups_live": "2h"},
    "people": {"ana": {"slack": ANA, "roles": ["lead", "engineer"]}, "leo": {"slack": LEO}},
    "roles": {"engineer": {}, "lead": {"group": "S0LEADS"}, "empty": {}, "ghost": {"group": "S0GHOST"}},
}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def people(clock: Clock, **groups: Group) -> People:
    channels, names = {"C1": "ops", "C2": "inc-7"}, {MIA: "Mia K.", ANA: "Ana of Slack"}
    return People(parse_toml(TOML), clock, Snapshot(groups=groups, names=names, channels=channels))


def read(*members: PersonId, at: datetime = NOW, problem: str = "") -> Group:
    return Group(members=members, read_at=at, problem=problem)


def test_people_named_and_people_of_groups(clock: Clock) -> None:
    roster = people(clock, S0LEADS=read(MIA), S0GHOST=read()).roster()
    assert roster.members == {
        "engineer": {ANA}, "lead": {ANA, MIA}, "empty": frozenset(), "ghost": frozenset(),
    }  # fmt: skip
    assert roster.unreadable == {}


def test_a_group_that_was_never_read_has_nobody_in_it(clock: Clock) -> None:
    """hermes-agent#36848: what cannot be read means nobody, never everyone. Those named in ops.toml are still there."""
    roster = people(clock, S0LEADS=Group(problem="missing_scope")).roster()
    assert (roster.members["lead"], roster.members["ghost"]) == (frozenset({ANA}), frozenset())
    assert roster.unreadable == {"lead": "missing_scope", "ghost": "its user group was never read"}


def test_a_group_is_trusted_for_a_while_after_it_was_read(clock: Clock) -> None:
    """oncall#4087: one slow group sync held up every alert: the directory is a cache, and never waits."""
    directory = people(clock, S0LEADS=read(MIA, problem="slack is down"), S0GHOST=read())
    clock.now += timedelta(hours=2)
    assert directory.roster().members["lead"] == {ANA, MIA}
    clock.now += timedelta(seconds=1)
    roster = directory.roster()
    assert roster.members["lead"] == {ANA}
    assert roster.unreadable["lead"] == "its user group was last read more than 2h ago: slack is down"
    assert roster.unreadable["ghost"] == "its user group was last read more than 2h ago"


def test_what_is_learnt_counts_at_once(clock: Clock) -> None:
    directory = people(clock, S0LEADS=read(MIA))
    assert MIA in directory.roster().members["lead"]
    directory.learn(Snapshot(groups={"S0LEADS": read(LEO)}))
    assert directory.roster().members["lead"] == {ANA, LEO}


def test_a_clock_that_is_set_back_does_not_keep_an_old_roster(clock: Clock) -> None:
    directory = people(clock, S0LEADS=read(MIA, at=NOW - timedelta(hours=2, minutes=30)))
    assert directory.roster().members["lead"] == {ANA}
    clock.now -= timedelta(hours=1)
    assert directory.roster().members["lead"] == {ANA, MIA}


def test_names_and_channels(clock: Clock) -> None:
    directory = people(clock)
    assert [directory.name(person) for person in (ANA, MIA, LEO, PersonId("U0EVE"))] == [
        "ana",
        "Mia K.",
        "leo",
        "U0EVE",
    ]
    assert (directory.channel_name("C1"), directory.channel_name("C9")) == ("ops", "")
    wanted = ("#inc-7", "C9", None, "#nowhere")
    assert [directory.channel_id(channel) for channel in wanted] == ["C2", "C9", None, None]
    assert directory.groups() == ("S0GHOST", "S0LEADS")
