"""Gathers the facts of this moment and asks policy: the one `authorize`, at typing, at every click and at execution."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.ask.catalogue import Catalogue
from bot.decide.policy import Decision, Deny, Policy, Question, approvers, concerned, decide
from bot.words.action import AnyAction, Asker, Risk
from bot.words.ports import Clock, Directory, Freeze, Freezes, Requests
from bot.words.report import PersonId
from bot.words.request import Request, Said, Via


@dataclass(frozen=True)
class Judge:
    catalogue: Catalogue
    policy: Policy
    requests: Requests
    freezes: Freezes
    directory: Directory
    clock: Clock

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
            override=override,
            break_glass=glass,
            frozen=frozen,
            restricted=action.restricted,
            for_everyone=action.for_everyone,
        )
        return decide(question, self.policy, self.directory.roster())

    async def of_request(self, request: Request) -> Decision:
        """For a stored request, from the facts of this moment."""
        own = self.catalogue.get(request.action)
        last_run = self.requests.last_run(request.action, request.target)
        frozen, ran = await asyncio.gather(self.freezes.current(), last_run)
        question = replace(self._question(request), frozen=frozen, last_run=ran if request.target else None)
        roster = self.directory.roster()
        if own and own.words != question.action:
            # Undoing is ruled like what it undoes, but whoever undoes must be one who may type undo, too.
            asking = replace(question, action=own.words, risk=Risk.READ, restricted=own.restricted)
            if isinstance(denied := decide(asking, self.policy, roster), Deny):
                return denied
        return decide(question, self.policy, roster)

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
        members = self.directory.roster().members
        roles = frozenset(role for role, people in members.items() if person in people)
        return Asker(who, roles, on_behalf_of, channel)

    def may_ask(self, asker: Asker, via: Via) -> Callable[[AnyAction], bool]:
        said = Said(who=asker.person, on_behalf_of=asker.on_behalf_of, channel=asker.channel, words="", via=via)
        return lambda action: not isinstance(self.of_words(said, action, action.risk, override=True), Deny)

    def _channel_name(self, channel: str | None) -> str | None:
        return self.directory.channel_name(channel) if channel else None
