"""The language of the stories: people say words and press buttons, time passes, replicas die; nothing is mocked.

The machine is the one that `serve` opens, without its Slack side: PostgreSQL, and services over real HTTP.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from bot.directory import Group, People, Snapshot
from bot.later.due import Jobs
from bot.road import Asked, Reply, Shown
from bot.settings import Environment, parse_toml
from bot.words.ports import Audited
from bot.words.report import PersonId, Report
from bot.words.request import Answer, Request, RequestId, Said, State, Via
from ops.wiring import Ops, open_ops
from sandbox.world import World

ANA, MIA, LEO = PersonId("U0ANA"), PersonId("U0MIA"), PersonId("U0LEO")
"""An engineer; two leads, who approve."""
DIRECTOR, STRANGER = PersonId("U0DORA"), PersonId("U0EVE")
"""Asked when no lead answers; in no role."""
ROBOT = PersonId("machine:watchdog")

CHANNEL = "C0OPS"
AUDIT_KEY = "a-key-for-the-stories-of-the-road-0001"

TOML: dict[str, Any] = {
    "people": {"ana": {"slack": ANA}, "mia": {"slack": MIA}, "leo": {"slack": LEO}, "dora": {"slack": DIRECTOR}},
    "roles": {
        "engineer": {"group": "S0ENGINEERS"},
        "lead": {"group": "S0LEADS", "approves": True},
        "director": {"group": "S0DIRECTORS"},
    },
    "commands": {"whitelist": {"documentation": True}},
}
GROUPS = {"S0ENGINEERS": (ANA,), "S0LEADS": (MIA, LEO), "S0DIRECTORS": (DIRECTOR,)}


class Clock:
    """Stands still until a story moves it."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


class Gates:
    """Checkpoints of one process: closed ones hold whoever comes by."""

    def __init__(self) -> None:
        self._closed: dict[str, asyncio.Event] = {}
        self._reached: dict[str, asyncio.Event] = {}

    async def __call__(self, name: str) -> None:
        if name in self._closed:
            self._reached[name].set()
            await self._closed[name].wait()

    def close(self, name: str) -> None:
        self._closed[name], self._reached[name] = asyncio.Event(), asyncio.Event()

    async def reached(self, name: str) -> None:
        async with asyncio.timeout(30):
            await self._reached[name].wait()

    def open(self, name: str) -> None:
        self._closed.pop(name).set()


@dataclass
class Story:
    """One process of ours, and everything around it."""

    ops: Ops
    world: World
    people: People
    clock: Clock
    gates: Gates
    jobs: Jobs

    # -- what people do --------------------------------------------------------------------------

    async def says(self, who: PersonId, words: str, *, via: Via = Via.SLASH, again: bool = False, **said: Any) -> Reply:
        where = {} if via is Via.TERMINAL else {"channel": CHANNEL}
        return await self.ops.road.ask(Said(who=who, words=words, via=via, **{**where, **said}), again=again)

    async def asks(self, who: PersonId, words: str, **said: Any) -> Request:
        """Says it, and a request comes of it."""
        reply = await self.says(who, words, **said)
        assert isinstance(reply, Asked), reply
        return reply.request

    async def reads(self, who: PersonId, words: str, **said: Any) -> Report:
        """Says it, and is shown something."""
        reply = await self.says(who, words, **said)
        assert isinstance(reply, Shown), reply
        return reply.report

    async def hears(self, who: PersonId, words: str, **said: Any) -> str:
        """Says it, and is told something in one sentence."""
        reply = await self.says(who, words, **said)
        assert isinstance(reply, Answer), reply
        return reply.text

    async def approves(self, who: PersonId, request: Request, **vote: Any) -> str:
        return (await self.ops.road.vote(request.id, who, approve=True, **vote)).text

    confirms = approves

    async def rejects(self, who: PersonId, request: Request, why: str = "") -> str:
        return (await self.ops.road.vote(request.id, who, approve=False, note=why)).text

    # -- what time does --------------------------------------------------------------------------

    async def runs(self) -> None:
        """Let everything that is due happen, and end."""
        for _ in range(20):
            await self.jobs.sweep()
            await self.ops.emergency.replay()
            await self.ops.ends.replay()
            await self.jobs.drain(timedelta(seconds=10))
            due = await self.ops.road.requests.due(self.clock())
            if not (due.cleared or due.ending or due.expired or due.lapsed or due.reminding):
                return
        raise AssertionError(f"never at rest: {due}")

    async def waits(self, **span: float) -> None:
        """Time passes, then everything that is due happens."""
        self.clock.now += timedelta(**span)
        await self.runs()

    async def done(self, who: PersonId, words: str, approver: PersonId = MIA, **said: Any) -> Request:
        """The whole of it: asked, approved, run."""
        request = await self.asks(who, words, **said)
        await self.approves(approver, request)
        await self.runs()
        return await self.now(request)

    async def dies(self) -> None:
        """SIGKILL, as far as the ledger can see: whatever this process was doing simply stops."""
        doing = [task for task in asyncio.all_tasks() if task.get_name().startswith("job R")]
        for task in doing:
            task.cancel()
        for task in doing:
            with suppress(asyncio.CancelledError):
                await task

    def groups_are(self, groups: Mapping[str, tuple[PersonId, ...]]) -> None:
        """Slack's user groups are read again; one that is missing could not be read."""
        read = {name: Group(members=people, read_at=self.clock()) for name, people in groups.items()}
        missing = {name: Group(problem="no answer") for name in GROUPS.keys() - read.keys()}
        self.people.learn(Snapshot(groups={**read, **missing}, channels={CHANNEL: "ops"}))

    def loses_role(self, who: PersonId) -> None:
        self.groups_are({name: tuple(p for p in people if p != who) for name, people in GROUPS.items()})

    # -- what there is to see --------------------------------------------------------------------

    async def now(self, request: Request | str) -> Request:
        found = await self.ops.road.requests.get(RequestId(request if isinstance(request, str) else request.id))
        assert found is not None
        return found

    async def state(self, request: Request) -> State:
        return (await self.now(request)).state

    async def rows(self, request: Request | None = None) -> list[Audited]:
        """Of the audit, oldest first."""
        about = request.id if request else None
        return list(await self.ops.audit.read(request=about, limit=1000))[::-1]

    async def trail(self, request: Request | None = None) -> list[str]:
        return [row.kind for row in await self.rows(request)]

    async def told(self, request: Request) -> list[tuple[str, set[str]]]:
        """What was said in its thread, and to whom."""
        rows = await self.ops.pool.fetch(
            "SELECT text, people FROM postings WHERE request = $1 AND NOT is_card ORDER BY id", int(request.id[1:])
        )
        return [(row["text"], set(row["people"])) for row in rows]

    async def everything_stored(self) -> str:
        """Every row that a request leaves behind, as one text."""
        found = []
        for table in ("requests", "votes", "audit", "postings", "deliveries"):
            rows = await self.ops.pool.fetch(f"SELECT to_jsonb(t) AS row FROM {table} AS t")
            found += [json.dumps(json.loads(row["row"]), ensure_ascii=False) for row in rows]
        return "\n".join(found)

    def retried(self) -> list[str]:
        """Executions that n8n was really told to retry."""
        return self.world.n8n.done("retry")

    async def campaigns(self) -> dict[str, str]:
        rows = await self.ops.pool.fetch("SELECT name, status::text FROM demo.campaigns")
        flows = {flow.name: "active" if flow.active else "paused" for flow in self.world.n8n.workflows.values()
                 if "campaign" in flow.tags}  # fmt: skip
        return {row["name"]: row["status"] for row in rows} | flows

    async def allowed(self) -> set[str]:
        rows = await self.ops.pool.fetch("SELECT network::text FROM demo.ip_allow_list")
        return {row["network"].removesuffix("/32") for row in rows}


def environment(dsn: str, data: Path) -> Environment:
    return Environment(
        database_url=SecretStr(dsn),
        ops_audit_key=SecretStr(AUDIT_KEY),
        ops_data=data,
        slack_bot_token=SecretStr("xoxb-of-the-stories-0001"),
    )


@asynccontextmanager
async def process(
    dsn: str, data: Path, world: World, settings: Mapping[str, Any], clock: Clock
) -> AsyncIterator[Story]:
    """One replica."""
    parsed = parse_toml({**TOML, "services": world.services(), **settings})
    gates, people = Gates(), People(parsed, clock)
    async with open_ops(environment(dsn, data), parsed, people, clock=clock, checkpoint=gates) as ops:
        story = Story(ops, world, people, clock, gates, Jobs(ops.road))
        story.groups_are(GROUPS)
        yield story


async def refuse_audit(pool: asyncpg.Pool, kinds: str = "") -> None:
    """PostgreSQL itself refuses the INSERT, of all rows or of those kinds (an SQL list) alone."""
    when = f"WHEN (NEW.kind IN ({kinds}))" if kinds else ""
    await pool.execute(
        "CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;"
        f" CREATE TRIGGER no_room BEFORE INSERT ON audit FOR EACH ROW {when} EXECUTE FUNCTION no_room()"
    )


async def accept_audit(pool: asyncpg.Pool) -> None:
    await pool.execute("DROP TRIGGER no_room ON audit")
