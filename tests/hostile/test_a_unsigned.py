"""Nothing unsigned is acted upon: whatever comes in over HTTP is verified before anything of it is parsed."""

import ast
import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.gate import Gate, Malformed, Route, Verified
from bot.slack.door import http_mode
from bot.slack.door.http_mode import HttpMode, SignedBySlack, payload
from bot.slack.outbox.answering import is_slacks
from bot.words.exceptions import Misconfigured
from ops.vitals import Vitals, vital_routes
from sandbox.http_mode import signature
from tests.bot.slack.world import World

ROOT = Path(__file__).parents[2]
SECRET = "sandbox-signing-secret"
MARK = "n0t-t0-be-l0gged"
"""In every body; no log line may hold it."""
COMMAND = urlencode({
    "command": "/ops", "text": f"paint {MARK}", "user_id": "U0ANA0001", "channel_id": "C0DEMO002",
    "team_id": "T0HANDRAIL", "trigger_id": "1.2", "response_url": f"http://127.0.0.1:9/{MARK}",
}).encode()  # fmt: skip
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Sent:
    """One malformed request. `timestamp` and `signed` as given, or a fresh one and a wrong signature of right form."""

    body: bytes = COMMAND
    timestamp: str | bytes | None = "now"
    signed: str | bytes | None = "v0=" + "0" * 64
    method: str = "POST"
    type: str = FORM
    more: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    """Signed by ourselves over timestamp and body; what is wrong is the timestamp."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        timestamp = str(int(time.time())) if self.timestamp == "now" else self.timestamp
        signed = self.signed
        if self.own:
            signed = signature(SECRET, str(timestamp), self.body)
        named = {"Content-Type": self.type, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}
        return [
            (name.encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in {**named, **self.more}.items()
            if value is not None
        ]


def _in(seconds: int) -> str:
    return str(int(time.time()) + seconds)


MALFORMED: dict[str, Sent] = {
    "timestamp abc": Sent(timestamp="abc", own=True),
    "timestamp empty": Sent(timestamp="", own=True),
    "timestamp nan": Sent(timestamp="nan", own=True),
    "timestamp inf": Sent(timestamp="inf", own=True),
    "timestamp 1e9": Sent(timestamp="1e9", own=True),
    "timestamp with a fraction": Sent(timestamp=f"{time.time()}", own=True),
    "timestamp in other digits": Sent(timestamp="١٧٦٤٤٠٠٠٠٠", own=True),
    "timestamp negative": Sent(timestamp="-1", own=True),
    "timestamp with underscores": Sent(timestamp="1_764_400_000", own=True),
    "timestamp of 5,000 digits": Sent(timestamp="9" * 5000, own=True),
    "timestamp missing": Sent(timestamp=None),
    "timestamp old": Sent(timestamp=_in(-3600), own=True),
    "timestamp ahead": Sent(timestamp=_in(3600), own=True),
    "signature wrong": Sent(),
    "signature missing": Sent(signed=None),
    "signature empty": Sent(signed=""),
    "signature not ASCII": Sent(signed="v0=é" + "0" * 63),
    "signature no text at all": Sent(signed=b"v0=\xff\xfe"),
    "signature without its version": Sent(signed="0" * 64),
    "signature of another version": Sent(signed="v1=" + "0" * 64),
    "signature of another secret": Sent(timestamp=_in(0), signed=signature("another", _in(0), COMMAND)),
    "no body": Sent(body=b""),
    "payload={{{": Sent(body=b"payload={{{"),
    "payload=[]": Sent(body=b"payload=[]"),
    "[]": Sent(body=b"[]", type=JSON),
    "{{{": Sent(body=b"{{{" + MARK.encode(), type=JSON),
    "a form that says it is JSON": Sent(type=JSON),
    "no content type": Sent(type=""),
    "a content type that is none": Sent(type=f"{MARK}; charset=klingon"),
    "not UTF-8": Sent(body=b"command=\xff\xfe" + MARK.encode()),
    "NUL": Sent(body=b"command=\0" + MARK.encode()),
    "nested 3,000 deep": Sent(body=b"[" * 3000, type=JSON),
    "5 MB": Sent(body=MARK.encode() * 330_000),
    "ssl_check": Sent(body=b"ssl_check=1&token=x"),
    "url_verification": Sent(body=json.dumps({"type": "url_verification", "challenge": MARK}).encode(), type=JSON),
    "gzip that is none": Sent(more={"Content-Encoding": "gzip"}),
    "a retry": Sent(more={"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}),
    "an order to Bolt": Sent(more={"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "command"}),
    "another method": Sent(method="PUT"),
    "DELETE": Sent(method="DELETE"),
    "a method that is none": Sent(method="FROB"),
}


@dataclass
class Door:
    """The gate with every route there is, and what went out while it was knocked at."""

    gate: Gate
    called: list[str]


@pytest.fixture
async def door(still: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    slack = HttpMode(still.app.bolt, SECRET, "127.0.0.1", 0).route
    vitals = Vitals(still.pool, still.outbox, still.jobs, time.monotonic)
    called: list[str] = []
    request = aiohttp.ClientSession._request

    async def noted(self: aiohttp.ClientSession, method: str, url: object, **more: object) -> aiohttp.ClientResponse:
        called.append(f"{method} {url}")
        return await request(self, method, url, **more)  # type: ignore[arg-type]

    async with Gate([slack, *vital_routes(vitals)], "127.0.0.1", 0) as gate:
        monkeypatch.setattr(aiohttp.ClientSession, "_request", noted)
        yield Door(gate, called)


async def test_what_is_malformed_is_refused_on_every_route(
    door: Door, still: World, caplog: pytest.LogCaptureFixture
) -> None:
    """4xx, no call, no row, no log of the body."""
    statuses: dict[str, int] = {}
    with capture_logs() as logged:
        async with httpx.AsyncClient(base_url=door.gate.address) as client:
            for route in door.gate.routes:
                for name, sent in MALFORMED.items():
                    said = await client.request(
                        sent.method, route.path, content=sent.body, headers=sent.headers(), timeout=30
                    )
                    statuses[f"{route.path}: {name}"] = said.status_code
                    assert not said.text or said.headers["content-type"].startswith("text/plain"), name
        await still.app.drain(still.road.limits.lookup)
    wrong = {name: status for name, status in statuses.items() if not 400 <= status < 500}
    assert wrong == {}
    slacks = {name: status for name, status in statuses.items() if name.startswith(http_mode.PATH)}
    other = {name.partition(": ")[2]: status for name, status in slacks.items() if status != 401}
    assert other == {
        "5 MB": 413, "another method": 405, "DELETE": 405, "a method that is none": 400,
    }  # fmt: skip
    assert door.called == []
    assert await still.pool.fetchval("SELECT count(*) FROM requests") == 0
    assert await still.pool.fetchval("SELECT count(*) FROM audit") == 0
    assert MARK not in f"{logged} {caplog.text}"
    assert {line["event"] for line in logged} <= {"http_refused"}
    assert caplog.records == [], "aiohttp met what it did not expect"


RAW = {
    "no length": b"POST {} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a chunk that is none": b"POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n",
    "two lengths": b"POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0"
    b"\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a header without a name": b"POST {} HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "two timestamps": b"POST {} HTTP/1.1\r\nHost: x\r\nX-Slack-Request-Timestamp: 1\r\nX-Slack-Request-Timestamp: 2"
    b"\r\nX-Slack-Signature: v0=0\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
async def test_what_is_no_http_is_refused(door: Door, name: str) -> None:
    host, port = door.gate.address.removeprefix("http://").split(":")
    for route in door.gate.routes:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(RAW[name].replace(b"{}", route.path.encode()))
        async with asyncio.timeout(30):
            line = await reader.readline()
        assert re.match(rb"HTTP/1.[01] 4\d\d ", line), line
        writer.close()
    assert door.called == []


async def test_what_is_signed_is_taken(door: Door) -> None:
    """The same table would pass where nothing at all is taken."""
    now = str(int(time.time()))
    body = COMMAND.replace(b"paint", b"sum")
    headers = {
        "Content-Type": FORM,
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signature(SECRET, now, body),
    }
    async with httpx.AsyncClient(base_url=door.gate.address) as client:
        assert (await client.post(http_mode.PATH, content=body, headers=headers)).status_code == 200
        for route in door.gate.routes:
            if route.method == "GET":  # nothing sweeps here, so it may say that it is not ready
                assert (await client.get(route.path)).status_code in (200, 503)


SIGNED_RUBBISH = [
    b"payload={{{",
    b"payload=[]",
    b"payload=%22x%22",
    b"payload=null",
    b"\xff",
    b"payload=" + b"[" * 9000,
]


@pytest.mark.parametrize("body", SIGNED_RUBBISH)
@pytest.mark.parametrize("type", [FORM, JSON, "text/plain", ""])
def test_what_is_signed_and_no_payload_is_malformed(body: bytes, type: str) -> None:
    if type == FORM and body == b"\xff":
        body = b"payload=\xff"
    with pytest.raises(Malformed):
        payload(Verified({"content-type": [type]}, body))


BODIES: list[dict[str, object]] = [
    {"user": "U0ANA0001", "type": "block_actions", "actions": [], "team": "T0HANDRAIL"},
    {"event": [], "team_id": "T0HANDRAIL"},
    {"command": "/ops", "team_id": "T0HANDRAIL"},
    {"command": ["/ops"], "user_id": 7, "channel_id": None, "team_id": "T0HANDRAIL"},
    {"type": "view_submission", "view": None, "user": None, "team": {"id": "T0HANDRAIL"}},
    {"type": "event_callback", "event": {"type": "message", "user": {"id": "U1"}}, "team_id": "T0HANDRAIL"},
    {},
]


@pytest.mark.parametrize("body", BODIES, ids=str)
async def test_what_is_signed_and_odd_is_no_crash(door: Door, body: dict[str, object]) -> None:
    sent, now = json.dumps(body).encode(), str(int(time.time()))
    headers = {
        "Content-Type": JSON,
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signature(SECRET, now, sent),
    }
    async with httpx.AsyncClient(base_url=door.gate.address) as client:
        assert (await client.post(http_mode.PATH, content=sent, headers=headers)).status_code in (200, 400)


header = st.text(max_size=80) | st.sampled_from(["v0=", "v0=" + "0" * 64, str(int(time.time()))])


@given(st.lists(header, max_size=2), st.lists(header, max_size=2), st.binary(max_size=80))
def test_no_header_is_an_exception_or_a_signature(timestamps: list[str], signatures: list[str], body: bytes) -> None:
    headers = {"x-slack-request-timestamp": timestamps, "x-slack-signature": signatures}
    assert not SignedBySlack(SECRET)(headers, body)


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_an_empty_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(Misconfigured, match="SLACK_SIGNING_SECRET is empty"):
        SignedBySlack(secret)


API = "https://slack.com/api/"
ADDRESSES = {
    "https://hooks.slack.com/commands/T1/2/x": True,
    "https://hooks.slack.com:443/actions/T1/2/x": True,
    "https://hooks.slack-gov.com/commands/T1/2/x": True,
    "https://HOOKS.slack.com/commands/T1/2/x": True,
    "https://slack.com/app/x": True,
    "http://hooks.slack.com/commands/T1/2/x": False,
    "https://hooks.slack.com:8443/commands": False,
    "https://hooks.slack.com.evil.example/commands": False,
    "https://evil.example/hooks.slack.com": False,
    "https://evil.example#@hooks.slack.com": False,
    "https://hooks.slack.com@evil.example/": False,
    "https://me:secret@hooks.slack.com/": False,
    "https://hooks.slack.com\\@evil.example/": False,
    "https://hooksXslack.com/": False,
    "https://files.slack.com/": False,
    "http://slack.com/api/": False,
    "http://internal/x": False,
    "http://169.254.169.254/latest/meta-data": False,
    "file:///etc/passwd": False,
    "//hooks.slack.com/x": False,
    "hooks.slack.com/x": False,
    "https://": False,
    "https://hooks.slack.com:99999/": False,
    "https://[::1/": False,
    "": False,
}


@pytest.mark.parametrize(("url", "answered"), ADDRESSES.items())
def test_an_answer_goes_to_slack_alone(url: str, answered: bool) -> None:
    assert is_slacks(url, API) is answered


@pytest.mark.parametrize(
    ("url", "answered"),
    [
        ("http://127.0.0.1:4000/response/x", True),
        ("http://127.0.0.1:4001/response/x", False),
        ("https://127.0.0.1:4000/response/x", False),
        ("http://localhost:4000/response/x", False),
    ],
)
def test_or_to_the_host_of_the_api_that_is_set(url: str, answered: bool) -> None:
    assert is_slacks(url, "http://127.0.0.1:4000/api/") is answered


@given(st.text(alphabet="htps:/.@#?\\[]%slackokgvcomevi-0189 \t\n", max_size=60))
def test_no_address_out_of_a_payload_is_an_exception(url: str) -> None:
    assert is_slacks(url, API) in (True, False)


async def test_a_signed_command_is_answered_only_at_slack_s(still: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is verified may still be wrong; the answer then goes the next way, to the same person."""
    called: list[str] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(still.slack.response_urls, "new", lambda *_: f"http://127.0.0.1:{port}/x")
    ana = still.slack.person("ana")
    await ana.says("/ops wall")
    assert (await ana.sees("It is white.")).ephemeral
    server.close()
    assert called == []


def test_there_is_no_other_way_in_and_every_route_is_in_the_table() -> None:
    """Servers are made by the gate alone; each file that makes routes has them in the fixture `door`."""
    serving = re.compile(r"AppRunner|TCPSite|UnixSite|SockSite|web\.Application|run_app|start_server|make_server")
    makes, routes = set(), set()
    for folder in ("bot", "commands", "integrations", "ops"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            makes |= {path.relative_to(ROOT).as_posix()} if serving.search(text) else set()
            calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Name) and call.func.id == Route.__name__ for call in calls):
                routes.add(path.relative_to(ROOT).as_posix())
    assert makes == {"bot/gate.py"}
    assert routes == {"bot/slack/door/http_mode.py", "ops/vitals.py"}
    with pytest.raises(TypeError, match="verify"):
        Route(method="GET", path="/", handle=lambda _: None)  # type: ignore[call-arg, arg-type, return-value]
