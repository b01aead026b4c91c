"""ops.toml and secrets: a mistake names the setting and says what to write; a secret is never repeated."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Environment, parse_toml, read_toml
from bot.words.exceptions import Misconfigured
from bot.words.redaction import MASK, Redactor
from bot.words.secrets import FRESH_S, Reader
from ops.wiring import audit_key, registered


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ({"tem": {}}, "ops.toml: tem is not a setting; did you mean team?"),
        ({"team": {"timezone": "Mars"}}, "ops.toml: team.timezone: 'Mars' is no time zone"),
        ({"team": {"anchor_every": "soon"}}, "ops.toml: team.anchor_every: 'soon' is not a duration"),
        ({"limits": {"executors": 0}}, "ops.toml: limits.executors: write 1 or more"),
        ({"people": {"ana": {}}}, "ops.toml: people.ana.slack is missing; write it"),
        ({"people": {"ana": {"slack": "U1", "roles": ["boss"]}}}, "ops.toml: people.ana has the role 'boss'"),
        ({"people": {"a": {"slack": "U1"}, "b": {"slack": "U1"}}}, "ops.toml: people.b has the same Slack id as"),
        ({"roles": {"lead": {"aproves": 1}}}, "ops.toml: roles.lead.aproves is not a setting; did you mean approves?"),
        ({"rules": {"retry": {"ask": ["boss"]}}}, "ops.toml: rule 'retry' names the role 'boss'"),
        ({"rules": {"retry": {"count": 0}}}, "ops.toml: rules.retry.count: write 1 or more"),
        ({"rules": {"retry": {"lives": "0s"}}}, "ops.toml: rules.retry.lives: '0s' must be longer"),
        ({"freezes": [{"name": "x", "timezone": "UTC"}]}, "ops.toml has 2 mistakes:\n  freezes.0.from is missing"),
        ({"freezes": [{"name": "x", "timezone": "UTC", "from": "9", "to": "99:00"}]}, "ops.toml has 2 mistakes:"),
        ({"self_approval": "sometimes"}, 'ops.toml: self_approval: write "never" or "typed"'),
    ],
)  # fmt: skip
def test_a_mistake_names_the_setting(toml: dict[str, Any], told: str) -> None:
    with pytest.raises(Misconfigured) as mistake:
        parse_toml(toml)
    assert str(mistake.value).startswith(told)


def test_a_file_that_is_not_there_or_is_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    with pytest.raises(Misconfigured, match=r"does not exist; copy ops\.example\.toml to"):
        read_toml(path)
    path.write_text("[team\n")
    with pytest.raises(Misconfigured, match=r"is not valid TOML: .* line 1"):
        read_toml(path)
    path.write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="is not UTF-8 text; save it as UTF-8"):
        read_toml(path)
    path.write_text('[team]\nname = "Ops"\ngroups_live = "1h30m"\n')
    assert read_toml(path).team.groups_live == timedelta(minutes=90)


def test_nothing_said_means_nobody() -> None:
    """hermes-agent#36848: empty means nobody."""
    policy = parse_toml({}).policy()
    assert (policy.roles, policy.rules, policy.self_approval) == ({}, {}, "never")


# -- secrets --------------------------------------------------------------------------------------


def test_a_secret_is_read_anew_at_each_use_and_registered(tmp_path: Path) -> None:
    """NemoClaw#4770: values are registered when they are read, whatever they look like."""
    file = tmp_path / "key"
    file.write_text("first-value\n")
    redactor, environ = Redactor(), {"KEY": " from the environment "}
    read = Reader(redactor, environ)
    assert (read("env:KEY"), read(f"file:{file}")) == ("from the environment", "first-value")
    file.write_text("second-value")
    assert read(f"file:{file}") == "second-value"
    assert redactor.text("from the environment, first-value, second-value") == f"{MASK}, {MASK}, {MASK}"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NONE", "env:NONE is empty; set the environment variable NONE"),
        ("env:BLANK", "env:BLANK is empty; set the environment variable BLANK"),
        ("env:", "env: is empty"),
        ("plain-secret", 'a secret is written as "env:NAME" or "file:/path"'),
        ("vault:x", 'a secret is written as "env:NAME" or "file:/path"'),
        ("file:/does/not/exist", "file:/does/not/exist: No such file or directory; put the secret into that file"),
        ("file:{folder}", "file:{folder}: Is a directory; put the secret into that file"),
        ("file:{folder}/empty", "file:{folder}/empty is empty; put the secret into {folder}/empty"),
        ("file:{folder}/binary", "file:{folder}/binary is no UTF-8 text; put the secret into that file"),
        ("file:a\0b", "file:a\0b is no UTF-8 text"),
        ("command:", "command: names no program"),
        ("command:'a", "a command: cannot be split into words"),
        ("command:/does/not/exist", "command:/does/not/exist cannot be run: No such file or directory"),
        ("command:false", "command:false ended with code 1; run it by hand to see why"),
        ("command:true", "command:true is empty; it has to print the secret"),
    ],
)
def test_a_secret_that_is_not_there(tmp_path: Path, reference: str, told: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    read = Reader(Redactor(), {"BLANK": "  "})
    with pytest.raises(Misconfigured) as mistake:
        read(reference.format(folder=tmp_path))
    assert str(mistake.value).startswith(told.format(folder=tmp_path))


def test_a_command_is_asked_again_in_the_background(tmp_path: Path) -> None:
    """A rotated key is there without a restart, and a vault that is away for a moment is no outage."""
    kept, at = tmp_path / "key", [0.0]
    kept.write_text("first-value")
    redactor = Redactor()
    read = Reader(redactor, timer=lambda: at[0])
    reference = f"command:cat '{kept}'"
    read.warm({"shop": {"keys": [reference]}})
    kept.write_text("second-value")
    assert read(reference) == "first-value"
    at[0] = FRESH_S + 1
    assert _until(lambda: read(reference), "second-value") == "second-value"
    kept.unlink()
    at[0] = 3 * FRESH_S
    assert read(reference) == "second-value"
    assert redactor.text("first-value second-value") == f"{MASK} {MASK}"


def test_a_command_that_gives_nothing_is_not_run_at_each_use_and_keeps_its_arguments(tmp_path: Path) -> None:
    """What waits for a vault that is away is one thread, not whoever needs the secret; arguments may be secrets."""
    runs, at = tmp_path / "runs", [0.0]
    program = tmp_path / "vault"
    program.write_text(f"#!/bin/sh\necho x >> {runs}\n")
    program.chmod(0o755)
    read = Reader(Redactor(), timer=lambda: at[0])
    for _ in range(5):
        with pytest.raises(Misconfigured) as mistake:
            read(f"command:{program} --token hvs.secret")
        assert "hvs.secret" not in str(mistake.value)
    assert runs.read_text() == "x\n"


def test_no_shell_reads_a_command(tmp_path: Path) -> None:
    assert Reader(Redactor())(f"command:echo $(touch {tmp_path}/x); touch {tmp_path}/y").startswith("$(touch")
    assert list(tmp_path.iterdir()) == []


def _until(look: Callable[[], str], wanted: str) -> str:
    for _ in range(3000):
        if (seen := look()) == wanted:
            break
        time.sleep(0.01)
    return seen


def test_every_secret_of_the_environment_is_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NemoClaw#4770: whatever they look like."""
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL", "OPS_AUDIT_KEY", "OPS_TOKEN")
    for name in names:
        monkeypatch.setenv(name, f"value of {name}".lower())
    redactor = registered(Environment())
    assert [redactor.text(f"value of {name}".lower()) for name in names] == [MASK] * len(names)
    assert "value of" not in repr(Environment())


def test_the_audit_key(tmp_path: Path) -> None:
    own = Environment(ops_data=tmp_path, database_url=None, ops_audit_key=None)
    key = audit_key(own)
    assert (len(key), audit_key(own)) == (64, key)
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Misconfigured, match="OPS_AUDIT_KEY is shorter than 32 characters"):
        audit_key(Environment.model_validate({"ops_audit_key": "short"}))
    with pytest.raises(Misconfigured, match="OPS_AUDIT_KEY is not set"):
        audit_key(Environment.model_validate({"database_url": "postgres://x", "ops_audit_key": None}))
