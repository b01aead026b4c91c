"""The Bolt app: one listener a kind of payload; each only reads, keeps what must be kept, acks and hands on."""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
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
from bot.slack.door.conversation import AllKnown, Conversation, Places
from bot.slack.door.errands import Errands
from bot.slack.door.forms import Forms
from bot.slack.door.home_tab import HomeTab
from bot.slack.door.payload_shapes import odd
from bot.slack.door.whole import Whole
from bot.slack.outbox.answering import Teller
from bot.slack.views.all_rows import CALLBACK
from bot.slack.views.place import Origin
from bot.words.ports import Outbox
from bot.words.report import PersonId

log = structlog.get_logger(__name__)
ODD = "Slack sent something that Handrail does not understand; nothing was done."
HEARD = "handrail_heard"
"""Where the listener of a command finds what was heard, and from where."""
_JSON: dict[str, str | Sequence[str]] = {"content-type": ["application/json;charset=utf-8"]}


@dataclass(frozen=True)
class Identity:
    """Who the bot is in Slack, from auth.test at the start; Bolt would ask for it in the middle of an ack."""

    team: str
    user: str
    bot: str

    @classmethod
    async def of(cls, client: AsyncWebClient) -> "Identity":
        answer = await client.auth_test()
        return cls(str(answer["team_id"]), str(answer["user_id"]), str(answer.get("bot_id") or ""))


@dataclass(frozen=True)
class SlackApp:
    """`bolt` is served over Socket Mode or HTTP; `drain` lets what was started after acks end."""

    bolt: AsyncApp
    errands: Errands

    async def drain(self, patience: timedelta) -> None:
        await self.errands.drain(patience)


def slack_app(
    road: Road, outbox: Outbox, client: AsyncWebClient, identity: Identity, places: Places | None = None
) -> SlackApp:
    """`client` answers people: it should wait and try again once after a 429. `places` looks up channels' names."""
    teller = Teller(client)
    errands = Errands(teller)
    conversation = Conversation(road, teller, errands, outbox, places or AllKnown())
    forms, home = Forms(conversation, client), HomeTab(road, client)
    whole = Whole(conversation, forms)
    clicks = Clicks(conversation, forms, home, outbox, whole)
    bolt = _bolt(client, identity, _Instantly(conversation))

    @bolt.command(re.compile(r"^/"))
    async def command(ack: Any, context: Any) -> None:
        heard, origin = context[HEARD]
        meanwhile = conversation.meanwhile(heard)
        await ack(meanwhile) if meanwhile else await ack()
        errands.start(conversation.hear(heard, origin), origin)

    @bolt.action(re.compile(r""))
    async def action(ack: Any, body: Any) -> None:
        click = payloads.click(body)
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
        taken = await forms.take(sent)
        await ack(**taken.ack)
        errands.start(forms.follow_up(sent, taken), sent.origin)

    @bolt.view_closed(re.compile(r""))
    async def closed(ack: Any) -> None:
        await ack()

    @bolt.options(re.compile(r""))
    async def options(ack: Any, body: Any) -> None:
        await ack(options=await forms.options(payloads.options_asked(body)))

    @bolt.shortcut(re.compile(r""))
    async def shortcut(ack: Any, body: Any) -> None:
        await ack()
        used = payloads.shortcut(body)
        errands.start(forms.run_here(used.origin), used.origin)

    @bolt.event("app_mention")
    @bolt.event("message")
    async def spoken(ack: Any, body: Any) -> None:
        await ack()
        said = payloads.spoken(body)
        if said is not None:
            origin = Origin(who=said.who, channel=said.channel, thread=said.thread)
            errands.start(conversation.hear(said, origin, quietly=False), origin)

    @bolt.event("app_home_opened")
    async def home_opened(ack: Any, body: Any) -> None:
        await ack()
        if body["event"].get("tab", "home") == "home":
            errands.start(home.publish(PersonId(body["event"]["user"])), None)

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


class _Instantly(AsyncMiddleware):
    """Answers a command whose answer is at hand: no listener is needed for it."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:
        if wrong := odd(req.body):
            log.warning("odd_payload", wrong=wrong)
            self._conversation.errands.start(
                self._conversation.errands.sorry(payloads.who_and_where(req.body), ODD), None
            )
            return BoltResponse(status=200, body="")
        if "command" in req.body:
            said, origin = payloads.command(req.body)
            answer = self._conversation.instantly(said)
            if isinstance(answer, str):
                return BoltResponse(status=200, body=answer, headers=_JSON)
            req.context[HEARD] = answer, origin  # read once: the listener takes it from here
        return await next()


def _bolt(client: AsyncWebClient, identity: Identity, instantly: _Instantly) -> AsyncApp:
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
        before_authorize=instantly,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        ignoring_self_assistant_message_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
