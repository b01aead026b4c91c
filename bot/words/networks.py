"""IP addresses and ranges: how lists write them, and which of them no client on the internet can have."""

import ipaddress
from dataclasses import dataclass

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(text: str) -> IPNetwork:
    """Raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


def address_text(network: IPNetwork) -> str:
    """`203.0.113.7` for one address, `203.0.113.0/28` for several."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # same version


def covers(entry: str, network: IPNetwork) -> bool:
    """Whether a list's entry (one address, a CIDR, or first-last) holds all of `network`; False for an entry that we
    cannot read."""
    first, dash, last = entry.partition("-")
    try:
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            if low.version != network.version or high.version != network.version:
                return False
            return int(low) <= int(network.network_address) and int(network.broadcast_address) <= int(high)
        return within(network, network_of(entry))
    except ValueError:
        return False


def spelled(entry: str) -> str:
    """One spelling for all of the same network or range; an entry that we cannot read as it is."""
    first, dash, last = entry.partition("-")
    try:
        if dash:
            return f"{ipaddress.ip_address(first.strip())}-{ipaddress.ip_address(last.strip())}"
        return str(network_of(entry))
    except ValueError:
        return entry


def same(entry: str, other: str) -> bool:
    """Whether both are the same network, however they are spelled."""
    try:
        return network_of(entry) == network_of(other)
    except ValueError:
        return False


@dataclass(frozen=True)
class Reserved:
    """A range that is set aside for something else than hosts on the internet."""

    network: IPNetwork
    what: str
    """In the plural, as in "private addresses"."""
    documentation: bool = False
    """For examples in texts. No traffic comes from it, so that a demo can live in it."""


# What the standard library calls private, reserved or multicast, by name; and what its tables do not have, or not in
# every version of Python that we run on: 192.0.0.0/24, 192.88.99.0/24, 64:ff9b:1::/48, 2002::/16, 3ffe::/16, 3fff::/20,
# 5f00::/16. The first that fits is told, so what is within another stands before it.
# Source: IANA's special-purpose address registries for IPv4 and IPv6.
_RESERVED = tuple(
    Reserved(ipaddress.ip_network(network), what, documentation=what == "addresses for examples")
    for network, what in (
        ("0.0.0.0/8", "addresses that stand for no host"),
        ("10.0.0.0/8", "private addresses"),
        ("100.64.0.0/10", "addresses that a provider shares among many customers"),
        ("127.0.0.0/8", "loopback addresses"),
        ("169.254.0.0/16", "link-local addresses"),
        ("172.16.0.0/12", "private addresses"),
        ("192.0.0.0/24", "addresses for protocols"),
        ("192.0.2.0/24", "addresses for examples"),
        ("192.88.99.0/24", "addresses of former 6to4 relays"),
        ("192.168.0.0/16", "private addresses"),
        ("198.18.0.0/15", "addresses for benchmarks"),
        ("198.51.100.0/24", "addresses for examples"),
        ("203.0.113.0/24", "addresses for examples"),
        ("224.0.0.0/4", "multicast addresses"),
        ("240.0.0.0/4", "reserved addresses"),
        ("::/128", "addresses that stand for no host"),
        ("::1/128", "loopback addresses"),
        ("::/96", "IPv4 addresses written as IPv6"),
        ("::ffff:0:0/96", "IPv4 addresses written as IPv6"),
        ("::ffff:0:0:0/96", "IPv4 addresses written as IPv6"),
        ("64:ff9b::/96", "IPv4 addresses written as IPv6"),
        ("64:ff9b:1::/48", "IPv4 addresses written as IPv6 within one network"),
        ("100::/64", "addresses whose traffic is thrown away"),
        ("2001::/32", "addresses of Teredo tunnels"),
        ("2001:2::/48", "addresses for benchmarks"),
        ("2001::/23", "addresses for protocols"),
        ("2001:db8::/32", "addresses for examples"),
        ("2002::/16", "addresses of 6to4 tunnels"),
        ("3ffe::/16", "addresses of a test network that has ended"),
        ("3fff::/20", "addresses for examples"),
        ("5f00::/16", "addresses for routing by segments"),
        ("fc00::/7", "private addresses"),
        ("fe80::/10", "link-local addresses"),
        ("fec0::/10", "private addresses"),
        ("ff00::/8", "multicast addresses"),
    )
)
_INTERNET = ipaddress.IPv6Network("2000::/3")
"""All that has been given to hosts so far."""
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 as a program sees it that listens on IPv6."""
_IPV4_AT = {
    ipaddress.IPv6Network(network): start
    for network, start in (
        ("::/96", 96),
        ("::ffff:0:0/96", 96),
        ("::ffff:0:0:0/96", 96),
        ("64:ff9b::/96", 96),
        ("2001::/32", 96),
        ("2002::/16", 16),
    )
}
"""Where the 32 bits of an IPv4 address begin; Teredo writes its client's inverted."""
_INVERTED = ipaddress.IPv6Network("2001::/32")


def reserved(network: IPNetwork) -> Reserved | None:
    """The reserved range that `network` is in, covers or overlaps; None where all of it is the internet's."""
    for each in _RESERVED:
        if within(network, each.network) or within(each.network, network):
            return each
    if network.version == 6 and not within(network, _INTERNET):
        return Reserved(network, "reserved addresses")
    for edge in (network.network_address, network.broadcast_address):  # what a later standard library knows
        if not edge.is_global or edge.is_multicast or edge.is_reserved:
            return Reserved(network, "reserved addresses")
    return None


def stands_for(network: IPNetwork) -> ipaddress.IPv4Network | None:
    """The IPv4 addresses that an IPv6 range carries within it (mapped, translated, tunnelled); None where it carries
    none, or not all of their bits are given."""
    for held, start in _IPV4_AT.items():
        if within(network, held) and network.prefixlen > start:
            bits = int(network.network_address) >> (96 - start) & 0xFFFFFFFF
            length = min(network.prefixlen - start, 32)
            if held == _INVERTED:
                bits ^= 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF
            return ipaddress.IPv4Network((bits, length), strict=False)
    return None


def refusal(network: str, widest_v4: int, widest_v6: int, *, documentation: bool = False) -> str:
    """Why nobody may let this network through; empty if they may.

    `documentation` takes the ranges that examples are written with.
    """
    asked = network_of(network)
    if asked.prefixlen == 0:
        return f"{network} is the whole internet. Give the one address that needs it."
    held = reserved(asked)
    if held is not None and not (held.documentation and documentation):
        place = "is among" if within(asked, held.network) else "covers"
        range_ = f" ({held.network})" if held.network != asked else ""
        means = f" and stands for {address_text(ipv4)}" if (ipv4 := stands_for(asked)) else ""
        return f"{network} {place} {held.what}{range_}{means}. Give the public address that the service sees."
    widest = widest_v4 if asked.version == 4 else widest_v6
    if asked.prefixlen < widest:
        return f"{network} is wider than policy allows: at most a /{widest}, and this is a /{asked.prefixlen}."
    return ""
