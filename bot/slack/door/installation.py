"""Whose workspace a payload comes from: compared with the installation's own before anything else is done with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient


@dataclass(frozen=True)
class Identity:
    """Who the bot is in Slack, from auth.test at the start; Bolt would ask for it in the middle of an ack."""

    team: str
    user: str
    bot: str
    enterprise: str = ""
    """The organisation that the workspace belongs to; empty where it belongs to none."""
    everywhere: bool = False
    """Installed for the whole organisation: any workspace of it is ours."""

    @classmethod
    async def of(cls, client: AsyncWebClient) -> "Identity":
        answer = await client.auth_test()
        return cls(
            str(answer["team_id"]),
            str(answer["user_id"]),
            str(answer.get("bot_id") or ""),
            str(answer.get("enterprise_id") or ""),
            bool(answer.get("is_enterprise_install")),
        )

    def stranger(self, body: Mapping[str, Any]) -> str:
        """The foreign workspace or organisation that a payload names, or `unnamed`; empty where it is our own.

        Every place that may name one counts: in a channel shared with another organisation the payload names ours in
        one place and the person's in another.
        """
        if self.everywhere:
            ours, named = {self.enterprise}, set(_enterprises(body))
        else:
            # People of an organisation's workspaces are now and then named by the organisation alone.
            ours, named = {self.team, self.enterprise} - {""}, set(_teams(body))
        return next(iter(sorted(named - ours)), "" if named else "unnamed")


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The payload, and what in it belongs to whoever acted or to where it happened."""
    yield body
    event = body.get("event")
    parts = [body.get("user"), body.get("view"), event]
    if isinstance(event, dict):
        parts += [event.get("user"), event.get("view")]
    authorizations = body.get("authorizations")
    parts += authorizations if isinstance(authorizations, list) else []
    yield from (part for part in parts if isinstance(part, dict))


def _teams(body: Mapping[str, Any]) -> Iterator[str]:
    for part in _parts(body):
        for name in ("team_id", "team", "user_team", "source_team", "app_installed_team_id"):
            yield from _ids(part.get(name))


def _enterprises(body: Mapping[str, Any]) -> Iterator[str]:
    for part in _parts(body):
        for name in ("enterprise_id", "enterprise"):
            yield from _ids(part.get(name))
        if isinstance(team := part.get("team"), dict):
            yield from _ids(team.get("enterprise_id"))


def _ids(named: object) -> Iterator[str]:
    value = named.get("id") if isinstance(named, dict) else named
    if isinstance(value, str) and value:
        yield value
