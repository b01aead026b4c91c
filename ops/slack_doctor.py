"""What doctor asks Slack: do the tokens work, are the scopes there, can the channels be seen."""

import asyncio
from collections.abc import Sequence

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.directory import People, Standing
from bot.settings import Environment, Team
from bot.slack.door.arrival import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, checked
from bot.slack.door.connection import web_client
from bot.slack.door.members import channel_pages
from bot.slack.outbox import refusals
from bot.words.exceptions import Misconfigured
from bot.words.report import Status
from ops.findings import Finding, Probe

LISTING_S = 5.0
"""Longest look through Slack's channels for one name."""
SCOPES = {
    "commands": "the /ops command",
    "chat:write": "posting and redrawing cards",
    "chat:write.public": "posting where the bot is no member",
    "channels:read": "finding channels by name",
    "groups:read": "finding private channels by name",
    "channels:join": "joining a public channel that it has to redraw cards in",
    "usergroups:read": "roles by user group",
    "users:read": "names in files and the terminal",
    "files:write": "long answers as files",
    "im:write": "telling one person where no channel is left",
    "im:history": "commands typed to the bot itself",
    "app_mentions:read": "commands in threads, by mention",
}
"""What the bot asks of Slack, and for what. manifest.yml has the same list; a test compares."""


def slack_probe(environment: Environment, team: Team, people: People) -> Probe:
    async def slack() -> Sequence[Finding]:
        if environment.slack_bot_token is None:
            return ()
        found = [finding for finding in map(_unfit, _given(environment)) if finding]
        if found:
            return found
        token = environment.slack_bot_token.get_secret_value()
        client = web_client(environment.slack_api_url, token=token, timeout=8)
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            mend = f"copy {BOT_TOKEN[1]} again"
            return (Finding(f"Slack refuses SLACK_BOT_TOKEN: {refusals.code(error)}", Status.FAILED, mend),)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            mend = "check this machine's way to Slack: its DNS, firewall and proxy"
            return (Finding(f"Slack cannot be reached ({type(error).__name__})", Status.DOWN, mend),)
        found = [Finding(f"Slack knows the bot as {answer['user']} in {answer['team']}", Status.OK)]
        granted = {scope.strip() for scope in str(answer.headers.get("X-OAuth-Scopes", "")).split(",") if scope.strip()}
        for scope, purpose in SCOPES.items():
            if granted and scope not in granted:
                mend = "add it to the app (manifest.yml has it) and install the app again"
                found.append(Finding(f"scope {scope} is missing, needed for {purpose}", Status.FAILED, mend))
        for extra in sorted(granted - SCOPES.keys()):
            found.append(Finding(f"scope {extra} is granted and not needed", Status.WARNING, "take it away"))
        found += await _channels(client, team, people)
        found += gone(people)
        if environment.slack_app_token is not None:
            found.append(await _app_token(environment))
        return found

    return slack


def _given(environment: Environment) -> list[tuple[tuple[str, str], SecretStr]]:
    each = (
        (BOT_TOKEN, environment.slack_bot_token),
        (APP_TOKEN, environment.slack_app_token),
        (SIGNING_SECRET, environment.slack_signing_secret),
    )
    return [(setting, secret) for setting, secret in each if secret is not None]


def _unfit(given: tuple[tuple[str, str], SecretStr]) -> Finding | None:
    setting, secret = given
    try:
        checked(setting, secret)
    except Misconfigured as error:
        what, _, mend = str(error).partition(". ")
        return Finding(what, Status.FAILED, mend.rstrip("."))
    return None


async def _channels(client: AsyncWebClient, team: Team, people: People) -> list[Finding]:
    wanted = {"approvals_channel": team.approvals_channel, "audit_channel": team.audit_channel}
    missing = {name: channel for name, channel in wanted.items() if channel and people.channel_id(channel) is None}
    if not missing:
        return []
    try:
        async with asyncio.timeout(LISTING_S):
            async for page in channel_pages(client):
                names = {f"#{channel['name']}" for channel in page}
                missing = {name: channel for name, channel in missing.items() if channel not in names}
                if not missing:
                    return []
    except (SlackApiError, aiohttp.ClientError, OSError, TimeoutError):
        mend = "write the channel's id instead of its name, which needs no listing"
        return [
            Finding(f"team.{name} {channel} was not found in the part of Slack's channels that could be read in time",
                    Status.WARNING, mend)
            for name, channel in missing.items()
        ]  # fmt: skip
    mend = "correct the name, or invite the bot if the channel is private; its id can be written, too"
    return [Finding(f"team.{name} {channel} cannot be found", Status.FAILED, mend) for name, channel in missing.items()]


def gone(people: People) -> list[Finding]:
    """People of ops.toml and of its groups whom Slack calls deactivated, bots or guests: they have no roles."""
    mends = {
        Standing.DEACTIVATED: "take them out of ops.toml and of the user group",
        Standing.BOT: "only people have roles; name the person instead",
        Standing.GUEST: "write guests = true for the role in ops.toml if they are meant to have it",
    }
    return [
        Finding(
            f"{people.name(person)} does not have the role {role!r}: {_AS[standing]} in Slack",
            Status.WARNING,
            mends[standing],
        )
        for role, barred in people.gone().items()
        for person, standing in sorted(barred.items())
    ]


_AS = {Standing.DEACTIVATED: "deactivated", Standing.BOT: "a bot", Standing.GUEST: "a guest"}


async def _app_token(environment: Environment) -> Finding:
    token = environment.slack_app_token.get_secret_value() if environment.slack_app_token else ""
    try:
        await web_client(environment.slack_api_url).apps_connections_open(app_token=token)
    except SlackApiError as error:
        mend = "make an app-level token with connections:write and set SLACK_APP_TOKEN"
        return Finding(f"Slack refuses SLACK_APP_TOKEN: {refusals.code(error)}", Status.FAILED, mend)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        mend = "check this machine's way to Slack: its DNS, firewall and proxy"
        return Finding(f"Slack cannot be reached ({type(error).__name__})", Status.DOWN, mend)
    return Finding("Socket Mode may be opened", Status.OK)
