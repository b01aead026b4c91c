"""/ops deploys: what serves production, and what could."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.exceptions import TryLater
from bot.words.params import Params
from bot.words.report import Moment, Report, Table
from commands import House
from commands._shared.asking import ask_all
from commands._shared.services import OnService, ServiceName
from commands.deploys._listing import live_of, told
from integrations.capabilities import Deployments


class Deploys(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service whose deployments are listed, as named in ops.toml; all that have some if left out."""
    n: Annotated[int, Field(ge=1, le=50)] = 10
    """How many of each service, newest first."""


@dataclass(frozen=True)
class ListDeployments(OnService[Deployments], Lookup[Deploys]):
    """List production deployments and which is live."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=15)

    can = "list deployments"
    examples = ("deploys", "deploys web", "deploys web n=30")

    async def answer(self, params: Deploys) -> Report:
        heard = await ask_all(self.asked(params), lambda host: host.deployments(limit=params.n), self.deadline)
        unread = heard.missing
        if not heard.read:
            raise TryLater(" ".join(unread))
        found = [(host.name, deployments) for host, deployments in heard.read]
        lives = [(name, live_of(deployments)) for name, deployments in found]
        return Report(
            title="Deployments",
            lead=" ".join(
                (*(f"{name}: {told(live) if live else 'nothing'} is live." for name, live in lives), *unread)
            ),
            table=Table(
                columns=("service", "live", "state", "commit", "message", "by", "created", "id"),
                rows=tuple(
                    (name, "live" if each.live else None, each.state, each.ref or None, each.message or None,
                     each.author or None, Moment(at=each.created_at) if each.created_at else None, each.id)
                    for name, deployments in found
                    for each in deployments
                ),
            ),
            notes=unread,
            taken_at=self.now(),
        )  # fmt: skip


def actions(house: House) -> ListDeployments:
    return ListDeployments(house.having(Deployments), house.now)
