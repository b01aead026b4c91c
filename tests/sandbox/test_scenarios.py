"""What the page's "Break something" breaks is broken where people find it, and is mended by what is typed in Slack."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from bot.ask.parse import parse
from ops.demo import Demo, demo
from sandbox.seen import Message
from sandbox.world.scenarios import SCENARIOS, STUCK
from tests.waiting import until_told

HEAD = """SELECT pid FROM pg_stat_activity
          WHERE application_name = $1 AND cardinality(pg_blocking_pids(pid)) = 0"""


@dataclass(frozen=True)
class Scene:
    demo: Demo
    session: aiohttp.ClientSession

    async def states(self) -> dict[str, str]:
        async with self.session.get(f"{self.demo.slack.base_url}/sandbox/scenarios") as answer:
            return {each["key"]: each["state"] for each in await answer.json()}

    async def does(self, path: str, **body: str) -> Any:
        async with self.session.post(f"{self.demo.slack.base_url}/sandbox/{path}", json=body) as answer:
            return await answer.json()

    async def mend(self, words: str) -> None:
        """Ana types it, and Mia approves what is planned."""
        ana, mia = self.demo.slack.person("ana"), self.demo.slack.person("mia")
        before = {message.ts for message in await mia.messages("#ops")}
        await ana.says(f"/ops {words}")
        card = await mia.sees(lambda message: bool(_yes(message)) and message.ts not in before, channel="#ops")
        await mia.clicks(_yes(card), on=card)

    async def becomes(self, key: str, state: str) -> None:
        try:
            await until_told(lambda: self._is(key, state))
        except TimeoutError:
            told = [message.text_all for message in await self.demo.slack.person("mia").messages("#ops")]
            raise AssertionError(
                f"{key} is {(await self.states())[key]}, not {state}; #ops holds {told[-6:]}"
            ) from None

    async def _is(self, key: str, state: str) -> bool:
        return (await self.states())[key] == state


def _yes(message: Message) -> str:
    return next((button for button in message.buttons if button.startswith("Approve")), "")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with demo() as running, aiohttp.ClientSession() as session:
        yield Scene(running, session)


WORDS = {
    "hubspot-limit": 'workflows off "Sync orders to HubSpot" for=30m reason=HubSpot refuses',
    "webhook": "resume we_1Qshop reason=orders stay unpaid",
    "calls": 'numbers reassign +18885550182 to="Front desk"',
    "etl": "job etl-replay table=orders reason=nothing was loaded",
    "release": "deploys rollback web",
    "customer": "whitelist 203.0.113.61 for=2h reason=customer import on=shop-db",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("key", WORDS)
async def test_a_scenario_is_mended_from_slack(scene: Scene, key: str) -> None:
    assert (await scene.states())[key] == "well"
    assert (await scene.does("break", scenario=key))["ok"]
    assert (await scene.states())[key] == "broken"
    again = await scene.does("break", scenario=key)
    assert (again["ok"], again["error"]) == (False, f"“{SCENARIOS[key].title}” is broken already")
    await scene.mend(WORDS[key])
    await scene.becomes(key, "mended")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_pool_that_is_exhausted_is_freed_by_ending_the_one_that_holds_it(scene: Scene) -> None:
    await scene.does("break", scenario="pool")
    await scene.becomes("pool", "broken")
    sql = await asyncpg.connect(scene.demo.bot.ops.environment.database_url.get_secret_value())  # type: ignore[union-attr]
    try:
        pid = await sql.fetchval(HEAD, STUCK)
    finally:
        await sql.close()
    await scene.mend(f"db terminate {pid} db=shop-db")
    await scene.becomes("pool", "mended")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_leaked_key_is_open_until_a_new_one_is_made_and_the_old_one_revoked(scene: Scene) -> None:
    make, revoke = SCENARIOS["leak"].by_hand
    assert not (await scene.does("by-hand", scenario="leak", deed=make))["ok"]
    await scene.does("break", scenario="leak")
    refused = await scene.does("by-hand", scenario="leak", deed=revoke)
    assert "make a new token first" in refused["error"]
    await scene.does("by-hand", scenario="leak", deed=make)
    assert (await scene.states())["leak"] == "broken"
    await scene.does("by-hand", scenario="leak", deed=revoke)
    assert (await scene.states())["leak"] == "mended"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_there_is_not_is_refused_with_a_sentence(scene: Scene) -> None:
    refused = await scene.does("break", scenario="moon")
    assert (refused["ok"], refused["error"]) == (False, "there is no scenario 'moon'")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_words_that_the_panel_suggests_can_be_typed(scene: Scene) -> None:
    for scenario in SCENARIOS.values():
        for words in scenario.words:
            parse(scene.demo.bot.ops.catalogue, words.replace("PID", "4711"))


def test_every_scenario_is_played_here() -> None:
    assert {*WORDS, "pool", "leak"} == SCENARIOS.keys()
