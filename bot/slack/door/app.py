"""The Bolt app: one listener a kind of payload; each only reads, keeps what must be kept, acks and hands on."""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from cachetools import TTLCache
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.road import Road
from bot.slack.door import payloads
from bot.slack.door.clicks import Clicks
from bot.slack.door.connection import web_client
from bot.slack.door.conversation import Conversation
from bot.slack.door.errands import Errands
from bot.slack.door.forms import Forms
from bot.slack.door.home_tab import HomeTab
from bot.slack.door.installation import Identity
from bot.slack.door.members import PeopleReader
from bot.slack.door.payload_shapes import odd
from bot.slack.door.picker import PICK, Picker
from bot.slack.door.strangers import Strangers
from bot.slack.door.whole import Whole
from bot.slack.outbox.answering import Teller
from bot.slack.views.all_rows import CALLBACK
from bot.slack.views.place import Origin
from bot.words.dashboard import Dashboards
from bot.words.ports import Outbox
from bot.words.report import PersonId

log = structlog.get_logger(__name__)
ODD = "Slack sent something that Handrail does not understand; nothing was done."
HEARD = "handrail_heard"
"""Where the listener of a command finds what was heard, and from where."""
_JSON: dict[str, str | Sequence[str]] = {"content-type": ["application/json;charset=utf-8"]}


@dataclass(frozen=True)
class SlackApp:
    """`bolt` is served over Socket Mode or HTTP; `drain` lets what was started after acks end."""

    bolt: AsyncApp
    errands: Errands

    async def drain(self, patience: timedelta) -> None:
        await self.errands.drain(patience)


def slack_app(
    road: Road,
    outbox: Outbox,
    dashboards: Dashboards,
    client: AsyncWebClient,
    identity: Identity,
    members: PeopleReader,
) -> SlackApp:
    """`client` answers people: it should wait and try again once after a 429. `members` looks up channels, too."""
    teller = Teller(client)
    errands = Errands(teller)
    conversation = Conversation(road, teller, errands, outbox, members)
    forms, home = Forms(conversation, client), HomeTab(road, dashboards, client)
    picker = Picker(forms)
    whole = Whole(conversation, forms)
    clicks = Clicks(conversation, forms, picker, home, outbox, whole)
    heard: TTLCache[str | None, bool] = TTLCache(4096, ttl=600)
    """Messages by delivery: Slack sends an event again where its ack got lost, and one message under several events."""
    strangers = Strangers(road.audit, teller, identity.user)
    bolt = _bolt(client, identity, _First(identity, strangers, conversation, errands))

    @bolt.command(re.compile(r"^/"))
    async def command(ack: Any, context: Any) -> None:
        heard, origin = context[HEARD]
        meanwhile = conversation.meanwhile(heard)
        await ack(meanwhile) if meanwhile else await ack()
        errands.start(forms.hear(heard, origin), origin)

    @bolt.action(re.compile(r""))
    async def action(ack: Any, body: Any) -> None:
        click = payloads.click(body)
        if clicks.decides(click):
            await members.renew(click.origin.who)
        decided = await clicks.decide(click)
        await ack()
        errands.start(clicks.follow_up(click, decided), click.origin)

    @bolt.view_submission(re.compile(r""))
    async def submitted(ack: Any, body: Any) -> None:
        sent = payloads.submission(body)
        if sent.callback_id == CALLBACK:
            await ack(**whole.waiting(sent))
            errands.start(whole.filter(sent), sent.origin)
            return
        if sent.callback_id == PICK:
            await ack(response_action="update", view=await picker.form(sent))
            return
        if forms.decides(sent):
            await members.renew(sent.origin.who)
        taken = await forms.take(sent)
        await ack(**taken.ack)
        errands.start(forms.follow_up(sent, taken), sent.origin)

    @bolt.view_closed(re.compile(r""))
    async def closed(ack: Any) -> None:
        await ack()

    @bolt.options(re.compile(r""))
    async def options(ack: Any, body: Any) -> None:
        asked = payloads.options_asked(body)
        await ack(options=await forms.options(asked) if asked.action else picker.options(asked))

    @bolt.shortcut(re.compile(r""))
    async def shortcut(ack: Any, body: Any) -> None:
        await ack()
        used = payloads.shortcut(body)
        errands.start(forms.run_here(used.origin), used.origin)

    @bolt.event("app_mention")
    @bolt.event("message")
    async def spoken(ack: Any, body: Any) -> None:
        await ack()
        said = payloads.spoken(body, identity.user)
        if said is not None and said.delivery not in heard:
            heard[said.delivery] = True
            origin = Origin(who=said.who, channel=said.channel, thread=said.thread)
            errands.start(conversation.hear(said, origin, quietly=False), origin)

    @bolt.event("app_home_opened")
    async def home_opened(ack: Any, body: Any) -> None:
        await ack()
        if body["event"].get("tab", "home") == "home":
            errands.start(home.publish(PersonId(body["event"]["user"])), None)

    @bolt.event("user_change")
    @bolt.event("team_join")
    async def account(ack: Any, body: Any) -> None:
        await ack()
        errands.start(members.account_changed(body["event"]["user"]), None)

    @bolt.event("subteam_members_changed")
    @bolt.event("subteam_updated")
    async def group(ack: Any, body: Any) -> None:
        await ack()
        event = body["event"]
        errands.start(members.group_changed(str(event.get("subteam_id") or event["subteam"]["id"])), None)

    @bolt.error
    async def failed(error: Exception, body: Any) -> BoltResponse:
        # Whatever happens, Slack hears an ack: without one the person sees a time-out, and an event comes again.
        if isinstance(error, BoltUnhandledRequestError):
            log.debug("unhandled", kind=str((body.get("event") or body).get("type")))
        else:
            origin = payloads.who_and_where(body)
            errands.start(errands.broke(origin, error), None)
        return BoltResponse(status=200, body="")

    return SlackApp(bolt, errands)


@dataclass(frozen=True)
class _First(AsyncMiddleware):
    """Before any listener: who is from elsewhere is refused, and a command whose answer is at hand is answered."""

    identity: Identity
    strangers: Strangers
    conversation: Conversation
    errands: Errands

    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:
        body = req.body
        if body.get("type") == "url_verification":  # asked before there is any workspace
            return await next()
        if workspace := self.identity.stranger(body):
            self.errands.start(self.strangers.refuse(body, workspace), None)
            return _answered(self.strangers.ack(body))
        if wrong := odd(body):
            log.warning("odd_payload", wrong=wrong)
            self.errands.start(self.errands.sorry(payloads.who_and_where(body), ODD), None)
            return _answered("")
        if "command" in body:
            said, origin = payloads.command(body, self.identity.user)
            answer = self.conversation.instantly(said)
            if isinstance(answer, str):
                return _answered(answer)
            req.context[HEARD] = answer, origin  # read once: the listener takes it from here
        return await next()


def _answered(body: str) -> BoltResponse:
    return BoltResponse(status=200, body=body, headers=_JSON if body else None)


def _bolt(client: AsyncWebClient, identity: Identity, first: _First) -> AsyncApp:
    known = AuthorizeResult(
        enterprise_id=None,
        team_id=identity.team,
        bot_user_id=identity.user,
        bot_id=identity.bot,
        bot_token=client.token,
    )

    async def authorize() -> AuthorizeResult:
        return known

    quiet = logging.getLogger("bot.slack.bolt")
    quiet.setLevel(logging.ERROR)
    return AsyncApp(
        name="handrail",
        logger=quiet,
        # Without a token: it comes with `authorize`.
        client=web_client(client.base_url),
        authorize=authorize,
        # Both are done by then: what comes over HTTP passes the gate, or never gets here.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        before_authorize=first,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        ignoring_self_assistant_message_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
