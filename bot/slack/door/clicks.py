"""Buttons. A decision is committed before its ack; every click gets its own private answer."""

import re
from dataclasses import dataclass

import structlog

from bot.road import Reply
from bot.slack.door.conversation import Conversation
from bot.slack.door.forms import Forms
from bot.slack.door.home_tab import HomeTab
from bot.slack.door.payloads import Click
from bot.slack.door.picker import Picker
from bot.slack.door.whole import Whole
from bot.slack.views import cards, modals
from bot.slack.views.place import Routing
from bot.words.exceptions import OpsError
from bot.words.ports import Outbox
from bot.words.request import Answer, RequestId, Said, Via

log = structlog.get_logger(__name__)

OLDER = Answer(text="This button is out of date.", hint="help")

SAID = {
    "withdraw": "withdraw {}",
    "undo": "undo {}",
    "end": "end {}",
    "extend": "extend {} 1h",
    "reconcile_done": "reconcile {} done",
    "reconcile_failed": "reconcile {} failed",
    "review": "review {}",
}
"""Decisions that are words like any others, by the button that says them about a request."""

ON_CARDS = frozenset({*SAID, "approve", "confirm", "reject", "type_phrase", "ask_again", "show"})
"""Their value is a request's id and nothing else."""


@dataclass(frozen=True)
class Clicks:
    conversation: Conversation
    forms: Forms
    picker: Picker
    home: HomeTab
    outbox: Outbox
    whole: Whole

    def decides(self, click: Click) -> bool:
        """Whether this button decides something about a request, so that its person's roles must be fresh."""
        return click.action_id in {*SAID, "approve", "confirm"} and _is_request(click.value)

    async def decide(self, click: Click) -> Reply | None:
        """What has to be kept before the ack; None where nothing is decided by this button."""
        if click.action_id not in ON_CARDS or not _is_request(click.value):
            return None
        try:
            return await self._decided(click, RequestId(click.value))
        except OpsError as error:
            return Answer(text=f"Not kept: {error}")

    async def _decided(self, click: Click, request: RequestId) -> Reply | None:
        road = self.conversation.road
        if click.action_id in ("approve", "confirm"):
            return await road.vote(request, click.origin.who, approve=True, via=_via(click))
        if click.action_id in SAID:
            return await self.conversation.keep(self.said(click, SAID[click.action_id].format(request)))
        if click.action_id == "ask_again":
            return await road.accept_again(self.said(click, ""), request)
        return None

    async def follow_up(self, click: Click, decided: Reply | None) -> None:
        """Everything after the ack."""
        if decided is not None:
            await self.conversation.answer(decided, click.origin)
        else:
            await self._serve(click)
        await self._redraw(click)

    async def _serve(self, click: Click) -> None:
        on_card = click.action_id in ON_CARDS
        match click.action_id.partition(":")[0]:
            case _ if on_card and not _is_request(click.value):
                await self.conversation.answer(OLDER, click.origin)
            case "reject" | "type_phrase":
                await self._ask_in_a_form(click)
            case "show":
                await self.conversation.hear(self.said(click, f"show {click.value}"), click.origin)
            case "say" if click.value:
                heard = self.conversation.road.hear(self.said(click, click.value))
                await self.forms.hear(heard, click.origin, quietly=False)
            case "share" if click.value:
                reply = await self.conversation.keep(self.said(click, click.value))
                await self.conversation.answer(reply, click.origin, shared_by=click.origin.who)
            case "all" if click.value:
                await self.whole.open(click)
            case "page" if click.routing.words:
                await self.whole.turn(click)
            case "csv" if click.routing.words:
                await self.whole.send_csv(click)
            case "open_form" if click.value:
                await self.forms.open(click.origin, click.value)
            case "pick_command":
                await self.picker.open(click.origin)
            case "picked_command" if click.value and click.view_id:
                await self.picker.picked(click)
            case _:
                log.info("unknown_button", action=click.action_id)
                await self.conversation.answer(OLDER, click.origin)

    async def _ask_in_a_form(self, click: Click) -> None:
        """The reason of a rejection, the phrase of a self-approval; the trigger is used at once."""
        origin, id = click.origin, RequestId(click.value)
        routing = Routing(channel=origin.channel, thread=origin.thread, request=id)
        view_id = await self.forms.loading(origin, f"{id}", routing)
        if view_id is None:
            return
        request = await self.conversation.road.requests.get(id)
        if request is None:
            await self.forms.replace(view_id, modals.told("Not found", f"There is no request {id}."))
            return
        headline = cards.headline(request)
        if click.action_id == "reject":
            view = modals.reject(id, headline, routing)
        else:
            view = modals.phrase(id, headline, cards.phrase_of(request), routing)
        await self.forms.replace(view_id, view)

    async def _redraw(self, click: Click) -> None:
        if click.on_home:
            await self.home.publish(click.origin.who)
        elif click.action_id in ON_CARDS and click.message_ts and click.origin.channel and _is_request(click.value):
            await self.outbox.found(RequestId(click.value), click.origin.channel, click.message_ts)

    def said(self, click: Click, words: str) -> Said:
        origin = click.origin
        return Said(
            who=origin.who,
            words=words,
            via=_via(click),
            channel=origin.channel,
            thread=origin.thread,
            delivery=click.delivery,
        )


def _via(click: Click) -> Via:
    return Via.HOME if click.on_home else Via.BUTTON


def _is_request(value: str) -> bool:
    return re.fullmatch(r"R[1-9]\d{0,11}", value, re.ASCII) is not None
