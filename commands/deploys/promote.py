"""/ops deploys promote: make a deployment that is built already production."""

from collections.abc import Sequence
from typing import Annotated

from bot.words.exceptions import NotUnderstood
from bot.words.params import Choices
from commands import House
from commands.deploys._hosting import AskedToMove, Moving
from commands.deploys._listing import listing_of, meant
from integrations.capabilities import Deployed, Deployment, Promotes

_READY = "ready"


class Promote(AskedToMove):
    service: Annotated[str, Choices()]
    """Service whose deployment goes live, as named in ops.toml."""
    to: Annotated[str | None, Choices()] = None
    """Deployment or commit to promote; the newest that is ready if left out."""


class PromoteDeployment(Moving[Promote, Promotes]):
    """Make a deployment that is built already production."""

    can = deed = "promote"
    examples = ("deploys promote web", "deploys promote web to=dpl_9fYxKq2Ww")

    def aim(
        self, host: Promotes, found: Sequence[Deployment], live: Deployment | None, wanted: str | None
    ) -> Deployment:
        if wanted is None:
            newest = next((each for each in found if each.state == _READY), None)
            if newest is None:
                raise NotUnderstood(f"No deployment of {host.name} is ready.", hint=f"deploys {host.name}")
            return newest
        target = meant(host, found, wanted, self.words)
        if target.state != _READY:
            raise NotUnderstood(f"{target.id} is {target.state}, not ready.", hint=f"deploys {host.name}")
        return target

    def nothing_to_do(self, live: Deployment | None, target: Deployment) -> str:
        return f"{target.id} is live already." if target.live else ""

    def headline(self, host: Promotes, target: Deployment) -> str:
        return f"Make {target.ref or target.id} production of {host.name}."

    async def act(self, host: Promotes, to: str) -> Deployed:
        return await host.promote(to)

    def fits(self, deployment: Deployment) -> bool:
        return deployment.state == _READY and not deployment.live


def actions(house: House) -> PromoteDeployment:
    return PromoteDeployment(house.having(Promotes), house.once(listing_of))
