"""Draws one person's Home from the stored state."""

import asyncio
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.road import Road
from bot.slack.views.home import HomeFacts, home
from bot.words.dashboard import Dashboards
from bot.words.report import PersonId
from bot.words.request import Said, State, Via


@dataclass(frozen=True)
class HomeTab:
    road: Road
    dashboards: Dashboards
    client: AsyncWebClient

    async def publish(self, person: PersonId) -> None:
        road = self.road
        board, freeze = await asyncio.gather(self.dashboards.of(person), road.judge.frozen())
        asker = road.asker(Said(who=person, words="", via=Via.HOME))
        allowed = road.judge.may_ask(asker, Via.HOME)
        may = frozenset(action.words for action in road.catalogue if allowed(action))
        facts = HomeFacts(
            person=person,
            board=board,
            now=road.clock(),
            may=may.__contains__,
            freeze=freeze,
            barred=frozenset(
                each.id
                for each in board.open
                if each.state is State.WAITING
                and person not in each.owners
                and person not in road.judge.approvers(each)
            ),
            unread=asker.unread,
        )
        await self.client.views_publish(user_id=person, view=home(facts))
