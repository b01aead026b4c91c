"""What turning a workflow on and off share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import Field

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import TryLater
from bot.words.params import Choices, FreeText, Label, Option, Params, Spaced, duration_text
from bot.words.report import Fact, Link, Moment
from commands._shared.asking import ask_all
from commands._shared.receipts import stored
from commands._shared.remembered import Remembering
from commands._shared.services import ServiceName
from commands.workflows._finding import the_workflow
from integrations.capabilities import Workflow, Workflows


class Turn(Params):
    positional = ("name",)

    name: Annotated[str, Choices(), Spaced(), Label("Which workflow?"), Field(min_length=1, max_length=200)]
    """The workflow, by its name or id."""
    service: ServiceName = None
    """Service that runs it, as named in ops.toml; needed only where several have one of that name."""
    reason: Annotated[str, Field(max_length=500), FreeText()] = ""
    """Why, for the approver and the audit."""


class TurnPlan(Plan):
    service: str
    workflow: str
    name: str
    active: bool
    version: str
    """What runs, or what will when it is turned on: another one by then, and nothing happens."""

    def was(self) -> Workflow:
        return Workflow(self.workflow, self.name, self.active, self.version)


T = TypeVar("T", bound=Turn)


@dataclass(frozen=True)
class Turning(Remembering[Workflows, Workflow], Undoable[T, TurnPlan], Generic[T]):
    deadline: timedelta = timedelta(seconds=20)

    can = "turn workflows on and off"
    risk = Risk.DESTRUCTIVE
    on: ClassVar[bool]

    async def preview(self, params: T) -> TurnPlan:
        service, workflow, unread = await self._find(params)
        to, back = ("on", "off") if self.on else ("off", "on")
        facts = [Fact(label="Workflow", value=Link(url=workflow.link, name=workflow.name))] if workflow.link else []
        if workflow.last_failed_at:
            facts.append(Fact(label="Last failure", value=Moment(at=workflow.last_failed_at)))
        if params.reason:
            facts.append(Fact(label="Reason", value=params.reason))
        if workflow.settles_within:
            facts.append(Fact(label="Takes effect", value=f"within {duration_text(workflow.settles_within)}"))
        same = "the version that runs now" if workflow.active else "what runs by then"
        return TurnPlan(
            target=f"{service.name} workflow {workflow.name} ({workflow.id})",
            headline=f"Turn {to} the workflow {workflow.name!r} of {service.name}.",
            effects=(f"{workflow.name}: now {back}, then {to}",),
            facts=tuple(facts),
            warnings=(*((f"{workflow.name}: {workflow.detail}.",) if self.on and workflow.detail else ()), *unread),
            undo_note=f"Undo turns {same} {back} again, unless somebody changed it meanwhile.",
            confirm_phrase=workflow.name,
            nothing_to_do=f"{workflow.name!r} is {to} already." if workflow.active is self.on else "",
            service=service.name,
            workflow=workflow.id,
            name=workflow.name,
            active=workflow.active,
            version=workflow.version,
        )

    async def execute(self, plan: TurnPlan) -> Receipt:
        kept = await self.planned(plan.service).turn(plan.was(), on=self.on)
        return Receipt(
            headline=f"Turned {'on' if self.on else 'off'} {plan.name!r} of {plan.service}.", undo={"kept": kept}
        )

    async def undo(self, plan: TurnPlan, receipt: Receipt) -> Receipt:
        await self.planned(plan.service).turn_back(plan.was(), stored(receipt, "kept"))
        return Receipt(headline=f"Turned {'off' if self.on else 'on'} {plan.name!r} of {plan.service} again.")

    async def evidence(self, plan: TurnPlan) -> str:
        found = {each.id: each for each in await self.planned(plan.service).workflows()}
        now = found.get(plan.workflow)
        return f"{plan.name} is {'gone' if now is None else 'on' if now.active else 'off'}"

    async def listed(self, service: Workflows) -> Sequence[Workflow]:
        return await service.workflows()

    def option(self, thing: Workflow) -> Option | None:
        return Option(thing.id, thing.name) if thing.active is not self.on else None

    async def _find(self, params: T) -> tuple[Workflows, Workflow, tuple[str, ...]]:
        """With sentences on what could not be read: one that is silent keeps nobody from turning another's off.

        Raises NotUnderstood for a name that is unknown or means several, TryLater where nothing could be read.
        """
        asked = self.asked(params)
        heard = await ask_all(asked, self.listed, self.deadline)
        unread = heard.missing
        if not heard.read:
            raise TryLater(" ".join(unread))
        return *the_workflow(params.name, heard, words=self.words, asked=params), unread
