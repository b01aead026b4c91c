"""/ops deploys redeploy: build a deployment again, and let that serve production."""

from collections.abc import Sequence
from typing import Annotated

from bot.words.exceptions import NotUnderstood
from bot.words.params import Choices
from commands import House
from commands.deploys._hosting import AskedToMove, Moving
from commands.deploys._listing import listing_of, meant
from integrations.capabilities import Deployed, Deployment, Redeploys


class Redeploy(AskedToMove):
    service: Annotated[str, Choices()]
    """Service to deploy again, as named in ops.toml."""
    to: Annotated[str | None, Choices()] = None
    """Deployment or commit to build again; the live one if left out."""


class RedeployDeployment(Moving[Redeploy, Redeploys]):
    """Build a deployment again and let it serve production."""

    can = deed = "redeploy"
    examples = ("deploys redeploy web", "deploys redeploy web to=dpl_7mTpLd4Rz")

    def aim(
        self, host: Redeploys, found: Sequence[Deployment], live: Deployment | None, wanted: str | None
    ) -> Deployment:
        if wanted is not None:
            return meant(host, found, wanted, self.words)
        if live is None:
            raise NotUnderstood(
                f"Nothing of {host.name} is live: say which to build again.", hint=f"deploys {host.name}"
            )
        return live

    def nothing_to_do(self, live: Deployment | None, target: Deployment) -> str:
        return ""

    def headline(self, host: Redeploys, target: Deployment) -> str:
        return f"Build {target.ref or target.id} of {host.name} again."

    async def act(self, host: Redeploys, to: str) -> Deployed:
        return await host.redeploy(to)


def actions(house: House) -> RedeployDeployment:
    return RedeployDeployment(house.having(Redeploys), house.once(listing_of))
