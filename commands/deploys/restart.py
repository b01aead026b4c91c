"""/ops deploys restart: restart what runs now, a deployment or a database endpoint."""

from dataclasses import dataclass
from typing import Annotated

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.params import Choices, Params
from bot.words.report import Fact
from commands import House
from commands._shared.services import OnService
from integrations.capabilities import Restarts


class Restart(Params):
    positional = ("service",)

    service: Annotated[str, Choices()]
    """Service to restart, as named in ops.toml."""


class RestartPlan(Plan):
    service: str
    running: str
    """Id of what ran when the approver looked."""


@dataclass(frozen=True)
class RestartDeployment(OnService[Restarts], Change[Restart, RestartPlan]):
    """Restart what runs now."""

    can = "be restarted"
    risk = Risk.DESTRUCTIVE
    examples = ("deploys restart etl", "deploys restart neon")

    async def preview(self, params: Restart) -> RestartPlan:
        host = self.chosen(params)
        running = await host.running_now()
        return RestartPlan(
            target=f"{host.name} {running}",
            headline=f"Restart {host.name}.",
            effects=(f"{running} is restarted",),
            warnings=host.cautions("restart"),
            undo_note="A restart cannot be taken back.",
            confirm_phrase=host.name,
            service=host.name,
            running=running,
        )

    async def execute(self, plan: RestartPlan) -> Receipt:
        done = await self.planned(plan.service).restart()
        return Receipt(headline=done.sentence, facts=tuple(Fact(label="Note", value=note) for note in done.notes))

    async def evidence(self, plan: RestartPlan) -> str:
        return f"{plan.service} runs {await self.planned(plan.service).running_now()}"


def actions(house: House) -> RestartDeployment:
    return RestartDeployment(house.having(Restarts))
