"""`ops`: the terminal program. The same words as in Slack, through the same road, for when Slack is down."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from bot.directory import People
from bot.road import Asked, Reply, Shown
from bot.settings import Environment, read_toml
from bot.store.members import load_people
from bot.store.trail.audit import check_key
from bot.store.trail.export import export
from bot.store.trail.verify import Anchor, verify
from bot.words.clean import printable
from bot.words.exceptions import Misconfigured, NotAllowed, NotUnderstood
from bot.words.os_errors import reason
from bot.words.params import parse_duration
from bot.words.report import PersonId, Status
from bot.words.request import OPEN, Answer, Mode, Request, RequestId, Said, State, Via
from commands.doctor import doctor_report
from ops.endings import FAILED, REFUSED, spoken
from ops.screen import Terminal
from ops.structured_log import configure_logs
from ops.wiring import Ops, open_ops, registered, utc_now

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runbook actions: planned, approved, audited.",
)
audit_app = typer.Typer(no_args_is_help=True, help="The audit trail.")
app.add_typer(audit_app, name="audit")

WAITS = 3
"""Exit code: a request waits for somebody. Others are in ops.endings."""


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows fewer letters than we write shows ? for the others.
            stream.reconfigure(errors="replace")
    redactor = registered(Environment())
    configure_logs(redactor.text)

    def say(sentence: str) -> None:
        Console(stderr=True).print(printable(redactor.text(sentence)), style="red", markup=False, soft_wrap=True)

    with spoken(say):
        app()


@asynccontextmanager
async def _ops() -> AsyncIterator[tuple[Ops, People, Terminal]]:
    """The machine as the terminal uses it: people from ops.toml and from what was last read of Slack."""
    environment = Environment()
    settings = read_toml(environment.ops_config)
    people = People(settings, utc_now)
    async with open_ops(environment, settings, people, attach=True) as ops:
        people.learn(await load_people(ops.pool))
        yield ops, people, Terminal(Console(), people.name, ZoneInfo(settings.team.timezone))


async def _me(ops: Ops) -> PersonId:
    """Who holds OPS_TOKEN. Raises NotAllowed."""
    await check_key(ops.pool, ops.audit_key)  # tokens are kept by it: with another one none would be valid
    token = ops.environment.ops_token
    person = await ops.tokens.whois(token.get_secret_value()) if token else None
    if person is None:
        why = "is not set" if token is None else "is not valid any more"
        raise NotAllowed(f"OPS_TOKEN {why}; get one by typing /ops token in Slack.", rule="terminal")
    return person


def _run(work: Callable[[Ops, Terminal], Awaitable[int]]) -> None:
    async def inside() -> int:
        async with _ops() as (ops, _, terminal):
            return await work(ops, terminal)

    raise typer.Exit(asyncio.run(inside()))


@app.command()
def serve(
    http: Annotated[str, typer.Option(help="HOST:PORT for HTTP mode; Socket Mode if left out")] = "",
    health: Annotated[
        str | None,
        typer.Option(help='HOST:PORT of /healthz, /readyz and /metrics; "" for none', show_default="127.0.0.1:8080"),
    ] = None,
) -> None:
    """Serve Slack until stopped."""
    from ops.serve import serve as run

    environment = Environment()
    asyncio.run(run(environment, read_toml(environment.ops_config), http=http, health=health))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="of the page")] = 8787,
    tour: Annotated[bool, typer.Option(help="play the scripted tour and stop")] = False,
    pictures: Annotated[Path, typer.Option(help="where the tour saves its pictures")] = Path(".ops/tour"),
) -> None:
    """Start a local Slack, a small world and the bot, with nothing but this machine."""
    try:
        from ops.demo import run_demo
    except ModuleNotFoundError as error:
        raise Misconfigured(
            "The demo's local Slack is left out of the production image; run it from a clone."
        ) from error

    asyncio.run(run_demo(port=port, tour=tour, pictures=pictures))


@app.command()
def doctor() -> None:
    """Say what is wrong with the set-up, and how to mend it."""

    async def look() -> int:
        from ops.slack_doctor import slack_probe

        async with _ops() as (ops, people, terminal):
            ops.doctor.probes.append(slack_probe(ops.environment, ops.settings.team, people))
            report = await doctor_report(ops.doctor)
            terminal.report(report)
            return 0 if report.status is Status.OK else FAILED

    raise typer.Exit(asyncio.run(look()))


@app.command()
def run(words: Annotated[list[str], typer.Argument(help='like "whitelist 203.0.113.7 for=2h reason=import"')]) -> None:
    """Run a command as the person whose token is in OPS_TOKEN."""
    _say(" ".join(words))


@app.command()
def requests() -> None:
    """What waits, for whom, until when."""
    _say("requests")


@app.command()
def show(request: str) -> None:
    """One request's whole story."""
    _say(f"show {request}")


def _say(words: str) -> None:
    async def say(ops: Ops, terminal: Terminal) -> int:
        me = await _me(ops)
        return await _told(ops, terminal, me, await ops.road.ask(Said(who=me, words=words, via=Via.TERMINAL)))

    _run(say)


async def _told(ops: Ops, terminal: Terminal, me: PersonId, reply: Reply) -> int:
    match reply:
        case Shown(report=report):
            terminal.report(report)
            return 0
        case Answer():
            terminal.answer(reply)
            return REFUSED
        case Asked(request=request):
            terminal.request(request)
            terminal.choices(request.choices)
            return await _decide(ops, terminal, me, request)


async def _decide(ops: Ops, terminal: Terminal, me: PersonId, request: Request) -> int:
    """Let the requester confirm or type the phrase where that is enough; otherwise say who has to act."""
    if request.state is not State.WAITING or request.needs is None:
        return REFUSED if request.state is State.DENIED else 0
    phrase = None
    match request.needs.mode:
        case Mode.OTHERS:
            terminal.needs(request.needs)
            terminal.say(f"They type: ops approve {request.id}")
            return WAITS
        case Mode.CONFIRM:
            if not _asked("Run it?"):
                return await _withdrawn(ops, terminal, me, request)
        case Mode.TYPED:
            terminal.needs(request.needs)
            phrase = typer.prompt(f"To run it, type {ops.road.phrase(request)!r}", default="", show_default=False)
            if not phrase:
                return WAITS
    return await _voted(ops, terminal, me, request, phrase)


async def _withdrawn(ops: Ops, terminal: Terminal, me: PersonId, request: Request) -> int:
    said = Said(who=me, words=f"withdraw {request.id}", via=Via.TERMINAL)
    return await _told(ops, terminal, me, await ops.road.ask(said))


async def _voted(ops: Ops, terminal: Terminal, me: PersonId, request: Request, phrase: str | None) -> int:
    answer = await ops.road.vote(request.id, me, approve=True, digest=request.digest, phrase=phrase, via=Via.TERMINAL)
    terminal.answer(answer)
    return await _seen_through(ops, terminal, request.id)


async def _seen_through(ops: Ops, terminal: Terminal, request_id: RequestId) -> int:
    """Run it here if nobody else does, and wait for its end."""
    while True:
        request = await ops.road.run(request_id) or await ops.road.requests.get(request_id)
        if request is None or request.state not in OPEN - {State.WAITING}:
            break
        await asyncio.sleep(0.3)
    if request is None:
        return FAILED
    if request.state is State.WAITING:
        return WAITS
    terminal.request(request)
    return 0 if request.state in (State.DONE, State.UNDONE) else FAILED


def _asked(question: str) -> bool:
    return typer.confirm(question, default=False) if sys.stdin.isatty() else os.environ.get("OPS_YES") == "1"


@app.command()
def approve(
    request: str,
    phrase: Annotated[str | None, typer.Option(help="typed to approve one's own, or with broken glass")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask again after showing the plan")] = False,
) -> None:
    """Approve a waiting request, after looking at its plan."""

    async def decide(ops: Ops, terminal: Terminal) -> int:
        me, found = await _me(ops), await ops.desk.request(_id(request))
        terminal.request(found)
        if not yes and phrase is None and not _asked(f"Approve {found.id}?"):
            return WAITS
        return await _voted(ops, terminal, me, found, phrase)

    _run(decide)


@app.command()
def reject(request: str, reason: Annotated[str, typer.Option(help="why")] = "") -> None:
    """Reject a waiting request."""

    async def decide(ops: Ops, terminal: Terminal) -> int:
        me = await _me(ops)
        terminal.answer(await ops.road.vote(RequestId(_id(request)), me, approve=False, note=reason, via=Via.TERMINAL))
        return 0

    _run(decide)


def _id(typed: str) -> str:
    from bot.words.request import request_id

    try:
        return request_id(typed)
    except ValueError as error:
        raise NotUnderstood(str(error)) from error


@audit_app.command("verify")
def audit_verify(anchor: Annotated[Path | None, typer.Option(help="a file with anchored heads")] = None) -> None:
    """Walk the chain; name the first row that is not as it was written."""

    async def walk(ops: Ops, terminal: Terminal) -> int:
        verdict = await verify(ops.pool, ops.audit_key, newest_anchor(anchor) if anchor else None)
        if verdict.first_bad is None:
            terminal.say(f"{verdict.rows} rows are as they were written; head {verdict.head.seq} {verdict.head.mac}")
            return 0
        terminal.say(f"Row {verdict.first_bad.seq}: {verdict.first_bad.reason}")
        return FAILED

    _run(walk)


def newest_anchor(file: Path) -> Anchor:
    """The newest anchor of a file with one JSON object a line. Raises NotUnderstood."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise NotUnderstood(f"{file} {reason(error)}. --anchor names the file that team.anchor_file does.") from error
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"{file} is no text, so it holds no anchors.") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(Anchor.model_validate_json(line, strict=True))
            except ValueError as error:
                torn = f"Line {number} of {file} is no anchor: it was torn, or something else wrote it."
                raise NotUnderstood(f"{torn} Take it out to compare with the others.") from error
    if not found:
        raise NotUnderstood(f"{file} is empty: it holds no anchor to compare with.")
    return max(found, key=lambda anchor: anchor.seq)


@audit_app.command("export")
def audit_export(
    format: Annotated[str, typer.Option(help="jsonl or csv")] = "jsonl",
    since: Annotated[str, typer.Option(help="how far back, like 30d; all of it if left out")] = "",
) -> None:
    """Write the trail to standard output, oldest row first."""
    if format not in ("jsonl", "csv"):
        raise NotUnderstood("The format is jsonl or csv.")
    kind: Literal["jsonl", "csv"] = "csv" if format == "csv" else "jsonl"

    async def write(ops: Ops, _: Terminal) -> int:
        shown = printable if sys.stdout.isatty() else str  # a file keeps every letter: its seals are checked again
        async for piece in export(ops.pool, kind, _since(since)):
            sys.stdout.write(shown(piece))
        return 0

    _run(write)


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise NotUnderstood(str(error)) from error
    return utc_now() - span if isinstance(span, timedelta) else None
