"""One configuration: the bots are given the whole table, then one vote is sent many times, and all is counted."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import aiohttp

from sandbox.blocks import elements_of
from sandbox.model import JSON, Message
from sandbox.socket_mode import NotDelivered
from tests.hostile.run.inputs import Row, slash
from tests.hostile.run.stage import OPS, Mode, Stage, ways
from tests.hostile.run.verdict import Tally, tracebacks
from tests.hostile.test_a_unsigned import MALFORMED, RAW

ANA, MIA = "U0ANA0001", "U0MIA0001"
APPROVALS = "C0DEMO003"
AT_ONCE = 12
ACK_S = 20.0
"""Slack waits for three seconds; on a machine that does much else an ack may take longer, and is one all the same."""
HEARD_S = 45.0
LOOK_S = 0.25
VOTES = 6


async def play(on: Stage, mode: Mode, rows: Sequence[Row]) -> Tally:
    tally = Tally(f"{mode}, {len(on.bots)} bots" if len(on.bots) > 1 else f"{mode}, 1 bot")
    sending = Sending(on, mode)
    try:
        on.card = await _asked(on, sending)
        if mode == "http":
            await _unsigned(on, tally)
        await _signed(on, sending, rows, tally)
        tally.effects += [f"{effect.what} {effect.key}" for effect in on.world.effects]
        await _votes(on, sending, tally)
    finally:
        await sending.close()
    tally.called += on.trap.calls
    tally.crashed += tracebacks(bot.log for bot in on.bots)
    tally.other += [f"{bot.name} ended by itself" for bot in on.bots if bot.process.returncode is not None]
    return tally


class Sending:
    """Deliveries, over one bot after the other."""

    def __init__(self, on: Stage, mode: Mode) -> None:
        self._ways = ways(on, mode)
        self._next = itertools.cycle(self._ways)
        self._http = mode == "http"

    async def __call__(self, kind: str, payload: JSON) -> tuple[str, JSON]:
        """`acked`, `refused` or `no ack`, and what came with it."""
        try:
            async with asyncio.timeout(ACK_S):
                return "acked", await next(self._next).deliver(kind, payload, True, {})
        except NotDelivered:
            return "refused", {}
        except TimeoutError:
            return "no ack", {}

    async def close(self) -> None:
        if self._http:
            await asyncio.gather(*(way.close() for way in self._ways))


async def _asked(on: Stage, sending: Sending) -> Message:
    """R1, which waits for approval, and R2, which waits for its requester to confirm it."""
    for words in ("crash touch hostile-1", "crash tweak hostile-2"):
        await sending("slash_commands", slash(on, ANA, words, response_url=on.slack.response_urls.new(ANA, OPS)))
        await _card(on, words.split()[-1], OPS)
    return await _card(on, "hostile-1", OPS)


async def _card(on: Stage, words: str, channel: str) -> Message:
    deadline = time.monotonic() + HEARD_S
    while time.monotonic() < deadline:
        for message in on.channel(channel).messages.values():
            if message.ephemeral_to is None and words in str(message.blocks):
                return message
        await asyncio.sleep(LOOK_S)
    raise RuntimeError(f"no card with {words} came")


async def _unsigned(on: Stage, tally: Tally) -> None:
    """Nothing that Slack did not sign is taken, whichever bot it meets."""
    async with aiohttp.ClientSession() as session:
        for bot in on.bots:
            for name, sent in MALFORMED.items():
                headers = [(key.decode(), value.decode("latin-1")) for key, value in sent.headers()]
                try:
                    async with session.request(sent.method, bot.http, data=sent.body, headers=headers) as answer:
                        status = answer.status
                except (aiohttp.ClientError, ValueError):
                    status = 0  # the line was cut
                taken = 200 <= status < 400 or status >= 500
                tally.became["unsigned"]["taken" if taken else "refused"] += 1
                if taken:
                    tally.other.append(f"unsigned, {name}: {status}")
            for name, raw in RAW.items():
                line = await _raw(bot.http, raw)
                tally.became["no HTTP"]["taken" if line[:1] == "2" else "refused"] += 1
                if line[:1] in ("2", "5"):
                    tally.other.append(f"no HTTP, {name}: {line}")


async def _raw(url: str, raw: bytes) -> str:
    """The status; empty where the line was cut."""
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(raw.replace(b"{}", f"/{path}".encode()))
        async with asyncio.timeout(ACK_S):
            return (await reader.readline()).decode("latin-1").partition(" ")[2][:3]
    except (ConnectionError, TimeoutError):
        return ""
    finally:
        writer.close()


async def _signed(on: Stage, sending: Sending, rows: Sequence[Row], tally: Tally) -> None:
    before = on.said()
    gate = asyncio.Semaphore(AT_ONCE)
    ends: dict[str, tuple[Row, str, JSON]] = {}

    async def send(who: str, row: Row) -> None:
        async with gate:
            ends[who] = (row, *await sending(row.kind, row.make(on, who)))

    await asyncio.gather(*(send(who, row) for who, row in zip(on.people, rows, strict=False)))
    deadline = time.monotonic() + HEARD_S
    while True:
        heard = on.said().keys() - before.keys()
        waiting = [
            who for who, (row, end, ack) in ends.items()
            if row.answered and end == "acked" and not _answers(ack) and who not in heard
        ]  # fmt: skip
        if not waiting or time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_S)
    for who, (row, end, ack) in ends.items():
        outcome = end if end != "acked" else _outcome(row, ack, told=who in heard)
        tally.became[row.group][outcome] += 1
        if outcome == "no ack" or (outcome in ("silent", "refused") and row.answered):
            tally.silent.append(f"{row.group}, {row.name}: {outcome}")


def _answers(ack: JSON) -> bool:
    """Whether more than *Making the plan…* came with the ack."""
    return bool(ack) and ack.get("text") != "Making the plan…"


def _outcome(row: Row, ack: JSON, *, told: bool) -> str:
    if _answers(ack):
        return "answered"
    return "told" if told else "silent" if row.answered else "let pass"


async def _votes(on: Stage, sending: Sending, tally: Tally) -> None:
    """The table would pass where nothing at all is taken: one vote has one effect, however often Slack delivers it."""
    card = await _card(on, "*R1*", APPROVALS)
    element: Any = next(
        each for block in card.blocks or [] for each in elements_of(block) if each.get("action_id") == "approve"
    )
    pressed = {"type": "button", "block_id": "request:R1", "action_id": "approve", "value": element["value"],
               "action_ts": "2.0"}  # fmt: skip
    url = on.slack.response_urls.new(MIA, APPROVALS, card)
    payload = on.payloads.block_actions(on.member(MIA), pressed, message=card, response_url=url)
    before = len(on.world.effects)
    ends = await asyncio.gather(*(sending("interactive", payload) for _ in range(VOTES)))
    deadline = time.monotonic() + HEARD_S
    while time.monotonic() < deadline:
        if len(on.world.effects) > before:
            break
        await asyncio.sleep(LOOK_S)
    await sending("interactive", payload)
    await asyncio.sleep(LOOK_S * 4)
    effects = [f"{effect.what} {effect.key}" for effect in on.world.effects[before:]]
    tally.became["replayed vote"].update(Counter(end for end, _ in ends))
    tally.became["replayed vote"]["told"] = tally.became["replayed vote"].pop("acked", 0)
    if effects != ["done hostile-1"]:
        tally.effects.append(f"one vote, delivered {VOTES + 1} times, had the effects {effects}")
    command = slash(on, ANA, "crash touch hostile-3", response_url=on.slack.response_urls.new(ANA, OPS))
    ends = await asyncio.gather(*(sending("slash_commands", command) for _ in range(VOTES)))
    await _card(on, "hostile-3", OPS)
    asked = await on.pool.fetchval("SELECT count(*) FROM requests WHERE typed = 'crash touch hostile-3'")
    tally.became["replayed command"]["told"] += len(ends)
    if asked != 1:
        tally.other.append(f"one command, delivered {VOTES} times, made {asked} requests")
