"""The outside: opens the clients that ops.toml names, and imports no other kind of service."""

import difflib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import aiohttp
import httpx
from pydantic import ValidationError

from bot.words.exceptions import NotUnderstood
from bot.words.mistakes import Mistake, WrongSettings, mistakes
from integrations.capabilities import Named, VendorStatus
from integrations.kinds import KINDS, kind_of
from integrations.plumbing.call_counts import OwnTally, Tally
from integrations.plumbing.pace import OwnTurns, Turns
from integrations.plumbing.proofs import Proofs, Unnoted
from integrations.plumbing.section import Outside, Section
from integrations.plumbing.vendor_pages import bought

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
            told = (
                f"services.{name[:40]}: a service's name is typed by people; write lower-case letters, digits, - and _"
            )
            raise WrongSettings(Mistake(("services", name), told))
        kind = kind_of(name, table)
        try:
            section = kind.section.model_validate(table)
        except ValidationError as error:
            raise mistakes(error, kind.section, "services", name) from None
        read[name] = section
        outside = Outside(http, secrets, redact, probes, turns=turns, tally=tally, proofs=proofs)
        clients.extend(kind.clients(name, section, outside))
    vendors = _vendor_pages(read, lambda: Outside(http, secrets, redact, probes, turns=turns))
    return Services(tuple(clients), vendors)


def _vendor_pages(sections: Mapping[str, Section], outside: Callable[[], Outside]) -> tuple[VendorStatus, ...]:
    """Pages of the vendors that these services are bought from, but those that a section names."""
    pages: list[VendorStatus] = []
    for vendor, names in bought(sections).items():
        page = KINDS["statuspage"]
        table = {"kind": "statuspage", "vendor": vendor, "services": names}
        clients = page.clients(vendor, page.section.model_validate(table), outside())
        pages += [client for client in clients if isinstance(client, VendorStatus)]
    return tuple(pages)
