"""Programs on the bot's own machine that ops.toml lets people start as jobs; nothing else of it can be started."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused
from bot.words.params import duration_text
from integrations.capabilities import Checked, Credential, Health, Job, JobEnd, Rights, Trial, unheard
from integrations.plumbing.jobs import PLACE, JobList, JobSection, readable
from integrations.plumbing.section import Outside, SecretRef, Section, TimeLimit
from integrations.plumbing.trying import Step, tried
from integrations.process.child import Tail, run

HEARD_EVERY_S = 1.0
"""Between two looks at what a program has said so far."""
QUOTED = 1000
"""Characters of the output's end that an error repeats."""
_SHELL = re.compile(r"(?:ba|da|z|k|a|fi|c|tc)?sh|busybox|env|psql")
"""Takes code anywhere among its arguments."""
_INTERPRETER = re.compile(r"python[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|php[\d.]*")
"""Takes code before the name of a file."""
_CODE = re.compile(r"-[a-zA-Z]*[ceprES]|--(?:command|eval|execute|print|split-string)")
_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_PATH = "/usr/local/bin:/usr/bin:/bin"


def _absolute(path: str) -> str:
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError("write the whole path, like /opt/shop/bin/reindex")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Variable = Annotated[str, Field(pattern=_NAME)]


class ProgramSection(JobSection):
    argv: tuple[str, ...] = Field(min_length=1)
    """The program's whole path, and its arguments. `{name}` stands for what people typed; an argument whose param was
    not given is left out. No shell reads it."""
    limit: TimeLimit = timedelta(minutes=5)
    """How long it may take; then it is ended, with everything it started, and its outcome is unknown."""
    environment: Mapping[Variable, SecretRef] = Field(default_factory=dict)
    """Variables with where to find their values. Besides these it has PATH and LANG."""
    inherit: tuple[Variable, ...] = ()
    """Variables of the bot's own environment that it may see, like `TZ`."""
    cwd: AbsolutePath = "/"
    """The folder it runs in."""

    @model_validator(mode="after")
    def _can_be_started(self) -> "ProgramSection":
        program, *arguments = self.argv
        _absolute(program)
        if any("\0" in each for each in self.argv):
            raise ValueError("argv holds a NUL; no program can be given one")
        known, used = {param.name for param in self.params}, set(PLACE.findall(" ".join(arguments)))
        if PLACE.search(program):
            raise ValueError("argv: the program itself cannot be typed by people; name it")
        if used - known:
            raise ValueError(f"argv: {{{min(used - known)}}} is no param; add it to params, or take it out")
        if known - used:
            raise ValueError(f"params: nothing in argv uses {min(known - used)}; write {{{min(known - used)}}} there")
        if switch := _code_after(os.path.basename(program), arguments):
            raise ValueError(
                f"argv: what people type would be read as code after {switch}; put the code into a file and start that"
            )
        return self


class ProcessSection(Section):
    kind: Literal["process"]
    jobs: tuple[ProgramSection, ...] = Field(min_length=1)
    """The programs that may be started, and nothing else."""

    rights: ClassVar[str] = (
        "None of its own: programs run as the user that the bot runs as. Give that user only what they need, and each "
        "program a secret of its own."
    )
    undo: ClassVar[str] = "Nothing: what a program did stays done."


def processes(name: str, section: ProcessSection, outside: Outside) -> "Processes":
    keyed = any(job.environment for job in section.jobs)
    return KeyedProcesses(name, section, outside) if keyed else Processes(name, section, outside)


class Processes:
    """Checkable, Testable, OwnJobs."""

    kind = "process"

    def __init__(self, name: str, section: ProcessSection, outside: Outside) -> None:
        self.name = name
        self.deadline: timedelta = section.deadline
        self._programs = section.jobs
        self._jobs = JobList(name, section.jobs)
        self._outside = outside

    async def check(self) -> Checked:
        """Whether each program is there and may be started; none is."""
        problems = [f"{job.name}: {problem}" for job in self._programs if (problem := _missing(job))]
        return Checked(Health.DEGRADED, "; ".join(problems)) if problems else Checked(Health.OK)

    async def test(self) -> tuple[Trial, ...]:
        """Nothing is started."""
        remedy = f"Put it right, or correct services.{self.name}.jobs."
        return await tried(*(Step(f"find what {job.name} needs", self._finding(job), remedy) for job in self._programs))

    def jobs(self) -> tuple[Job, ...]:
        return self._jobs.jobs()

    def told(self, job: str, params: Mapping[str, str]) -> str:
        """Each argument quoted as a shell would want it, so that one sees where it begins and ends."""
        section, values = self._jobs.meant(job, params)
        return " ".join(_quoted(argument) for argument in _arguments(section, values))

    async def run_job(self, job: str, params: Mapping[str, str], tell: Callable[[str], None] = unheard) -> JobEnd:
        """Raises Misconfigured, before anything was started, where the program cannot be."""
        section, values = self._jobs.meant(job, params)
        argv = _arguments(section, values)
        secrets = self._found(section)
        inherited = {name: os.environ[name] for name in section.inherit if name in os.environ}
        environment = {"PATH": _PATH, "LANG": "C.UTF-8", **inherited, **secrets}
        tail = Tail()
        listening = asyncio.create_task(self._listen(tail, secrets.values(), tell))
        try:
            ended = await run(argv, environment=environment, cwd=section.cwd, limit=section.limit, tail=tail)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            # The cause is dropped: a ValueError may quote the environment.
            raise Misconfigured(f"services.{self.name}: {job} cannot be started: {why}.") from None
        finally:
            listening.cancel()
        output = readable(tail.held, cut=tail.cut, secrets=secrets.values(), redact=self._outside.redact)
        tell(output)
        if ended.out_of_time:
            within = duration_text(section.limit)
            raise OutcomeUnknown(f"{job} did not end within {within} and was ended by us.{_last(output)}")
        if ended.code:
            how = f"ended with code {ended.code}" if ended.code > 0 else f"was ended by signal {-ended.code}"
            raise Refused(f"{job} {how}; what it did until then stays done.{_last(output)}")
        await self._outside.proofs.worked({self._setting(job, name): value for name, value in secrets.items()})
        return JobEnd(f"{job} ended well.", output)

    def _found(self, job: ProgramSection) -> dict[str, str]:
        """The secrets of its environment. Raises Misconfigured where one, or the program, is not there."""
        if problem := _missing(job):
            raise Misconfigured(f"services.{self.name}: {job.name} cannot be started: {problem}.")
        return {name: self._outside.secrets(reference) for name, reference in job.environment.items()}

    def _finding(self, job: ProgramSection) -> Callable[[], Awaitable[None]]:
        async def find() -> None:
            self._found(job)

        return find

    def _setting(self, job: str, variable: str) -> str:
        return f"services.{self.name}.jobs.{job}.environment.{variable}"

    async def _listen(self, tail: Tail, secrets: Collection[str], tell: Callable[[str], None]) -> None:
        """Whole lines alone are told: the end of one that is being written may be half a secret."""
        told = 0
        while True:
            await asyncio.sleep(HEARD_EVERY_S)
            if tail.added == told:
                continue
            told = tail.added
            lines = tail.held[: tail.held.rfind(b"\n") + 1]
            tell(readable(lines, cut=tail.cut, secrets=secrets, redact=self._outside.redact))


class KeyedProcesses(Processes):
    """Credentialed, beside what it is where no program is given a secret."""

    def credentials(self) -> tuple[Credential, ...]:
        """Whether a program's secret is any good the program alone finds out."""
        return tuple(
            Credential(self._setting(job.name, name), reference, f"a run of {job.name} that ends well")
            for job in self._programs
            for name, reference in job.environment.items()
        )

    async def rights(self) -> Rights:
        return Rights(note="Only what its program needs; what a program's secret may do is not ours to ask.")


def _code_after(program: str, arguments: list[str]) -> str:
    """The switch of a shell or an interpreter whose code would hold what people type; empty where there is none."""
    if _INTERPRETER.fullmatch(program):
        file = next((at for at, each in enumerate(arguments) if not each.startswith("-")), len(arguments))
        arguments = arguments[: file + 1]
    elif not _SHELL.fullmatch(program):
        return ""
    for switch, code in pairwise(arguments):
        if _CODE.fullmatch(switch) and PLACE.search(code):
            return switch
    attached = (found for each in arguments if (found := _CODE.match(each)) and PLACE.search(each))
    return next((found[0] for found in attached), "")


def _arguments(job: ProgramSection, values: Mapping[str, str]) -> tuple[str, ...]:
    """Filled in one pass, so that a value that looks like a placeholder stays a value."""
    patterns = {param.name: param.pattern for param in job.params}
    for name, value in values.items():
        if value.startswith("-") and not patterns[name].startswith(("-", r"\-", "[-]")):
            raise NotUnderstood(
                f"{name} begins with a dash; {job.name} would take it for an option of its own.",
                hint=f"job {job.name} {name}=",
            )
    return tuple(
        PLACE.sub(lambda found: values[found[1]], argument)
        for argument in job.argv
        if all(name in values for name in PLACE.findall(argument))
    )


def _missing(job: ProgramSection) -> str:
    """Why it cannot be started; empty where it can."""
    program = Path(job.argv[0])
    if not program.is_file():
        return f"there is no program {program}"
    if not os.access(program, os.X_OK):
        return f"{program} may not be executed by the bot's user"
    return "" if Path(job.cwd).is_dir() else f"there is no folder {job.cwd}"


def _quoted(argument: str) -> str:
    return argument if re.fullmatch(r"[\w@%+=:,./-]+", argument) else "'" + argument.replace("'", "'\"'\"'") + "'"


def _last(output: str) -> str:
    return f" Its last words: {output[-QUOTED:]}" if output else " It said nothing."
