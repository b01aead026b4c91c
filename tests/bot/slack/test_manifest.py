"""manifest.yml is what Slack takes, says what the code listens to, and asks for no scope more than the code needs."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from slack_sdk.web.async_client import AsyncWebClient

from ops.slack_doctor import SCOPES as DOCTORS
from sandbox.app_config import AppConfig

ROOT = Path(__file__).parents[3]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
SCOPES = frozenset(MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = frozenset(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
SCHEMAS = ROOT.parent / "shared" / "slack" / "samples" / "manifest-schema"

NEEDS = {
    "apps_connections_open": set(),  # the app-level token's own scope
    "auth_test": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write", "chat:write.public"},  # in public channels that the bot is not in
    "chat_update": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_join": {"channels:join"},
    "conversations_list": {"channels:read", "groups:read"},
    "conversations_open": {"im:write"},
    "files_upload_v2": {"files:write"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "users_list": {"users:read"},
    "views_open": set(),
    "views_publish": set(),
    "views_push": set(),
    "views_update": set(),
}
"""SDK method to the bot scopes it takes, as the code uses it. Source: the method's page in Slack's docs."""

EVENT_NEEDS: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.im": {"im:history"},
    "subteam_members_changed": {"usergroups:read"},
    "subteam_updated": {"usergroups:read"},
    "team_join": {"users:read"},
    "user_change": {"users:read"},
}
FEATURES = {"commands"}
"""Scopes of slash commands and shortcuts."""


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _called() -> set[str]:
    """Names of the SDK's methods in the bot's code, as an attribute or as a string for getattr."""
    methods = {name for name in vars(AsyncWebClient) if re.match(r"[a-z]+_[a-zA-Z_0-9]+$", name)} - {"api_call"}
    found = set()
    for _, tree in _sources():
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(attr=name) if name in methods:
                    found.add(name)
                case ast.Constant(value=str(text)) if text.replace(".", "_") in methods:
                    found.add(text.replace(".", "_"))
    return found


def test_the_scopes_are_those_that_the_called_methods_need() -> None:
    called = _called()
    assert {"chat_postMessage", "chat_update", "views_open"} <= called, "the search for Web API calls finds nothing"
    unknown = called - NEEDS.keys()
    assert not unknown, f"the bot calls {sorted(unknown)}: add each with its scopes to NEEDS in {Path(__file__).name}"
    needed = FEATURES.union(*(NEEDS[name] for name in called), *(EVENT_NEEDS[event] for event in EVENTS))
    assert needed - SCOPES == set(), "add these scopes to manifest.yml"
    assert SCOPES - needed == set(), "no code needs these scopes: take them out of manifest.yml"


def test_the_doctor_looks_for_the_same_scopes() -> None:
    assert DOCTORS.keys() == SCOPES, "SCOPES in bot/slack/doctor.py and the scopes of manifest.yml differ"


def test_what_slack_sends_has_a_listener_and_what_is_listened_to_is_sent() -> None:
    listened = {
        str(node.args[0].value)
        for _, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "event"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    subscribed = {event.partition(".")[0] for event in EVENTS}
    assert listened == subscribed, "manifest.yml's bot_events and the @bolt.event listeners differ"


def test_what_people_are_told_to_use_exists() -> None:
    features = MANIFEST["features"]
    assert [command["command"] for command in features["slash_commands"]] == ["/ops"]
    shortcuts = {(shortcut["type"], shortcut["callback_id"]) for shortcut in features["shortcuts"]}
    assert shortcuts == {("message", "run_here"), ("global", "run_command")}
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert features["app_home"]["home_tab_enabled"] is True


def test_the_sandbox_installs_the_app_that_the_manifest_describes() -> None:
    installed, described = AppConfig(), AppConfig.from_manifest(ROOT / "manifest.yml")
    assert {command.command for command in installed.commands} == {command.command for command in described.commands}
    assert set(installed.shortcuts) == set(described.shortcuts)
    assert described.scopes <= installed.scopes
    assert described.events <= installed.events


def _schemas() -> dict[str, Any]:
    if not SCHEMAS.exists():
        pytest.skip(f"../{SCHEMAS.relative_to(ROOT.parent)} is not here: nothing of Slack's to check against")
    return {
        path.name.removeprefix("schemas_"): json.loads(path.read_text(encoding="utf-8"))
        for path in SCHEMAS.glob("*.schema*.json")
    }


def _validator() -> jsonschema.Draft7Validator:
    schemas = _schemas()
    base = "https://raw.githubusercontent.com/slackapi/manifest-schema/v0.5.0/schemas/"
    registry: Registry[Any] = Registry().with_resources(
        (base + name, Resource.from_contents(schema))
        for name, schema in schemas.items()
        if name != "manifest.schema.json"
    )
    return jsonschema.Draft7Validator(schemas["manifest.schema.json"], registry=registry)


@pytest.mark.parametrize("major", [None, 1, 2])
def test_slacks_own_schema_takes_it(major: int | None) -> None:
    manifest = MANIFEST if major is None else MANIFEST | {"_metadata": {"major_version": major}}
    _validator().validate(manifest)


def test_slacks_own_schema_is_not_toothless() -> None:
    wrong = json.loads(json.dumps(MANIFEST))
    wrong["features"]["slash_commands"][0]["descripton"] = "a wrong key"
    with pytest.raises(jsonschema.ValidationError):
        _validator().validate(wrong)


def test_limits_that_slack_states() -> None:
    display, features = MANIFEST["display_information"], MANIFEST["features"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    for command in features["slash_commands"]:
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
