"""/ops job: start one of the team's own jobs that ops.toml names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.words.action import Change, Plan, Receipt, Risk, Tell
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import Choices, FreeText, Option, Pairs, Params
from bot.words.report import Fact, Link
from commands import House
from commands._shared.retyping import retyped
from commands._shared.services import LONGEST_LABEL, OnService, ServiceName, closest, matching, names
from integrations.capabilities import Job, OwnJobs, unheard


class Start(Params):
    positional = ("job",)
    open_field = "params"

    job: Annotated[str, Choices(), Field(min_length=1, max_length=40)]
    """The job; jobs lists them."""
    params: Pairs | None = None
    """What it is told, as name=value; in a form one a line."""
    service: ServiceName = None
    """Service that has it, as named in ops.toml; needed only where several have one of that name."""
    reason: Annotated[str, Field(max_length=500), FreeText()] = ""
    """Why, for the approver and the audit."""


class JobPlan(Plan):
    service: str
    job: str
    params: dict[str, str]
    runs: str
    """Exactly what will run; another one by then, and nothing happens."""


@dataclass(frozen=True)
class StartJob(OnService[OwnJobs], Change[Start, JobPlan]):
    """Start one of the team's own jobs."""

    can = "start jobs"
    risk = Risk.CHANGE
    examples = ("job reindex", "job reindex table=orders days=3", 'job reindex note="two words" reason=search is stale')

    async def preview(self, params: Start) -> JobPlan:
        service, job = self._find(params)
        given = job.checked(params.params or {})
        runs = service.told(job.name, given)
        facts = [Fact(label=name, value=value) for name, value in given.items()]
        if params.reason:
            facts.append(Fact(label="Reason", value=params.reason))
        return JobPlan(
            target=f"{service.name} job {job.name}",
            headline=f"Start the job {job.name} of {service.name}.",
            effects=(job.what, f"runs {runs}"),
            facts=tuple(facts),
            undo_note="What a job did stays done.",
            risk=Risk.DESTRUCTIVE if job.destructive else None,
            confirm_phrase=job.name,
            service=service.name,
            job=job.name,
            params=given,
            runs=runs,
        )

    async def execute(self, plan: JobPlan) -> Receipt:
        return await self.execute_telling(plan, unheard)

    async def execute_telling(self, plan: JobPlan, tell: Tell) -> Receipt:
        end = await self.planned(plan.service).run_job(plan.job, plan.params, tell)
        if end.output:
            tell(end.output)
        link = (Fact(label="Run", value=Link(url=end.link, name=plan.job)),) if end.link else ()
        return Receipt(headline=end.sentence, facts=link)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "service":
            return matching(names(self.services), typed)
        each = {job.name: job for service in self.services for job in service.jobs()}
        options = (Option(name, f"{name}: {job.what}"[:LONGEST_LABEL]) for name, job in each.items())
        return matching(options, typed) if field == "job" else ()

    def _find(self, params: Start) -> tuple[OwnJobs, Job]:
        """Raises NotUnderstood for a name that is unknown or means several."""
        asked = self.asked(params)
        everything = [(service, job) for service in asked for job in service.jobs()]
        if not everything:
            raise Misconfigured("ops.toml names no job; add `jobs` to a service of the kind process, http or github.")
        called = [pair for pair in everything if pair[1].name == params.job.casefold()]
        if len(called) == 1:
            return called[0]
        if called:
            has = ", ".join(service.name for service, _ in called)
            choices = {service.name: retyped(self.words, params, service=service.name) for service, _ in called}
            raise NotUnderstood(f"Several services have a job {params.job!r}: {has}. Say which.", choices=choices)
        close = closest(params.job, (job.name for _, job in everything))
        instead = f"Did you mean {close!r}?" if close else "`jobs` lists them."
        raise NotUnderstood(
            f"There is no job {params.job!r}. {instead}",
            hint=retyped(self.words, params, job=close) if close else "jobs",
        )


def actions(house: House) -> StartJob:
    return StartJob(house.having(OwnJobs))
