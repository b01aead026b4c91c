"""Addresses and ranges as vendors write them in lists: one address, a CIDR, or first-last."""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(text: str) -> Network:
    """Raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


def covers(entry: str, network: Network) -> bool:
    """Whether a list's entry holds all of `network`; False for an entry that we cannot read."""
    first, dash, last = entry.partition("-")
    try:
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            if low.version != network.version or high.version != network.version:
                return False
            return int(low) <= int(network.network_address) and int(network.broadcast_address) <= int(high)
        held = network_of(entry)
    except ValueError:
        return False
    return held.version == network.version and (held.prefixlen <= network.prefixlen and network.network_address in held)


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
