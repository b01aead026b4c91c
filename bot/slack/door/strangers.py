"""Refuses who acts from another workspace than the bot's own: told, and in the trail."""

import json
from dataclasses import dataclass

import structlog

from bot.slack.door import payloads
from bot.slack.door.payload_shapes import odd
from bot.slack.outbox.answering import Teller
from bot.slack.views import modals
from bot.slack.views.reports import words_message
from bot.words.exceptions import StoreUnwritable
from bot.words.ports import AuditLog, Entry

log = structlog.get_logger(__name__)

SENTENCE = (
    "Nothing was done: you belong to another workspace, and this Handrail listens to people of its own."
    " Ask one of them to do it."
)


@dataclass(frozen=True)
class Strangers:
    audit: AuditLog
    teller: Teller
    bot: str
    """The bot's own user id."""

    def ack(self, body: payloads.Payload) -> str:
        """The body of the ack: a form says it in its own window, a select has nothing to offer."""
        match body.get("type"):
            case "view_submission":
                return json.dumps({"response_action": "update", "view": modals.told("Not allowed", SENTENCE)})
            case "block_suggestion":
                return json.dumps({"options": []})
            case _:
                return ""

    async def refuse(self, body: payloads.Payload, workspace: str) -> None:
        """After the ack. What no person said to the bot (a message to others, a changed profile) is passed over."""
        kind = str(body.get("type") or "command")
        if kind == "block_suggestion" or ("event" in body and (odd(body) or payloads.spoken(body, self.bot) is None)):
            return
        origin = payloads.who_and_where(body)
        if origin is None:
            return
        detail = {"wanted": kind, "reason": f"from another workspace: {workspace[:40]}", "what": _wanted(body)}
        try:
            await self.audit.write(Entry.model_validate({"kind": "refused", "actor": origin.who, "detail": detail}))
        except StoreUnwritable as error:
            log.warning("refusal_not_audited", who=origin.who, error=str(error))
        if kind != "view_submission":
            await self.teller.privately(origin, words_message(SENTENCE))


def _wanted(body: payloads.Payload) -> str:
    """What it was about, as far as it is no text of a person's: that may hold a secret."""
    actions, view = body.get("actions"), body.get("view")
    first = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    named = first.get("action_id") or (view.get("callback_id") if isinstance(view, dict) else "")
    return str(named or body.get("command") or body.get("callback_id") or "")[:80]
