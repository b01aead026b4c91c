"""Goes on telling what is new of a lookup, in one thread, until its time is over or somebody stops it."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.ask.catalogue import Catalogue
from bot.words.action import Followable
from bot.words.exceptions import OpsError
from bot.words.follow import Follow, Follows
from bot.words.params import Params
from bot.words.ports import Clock, Entry, Outbox
from bot.words.report import Fact, Moment, Report, Suggestion
from bot.words.request import Said

log = structlog.get_logger(__name__)
EVERY = timedelta(seconds=10)
"""Between two looks of one follow."""


@dataclass(frozen=True)
class Following:
    catalogue: Catalogue
    follows: Follows
    outbox: Outbox
    clock: Clock

    async def start(self, said: Said, action: Followable[Params], params: Params, span: timedelta) -> Follow | None:
        """None in the terminal: there is no thread to tell it in."""
        if said.channel is None:
            return None
        wanted = Follow(
            id=0,
            action=action.words,
            params=params.model_dump(mode="json"),
            by=said.who,
            channel=said.channel,
            thread=said.thread,
            cursor=(await action.news(params, ""))[1],
            until=self.clock() + span,
        )
        entry = Entry(kind="following", actor=said.who, on_behalf_of=said.on_behalf_of, action=action.words)
        follow = await self.follows.start(wanted, entry)
        root = Report(
            title=f"Following {action.words}",
            lead="What is new comes into this thread.",
            facts=(Fact(label="Until", value=Moment(at=follow.until)),),
            suggestions=(Suggestion(label="Stop", words=f"unfollow {follow.id}"),),
        )
        await self.outbox.post(follow.channel, key=_root(follow), report=root, thread=follow.thread)
        return follow

    async def sweep(self) -> None:
        """One look for each follow that is due; a source that fails is asked again next time, from the same place."""
        for follow in await self.follows.take(self.clock(), EVERY):
            action = self.catalogue.get(follow.action)
            thread = follow.thread or await self.outbox.ts_of(_root(follow))
            if not isinstance(action, Followable) or thread is None:
                continue
            try:
                report, cursor = await action.news(action.params_type.model_validate(follow.params), follow.cursor)
            except OpsError as error:
                log.info("follow_failed", follow=follow.id, error=str(error))
                continue
            if report is not None:
                # The place it was read from makes the key: a second replica that read the same tells nothing.
                key = f"{_root(follow)}:{follow.cursor}"
                await self.outbox.post(follow.channel, key=key, report=report, thread=thread)
            await self.follows.move_on(follow.id, cursor)


def _root(follow: Follow) -> str:
    return f"follow:{follow.id}"
