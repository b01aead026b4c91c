"""`[services.*]` of ops.toml: what is wrong is named, and what to write is said; secrets are never repeated."""

from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood
from integrations import open_services
from integrations.capabilities import Checkable, ErrorSource, Executions, Health, RateLimiter, Switches

N8N = {"kind": "n8n", "url": "https://n8n.example.com", "api_key": "env:KEY"}
DB = {"kind": "postgres", "dsn": "env:DSN"}
WEB = {"kind": "http", "url": "https://shop.example.com/health"}


def never(reference: str) -> str:
    raise AssertionError("a secret was looked up before it was needed")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, r'services\.x\.kind is missing; write one of .*"n8n", .*"postgres"'),
        ({"kind": "n8m"}, r'services\.x\.kind .*Did you mean "n8n"\?'),
        ({"kind": ["n8n"]}, r"services\.x\.kind .*is not known"),
        ({"kind": "n8n", "api_key": "env:K"}, r"services\.x\.url is missing"),
        (N8N | {"apikey": "env:K"}, r"services\.x\.apikey is not a setting; did you mean api_key\?"),
        (N8N | {"zzz": 1}, r"services\.x\.zzz is not a setting; write one of api_key, deadline"),
        (N8N | {"api_key": "s3cret"}, r'services\.x\.api_key: write where to find it, as "env:NAME" or "file:/path"'),
        (N8N | {"api_key": "env:"}, r"services\.x\.api_key: write where to find it"),
        (N8N | {"api_key": 7}, r"services\.x\.api_key: write a text in quotes"),
        (N8N | {"url": "n8n.example.com"}, r"services\.x\.url: write a whole address"),
        (N8N | {"url": "https://me:s3cret@n8n.example.com"}, r"services\.x\.url: .*without a user or password"),
        (N8N | {"url": "file:///etc/passwd"}, r"services\.x\.url: write a whole address"),
        (N8N | {"readiness": "//evil.example.com/"}, r"services\.x\.readiness: "),
        (N8N | {"deadline": "3"}, r"services\.x\.deadline: .* type one like 90s"),
        (N8N | {"deadline": 0}, r"services\.x\.deadline: "),
        (DB | {"connections": 0}, r"services\.x\.connections: write 1 or more"),
        (DB | {"dsn": "postgresql://u:s3cret@h/d"}, r"services\.x\.dsn: write where to find it"),
        (DB | {"logs": [{}, {"tabel": "t"}]}, r"services\.x\.logs\.1\.tabel is not a setting; did you mean table\?"),
        (DB | {"rate_limits": {"allow_list": {"nework": "n"}}}, r"allow_list\.nework is .* did you mean network\?"),
        (DB | {"switches": {"status": "a b"}}, r"services\.x\.switches\.status: write a name of letters"),
        (WEB | {"field": "a.b"}, r"services\.x: write field and equals together"),
        (WEB | {"headers": {"Authorization": "Bearer s3cret"}}, r"headers\.Authorization: write where to find it"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(http: httpx.AsyncClient, table: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        open_services({"x": table}, http, never)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["", "Shop", "a b", "a.b", "-a", "a" * 41, "é"])
async def test_a_name_that_cannot_be_typed(http: httpx.AsyncClient, name: str) -> None:
    with pytest.raises(Misconfigured, match="lower-case letters"):
        open_services({name: WEB}, http, never)


async def test_only_what_is_mapped_can_be_done(http: httpx.AsyncClient) -> None:
    plain = open_services({"n": N8N, "d": DB, "w": WEB}, http, never)
    assert list(plain) == ["n", "d", "w"]
    assert len(plain) == 3
    assert [client.name for client in plain.having(Checkable)] == ["n", "d", "w"]
    assert [client.name for client in plain.having(Executions)] == ["n"]
    assert [client.name for client in plain.having(ErrorSource)] == ["n"]
    assert plain.having(Switches) == ()
    assert plain.having(RateLimiter) == ()
    whole = open_services(
        {"n": N8N | {"pausable": ["x"]}, "d": DB | {"logs": [{}], "rate_limits": {}, "switches": {}}}, http, never
    )
    assert [client.name for client in whole.having(Switches)] == ["n", "d"]
    assert [client.name for client in whole.having(ErrorSource)] == ["n", "d"]
    assert [client.name for client in whole.having(RateLimiter)] == ["d"]
    assert len(whole) == 2


async def test_a_service_by_name(http: httpx.AsyncClient) -> None:
    services = open_services({"shop": WEB, "flows": N8N}, http, never)
    assert services.named("flows", Executions).kind == "n8n"
    with pytest.raises(NotUnderstood, match="There are: flows") as caught:
        services.named("flow", Executions)
    assert "Did you mean 'flows'?" in str(caught.value)
    with pytest.raises(NotUnderstood):
        services.named("shop", Executions)


async def test_a_secret_that_cannot_be_found_is_said_by_the_check(http: httpx.AsyncClient) -> None:
    def missing(reference: str) -> str:
        raise Misconfigured("The environment has no KEY; set it to n8n's API key.")

    for table in (N8N | {"url": "http://127.0.0.1:9"}, DB, WEB | {"headers": {"X": "env:KEY"}}):
        client = open_services({"x": table}, http, missing).named("x", Checkable)
        seen = await client.check()
        assert seen.health in (Health.UNKNOWN, Health.DOWN)
        assert "KEY" in seen.detail or table["kind"] == "n8n"
