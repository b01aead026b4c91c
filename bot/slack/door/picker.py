"""Run something…: a searchable list of what this person may run, each of which opens its form."""

from dataclasses import dataclass
from typing import Any

from bot.slack.door.forms import Forms
from bot.slack.door.payloads import Click, OptionsAsked, Submission
from bot.slack.views import modals
from bot.slack.views.kit import View
from bot.slack.views.place import Origin, Routing
from bot.words.request import Said, Via

PICK = "pick"
_NOTHING = "-"


@dataclass(frozen=True)
class Picker:
    forms: Forms

    async def open(self, origin: Origin) -> None:
        await self.forms.show(origin, modals.pick_command(Routing(channel=origin.channel, thread=origin.thread)))

    def options(self, asked: OptionsAsked) -> list[dict[str, Any]]:
        """Commands that they may ask for and that some service can carry out; every word typed is in one."""
        road = self.forms.conversation.road
        allowed = road.judge.may_ask(road.asker(Said(who=asked.who, words="", via=Via.HOME)), Via.HOME)
        wanted = asked.typed.casefold().split()
        found = [
            modals.option(action.words, f"{action.words}: {action.summary}")
            for action in sorted(road.catalogue, key=lambda action: action.words)
            if allowed(action) and all(word in f"{action.words} {action.summary}".casefold() for word in wanted)
        ]
        return found[:100] or [modals.option(_NOTHING, "Nothing that you may run has these words")]

    async def picked(self, click: Click) -> None:
        """The form takes the place of the list."""
        if click.value != _NOTHING:
            await self.forms.replace(click.view_id, await self._form(click.value, click.routing))

    async def form(self, sent: Submission) -> View:
        return await self._form(sent.fields.get("command", ""), sent.routing)

    async def _form(self, words: str, routing: Routing) -> View:
        return await self.forms.of(words, routing.model_copy(update={"action": words}))
