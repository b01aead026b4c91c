"""One table from answers to errors: what a person may do about it, and whether anything may have changed."""

import asyncio
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from aiohttp import web
from pydantic import BaseModel

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import Checked, Health
from integrations.plumbing.answer import AFTER_LIMIT, retry_after
from integrations.plumbing.outbound import ATTEMPTS, Service, Unread, Unreadable
from integrations.plumbing.probe import probe_session
from integrations.plumbing.section import Outside
from tests.integrations.vendor import KEY, Step, Vendor, hangs_up, says

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Thing(BaseModel):
    name: str


async def error_of(vendor: Vendor, http: httpx.AsyncClient, *, write: bool, **settings: float) -> OpsError:
    service = vendor.service(http, **settings)  # type: ignore[arg-type]
    with pytest.raises(OpsError) as caught:
        await (service.post("/things", Thing) if write else service.get("/things", Thing))
    return caught.value


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        (301, Misconfigured, Misconfigured),
        (302, Misconfigured, OutcomeUnknown),
        (303, Misconfigured, OutcomeUnknown),
        (307, Misconfigured, Misconfigured),
        (308, Misconfigured, Misconfigured),
        (400, Refused, Refused),
        (401, Refused, Refused),
        (402, Refused, Refused),
        (403, Refused, Refused),
        (404, NotUnderstood, NotUnderstood),
        (408, TryLater, OutcomeUnknown),
        (409, Refused, Refused),
        (410, NotUnderstood, NotUnderstood),
        (422, Refused, Refused),
        (425, TryLater, TryLater),
        (429, TryLater, TryLater),
        (500, TryLater, OutcomeUnknown),
        (502, TryLater, OutcomeUnknown),
        (503, TryLater, OutcomeUnknown),
        (504, TryLater, OutcomeUnknown),
    ],
)
async def test_what_a_status_means(
    vendor: Vendor, http: httpx.AsyncClient, status: int, reading: type[OpsError], writing: type[OpsError]
) -> None:
    vendor.steps = [says('{"message": "Not today."}', status=status)]
    for write, expected in ((False, reading), (True, writing)):
        error = await error_of(vendor, http, write=write)
        assert type(error) is expected
        assert "acme" in str(error)
        quoted = type(error) is not Misconfigured and "slow down" not in str(error)
        assert ("Not today" in str(error)) is quoted


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_names_its_setting(vendor: Vendor, http: httpx.AsyncClient, status: int) -> None:
    vendor.steps = [says("{}", status=status)]
    assert "services.acme.api_key" in str(await error_of(vendor, http, write=False))


async def test_the_caller_says_what_a_missing_thing_is(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says("{}", status=404)]
    missing = Refused("There is no thing 7.")
    with pytest.raises(Refused, match="no thing 7"):
        await vendor.service(http).get("/things/7", Thing, missing=missing)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_read_is_tried_again(vendor: Vendor, http: httpx.AsyncClient, status: int) -> None:
    vendor.steps = [says(status=status), says()]
    assert (await vendor.service(http).get("/things", Thing)).name == "x"
    assert len(vendor.requests) == 2


async def test_a_read_is_not_tried_for_ever(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says(status=503)]
    await error_of(vendor, http, write=False)
    assert len(vendor.requests) == ATTEMPTS


@pytest.mark.parametrize(
    "step", [says(status=429), says(status=503), says("<html>", media="text/html"), hangs_up(), hangs_up(b'{"na')]
)
async def test_a_write_is_sent_once(vendor: Vendor, http: httpx.AsyncClient, step: object) -> None:
    vendor.steps = [step]  # type: ignore[list-item]
    await error_of(vendor, http, write=True)
    assert len(vendor.requests) == 1


async def test_retry_after_is_waited_for(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says(status=429, headers={"Retry-After": "1"}), says()]
    started = time.monotonic()
    assert (await vendor.service(http).get("/things", Thing)).name == "x"
    assert time.monotonic() - started >= 1


async def test_a_longer_retry_after_is_passed_on(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says(status=429, headers={"Retry-After": "90"})]
    error = await error_of(vendor, http, write=False)
    assert isinstance(error, TryLater)
    assert error.after == timedelta(seconds=90)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("0", timedelta(0)),
        ("12", timedelta(seconds=12)),
        ("1.5", timedelta(seconds=1.5)),
        ("-3", timedelta(0)),
        ("999999999", AFTER_LIMIT),
        ("1e400", None),
        ("nan", None),
        ("soon", None),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), timedelta(seconds=30)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta(0)),
        (format_datetime(NOW + timedelta(days=30), usegmt=True), AFTER_LIMIT),
    ],
)
def test_retry_after_in_all_its_spellings(header: str | None, expected: timedelta | None) -> None:
    assert retry_after(header, NOW) == expected


@pytest.mark.parametrize(("write", "expected"), [(False, TryLater), (True, OutcomeUnknown)])
async def test_no_answer_in_time(
    vendor: Vendor, http: httpx.AsyncClient, write: bool, expected: type[OpsError]
) -> None:
    """Rule 2: a time-out of a call that may have worked is unknown."""

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.json_response({"name": "x"})

    vendor.steps = [says(), slow]
    await vendor.service(http).get("/things", Thing)  # so that there is a connection, whose making takes no time
    error = await error_of(vendor, http, write=write, timeout=0.2)
    assert type(error) is expected
    assert "0.2 s" in str(error)
    assert isinstance(error.__cause__, httpx.TimeoutException | TimeoutError)


async def test_an_answer_that_drips_is_cut_off_too(vendor: Vendor, http: httpx.AsyncClient) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    vendor.steps = [says(), drip]
    await vendor.service(http).get("/things", Thing)
    error = await error_of(vendor, http, write=True, timeout=0.3)
    assert type(error) is OutcomeUnknown
    assert "its answer did not end within 0.3 s" in str(error)


@pytest.mark.parametrize("write", [False, True])
async def test_where_nobody_listens_nothing_was_sent(
    vendor: Vendor, http: httpx.AsyncClient, nobodys_port: int, write: bool
) -> None:
    service = vendor.service(http, url=f"http://127.0.0.1:{nobodys_port}")
    with pytest.raises(TryLater, match="Nothing was sent"):
        await (service.post("/things", Thing) if write else service.get("/things", Thing))


async def test_a_connection_that_breaks_during_a_write_is_unknown(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [hangs_up()]
    assert type(await error_of(vendor, http, write=True)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("body", "media", "said"),
    [
        ("<html>token=do-not-repeat</html>", "text/html", "text/html"),
        ("n8n is starting up. do-not-repeat", "text/plain", "text/plain"),
        ('{"name": "do-not-repeat"', "application/json", "broken JSON"),
        ('{"nam": "do-not-repeat"}', "application/json", "shape"),
        ('"do-not-repeat"', "application/json", "shape"),
        ("[" * 100_000, "application/json", "broken JSON"),
        ('{"name": "do-not-repeat"}' + " " * 9_000_000, "application/json", "too large"),
    ],
)
async def test_an_answer_of_no_use(vendor: Vendor, http: httpx.AsyncClient, body: str, media: str, said: str) -> None:
    """A body that we did not recognise is never repeated, in the sentence or in its cause."""
    vendor.steps = [says(body, media=media)]
    for write, expected in ((False, Unreadable), (True, Unread)):
        error = await error_of(vendor, http, write=write)
        assert type(error) is expected
        assert said in str(error)
        assert "do-not-repeat" not in "".join(traceback.format_exception(error))


async def test_an_answer_cut_off_by_the_connection(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [hangs_up(b'{"name": '), says()]
    assert (await vendor.service(http).get("/things", Thing)).name == "x"
    vendor.steps, vendor.requests = [hangs_up(b'{"name": ')], []
    assert type(await error_of(vendor, http, write=True)) is Unread


@pytest.mark.parametrize("body", ['{"message": 7}', "[]", '{"error": "do-not-repeat"}', "do-not-repeat", ""])
async def test_only_a_message_is_repeated(vendor: Vendor, http: httpx.AsyncClient, body: str) -> None:
    vendor.steps = [says(body, status=409)]
    assert str(await error_of(vendor, http, write=True)) == "acme refused (409)."


async def test_a_message_that_quotes_our_key_is_redacted(vendor: Vendor, http: httpx.AsyncClient) -> None:
    """NemoClaw#4770: by value, whatever it looks like."""
    vendor.steps = [says(f'{{"message": "key {KEY} may not,\\n\\n see card 4242"}}', status=409)]
    service = vendor.service(http, redact=lambda text: text.replace("4242", "[redacted]"))
    with pytest.raises(Refused) as caught:
        await service.post("/things", Thing)
    assert str(caught.value) == "acme refused (409): key [redacted] may not, see card [redacted]."


async def test_a_long_message_is_cut(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says('{"message": "' + "a" * 5000 + '"}', status=400)]
    assert len(str(await error_of(vendor, http, write=False))) < 350


@pytest.mark.parametrize("key", ["with\nline end s3cret", "s3cret-\u00e9-\u2603"])
async def test_a_key_that_cannot_be_sent_is_not_shown(vendor: Vendor, http: httpx.AsyncClient, key: str) -> None:
    service = vendor.service(http, key=key)
    with pytest.raises(Misconfigured) as caught:
        await service.get("/things", Thing)
    assert "services.acme" in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert not vendor.requests


@pytest.mark.parametrize("quick", [True, False])
async def test_a_look_with_a_key_that_cannot_be_sent_says_nothing_of_the_service(
    vendor: Vendor, http: httpx.AsyncClient, quick: bool
) -> None:
    """Neither that its connection broke, nor that it be left alone for a while."""
    async with probe_session() as session:
        outside = Outside(http, str, str, probes=session if quick else None)
        service = Service(
            outside,
            name="acme",
            base_url=vendor.url,
            timeout=timedelta(seconds=20),
            credentials=lambda: {"X-Key": "with\nline end"},
        )
        for _ in range(4):
            seen = await service.look("/", limit=timedelta(seconds=20))
            assert isinstance(seen, Checked)
            assert seen.health is Health.DEGRADED
            assert "holds characters that cannot be sent" in seen.detail
    assert (outside.breaker.silent, vendor.requests) == (0, [])


async def test_a_redirect_does_not_carry_the_key_away(vendor: Vendor, http: httpx.AsyncClient) -> None:
    async with Vendor() as elsewhere:
        elsewhere.steps = [says()]
        vendor.steps = [says(status=307, headers={"Location": f"{elsewhere.url}/things"})]
        error = await error_of(vendor, http, write=False)
        assert isinstance(error, Misconfigured)
        assert "services.acme.url" in str(error)
        assert not elsewhere.requests


async def test_who_we_are_is_said(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says()]
    await vendor.service(http).get("/things", Thing)
    assert vendor.requests[0].headers["User-Agent"] == "handrail"
    assert vendor.requests[0].headers["X-Key"] == KEY


async def test_a_look_is_one_try(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says(status=503), says()]
    seen = await vendor.service(http).look("/health", limit=timedelta(seconds=20))
    assert not isinstance(seen, Checked)
    assert (seen.status, len(vendor.requests)) == (503, 1)


@pytest.mark.parametrize(
    ("url", "health"),
    [("http://127.0.0.1:9", Health.DOWN), ("http://no-such-host.invalid", Health.UNKNOWN)],
)
async def test_an_unreached_service_is_down_only_where_it_refused(
    vendor: Vendor, http: httpx.AsyncClient, url: str, health: Health
) -> None:
    seen = await vendor.service(http, url=url).look("/health", limit=timedelta(seconds=20))
    assert isinstance(seen, Checked)
    assert seen.health is health
    assert seen.detail


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_write_of_another_method_may_be_answered_with_nothing(
    vendor: Vendor, http: httpx.AsyncClient, method: str
) -> None:
    vendor.steps = [says("", status=201)]
    answer = await vendor.service(http).tell("/things", method=method, params={"a": "1"}, body={"b": 2})
    assert (answer.status, answer.good) == (201, True)
    assert (vendor.requests[0].method, dict(vendor.requests[0].query)) == (method, {"a": "1"})
    assert await vendor.requests[0].json() == {"b": 2}


async def test_an_error_that_holds_a_message_is_repeated(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says('{"error": {"code": "x", "message": "Not on this plan."}}', status=402)]
    with pytest.raises(Refused, match=r"refused \(402\): Not on this plan\."):
        await vendor.service(http).tell("/things")


def drips(*lines: str, then: float = 0.0) -> Step:
    """A stream that stays open for `then` seconds after its lines."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/stream+json"})
        await response.prepare(request)
        await response.write("".join(f"{line}\n" for line in lines).encode())
        await asyncio.sleep(then)
        return response

    return step


@pytest.mark.parametrize(
    ("lines", "then", "most", "limit", "expected"),
    [
        (("a", "", "b"), 0, 9, 20, (("a", "b"), True)),
        (("a", "b"), 60, 9, 2, (("a", "b"), False)),
        (("a", "b", "c"), 60, 2, 20, (("a", "b"), False)),
        ((), 60, 2, 0.4, ((), False)),
    ],
)
async def test_a_stream_is_left_at_its_limit(
    vendor: Vendor,
    http: httpx.AsyncClient,
    lines: tuple[str, ...],
    then: float,
    most: int,
    limit: float,
    expected: object,
) -> None:
    vendor.steps = [drips(*lines, then=then)]
    assert await vendor.service(http).lines("/log", limit=timedelta(seconds=limit), most=most) == expected


async def test_a_stream_whose_line_never_ends_is_left(vendor: Vendor, http: httpx.AsyncClient) -> None:
    """It would be held whole until the time is over."""
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\r\n")
        for sent in range(1, 41):  # noqa: B007 - MB
            await response.write(b"x" * 1_000_000)
        return response

    vendor.steps = [flood]
    assert await vendor.service(http).lines("/log", limit=timedelta(seconds=20), most=9) == (("first",), False)
    assert sent < 40


async def test_a_stream_that_is_refused_is_an_error(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says('{"message": "no"}', status=403)]
    with pytest.raises(Refused, match=r"services\.acme\.api_key"):
        await vendor.service(http).lines("/log", limit=timedelta(seconds=20), most=5)
