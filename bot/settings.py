"""Environment and ops.toml as typed settings. Secrets come from the environment alone; ops.toml may be committed."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.decide.policy import Policy, Role, Rule, Window, Zone
from bot.words.exceptions import Misconfigured
from bot.words.mistakes import Mistake, WrongSettings, mistakes
from bot.words.os_errors import reason
from bot.words.params import Duration, Keep
from bot.words.report import Frozen, PersonId


class Environment(BaseSettings):
    """Settings that must not stand in a file. Names are those of the environment variables, in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    slack_bot_token: SecretStr | None = None
    """`xoxb-…`, from OAuth & Permissions."""
    slack_app_token: SecretStr | None = None
    """`xapp-…` with connections:write; Socket Mode only."""
    slack_signing_secret: SecretStr | None = None
    """From Basic Information; HTTP mode only."""
    slack_api_url: str = "https://slack.com/api/"
    """Another address for the local sandbox."""
    database_url: SecretStr | None = None
    """PostgreSQL of the team; the embedded server is used without it."""
    ops_audit_key: SecretStr | None = None
    """At least 32 characters; chains the audit. The embedded server keeps one of its own without it."""
    ops_config: Path = Path("ops.toml")
    ops_data: Path = Path(".ops")
    """Folder of the embedded server, its audit key, and the journal for safety stops."""
    ops_token: SecretStr | None = None
    """A person's terminal token, from `/ops token` in Slack."""


class Team(Frozen):
    """Where things are said."""

    name: str = "Ops"
    timezone: Zone = "UTC"
    """For freezes and files; cards show each reader's own."""
    approvals_channel: str | None = None
    """Id or #name: where requests from elsewhere are shown to approvers."""
    audit_channel: str | None = None
    """Id or #name: where the head of the audit chain is anchored."""
    open_answers: tuple[str, ...] = ("#inc-*", "#incident*")
    """Channels where a lookup's answer is for everyone unless a rule says otherwise; ids, or #names with * as
    wildcard."""
    anchor_every: Duration = timedelta(hours=6)
    anchor_file: Path | None = None
    groups_live: Duration = timedelta(hours=12)
    """How long a user group's members are trusted after they were last read. While Slack is down the terminal works
    with them for this long; then the group counts as unreadable, and nobody is in it."""


class PersonSetting(Frozen):
    """A person by name."""

    slack: PersonId
    """Slack user id, `U…`; from the profile's menu, "Copy member ID"."""
    roles: tuple[str, ...] = ()


class AuditSetting(Frozen):
    """The fate of old rows of the audit trail."""

    keep: Keep | None = None
    """Older rows go from the database into files in OPS_DATA, once a day; never where it is left out."""


class Limits(Frozen):
    """Of the machine; the defaults suit a small team."""

    preview: Duration = timedelta(seconds=20)
    """Longest wait for a plan."""
    lookup: Duration = timedelta(seconds=30)
    run: Duration = timedelta(minutes=15)
    """Longest run; after it the outcome is unknown."""
    lease: Duration = timedelta(seconds=30)
    """How long a silent executor keeps a run; renewed at a third of it while a call lasts."""
    ask_again: Duration = timedelta(minutes=1)
    """The same words by the same person within this are answered with "again?"."""
    executors: int = Field(default=8, ge=1, le=64)
    """Requests that one process runs at a time."""


class OpsToml(Frozen):
    """The whole of ops.toml. `ops.example.toml` explains each table."""

    team: Team = Team()
    people: Mapping[str, PersonSetting] = Field(default_factory=dict)
    roles: Mapping[str, Role] = Field(default_factory=dict)
    rules: Mapping[str, Rule] = Field(default_factory=dict)
    freezes: tuple[Window, ...] = ()
    self_approval: str = "never"
    limits: Limits = Limits()
    audit: AuditSetting = AuditSetting()
    services: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Read by the integration of each service's kind."""
    commands: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Read by each command that has settings of its own: `[commands.whitelist]` by commands/whitelist.py."""
    modules: tuple[str, ...] = ()
    """A company's own command modules, importable names."""

    def policy(self) -> Policy:
        """Raises Misconfigured, naming the rule."""
        try:
            return Policy.model_validate(
                {
                    "roles": self.roles,
                    "rules": self.rules,
                    "freezes": self.freezes,
                    "self_approval": self.self_approval,
                    "open_answers": self.team.open_answers,
                }
            )
        except ValidationError as error:
            raise mistakes(error, Policy) from None


def read_toml(path: Path) -> OpsToml:
    """Raises Misconfigured with the line or the setting, and what to write."""
    try:
        # A byte-order mark is what some editors put in front; TOML itself has none.
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except FileNotFoundError as error:
        raise Misconfigured(f"{path} does not exist; copy ops.example.toml to {path} and edit it") from error
    except OSError as error:
        raise Misconfigured(f"{path} {reason(error)}; OPS_CONFIG names the file with the settings") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise Misconfigured(f"{path} is nested too deep; take away brackets") from error
    with placing(path):
        return parse_toml(raw)


@contextmanager
def placing(path: Path) -> Iterator[None]:
    """What is wrong with a setting leaves with its line in this file. Raises Misconfigured."""
    try:
        yield
    except WrongSettings as wrong:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):  # settings that never were in a file, as of the demo
            raise wrong from None
        raise wrong.placed(str(path), text) from None


def parse_toml(raw: Mapping[str, Any]) -> OpsToml:
    """Raises Misconfigured."""
    try:
        settings = OpsToml.model_validate(raw)
    except ValidationError as error:
        raise mistakes(error, OpsToml) from None
    known: dict[PersonId, str] = {}
    wrong = []
    for name, person in settings.people.items():
        if (other := known.setdefault(person.slack, name)) != name:
            told = f"people.{name} has the same Slack id as people.{other}; keep one of them"
            wrong.append(Mistake(("people", name, "slack"), told))
        for role in person.roles:
            if role not in settings.roles:
                told = f"people.{name} has the role {role!r}, which [roles] does not have"
                wrong.append(Mistake(("people", name, "roles"), told, rank=1))
    if wrong:
        raise WrongSettings(*wrong)
    settings.policy()
    return settings
