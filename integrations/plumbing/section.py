"""Settings that every `[services.NAME]` table of ops.toml shares, and what a client needs to reach its service."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import aiohttp
import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.words.params import Duration
from integrations.plumbing.breaker import Breaker
from integrations.plumbing.call_counts import OwnTally, Tally
from integrations.plumbing.pace import OwnTurns, Turns
from integrations.plumbing.proofs import Proofs, Unnoted


def _reference(text: str) -> str:
    if not text.startswith(("env:", "file:", "command:")) or not text.partition(":")[2]:
        # The value may be the secret itself: it is never repeated.
        raise ValueError(
            'write where to find it, as "env:NAME" or "file:/path" or "command:program …", never the value itself'
        )
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, like https://n8n.example.com")
    if parts.username or parts.password:
        raise ValueError("write the address without a user or password in it; credentials have their own setting")
    return text


SecretRef = Annotated[str, AfterValidator(_reference)]
"""`env:NAME`, `file:/path` or `command:program argument`; looked up at each use: a rotated one needs no restart."""

Url = Annotated[str, AfterValidator(_url)]
"""http or https, without credentials."""


TimeLimit = Annotated[Duration, Field(gt=timedelta(0))]
"""`3s`, `1m30s`; never nothing."""


class Section(BaseModel):
    """One `[services.NAME]` table."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)

    kind: str
    deadline: TimeLimit = timedelta(seconds=3)
    """How long a health check may take."""


class VendorSection(Section):
    """A vendor's HTTP API: its address, how long it may take, and the credential that opens it."""

    url: Url
    timeout: TimeLimit = timedelta(seconds=10)
    """For reads, and for writes that answer at once."""

    holds: ClassVar[str]
    """The setting with the credential."""
    rights: ClassVar[str]
    undo: ClassVar[str] = "Nothing is changed there."


class KeySection(VendorSection):
    api_key: SecretRef
    """A key of the bot's own, so that it can be rotated alone."""

    holds: ClassVar[str] = "api_key"


class TokenSection(VendorSection):
    token: SecretRef

    holds: ClassVar[str] = "token"


@dataclass(frozen=True)
class Outside:
    """Everything that the clients of one service need to reach it."""

    http: httpx.AsyncClient
    secrets: Callable[[str], str]
    """Turns a SecretRef into its value. Raises Misconfigured."""
    redact: Callable[[str], str]
    """Applied to every text a vendor sent before it becomes part of an error."""
    probes: aiohttp.ClientSession | None = None
    """For health checks; they go over `http` without it."""
    breaker: Breaker = field(default_factory=Breaker)
    """One for all clients of the service."""
    turns: Turns = field(default_factory=OwnTurns)
    """Shared by all processes where they share a database."""
    tally: Tally = field(default_factory=OwnTally)
    """As `turns`; of the services that have their calls counted."""
    proofs: Proofs = field(default_factory=Unnoted)
    """Told of secrets that no health check carries, when they were taken."""
