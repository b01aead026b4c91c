"""*Show all*: everything behind a card, in a modal that turns pages, filters, and sends its table as CSV."""

from dataclasses import dataclass, field
from typing import Any

from cachetools import TTLCache

from bot.road import Shown
from bot.slack.door.conversation import Conversation
from bot.slack.door.forms import Forms
from bot.slack.door.payloads import Click, Submission
from bot.slack.views import modals
from bot.slack.views.all_rows import FILTER, whole_view
from bot.slack.views.kit import Message
from bot.slack.views.place import Origin, Routing
from bot.slack.views.reports import csv_file, redacted
from bot.words.report import PersonId, Report
from bot.words.request import Said, Via


@dataclass(frozen=True)
class Whole:
    conversation: Conversation
    forms: Forms
    _kept: TTLCache[tuple[PersonId, str], Report] = field(default_factory=lambda: TTLCache(64, ttl=300))
    """What one person turns pages of; another process asks anew."""

    async def open(self, click: Click) -> None:
        """The words are asked again: what they may see is judged now, and it is not older than the click."""
        routing = Routing(channel=click.origin.channel, thread=click.origin.thread, words=click.value)
        view_id = await self.forms.loading(click.origin, "All of it", routing)
        if view_id is not None:
            self._kept.pop((click.origin.who, click.value), None)
            await self._show(view_id, click.origin, routing, click.delivery)

    async def turn(self, click: Click) -> None:
        page = int(click.value) if click.value.isdecimal() else 0
        await self._show(click.view_id, click.origin, click.routing.model_copy(update={"page": page}), click.delivery)

    def waiting(self, sent: Submission) -> dict[str, Any]:
        """The ack of a filter: what is kept may have to be asked for again first."""
        return {"response_action": "update", "view": modals.loading("All of it", sent.routing)}

    async def filter(self, sent: Submission) -> None:
        routing = sent.routing.model_copy(update={"wanted": sent.fields.get(FILTER, "")[:200], "page": 0})
        await self._show(sent.view_id, sent.origin, routing, sent.delivery)

    async def send_csv(self, click: Click) -> None:
        report = await self._report(click.origin, click.routing, click.delivery)
        if report is None:
            return
        if report.well is not None and report.well.table is not None:
            report = report.model_copy(update={"table": report.well.table})
        road = self.conversation.road
        told = Message(f"{report.title} as CSV; the file is in your direct messages with me.")
        file = csv_file(report, road.judge.directory.name)
        await self.conversation.teller.privately(click.origin, Message(told.text, file=file))

    async def _show(self, view_id: str, origin: Origin, routing: Routing, delivery: str) -> None:
        report = await self._report(origin, routing, delivery)
        if report is None:
            await self.forms.replace(view_id, modals.told("Not shown", "It could not be shown; the answer says why."))
        else:
            await self.forms.replace(view_id, whole_view(report, routing, self.conversation.road.clock()))

    async def _report(self, origin: Origin, routing: Routing, delivery: str) -> Report | None:
        key = (origin.who, routing.words)
        if key not in self._kept:
            said = Said(
                who=origin.who,
                words=routing.words,
                via=Via.BUTTON,
                channel=origin.channel,
                thread=origin.thread,
                delivery=delivery,
            )
            reply = await self.conversation.keep(said)
            if not isinstance(reply, Shown) or reply.report.secret:
                await self.conversation.answer(reply, origin)
                return None
            self._kept[key] = redacted(reply.report, self.conversation.road.redactor)
        return self._kept[key]
