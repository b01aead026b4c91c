"""/ops jobs: what of the team's own can be started."""

from collections import Counter
from dataclasses import dataclass

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured
from bot.words.params import Params
from bot.words.report import Line, Report, Suggestion
from commands import House
from commands._shared.services import OnService
from integrations.capabilities import Job, OwnJobs


class Listed(Params):
    pass


@dataclass(frozen=True)
class ListJobs(OnService[OwnJobs], Lookup[Listed]):
    """List the team's own jobs, and what each takes."""

    can = "start jobs"
    examples = ("jobs",)

    async def answer(self, params: Listed) -> Report:
        found = [(service.name, job) for service in self.services for job in service.jobs()]
        if not found:
            raise Misconfigured("ops.toml names no job; add `jobs` to a service of the kind process, http or github.")
        called = Counter(job.name for _, job in found)
        cautious = sum(job.destructive for _, job in found)
        return Report(
            title="Jobs",
            lead=f"{len(found)} job{'' if len(found) == 1 else 's'}; {cautious or 'none'} of them destructive.",
            lines=tuple(_line(service, job, alone=called[job.name] == 1) for service, job in found),
            notes=("job NAME starts one, after its plan was allowed.",),
        )


def _line(service: str, job: Job, *, alone: bool) -> Line:
    takes = ", ".join(f"{param.name}{'' if param.required else ' (may be left out)'}" for param in job.params)
    said = [f"Takes {takes}."] if takes else []
    said += [f"{param.name}: {param.hint.rstrip('.')}." for param in job.params if param.hint]
    said.append(f"Runs on {service}; {'somebody else approves it' if job.destructive else 'you confirm it'}.")
    # A job that needs to be told something is typed, not pressed.
    start = Suggestion(label="Start…", words=f"job {job.name}{'' if alone else f' service={service}'}")
    pressed = () if any(param.required for param in job.params) else (start,)
    return Line(
        text=f"{job.name}: {job.what}",
        detail=" ".join(said),
        suggestions=pressed,
    )


def actions(house: House) -> ListJobs:
    return ListJobs(house.having(OwnJobs))
