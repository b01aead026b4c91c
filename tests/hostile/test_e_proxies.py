"""Kind: a network that is left through a proxy alone. Every call goes through it (checks, reads, writes, Slack's), none
that NO_PROXY or common sense keeps from it."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from pydantic import BaseModel

from bot.slack.door.connection import web_client
from bot.words.exceptions import Misconfigured, OpsError
from bot.words.proxies import proxy_for
from integrations import open_services
from integrations.capabilities import Checkable, Health
from integrations.plumbing.outbound import Service
from integrations.plumbing.probe import probe_session
from integrations.plumbing.section import Outside
from integrations.plumbing.transport import PerHost
from tests.hostile.certificates import Certificates
from tests.hostile.proxy import recording
from tests.hostile.test_e_connections import fine, listening

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


class _Anything(BaseModel):
    """Whatever JSON object comes."""


@pytest.fixture(autouse=True)
def setting(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch.setenv


async def called(url: str, *, probed: bool) -> Health:
    """A check, a read and a write; the health that the check tells."""
    section = {"kind": "http", "url": url, "deadline": "20s"}
    async with httpx.AsyncClient(transport=PerHost()) as http, probe_session() as probes:
        services = open_services({"it": section}, http, lambda _: "", probes=probes if probed else None)
        check = await services.named("it", Checkable).check()
        if check.health is Health.OK:
            service = Service(
                Outside(http, secrets=str, redact=str), name="it", base_url=url, timeout=timedelta(seconds=20)
            )
            await service.get("/read", _Anything)
            await service.post("/write", _Anything)
    return check.health


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_every_call_over_http(variable: str, setting: Callable[[str, str], None], *, probed: bool) -> None:
    async with listening(fine) as port, recording({"vendor.example": port}) as proxy:
        setting(variable, proxy.url.replace("//", "//user:p%40ss@"))
        assert await called("http://vendor.example", probed=probed) is Health.OK
    at = "http://vendor.example"
    assert proxy.asked == [f"GET {at}/", f"GET {at}/read", f"POST {at}/write"]
    assert set(proxy.credentials) == {"user:p@ss"}


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_every_call_over_tls(
    variable: str, setting: Callable[[str, str], None], tmp_path_factory: pytest.TempPathFactory, *, probed: bool
) -> None:
    made = Certificates.made(tmp_path_factory.mktemp("certificates"))
    setting("SSL_CERT_FILE", str(made.folder / "authority.pem"))
    context = made.server("vendor", names="DNS:vendor.example")
    async with listening(fine, context) as port, recording({"vendor.example": port}) as proxy:
        setting(variable, proxy.url.replace("//", "//user:p%40ss@"))
        assert await called("https://vendor.example", probed=probed) is Health.OK
    assert set(proxy.asked) == {"CONNECT vendor.example:443"}
    assert set(proxy.credentials) == {"user:p@ss"}


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
async def test_a_proxy_that_connects_nobody_is_told(setting: Callable[[str, str], None], *, probed: bool) -> None:
    async with recording({}, "407 Proxy Authentication Required") as proxy:
        setting("HTTPS_PROXY", proxy.url)
        section = {"kind": "http", "url": "https://vendor.example", "deadline": "20s"}
        async with httpx.AsyncClient(transport=PerHost()) as http, probe_session() as probes:
            services = open_services({"it": section}, http, lambda _: "", probes=probes if probed else None)
            check = await services.named("it", Checkable).check()
    assert (check.health, check.detail) == (
        Health.UNKNOWN,
        "the proxy between us and it did not connect us (see HTTPS_PROXY, NO_PROXY)",
    )


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
async def test_this_machine_is_never_asked_for_through_a_proxy(
    setting: Callable[[str, str], None], *, probed: bool
) -> None:
    async with listening(fine) as port, recording({}) as proxy:
        setting("HTTP_PROXY", proxy.url)
        assert await called(f"http://127.0.0.1:{port}", probed=probed) is Health.OK
    assert proxy.asked == []


async def test_slacks_calls(setting: Callable[[str, str], None]) -> None:
    async with listening(fine) as port, recording({"slack.example": port}) as proxy:
        setting("HTTP_PROXY", proxy.url)
        answer = await web_client("http://slack.example/api/", token="xoxb-1").api_call("auth.test")
        assert answer.status_code == 200
        assert proxy.asked == ["POST http://slack.example/api/auth.test"]
        setting("NO_PROXY", "slack.example")
        assert web_client("http://slack.example/api/").proxy is None


@pytest.mark.parametrize(
    ("exceptions", "url", "through"),
    [
        ("", "https://api.github.com", True),
        ("api.github.com", "https://api.github.com", False),
        ("API.GitHub.com", "https://api.github.com", False),
        ("github.com", "https://api.github.com", False),
        (".github.com", "https://api.github.com", False),
        ("*.github.com", "https://api.github.com", False),
        ("hub.com", "https://api.github.com", True),
        ("example.com, github.com", "https://api.github.com", False),
        ("example.com github.com", "https://api.github.com", False),
        ("*", "https://api.github.com", False),
        ("n8n.internal:5678", "https://n8n.internal:5678", False),
        ("n8n.internal:5678", "https://n8n.internal", True),
        ("n8n.internal:443", "https://n8n.internal", False),
        ("10.0.0.0/8", "https://10.1.2.3", False),
        ("10.0.0.0/8", "https://11.1.2.3", True),
        ("10.1.2.3", "https://10.1.2.3", False),
        ("fd00::/8", "https://[fd00::1]", False),
        ("[fd00::1]", "https://[fd00::1]:8443", False),
        ("", "https://localhost:5678", False),
        ("", "https://127.0.0.5", False),
        ("", "https://[::1]", False),
        ("", "wss://wss-primary.slack.com", True),
    ],
)
def test_what_goes_through(exceptions: str, url: str, *, through: bool, setting: Callable[[str, str], None]) -> None:
    setting("HTTPS_PROXY", "proxy.example:3128")
    setting("NO_PROXY", exceptions)
    assert proxy_for(url) == ("http://proxy.example:3128" if through else None)


def test_only_its_own_scheme(setting: Callable[[str, str], None]) -> None:
    setting("HTTPS_PROXY", "http://proxy.example")
    assert proxy_for("http://vendor.example") is None


@pytest.mark.parametrize("probed", [True, False], ids=["probe", "httpx"])
async def test_a_kind_of_proxy_that_we_cannot_use_is_said(setting: Callable[[str, str], None], *, probed: bool) -> None:
    """Rather than passed by: whoever names one has a reason."""
    setting("ALL_PROXY", "socks5://user:secret@proxy.example")
    with pytest.raises(Misconfigured, match="ALL_PROXY names a proxy that is not reached over http") as told:
        proxy_for("https://vendor.example")
    assert "secret" not in str(told.value)
    async with httpx.AsyncClient(transport=PerHost()) as http, probe_session() as probes:
        section = {"kind": "http", "url": "https://vendor.example", "deadline": "20s"}
        services = open_services({"it": section}, http, lambda _: "", probes=probes if probed else None)
        assert "ALL_PROXY" in (await services.named("it", Checkable).check()).detail
        service = Service(
            Outside(http, str, str), name="it", base_url="https://vendor.example", timeout=timedelta(seconds=9)
        )
        with pytest.raises(OpsError, match="ALL_PROXY"):
            await service.get("/read", _Anything)
