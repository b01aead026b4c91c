"""What turning a workflow on and off share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import Field

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, TryLater
from bot.words.params import Choices, FreeText, Option, Params, Spaced, duration_text
from bot.words.report import Fact, Link, Moment
from commands._shared.services import (
    LONGEST_LABEL,
    OnService,
    ServiceName,
    ask_all,
    closest,
    matching,
    names,
    pick,
    retyped,
)
from integrations.capabilities import Workflow, Workflows


class Turn(Params):
    positional = ("name",)

    name: Annotated[str, Choices(), Spaced(), Field(min_length=1, max_length=200)]
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
class Turning(OnService[Workflows], Undoable[T, TurnPlan], Generic[T]):
    deadline: timedelta = timedelta(seconds=20)
    known: dict[str, tuple[Workflow, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""

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
        kept = await self._service(plan.service).turn(plan.was(), on=self.on)
        return Receipt(
            headline=f"Turned {'on' if self.on else 'off'} {plan.name!r} of {plan.service}.", undo={"kept": kept}
        )

    async def undo(self, plan: TurnPlan, receipt: Receipt) -> Receipt:
        kept = receipt.undo["kept"]
        await self._service(plan.service).turn_back(plan.was(), kept if isinstance(kept, dict) else {})
        return Receipt(headline=f"Turned {'off' if self.on else 'on'} {plan.name!r} of {plan.service} again.")

    async def evidence(self, plan: TurnPlan) -> str:
        found = {each.id: each for each in await self._service(plan.service).workflows()}
        now = found.get(plan.workflow)
        return f"{plan.name} is {'gone' if now is None else 'on' if now.active else 'off'}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "service":
            return matching(names(self.services), typed)
        found = (each for all_ in self.known.values() for each in all_ if each.active is not self.on)
        return matching((Option(each.id, each.name[:LONGEST_LABEL]) for each in found), typed)

    async def refresh(self) -> None:
        """Read workflows for `options`, in the background; a service that is silent keeps its last ones."""
        heard = await ask_all(self.services, lambda service: service.workflows(), self.deadline)
        self.known.update((service.name, workflows) for service, workflows in heard.read)

    async def _find(self, params: T) -> tuple[Workflows, Workflow, tuple[str, ...]]:
        """With sentences on what could not be read: one that is silent keeps nobody from turning another's off.

        Raises NotUnderstood for a name that is unknown or means several, TryLater where nothing could be read.
        """
        asked = self.services
        if params.service is not None or len(asked) < 2:
            asked = (self._service(params.service, params),)
        heard = await ask_all(asked, lambda service: service.workflows(), self.deadline)
        unread = heard.missing
        if not heard.read:
            raise TryLater(" ".join(unread))
        everything = [(service, each) for service, found in heard.read for each in found]
        called = [pair for pair in everything if params.name == pair[1].id]
        called = called or [pair for pair in everything if params.name.casefold() == pair[1].name.casefold()]
        if len(called) == 1:
            return *called[0], unread
        if called:
            several = "; ".join(f"{each.id} of {service.name}" for service, each in called)
            choices = {
                f"{each.id} of {service.name}": retyped(self.words, params, name=each.id, service=service.name)
                for service, each in called
            }
            raise NotUnderstood(f"{params.name!r} means several: {several}.", choices=choices)
        close = closest(params.name, (each.name for _, each in everything))
        instead = f"Did you mean {close!r}?" if close else "`workflows` lists them."
        ids = {each.name: each.id for _, each in everything if '"' in each.name}  # which cannot be typed
        hint = retyped(self.words, params, name=ids.get(close, close)) if close else "workflows"
        missing = "".join(f" {sentence}" for sentence in unread)
        raise NotUnderstood(f"There is no workflow {params.name!r}. {instead}{missing}", hint=hint)

    def _service(self, name: str | None, asked: Turn | None = None) -> Workflows:
        def typed(each: str) -> str:
            return retyped(self.words, asked, service=each) if asked else f"workflows {each}"

        return pick(self.services, name, can="turn workflows on and off", typed=typed)
