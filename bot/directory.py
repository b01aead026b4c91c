"""Who is in which role, from memory: what ops.toml says, and what was last read of Slack's user groups and names."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime, Field

from bot.decide.policy import Role
from bot.settings import OpsToml
from bot.words.params import duration_text
from bot.words.ports import Clock, Roster
from bot.words.report import Frozen, PersonId


class Group(Frozen):
    """One Slack user group as last read. `problem` is why the last try failed, empty if it did not."""

    members: tuple[PersonId, ...] = ()
    read_at: AwareDatetime | None = None
    problem: str = ""


class Standing(StrEnum):
    """What keeps an account of Slack from having roles."""

    DEACTIVATED = "deactivated"
    BOT = "bot"
    GUEST = "guest"
    """Of one or several channels; has roles where the role says `guests = true`."""


class Snapshot(Frozen):
    """The last reading of Slack. Kept in the database too, so that the terminal works while Slack is down."""

    groups: Mapping[str, Group] = Field(default_factory=dict)
    """By user group id."""
    names: Mapping[str, str] = Field(default_factory=dict)
    """Display names by user id."""
    channels: Mapping[str, str] = Field(default_factory=dict)
    """Channel names without # by id."""
    standings: Mapping[str, Standing] = Field(default_factory=dict)
    """By user id; nothing is kept of an ordinary member."""
    shared: frozenset[str] = frozenset()
    """Ids of channels that people of another organisation read."""


class People:
    """The Directory. `learn` replaces what is known of Slack; nothing here waits for anything."""

    def __init__(self, settings: OpsToml, clock: Clock, snapshot: Snapshot | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._own_names = {person.slack: name for name, person in settings.people.items()}
        self.learn(snapshot or Snapshot())

    def learn(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._roster: Roster | None = None

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def groups(self) -> tuple[str, ...]:
        """Ids of the user groups that some role names."""
        return tuple(sorted({role.group for role in self._settings.roles.values() if role.group}))

    def roster(self) -> Roster:
        """A group that was not read for longer than `team.groups_live` has nobody in it: refused, not guessed."""
        now = self._clock()
        # Made anew at most once a second: decisions ask for it many times in a burst.
        if self._roster is not None and abs(now - self._roster.read_at) < timedelta(seconds=1):
            return self._roster
        members: dict[str, frozenset[PersonId]] = {}
        unreadable: dict[str, str] = {}
        for name, role in self._settings.roles.items():
            named = {person.slack for person in self._settings.people.values() if name in person.roles}
            if role.group:
                group = self._snapshot.groups.get(role.group, Group())
                if problem := self._stale(group):
                    unreadable[name] = problem
                else:
                    named |= set(group.members)
            members[name] = frozenset(person for person in named if self._may_hold(person, role))
        self._roster = Roster(members=members, unreadable=unreadable, read_at=now)
        return self._roster

    def _may_hold(self, person: PersonId, role: Role) -> bool:
        standing = self._snapshot.standings.get(person)
        return standing is None or (standing is Standing.GUEST and role.guests)

    def gone(self) -> Mapping[str, Mapping[PersonId, Standing]]:
        """By role, who would be in it, were it not for what their account in Slack has become."""
        found: dict[str, dict[PersonId, Standing]] = {}
        for name, role in self._settings.roles.items():
            named = {person.slack for person in self._settings.people.values() if name in person.roles}
            named |= set(self._snapshot.groups.get(role.group or "", Group()).members)
            barred = {person: self._snapshot.standings[person] for person in named if not self._may_hold(person, role)}
            found |= {name: barred} if barred else {}
        return found

    def _stale(self, group: Group) -> str:
        if group.read_at is None:
            return group.problem or "its user group was never read"
        lives = self._settings.team.groups_live
        if self._clock() - group.read_at <= lives:
            return ""
        since = f"its user group was last read more than {duration_text(lives)} ago"
        return f"{since}: {group.problem}" if group.problem else since

    def name(self, person: PersonId) -> str:
        return self._own_names.get(person) or self._snapshot.names.get(person) or person

    def channel_name(self, channel: str) -> str:
        return self._snapshot.channels.get(channel, "")

    def is_shared(self, channel: str) -> bool:
        """Whether people of another organisation may read it; of a channel that is not known, they may."""
        return channel not in self._snapshot.channels or channel in self._snapshot.shared

    def channel_id(self, wanted: str | None) -> str | None:
        """The id of `#name`, or what was given if it is an id already; None for an unknown name."""
        if wanted is None or not wanted.startswith("#"):
            return wanted
        return next((id_ for id_, name in self._snapshot.channels.items() if name == wanted[1:]), None)
