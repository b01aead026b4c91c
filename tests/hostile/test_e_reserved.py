"""Kind: an address that no client on the internet has. Refused before anything is planned, however it is written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.words.exceptions import NotUnderstood
from bot.words.networks import network_of, reserved, stands_for
from commands.whitelist import LiftRateLimit, Settings, Whitelist
from integrations.neon.client import NeonSection
from integrations.supabase.client import SupabaseSection
from tests.commands.world import Clock, Limiter

RESERVED = [
    ("0.0.0.0", "no host"),
    ("0.1.2.3", "no host"),
    ("10.0.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.0/24", "private"),
    ("100.64.3.4", "a provider shares"),
    ("127.0.0.53", "loopback"),
    ("169.254.169.254", "link-local"),
    ("192.0.0.8", "protocols"),
    ("192.0.0.170", "protocols"),
    ("192.0.2.1", "examples"),
    ("192.88.99.1", "6to4 relays"),
    ("198.18.0.1", "benchmarks"),
    ("198.19.255.0/24", "benchmarks"),
    ("198.51.100.4", "examples"),
    ("203.0.113.7", "examples"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "no host"),
    ("::1", "loopback"),
    ("::10.0.0.1", "stands for 10.0.0.1"),
    ("::8.8.8.8", "stands for 8.8.8.8"),
    ("::ffff:169.254.169.254", "stands for 169.254.169.254"),
    ("::ffff:0:10.0.0.1", "stands for 10.0.0.1"),
    ("::ffff:0:0:0", "stands for 0.0.0.0"),
    ("64:ff9b::169.254.169.254", "stands for 169.254.169.254"),
    ("64:ff9b::10.1.2.0/120", "stands for 10.1.2.0/24"),
    ("64:ff9b:1::10.0.0.1", "within one network"),
    ("100::1", "thrown away"),
    ("100:0:0:1::1", "reserved"),
    ("200::1", "reserved"),
    ("2001::1", "Teredo"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "stands for 192.0.2.45"),
    ("2001:2::1", "benchmarks"),
    ("2001:10::1", "protocols"),
    ("2001:20::1", "protocols"),
    ("2001:db8::1", "examples"),
    ("2002:a00:1::1", "stands for 10.0.0.1"),
    ("2002:a9fe:a9fe::/48", "stands for 169.254.169.254"),
    ("3ffe::1", "has ended"),
    ("3fff:fff::1", "examples"),
    ("4000::1", "reserved"),
    ("5f00::1", "by segments"),
    ("fc00::1", "private"),
    ("fd12:3456:789a::1", "private"),
    ("fe80::1", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
    ("ff0e::1", "multicast"),
    ("8.0.0.0/6", "covers private"),
    ("2001:d00::/24", "covers addresses for examples"),
]
PUBLIC = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
          "2a00:1450::/32", "2001:4860:4860::8888", "2400::1", "3fff:1000::1"]  # fmt: skip


@pytest.mark.parametrize(("network", "why"), RESERVED)
async def test_refused_before_anything_is_planned(network: str, why: str) -> None:
    limiter = Limiter("api")
    action = LiftRateLimit((limiter,), Clock())
    with pytest.raises(NotUnderstood, match="Give the public address that the service sees") as refused:
        await action.preview(Whitelist(network=network, reason="import"))
    assert why in str(refused.value)
    assert limiter.allowed == {}


@pytest.mark.parametrize("network", PUBLIC)
def test_what_the_internet_has_is_not_reserved(network: str) -> None:
    assert reserved(network_of(network)) is None
    assert stands_for(network_of(network)) is None


@pytest.mark.parametrize("network", ["203.0.113.7", "198.51.100.4", "192.0.2.0/24", "2001:db8:7::/64", "3fff::1"])
async def test_examples_are_taken_where_ops_toml_says_so(network: str) -> None:
    """So that a demo needs no address of somebody's."""
    plan = await LiftRateLimit((Limiter("api"),), Clock(), Settings(documentation=True)).preview(
        Whitelist(network=network, reason="import")
    )
    assert plan.confirm_phrase == network


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(0, 128))
def test_never_more_than_the_standard_library_calls_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    network = ipaddress.ip_network((address, min(prefix, address.max_prefixlen)), strict=False)
    if reserved(network) is None:
        for edge in (network.network_address, network.broadcast_address):
            assert edge.is_global
            assert not edge.is_multicast
            assert not edge.is_reserved


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_found_in_all_its_ipv6_forms(ipv4: ipaddress.IPv4Address) -> None:
    inverted = ipaddress.IPv4Address(int(ipv4) ^ 0xFFFFFFFF)
    sixes = (f"::{ipv4}", f"::ffff:{ipv4}", f"::ffff:0:{ipv4}", f"64:ff9b::{ipv4}", f"2001:0:102:304::{inverted}")
    six_to_four = ipaddress.IPv6Address(0x2002 << 112 | int(ipv4) << 80 | 1)
    for six in (*sixes, str(six_to_four)):
        assert reserved(network_of(six)) is not None
        assert stands_for(network_of(six)) == ipaddress.IPv4Network(ipv4)


@pytest.mark.parametrize("address", ["10.0.0.5", "::ffff:10.0.0.5", "64:ff9b::10.0.0.5", "fd00::5", "224.0.0.5"])
@pytest.mark.parametrize(
    ("section", "settings"),
    [
        (NeonSection, {"kind": "neon", "project": "p", "api_key": "env:K"}),
        (SupabaseSection, {"kind": "supabase", "project": "abcdefghijklmnopqrst", "token": "env:K"}),
    ],
)
def test_the_bots_own_address_is_a_public_one(
    section: type[NeonSection] | type[SupabaseSection], settings: dict[str, str], address: str
) -> None:
    with pytest.raises(ValidationError, match="write the public address that others see"):
        section.model_validate(settings | {"own_address": address})
    assert section.model_validate(settings | {"own_address": "198.51.100.4"}).own_address == "198.51.100.4"
