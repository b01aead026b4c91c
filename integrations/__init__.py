"""The outside: opens the clients that ops.toml names. One line a kind."""

import difflib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Final, Protocol, Self, TypeVar, cast

import aiohttp
import httpx
from pydantic import ValidationError

from bot.words.exceptions import Misconfigured, NotUnderstood
from integrations.apollo.client import Apollo, ApolloSection
from integrations.capabilities import Named, VendorStatus
from integrations.clearbit.client import Clearbit, ClearbitSection
from integrations.github.client import GitHubSection, github
from integrations.http.client import WebSection, web
from integrations.hubspot.client import HubSpot, HubSpotSection
from integrations.n8n.client import N8nSection, n8n
from integrations.neon.client import NeonSection, neon
from integrations.openai.client import OpenAiSection, openai
from integrations.plumbing.call_counts import OwnTally, Tally
from integrations.plumbing.pace import OwnTurns, Turns
from integrations.plumbing.proofs import Proofs, Unnoted
from integrations.plumbing.section import Outside, Section
from integrations.postgres.client import PostgresSection, postgres
from integrations.process.client import ProcessSection, processes
from integrations.railway.client import Railway, RailwaySection
from integrations.resend.client import Resend, ResendSection
from integrations.retell.client import RetellSection, retell
from integrations.sentry.client import SentrySection, sentry
from integrations.statuspage.client import StatusPage, StatusPageSection, vendor_pages
from integrations.stripe.client import StripeSection, stripe
from integrations.supabase.client import SupabaseSection, supabase
from integrations.telnyx.client import TelnyxSection, telnyx
from integrations.unleashed.client import Unleashed, UnleashedSection
from integrations.vercel.client import VercelSection, vercel


class _Factory(Protocol):
    def __call__(self, name: str, section: Any, outside: Outside) -> Named | tuple[Named, ...]: ...


KINDS: Final[Mapping[str, tuple[type[Section], _Factory]]] = MappingProxyType(
    {
        "apollo": (ApolloSection, Apollo),
        "clearbit": (ClearbitSection, Clearbit),
        "github": (GitHubSection, github),
        "http": (WebSection, web),
        "hubspot": (HubSpotSection, HubSpot),
        "n8n": (N8nSection, n8n),
        "neon": (NeonSection, neon),
        "openai": (OpenAiSection, openai),
        "postgres": (PostgresSection, postgres),
        "process": (ProcessSection, processes),
        "railway": (RailwaySection, Railway),
        "resend": (ResendSection, Resend),
        "sentry": (SentrySection, sentry),
        "retell": (RetellSection, retell),
        "statuspage": (StatusPageSection, StatusPage),
        "stripe": (StripeSection, stripe),
        "supabase": (SupabaseSection, supabase),
        "telnyx": (TelnyxSection, telnyx),
        "unleashed": (UnleashedSection, Unleashed),
        "vercel": (VercelSection, vercel),
    }
)

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")

C = TypeVar("C")


@dataclass(frozen=True)
class Services:
    """The clients of ops.toml, in its order. A service has as many clients as it has separate capabilities."""

    clients: tuple[Named, ...]
    vendors: tuple[VendorStatus, ...] = ()
    """Status pages of the vendors that services are bought from, but those that are services themselves."""

    def having(self, capability: Callable[..., C]) -> tuple[C, ...]:
        """Clients that can do this: `services.having(Checkable)`. (`type[C]` would refuse a Protocol.)"""
        protocol = cast(type[C], capability)
        return tuple(client for client in self.clients if isinstance(client, protocol))

    def named(self, name: str, capability: Callable[..., C]) -> C:
        """Raises NotUnderstood, with the names that there are."""
        able = {client.name: client for client in self.clients if isinstance(client, cast(type[C], capability))}
        if name in able:
            return able[name]
        close = difflib.get_close_matches(name, able, n=1)
        raise NotUnderstood(
            f"No service {name!r} in ops.toml can do that. There are: {', '.join(able) or 'none'}."
            + (f" Did you mean {close[0]!r}?" if close else "")
        )

    def __iter__(self) -> Iterator[str]:
        """Names, each once."""
        return iter(dict.fromkeys(client.name for client in self.clients))

    def __len__(self) -> int:
        return len(set(self))

    async def aclose(self) -> None:
        """Close what the clients opened themselves; the HTTP client is the caller's."""
        for client in self.clients:
            close: Callable[[], Awaitable[None]] | None = getattr(client, "aclose", None)
            if close is not None:
                await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _as_it_is(text: str) -> str:
    return text


def open_services(
    sections: Mapping[str, Mapping[str, Any]],
    http: httpx.AsyncClient,
    secrets: Callable[[str], str],
    *,
    redact: Callable[[str], str] = _as_it_is,
    probes: aiohttp.ClientSession | None = None,
    turns: Turns | None = None,
    tally: Tally | None = None,
    proofs: Proofs | None = None,
) -> Services:
    """Build the clients of `[services.*]`; nothing is contacted and no secret is looked up yet.

    `secrets` turns a SecretRef into its value at each use; `redact` is applied to vendors' own sentences;
    `probes` carries health checks, which go over `http` without it; `turns` shares vendors' limits between processes,
    `tally` the count of calls to those that tell none; `proofs` is told of secrets that were taken.
    Raises Misconfigured, naming the setting and what to write.
    """
    turns, tally = turns or OwnTurns(), tally or OwnTally()
    proofs = Unnoted() if proofs is None else proofs
    clients: list[Named] = []
    read: dict[str, Section] = {}
    for name, table in sections.items():
        if not _NAME.fullmatch(name):
            raise Misconfigured(
                f"services.{name[:40]}: a service's name is typed by people; write lower-case letters, digits, - and _"
            )
        model, build = _kind(name, table)
        try:
            section = model.model_validate(table)
        except ValidationError as error:
            raise Misconfigured(_what_to_write(f"services.{name}", model, error)) from None
        read[name] = section
        outside = Outside(http, secrets, redact, probes, turns=turns, tally=tally, proofs=proofs)
        built = build(name, section, outside)
        clients.extend(built if isinstance(built, tuple) else (built,))
    vendors = vendor_pages(read, lambda: Outside(http, secrets, redact, probes, turns=turns))
    return Services(tuple(clients), vendors)


def _kind(name: str, table: Mapping[str, Any]) -> tuple[type[Section], _Factory]:
    kind = table.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    known = ", ".join(f'"{each}"' for each in KINDS)
    close = difflib.get_close_matches(str(kind), KINDS, n=1) if kind is not None else []
    guess = f' Did you mean "{close[0]}"?' if close else ""
    what = "is missing" if kind is None else f"{str(kind)[:40]!r} is not known"
    raise Misconfigured(f"services.{name}.kind {what}; write one of {known}.{guess}")


def _what_to_write(where: str, model: type[Section], error: ValidationError) -> str:
    """One sentence for the first problem. What stands there is not repeated: it may be a secret."""
    problem = error.errors(include_url=False, include_input=False)[0]
    path = ".".join([where, *(str(part) for part in problem["loc"])])
    match problem["type"]:
        case "extra_forbidden":
            known = _known_keys(model, problem["loc"][:-1])
            close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
            instead = f"did you mean {close[0]}?" if close else f"write one of {', '.join(known)}"
            return f"{path} is not a setting; {instead}"
        case "missing":
            return f"{path} is missing; write it"
        case "value_error":
            return f"{path}: {problem['ctx']['error']}"
        case _:
            return f"{path}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _known_keys(model: type[Section], path: tuple[int | str, ...]) -> list[str]:
    """The settings that may stand at `path`, read from the JSON schema so that nested tables are found too."""
    schema = model.model_json_schema()
    here: dict[str, Any] = schema
    for part in path:
        here = here["items"] if isinstance(part, int) else here["properties"][part]
        for branch in here.get("anyOf", [here]):
            if "$ref" in branch:
                here = schema["$defs"][branch["$ref"].rpartition("/")[2]]
    return sorted(here.get("properties", ()))
