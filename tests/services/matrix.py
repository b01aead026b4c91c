"""The commands typed at every service of a world that has all of them, and what became of each."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg

from bot.ask.parse import parse
from bot.words.action import AnyAction, Asker, Change, Lookup, Receipt, Undoable
from bot.words.report import Report, Status
from integrations import Services
from integrations.capabilities import Named
from ops.wiring import Ops
from sandbox.world import World
from sandbox.world.github import FakeGitHub
from sandbox.world.supabase import FakeSupabase
from sandbox.world.vendors import vendors
from tests.road.story import ANA, Clock, process
from tests.services.columns import COLUMNS, Column

LIMIT_S = 90.0


@dataclass(frozen=True)
class Cell:
    service: str
    kind: str
    column: str
    why: str = ""
    """Empty where it went well."""
    words: tuple[str, ...] = ()


@asynccontextmanager
async def whole_world(dsn: str, folder: Path) -> AsyncIterator[Ops]:
    """Every kind of service, and the machine that `serve` opens on them."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(dsn, others=vendors()))
        _something_to_do(world)
        stack.enter_context(patch.dict("os.environ", world.environment() | {"DEMO_BOX_GREETING": "good-day-0001"}))
        await stack.enter_async_context(_somebody_idle(dsn))
        clock = Clock()
        story = await stack.enter_async_context(process(dsn, folder, world, {"services": sections(world)}, clock))
        yield story.ops


def sections(world: World) -> dict[str, dict[str, Any]]:
    """The world's, and this machine itself as a service: it needs no stand-in."""
    greet = {
        "name": "greet",
        "what": "Says good day.",
        "argv": ["/bin/echo", "good day"],
        "environment": {"GREETING": "env:DEMO_BOX_GREETING"},
    }
    return {**world.services(), "box": {"kind": "process", "jobs": [greet]}}


@asynccontextmanager
async def _somebody_idle(dsn: str) -> AsyncIterator[None]:
    """A connection of a role that is no superuser: those are never ended."""
    admin = await asyncpg.connect(dsn)
    await admin.execute("CREATE ROLE somebody LOGIN")
    idle = await asyncpg.connect(dsn, user="somebody")
    await idle.fetchval("SELECT 1")
    try:
        yield
    finally:
        idle.terminate()
        await admin.close()


def _something_to_do(world: World) -> None:
    """What some commands act on: a run that goes on, a database that its host holds read-only."""
    for other in world.others.values():
        if isinstance(other, FakeGitHub):
            other.add(9100, 502, None, minutes=1)
        if isinstance(other, FakeSupabase):
            other.read_only = True


async def filled(ops: Ops) -> list[Cell]:
    """One cell for each capability of each service; and one for each that a kind should have and has not."""
    cells = []
    for column in COLUMNS:
        able = ops.services.having(column.protocol)
        cells += [await _cell(ops, column, client) for client in able]
        missing = column.kinds - {client.kind for client in able}
        cells += [Cell("-", kind, column.name, "no service of this kind can do it") for kind in sorted(missing)]
    return cells


async def _cell(ops: Ops, column: Column, client: Named) -> Cell:
    said: list[str] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            for line in await column.lines(client):
                said.append(line)
                await carried_out(ops, line)
    except Exception as error:  # whatever it is, it is this cell's alone
        where = f"{said[-1]}: " if said else ""
        return Cell(client.name, client.kind, column.name, f"{where}{type(error).__name__}: {error}", tuple(said))
    return Cell(client.name, client.kind, column.name, "" if said else "nothing was typed", tuple(said))


async def carried_out(ops: Ops, line: str) -> None:
    """A lookup has to read what it was asked for; a change is planned, done and, where it can be, undone."""
    parsed = parse(ops.catalogue, line)
    action: AnyAction = parsed.action
    match action:
        case Lookup():
            _read(await action.answer_for(Asker(ANA), parsed.params))
        case Change():
            plan = await action.preview_for(Asker(ANA), parsed.params)
            assert not plan.nothing_to_do, plan.nothing_to_do
            receipt = await action.execute(type(plan).model_validate_json(plan.model_dump_json()))
            assert receipt.headline
            if isinstance(action, Undoable):
                await action.undo(plan, Receipt.model_validate_json(receipt.model_dump_json()))
        case _:
            raise AssertionError(f"{line!r} is neither looked up nor changed")


def _read(report: Report) -> None:
    assert report.status is not Status.UNKNOWN, report.lead
    unread = [note for note in report.notes if note.startswith("Could not read")]
    assert not unread, unread
    assert report.lead or report.lines or report.table


def drawn(cells: list[Cell], services: Services) -> str:
    """Services below each other, capabilities beside each other: ok, FAILED, or a point where it does not apply."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in cells:
        found[cell.service, cell.column].append("FAILED" if cell.why else "ok")
    kinds = {client.name: client.kind for client in services.clients}
    names = [f"{name} ({kind})" for name, kind in kinds.items()]
    wide = max(map(len, names))
    rows = [" " * wide + "  " + "  ".join(column.name for column in COLUMNS)]
    for name, shown in zip(kinds, names, strict=True):
        marks = []
        for column in COLUMNS:
            said = found.get((name, column.name), ["."])
            marks.append(("FAILED" if "FAILED" in said else said[0]).center(len(column.name)))
        rows.append(f"{shown:{wide}}  {'  '.join(marks)}".rstrip())
    return "\n".join(rows)
