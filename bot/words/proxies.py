"""Which proxy a call goes through, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say, for every client alike."""

import ipaddress
import os
from urllib.parse import urlsplit

from bot.words.exceptions import Misconfigured

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def proxy_for(url: str) -> str | None:
    """None where it is called directly: no proxy is named, NO_PROXY names its host, or it is this machine.

    Raises Misconfigured for a proxy of a kind that we cannot use.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    scheme = "https" if parts.scheme in ("https", "wss") else "http"
    name, proxy = _named(f"{scheme}_proxy", "all_proxy")
    if not proxy or not host or _direct(host, parts.port or _PORTS.get(parts.scheme, 0)):
        return None
    whole = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(whole).scheme not in ("http", "https") or not urlsplit(whole).hostname:
        raise Misconfigured(
            f"{name} names a proxy that is not reached over http. Write it like http://proxy.example:3128."
        )
    return whole


def _named(*names: str) -> tuple[str, str]:
    for name in names:
        for spelled in (name, name.upper()):
            if value := os.environ.get(spelled, "").strip():
                return spelled, value
    return "", ""


def _direct(host: str, port: int) -> bool:
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    _, exceptions = _named("no_proxy")
    return any(_covers(entry.lower(), host, port, address) for entry in exceptions.replace(",", " ").split())


def _covers(entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """`*`, a host with all below it (with or without a leading `.` or `*.`), an address, a range; any with `:port`."""
    name, colon, only = entry.rpartition(":")
    if colon and only.isdecimal() and (":" not in name or name.startswith("[")):
        if int(only) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if entry == "*":
        return True
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    domain = entry.removeprefix("*").removeprefix(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
