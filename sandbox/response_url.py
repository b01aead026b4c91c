"""response_url: five answers in half an hour, and the only way to change an ephemeral."""

import secrets
from dataclasses import dataclass, field

from bot.slack.views import blockkit
from sandbox.model import JSON, Message, SlackError
from sandbox.workspace import Workspace

USES = 5
SECONDS = 30 * 60


@dataclass
class Answering:
    """Who is answered, where, and about which message."""

    person: str
    channel: str
    original: Message | None
    expires: float
    uses_left: int = USES


@dataclass
class ResponseUrls:
    workspace: Workspace
    base_url: str = ""
    _open: dict[str, Answering] = field(default_factory=dict)

    def new(self, person: str, channel: str, original: Message | None = None) -> str:
        now = self.workspace.clock()
        while self._open:
            oldest = next(iter(self._open))
            if self._open[oldest].expires > now:
                break
            del self._open[oldest]
        token = secrets.token_urlsafe(18)
        self._open[token] = Answering(person, channel, original, now + SECONDS)
        return f"{self.base_url}/response/{token}"

    def use(self, token: str, payload: JSON) -> None:
        """Raises: SlackError `used_url`, `expired_url`, or what is wrong with the payload."""
        answering = self._open.get(token)
        if answering is None or answering.expires <= self.workspace.clock():
            raise SlackError("expired_url")
        if answering.uses_left <= 0:
            raise SlackError("used_url")
        answering.uses_left -= 1
        self.answer(answering, payload)

    def acked(self, person: str, channel: str, payload: JSON) -> None:
        """The message that came with an ack."""
        self.answer(Answering(person, channel, None, 0), payload)

    def answer(self, answering: Answering, payload: JSON) -> None:
        original = answering.original
        if payload.get("delete_original"):
            if original is not None:
                self.workspace.delete(original)
            return
        wrong = blockkit.problems(payload, "message")
        if wrong:
            raise SlackError("invalid_blocks", response_metadata={"messages": wrong})
        if not (payload.get("text") or payload.get("blocks") or payload.get("attachments")):
            raise SlackError("no_text")
        if payload.get("replace_original") and original is not None:
            self._replace(original, payload)
            return
        message = self.workspace.bot_message(
            answering.channel,
            text=str(payload.get("text") or ""),
            blocks=payload.get("blocks"),
            attachments=payload.get("attachments"),
            thread_ts=payload.get("thread_ts"),
        )
        if payload.get("response_type") != "in_channel":
            message.ephemeral_to = answering.person
        self.workspace.post(message)

    def _replace(self, original: Message, payload: JSON) -> None:
        if original.ts not in self.workspace.channels[original.channel].messages:
            raise SlackError("message_not_found")
        self.workspace.set_message(original, payload)
