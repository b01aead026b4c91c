"""Gathers the facts of this moment and asks policy: the one `authorize`, at typing, at every click and at execution."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from cachetools import LRUCache

from bot.ask.catalogue import Catalogue
from bot.decide.policy import Decision, Deny, Policy, Question, approvers, concerned, decide
from bot.words.action import AnyAction, Asker, Risk
from bot.words.ports import Clock, Directory, Freeze, Freezes, Requests, Standing
from bot.words.report import PersonId
from bot.words.request import Request, Said, Via


class Place(NamedTuple):
    """Where something is asked, as far as rules look at it."""

    via: Via
    channel: str | None
    name: str | None


ANYWHERE = Place(Via.TERMINAL, None, None)


@dataclass
class _Remembered:
    """Words that people may ask for, as long as these facts hold."""

    facts: object = None
    words: LRUCache[tuple[PersonId, PersonId | None, Place], frozenset[str]] = field(
        default_factory=lambda: LRUCache(512)
    )


@dataclass(frozen=True)
class Judge:
    catalogue: Catalogue
    policy: Policy
    requests: Requests
    freezes: Freezes
    directory: Directory
    clock: Clock
    _remembered: _Remembered = field(default_factory=_Remembered, compare=False)

    def of_words(
        self,
        said: Said,
        action: AnyAction,
        risk: Risk,
        *,
        override: bool = False,
        glass: bool = False,
        frozen: Freeze | None = None,
    ) -> Decision:
        """Before there is a request; from memory, so `frozen` is the caller's to read."""
        question = Question(
            action=action.words,
            risk=risk,
            who=said.who,
            on_behalf_of=said.on_behalf_of,
            via=said.via,
            now=self.clock(),
            channel=said.channel,
            channel_name=self._channel_name(said.channel),
            shared=bool(said.channel and self.directory.is_shared(said.channel)),
            override=override,
            break_glass=glass,
            frozen=frozen,
            restricted=action.restricted,
            for_everyone=action.for_everyone,
        )
        return decide(question, self.policy, self.directory.roster())

    async def of_request(self, request: Request) -> Decision:
        """For a stored request, or one that is about to get its plan, from the facts of this moment."""
        last_run = self.requests.last_run(request.action, request.target)
        frozen, ran = await asyncio.gather(self.freezes.current(), last_run)
        return self._decided(request, frozen, ran)

    def of_standing(self, standing: Standing) -> Decision:
        """The same, from facts that were read together; roles and freeze windows are those of this moment."""
        return self._decided(standing.request, standing.frozen, standing.last_run)

    def _decided(self, request: Request, frozen: Freeze | None, last_run: datetime | None) -> Decision:
        own = self.catalogue.get(request.action)
        question = replace(self._question(request), frozen=frozen, last_run=last_run if request.target else None)
        roster = self.directory.roster()
        if own and own.words != question.action:
            # Undoing is ruled like what it undoes, but whoever undoes must be one who may type undo, too.
            asking = replace(question, action=own.words, risk=Risk.READ, restricted=own.restricted)
            if isinstance(denied := decide(asking, self.policy, roster), Deny):
                return denied
        return decide(question, self.policy, roster)

    async def declared(self) -> Freeze | None:
        """The freeze that somebody declared and that holds now."""
        return await self.freezes.current()

    async def frozen(self) -> Freeze | None:
        """The freeze that holds now: declared, or a window of ops.toml."""
        return await self.freezes.current() or self.policy.freeze_window(self.clock())

    def approvers(self, request: Request) -> frozenset[PersonId]:
        """Who may approve such a request at this moment; never its owners."""
        return approvers(self._question(request), self.policy, self.directory.roster())

    def concerned(self, request: Request) -> frozenset[PersonId]:
        """Who may ask for such a change or approve it at this moment: those who can do something about it."""
        return concerned(self._question(request), self.policy, self.directory.roster())

    def _question(self, request: Request) -> Question:
        # A rule of ops.toml for undo, end or extend themselves goes before that of what they act on.
        governed_by = None if request.action in self.policy.rules else (request.plan or {}).get("governed_by")
        governing = self.catalogue.get(str(governed_by or request.action))
        return Question(
            action=governing.words if governing else request.action,
            risk=request.risk,
            who=request.requester,
            on_behalf_of=request.on_behalf_of,
            via=request.via,
            now=self.clock(),
            channel=request.channel,
            channel_name=self._channel_name(request.channel),
            target=request.target,
            override=bool(request.override),
            break_glass=bool(request.break_glass),
            escalated=request.escalated,
            restricted=governing.restricted if governing else False,
        )

    def asker(self, who: PersonId, on_behalf_of: PersonId | None, channel: str | None) -> Asker:
        person = on_behalf_of or who
        roster = self.directory.roster()
        roles = frozenset(role for role, people in roster.members.items() if person in people)
        return Asker(who, roles, on_behalf_of, channel, tuple(sorted(roster.unreadable)))

    @cached_property
    def names_channels(self) -> bool:
        """Whether some rule holds in some channels alone."""
        return any("*" not in rule.channels for rule in self.policy.rules.values() if rule.channels is not None)

    def may_ask(self, asker: Asker, via: Via = Via.SLASH) -> Callable[[AnyAction], bool]:
        """Whether this asker may ask for an action here: for help, Home and forms. Never for what is then done."""
        place = Place(via, asker.channel, self._channel_name(asker.channel)) if self.names_channels else ANYWHERE
        words = self._askable(asker.person, asker.on_behalf_of, place)
        return lambda action: action.words in words

    def _askable(self, person: PersonId, on_behalf_of: PersonId | None, place: Place) -> frozenset[str]:
        """Words of what may be asked. They hang on roles, freeze windows and, where a rule names channels, the place:
        decided once until one of those changes, and not for each command of each help."""
        roster, window = self.directory.roster(), self.policy.freeze_window(self.clock())
        facts = (roster.members, roster.unreadable, window and window.name)
        if self._remembered.facts != facts:
            self._remembered.facts = facts
            self._remembered.words.clear()
        key = (person, on_behalf_of, place)
        words = self._remembered.words.get(key)
        if words is None:
            said = Said(who=person, on_behalf_of=on_behalf_of, words="", via=place.via, channel=place.channel)
            words = self._remembered.words[key] = frozenset(
                action.words
                for action in self.catalogue
                if not isinstance(self.of_words(said, action, action.risk, override=True), Deny)
            )
        return words

    def _channel_name(self, channel: str | None) -> str | None:
        return self.directory.channel_name(channel) if channel else None
