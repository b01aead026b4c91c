"""Views: opened at once, filled when the form is known, and what becomes of what was sent in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.ask.as_written import tidy
from bot.ask.parse import RESERVED, Heard, Incomplete, Kind, NotFilled, Parsed, fields_of, filled
from bot.road import Reply
from bot.slack.door.conversation import Conversation
from bot.slack.door.payloads import OptionsAsked, Submission
from bot.slack.views import modals
from bot.slack.views.kit import View
from bot.slack.views.place import Origin, Routing
from bot.tell.sentences import same_phrase
from bot.words.action import AnyAction, Change, Lookup, Risk
from bot.words.exceptions import NotUnderstood, OpsError
from bot.words.params import pairs
from bot.words.request import Answer, RequestId, Said, Via

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Taken:
    """What to ack a form with, and what is left to be done after it."""

    ack: Mapping[str, Any]
    reply: Reply | None = None
    heard: Heard | None = None
    """A lookup: asked after the ack."""


@dataclass(frozen=True)
class Forms:
    conversation: Conversation
    client: AsyncWebClient

    # -- opening -----------------------------------------------------------------------------

    async def open(self, origin: Origin, words: str) -> None:
        """The form of an action, by its words."""
        routing = Routing(channel=origin.channel, thread=origin.thread, action=words)
        view_id = await self.loading(origin, words, routing)
        if view_id is not None:
            await self.replace(view_id, await self.of(words, routing))

    async def hear(self, heard: Heard, origin: Origin, *, quietly: bool = True) -> None:
        """As the conversation does; a command with something missing opens its form, where Slack lets one be opened."""
        if not await self._completing(heard, origin):
            await self.conversation.hear(heard, origin, quietly=quietly)

    async def _completing(self, heard: Heard, origin: Origin) -> bool:
        lacking, road = heard.meaning, self.conversation.road
        if not isinstance(lacking, Incomplete) or not origin.trigger:
            return False
        action = road.catalogue.offered(lacking.form)
        may = road.judge.may_ask(road.asker(heard.said), heard.said.via)(action)
        if not may or not fields_of(action):
            return False
        routing = Routing(channel=origin.channel, thread=origin.thread, action=lacking.form)
        view_id = await self._opened(origin, modals.loading(lacking.form, routing))
        if view_id is not None:
            await self.replace(view_id, await self.of(lacking.form, routing, lacking))
        return view_id is not None

    async def of(self, words: str, routing: Routing, lacking: Incomplete | None = None) -> View:
        road = self.conversation.road
        try:
            action = road.catalogue.offered(words)
        except NotUnderstood as error:
            return modals.told("Not found", str(error))
        frozen = ""
        if isinstance(action, Change) and action.risk is Risk.DESTRUCTIVE:
            try:
                freeze = await road.judge.frozen()
            except OpsError:
                freeze = None  # asked again when the form is sent
            frozen = freeze.reason if freeze else ""
        return modals.form(
            words,
            action.summary,
            fields_of(action),
            routing,
            _submit(action),
            given=lacking.given if lacking else None,
            wrong=lacking.wrong if lacking else "",
            frozen=frozen,
        )

    async def run_here(self, origin: Origin) -> None:
        await self.show(origin, modals.run_here(Routing(channel=origin.channel, thread=origin.thread)))

    async def loading(self, origin: Origin, title: str, routing: Routing) -> str | None:
        """The id of the view to be replaced; None where it could not be opened, and the person knows."""
        return await self.show(origin, modals.loading(title, routing))

    async def show(self, origin: Origin, view: View) -> str | None:
        view_id = await self._opened(origin, view)
        if view_id is None:
            await self.conversation.tell(origin, "Slack did not open the form in time; press the button again.")
        return view_id

    async def _opened(self, origin: Origin, view: View) -> str | None:
        try:
            if not origin.trigger:
                raise ValueError("no trigger")
            opened = await self.client.views_open(trigger_id=origin.trigger, view=view)
            return str(opened["view"]["id"])
        except (SlackApiError, ValueError, OSError, TimeoutError) as error:
            log.warning("form_not_opened", error=str(error))
            return None

    async def replace(self, view_id: str, view: View) -> None:
        try:
            await self.client.views_update(view_id=view_id, view=view)
        except SlackApiError as error:
            if error.response.get("error") not in ("not_found", "view_not_found"):  # closed meanwhile
                raise

    # -- options -----------------------------------------------------------------------------

    async def options(self, asked: OptionsAsked) -> list[dict[str, Any]]:
        """From memory; nothing is offered to who may not ask."""
        road = self.conversation.road
        action = road.catalogue.get(asked.action)
        said = Said(who=asked.who, words="", via=Via.FORM)
        if action is None or not road.judge.may_ask(road.asker(said), Via.TERMINAL)(action):
            return modals.options([], asked.typed)
        found = await action.options(asked.field.replace("-", "_"), asked.typed)
        return modals.options([(option.value, option.label) for option in found], asked.typed)

    def decides(self, sent: Submission) -> bool:
        """Whether this form decides about a request, so that its person's roles must be fresh."""
        return sent.callback_id in ("phrase", "reject")

    # -- taking ------------------------------------------------------------------------------

    async def take(self, sent: Submission) -> Taken:
        """What has to be kept before the ack is kept when this returns."""
        try:
            match sent.callback_id:
                case "form":
                    return await self._form_sent(sent)
                case "command":
                    return await self._command_sent(sent)
                case "phrase":
                    return await self._phrase_sent(sent)
                case "reject":
                    return await self._reject_sent(sent)
                case _:
                    return Taken({}, Answer(text="This form is out of date, and nothing was sent.", hint="help"))
        except OpsError as error:
            return Taken({}, Answer(text=f"Not kept: {error}"))

    async def _form_sent(self, sent: Submission) -> Taken:
        road, words = self.conversation.road, sent.routing.action
        try:
            action = road.catalogue.offered(words)
        except NotUnderstood as error:
            return Taken({}, Answer(text=str(error), hint=error.hint))
        said = self._said(sent, _line(action, sent.fields), Via.FORM)
        try:
            heard = Heard(said, filled(action, sent.fields))
        except NotFilled as error:
            return _errors(modals.inline(dict(error.fields), list(sent.fields), str(error)))
        except NotUnderstood as error:
            heard = Heard(said, error)
        if isinstance(action, Lookup) and heard.action is not None:
            return Taken({}, heard=heard)
        return Taken({}, await road.accept(heard, again=True))

    async def _command_sent(self, sent: Submission) -> Taken:
        heard = self.conversation.road.hear(self._said(sent, sent.fields.get("words", ""), Via.SHORTCUT))
        match heard.meaning:
            case Incomplete(form=form) as lacking:
                routing = sent.routing.model_copy(update={"action": form})
                return Taken({"response_action": "update", "view": await self.of(form, routing, lacking)})
            case NotUnderstood() as error:
                hint = f" Type {error.hint}" if error.hint else ""
                return _errors({"words": f"{error}{hint}"[:150]})
            case Parsed(action=Lookup()):
                return Taken({}, heard=heard)
            case Parsed():
                return Taken({}, await self.conversation.keep(heard))
            case _:
                assert_never(heard.meaning)

    async def _phrase_sent(self, sent: Submission) -> Taken:
        road, id, typed = self.conversation.road, RequestId(sent.routing.request), sent.fields.get("phrase", "")
        request = await road.requests.get(id)
        if request is None:
            return Taken({}, Answer(text=f"There is no request {id}.", hint="requests"))
        if not same_phrase(typed, road.phrase(request)):
            return _errors({"phrase": f"That is not the phrase. Type {road.phrase(request)}"[:150]})
        return Taken({}, await road.vote(id, sent.origin.who, approve=True, phrase=typed, via=Via.FORM))

    async def _reject_sent(self, sent: Submission) -> Taken:
        id, why = RequestId(sent.routing.request), tidy(sent.fields.get("reason", ""))
        return Taken({}, await self.conversation.road.vote(id, sent.origin.who, approve=False, note=why, via=Via.FORM))

    async def follow_up(self, sent: Submission, taken: Taken) -> None:
        """Everything after the ack."""
        if taken.heard is not None:
            await self.conversation.hear(taken.heard, sent.origin, quietly=False)
        elif taken.reply is not None:
            await self.conversation.answer(taken.reply, sent.origin)

    def _said(self, sent: Submission, words: str, via: Via) -> Said:
        origin = sent.origin
        return Said(
            who=origin.who,
            words=words,
            via=via,
            channel=origin.channel,
            thread=origin.thread,
            delivery=sent.delivery,
        )


def _submit(action: AnyAction) -> modals.Submit:
    if isinstance(action, Change):
        return modals.Submit.PLAN
    return modals.Submit.SHOW if isinstance(action, Lookup) else modals.Submit.DO


def _errors(errors: Mapping[str, str]) -> Taken:
    return Taken({"response_action": "errors", "errors": dict(errors)})


def _each(action: AnyAction, written: str) -> list[str]:
    """What was written into an open field, each as it is typed; nothing where a name of it is a field's own."""
    found = pairs(written)
    taken = {*RESERVED, *(field.name for field in fields_of(action))}
    if not isinstance(found, dict) or taken & found.keys():
        return []
    quoted = ((name, value.replace('"', "'") if " " in value else value) for name, value in found.items())
    return [f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in quoted]


def _line(action: AnyAction, fields: Mapping[str, str]) -> str:
    """A form as it would be typed, so that the same can be asked again."""
    free = {field.name for field in fields_of(action) if field.kind is Kind.LONG} - {action.params_type.open_field}
    told = [action.words]
    for name, value in fields.items():
        if name == action.params_type.open_field and (own := _each(action, value)):
            told += own
            continue
        clean = " ".join(value.split())
        if name in free and '"' in clean[1:] and not clean.startswith('"'):
            told.append(f"{name}={clean}")  # it reaches to the next name, and its quotes mean something
            continue
        clean = clean.replace('"', "'")
        if clean:
            told.append(f'{name}="{clean}"' if " " in clean else f"{name}={clean}")
    return " ".join(told)
