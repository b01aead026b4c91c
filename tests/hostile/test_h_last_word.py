"""H, where answers go: *Making the plan…* never stays the last word, however a request ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bot.later.due import Jobs
from bot.road import Asked
from bot.words.exceptions import Misconfigured, NotAllowed, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from bot.words.request import MOVES, Said, State, Via
from sandbox.server import Sandbox
from tests.bot.slack.actions import FAILS, UNSURE, PaintWall
from tests.bot.slack.world import OPS_TOML, World, world

MAKING = "Making the plan…"
ANA, OPS = "U0ANA0001", "C0DEMO002"
End = Callable[[World], Awaitable[None]]


async def nothing(ops: World) -> None:
    """It ends by itself."""


async def click(ops: World, who: str, label: str, words: str = "waits for approval") -> None:
    person = ops.slack.person(who)
    await person.clicks(label, on=await person.sees(words, channel="#ops"))


async def rejects(ops: World) -> None:
    await click(ops, "mia", "Reject…")
    mia = ops.slack.person("mia")
    await mia.view("Reject R1")
    await mia.fills({"Why?": "not now"})
    await mia.submits()


async def approves(ops: World) -> None:
    await click(ops, "mia", "Approve and run")


async def withdraws(ops: World) -> None:
    await click(ops, "ana", "Withdraw")


async def expires(ops: World) -> None:
    await ops.waits_until("waiting")
    await ops.pool.execute("UPDATE requests SET expires_at = now()")


async def fails(ops: World) -> None:
    ops.wall.fails = FAILS
    await approves(ops)


async def is_unsure(ops: World) -> None:
    ops.wall.fails = UNSURE
    await approves(ops)


async def is_stale(ops: World) -> None:
    await ops.waits_until("waiting")
    ops.wall.colour = "green"
    await approves(ops)


async def is_undone(ops: World) -> None:
    await approves(ops)
    await click(ops, "ana", "Undo", "The wall is red.")
    ana = ops.slack.person("ana")
    await ana.clicks("Run it", on=await ana.sees("waits to be confirmed"))


ENDS: dict[str, tuple[str, End, State, str]] = {
    "there is nothing to do": ("paint white", nothing, State.DENIED, "the wall is white already"),
    "several were meant": ("paint tartan", nothing, State.DENIED, "Several tartans are there"),
    "rejected": ("paint red", rejects, State.REJECTED, "not now"),
    "withdrawn": ("paint red", withdraws, State.WITHDRAWN, "Taken back by"),
    "expired": ("paint red", expires, State.EXPIRED, "Nobody answered in time"),
    "the world moved": ("paint red", is_stale, State.STALE, "has changed since"),
    "done": ("paint red", approves, State.DONE, "The wall is red."),
    "failed": ("paint red", fails, State.FAILED, "The paint shop is closed."),
    "unknown": ("paint red", is_unsure, State.UNKNOWN, "The painter does not answer."),
    "undone": ("paint red", is_undone, State.UNDONE, "The wall is white again."),
}
"""What is asked, what becomes of it, the state it ends in, and a part of the last word."""


def test_every_state_in_which_a_request_ends_is_walked() -> None:
    ends = {state for state, following in MOVES.items() if not following} | {State.DONE, State.UNKNOWN}
    assert {state for _, _, state, _ in ENDS.values()} == ends


def last_words(ops: World) -> list[str]:
    """What ana sees after the ack: in the channel where she asked, and in her direct messages."""
    places = [ops.slack.workspace.channels[id] for id in (OPS, "D0ANA0001")]
    shown = [message for place in places for message in place.messages.values() if message.ephemeral_to in (None, ANA)]
    newest = sorted(shown, key=lambda message: float(message.ts))
    return [f"{message.text} {message.blocks}" for message in newest if message.bot]


@pytest.mark.parametrize("name", ENDS)
async def test_the_last_word_is_how_it_ended(pool: asyncpg.Pool, name: str) -> None:
    words, end, state, said = ENDS[name]
    async with Sandbox() as slack, world(slack, pool) as ops:
        ana = slack.person("ana")
        asked = await ana.says(f"/ops {words}")
        assert asked.response == {"text": MAKING}
        await end(ops)
        await ops.waits_until(state)
        await ana.sees(said, after=asked)
        assert MAKING not in last_words(ops)[-1]


ERRORS = (
    NotUnderstood("Which wall?"), NotAllowed("Not that wall.", rule="walls"), TryLater("The shop does not answer."),
    Refused("The shop says no."), Misconfigured("ops.toml names no shop."), Stale("Somebody painted it."),
    OutcomeUnknown("Nobody knows."), RuntimeError("the wall fell down"), TimeoutError(), OSError("no route"),
    asyncio.CancelledError(),
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("by", ["whoever took it in", "another process"])
async def test_a_plan_that_cannot_be_made_is_told(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, error: BaseException, by: str
) -> None:
    """Whatever its action raises; also where the process that took it in died before there was a plan."""

    async def preview(self: PaintWall, params: Any) -> Any:
        raise error

    monkeypatch.setattr(PaintWall, "preview", preview)
    async with Sandbox() as slack, world(slack, pool) as ops:
        ana = slack.person("ana")
        if by == "another process":
            said = Said(who=ana_id(), words="paint red", via=Via.SLASH, channel=OPS)
            reply = await ops.road.accept(ops.road.hear(said))
            assert isinstance(reply, Asked)
            await pool.execute("UPDATE requests SET planning_until = now()")
        else:
            await ana.says("/ops paint red")
        if isinstance(error, asyncio.CancelledError):  # as where the process ends just then
            monkeypatch.undo()
            await pool.execute("UPDATE requests SET planning_until = now()")
            await ana.sees("waits for approval", channel="#ops")
        else:
            await ops.waits_until("denied")
            await ana.sees((await ops.request()).outcome)
        assert MAKING not in last_words(ops)[-1]


def ana_id() -> Any:
    return ANA


async def test_a_plan_that_takes_too_long_is_told(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def preview(self: PaintWall, params: Any) -> Any:
        await asyncio.sleep(600)

    monkeypatch.setattr(PaintWall, "preview", preview)
    settings = {**OPS_TOML, "limits": {"preview": "1s"}}
    async with Sandbox() as slack, world(slack, pool, settings=settings):
        ana = slack.person("ana")
        await ana.says("/ops paint red")
        await ana.sees("No plan could be made: no answer within 1s.")


async def test_a_card_that_is_long_in_coming_is_said_to_be_on_its_way(pool: asyncpg.Pool) -> None:
    """The deliverer stands still here."""
    async with Sandbox() as slack, world(slack, pool, serve=False) as ops:
        jobs = Jobs(ops.road)
        ana = slack.person("ana")
        await ana.says("/ops paint red")
        await ana.sees("R1 is asked; its card is on its way.")
        await jobs.drain(timedelta(seconds=1))
