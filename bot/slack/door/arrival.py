"""Slack's first answer: waited for while Slack is away, and told at once where it refuses what it was shown."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError

from bot.slack.outbox import refusals
from bot.words.exceptions import Misconfigured

log = structlog.get_logger(__name__)
T = TypeVar("T")

PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Between two tries; the last one repeats."""
_AWAY: Final = frozenset({
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org", "org_login_required", "upgrade_required",
})  # fmt: skip
_WRONG_KIND: Final = frozenset({"not_allowed_token_type", "invalid_app_token", "not_supported_token_type"})

BOT_TOKEN: Final = ("SLACK_BOT_TOKEN", "the Bot User OAuth Token (xoxb-…) from OAuth & Permissions")
APP_TOKEN: Final = ("SLACK_APP_TOKEN", "the app-level token (xapp-…) with connections:write from Basic Information")
SIGNING_SECRET: Final = ("SLACK_SIGNING_SECRET", "the Signing Secret from Basic Information")
_PREFIXES: Final = {"SLACK_BOT_TOKEN": ("xoxb-", "xoxe.xoxb-"), "SLACK_APP_TOKEN": ("xapp-",)}


def checked(setting: tuple[str, str], secret: SecretStr | None, needed_by: str = "") -> str:
    """The token or secret, if it can be one. Raises Misconfigured, never with what stands there."""
    name, wanted = setting
    if secret is None:
        missing = f"{needed_by} needs {name}, which is not set" if needed_by else f"{name} is not set"
        raise Misconfigured(f"{missing}. Copy {wanted}.")
    text = secret.get_secret_value()
    wrong = ""
    if text[:1] in "\"'" or text[-1:] in "\"'":
        wrong = "stands in quotes"
    elif not text.isascii() or any(letter.isspace() or not letter.isprintable() for letter in text):
        wrong = "holds a space, a line break or another letter that no token has"
    elif not text.startswith(_PREFIXES.get(name, ("",))):
        wrong = "is of the wrong kind"
    if wrong:
        raise Misconfigured(f"{name} {wrong}. Copy {wanted} again, and nothing else.")
    return text


async def arrived(ask: Callable[[], Awaitable[T]], setting: tuple[str, str], heard: Callable[[str], None]) -> T:
    """What Slack answers, asked again with growing pauses while it is away.

    `heard` is told why it waits. Raises Misconfigured where Slack refuses the token.
    """
    tries = 0
    while True:
        try:
            return await ask()
        except SlackApiError as error:
            why, wait = _away(error, setting)
        except aiohttp.InvalidURL as error:
            raise Misconfigured("SLACK_API_URL is not an address. Leave it out: Slack's own is used then.") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why, wait = f"Slack cannot be reached ({type(error).__name__})", 0.0
        pause = max(wait, PAUSES_S[min(tries, len(PAUSES_S) - 1)])
        tries += 1
        heard(why)
        log.warning("slack_is_away", why=why, again_in_s=pause)
        await asyncio.sleep(pause)


def _away(error: SlackApiError, setting: tuple[str, str]) -> tuple[str, float]:
    """Why Slack is to be asked again, and after how many seconds at least. Raises Misconfigured where it is not."""
    name, wanted = setting
    code, status = refusals.code(error), refusals.status(error)
    if code in _AWAY or status == 429 or status >= 500:
        return f"Slack answers {code}", refusals.retry_after(error, 0)
    if code == f"status {status}":
        if status == 200:  # a proxy's page, as often as not
            return "what answers for Slack is no JSON", 0
        what = f"SLACK_API_URL does not lead to Slack: status {status}"
        raise Misconfigured(f"{what}. Leave it out: Slack's own is used then.") from error
    kind = "it is of the wrong kind" if code in _WRONG_KIND else code
    raise Misconfigured(f"Slack refuses {name}: {kind}. Copy {wanted} again.") from error
