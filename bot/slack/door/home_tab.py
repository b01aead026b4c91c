"""Draws one person's Home from the stored state."""

from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.road import Road
from bot.slack.views.home import HomeFacts, home
from bot.words.report import PersonId
from bot.words.request import Said, Via


@dataclass(frozen=True)
class HomeTab:
    road: Road
    client: AsyncWebClient

    async def publish(self, person: PersonId) -> None:
        road = self.road
        asker = road.asker(Said(who=person, words="", via=Via.HOME))
        allowed = road.judge.may_ask(asker, Via.HOME)
        facts = HomeFacts(
            person=person,
            open=await road.requests.open(),
            commands=[action for action in road.catalogue if allowed(action)],
            freeze=await road.judge.frozen(),
            unread=asker.unread,
        )
        await self.client.views_publish(user_id=person, view=home(facts))
