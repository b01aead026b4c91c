"""Where vendors tell how they are, in which format, and which vendors have no page that a machine can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlsplit

from integrations.plumbing.section import Section

Format = Literal["statuspage", "stripe", "instatus", "betterstack"]
"""`statuspage` is also what incident.io's pages answer."""


@dataclass(frozen=True)
class Vendor:
    page: str
    """For people; the format's paths stand behind it. Empty where none is known."""
    format: Format | None
    """None where there is nothing to read: such a page is never asked."""
    hosts: tuple[str, ...]
    """Where its own API is. A service at another address is somebody else's, and this page says nothing of it."""
    why: str = ""
    """Why there is nothing to read, as a clause."""


VENDORS: Final[Mapping[str, Vendor]] = MappingProxyType(
    {
        "apollo": Vendor("https://status.apollo.io", "betterstack", ("apollo.io",)),
        "clearbit": Vendor("https://status.clearbit.com", "statuspage", ("clearbit.com",)),
        "github": Vendor("https://www.githubstatus.com", "statuspage", ("api.github.com",)),
        "hubspot": Vendor("https://status.hubspot.com", "statuspage", ("hubapi.com", "hubspot.com")),
        "n8n": Vendor("https://status.n8n.cloud", None, ("n8n.cloud",), "it is made for people only"),
        # Lists disagree on whether it answers at all: what it says is taken only if it is what it should be.
        "neon": Vendor("https://neonstatus.com", "statuspage", ("neon.tech",)),
        "openai": Vendor("https://status.openai.com", "statuspage", ("openai.com",)),
        "pagerduty": Vendor("https://status.pagerduty.com", None, ("pagerduty.com",), "it is made for people only"),
        "railway": Vendor("https://status.railway.com", "instatus", ("railway.com", "railway.app")),
        "resend": Vendor("https://status.resend.com", None, ("resend.com",), "it is made for people only"),
        "retell": Vendor("https://status.retellai.com", "statuspage", ("retellai.com",)),
        "sentry": Vendor("https://status.sentry.io", "statuspage", ("sentry.io",)),
        # Its /api/v2 is in many lists and not real.
        "stripe": Vendor("https://status.stripe.com", "stripe", ("stripe.com",)),
        "supabase": Vendor("https://status.supabase.com", "statuspage", ("supabase.com",)),
        "telnyx": Vendor("https://status.telnyx.com", "statuspage", ("telnyx.com",)),
        "unleashed": Vendor("", None, ("unleashedsoftware.com",), "none is known"),
        "vercel": Vendor("https://www.vercel-status.com", "statuspage", ("vercel.com",)),
    }
)
"""By the kind of service where there is one."""


def runs(vendor: Vendor, host: str) -> bool:
    """Whether the vendor itself runs what is at this host."""
    return any(host == own or host.endswith(f".{own}") for own in vendor.hosts)


def bought(sections: Mapping[str, Section]) -> Mapping[str, tuple[str, ...]]:
    """Vendors whose page nobody wrote into ops.toml, with the services that are bought from each.

    A service at an address that is not its vendor's, like an n8n of one's own or a GitHub Enterprise, has none.
    """
    named = {getattr(section, "vendor", "") for section in sections.values() if section.kind == "statuspage"}
    found: dict[str, tuple[str, ...]] = {}
    for name, section in sections.items():
        vendor = VENDORS.get(section.kind)
        if vendor is None or section.kind in named:
            continue
        url = getattr(section, "url", None)
        if url is None or runs(vendor, urlsplit(url).hostname or ""):
            found[section.kind] = (*found.get(section.kind, ()), name)
    return found
