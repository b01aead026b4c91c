"""/ops deploys rollback: point production back at an earlier deployment."""

from collections.abc import Sequence
from typing import Annotated

from bot.words.exceptions import NotUnderstood
from bot.words.params import Choices
from commands import House
from commands.deploys._hosting import AskedToMove, Moving
from commands.deploys._listing import listing_of, meant
from integrations.capabilities import Deployed, Deployment, RollsBack


class Rollback(AskedToMove):
    service: Annotated[str, Choices()]
    """Service to roll back, as named in ops.toml."""
    to: Annotated[str | None, Choices()] = None
    """Deployment or commit to return to; the one before the live one if left out."""


class RollBackDeployment(Moving[Rollback, RollsBack]):
    """Point production back at an earlier deployment."""

    can = deed = "roll back"
    examples = ("deploys rollback web", "deploys rollback web to=dpl_7mTpLd4Rz")

    def aim(
        self, host: RollsBack, found: Sequence[Deployment], live: Deployment | None, wanted: str | None
    ) -> Deployment:
        if wanted is not None:
            target = meant(host, found, wanted, self.words)
            if not target.can_return_to and not target.live:
                raise NotUnderstood(
                    f"{host.name} says that it cannot return to {target.id} ({target.state}).",
                    hint=f"deploys {host.name}",
                )
            return target
        earlier = found[found.index(live) + 1 :] if live else found
        before = next((each for each in earlier if each.can_return_to), None)
        if before is None:
            raise NotUnderstood(f"{host.name} keeps no earlier deployment to return to.", hint=f"deploys {host.name}")
        return before

    def nothing_to_do(self, live: Deployment | None, target: Deployment) -> str:
        return f"{target.id} is live already." if target.live else ""

    def headline(self, host: RollsBack, target: Deployment) -> str:
        return f"Roll {host.name} back to {target.ref or target.id}."

    async def act(self, host: RollsBack, to: str) -> Deployed:
        return await host.roll_back(to)

    def fits(self, deployment: Deployment) -> bool:
        return deployment.can_return_to


def actions(house: House) -> RollBackDeployment:
    return RollBackDeployment(house.having(RollsBack), house.once(listing_of))
