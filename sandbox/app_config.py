"""Which app the local Slack has installed: its ids, secrets, scopes, commands and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

BOT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "bookmarks:write",
        "channels:join",
        "channels:manage",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "files:write",
        "groups:read",
        "groups:write",
        "im:history",
        "im:write",
        "pins:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
"""Granted where no manifest says otherwise."""

BOT_EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "member_joined_channel",
        "message.im",
        "subteam_members_changed",
        "subteam_updated",
        "team_join",
        "user_change",
    }
)


@dataclass(frozen=True)
class Command:
    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Shortcut:
    type: Literal["message", "global"]
    name: str
    callback_id: str


@dataclass(frozen=True)
class AppConfig:
    name: str = "Handrail"
    app_id: str = "A0HANDRAIL"
    bot_id: str = "B0HANDRAIL"
    bot_user_id: str = "U0HANDRAIL"
    # Known to everybody on purpose: they open nothing but this stand-in.
    bot_token: str = "xoxb-sandbox"  # noqa: S105
    app_token: str = "xapp-sandbox"  # noqa: S105
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    verification_token: str = "sandbox-verification-token"  # noqa: S105
    scopes: frozenset[str] = BOT_SCOPES
    commands: tuple[Command, ...] = (Command("/ops", "Run runbook actions", "[command] [name=value …]"),)
    shortcuts: tuple[Shortcut, ...] = (
        Shortcut("message", "Run a command here", "run_here"),
        Shortcut("global", "Run a command", "run_command"),
    )
    events: frozenset[str] = field(default=BOT_EVENTS)

    def command(self, name: str) -> Command | None:
        return next((command for command in self.commands if command.command == name), None)

    def shortcut(self, callback_id: str) -> Shortcut | None:
        return next((s for s in self.shortcuts if s.callback_id == callback_id), None)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any] | Path, **overrides: Any) -> "AppConfig":
        """Commands, shortcuts, scopes and events as a manifest declares them.

        Raises: KeyError when a command or shortcut lacks what Slack requires.
        """
        declared = _read(manifest) if isinstance(manifest, Path) else manifest
        features = declared.get("features", {})
        values: dict[str, Any] = {
            "name": declared.get("display_information", {}).get("name", cls.name),
            "commands": tuple(
                Command(
                    command["command"],
                    command.get("description", ""),
                    command.get("usage_hint", ""),
                    bool(command.get("should_escape", False)),
                )
                for command in features.get("slash_commands", [])
            ),
            "shortcuts": tuple(
                Shortcut(shortcut["type"], shortcut["name"], shortcut["callback_id"])
                for shortcut in features.get("shortcuts", [])
            ),
            "scopes": frozenset(declared.get("oauth_config", {}).get("scopes", {}).get("bot", [])),
            "events": frozenset(declared.get("settings", {}).get("event_subscriptions", {}).get("bot_events", [])),
        }
        return cls(**{**values, **overrides})


def _read(path: Path) -> Mapping[str, Any]:
    import yaml  # a development dependency: only whoever passes a path needs it

    manifest: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest
