"""Programs that are really started: what they are given, what becomes of what they say, and that none outlives us."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused
from bot.words.redaction import Redactor
from integrations import open_services
from integrations.capabilities import Checkable, Checked, Credential, Credentialed, Health, JobEnd, OwnJobs
from integrations.capabilities.trials import Testable as Tryable
from integrations.plumbing.jobs import OUTPUT_LIMIT, readable
from integrations.plumbing.proofs import Proofs
from integrations.process.child import TAIL_LIMIT, Tail
from integrations.process.client import Processes
from tests.waiting import in_time

SECRET = "hunter2-of-the-shop"
Make = Callable[..., Processes]


@pytest.fixture
def make(tmp_path: Path, http: httpx.AsyncClient) -> Make:
    """A service with one job, whose program is this Python code."""

    def made(
        code: str = "",
        *arguments: str,
        secrets: Callable[[str], str] = lambda reference: SECRET,
        proofs: Proofs | None = None,
        **job: Any,
    ) -> Processes:
        program = tmp_path / "program.py"
        program.write_text(f"#!{sys.executable} -S\n{code}\n", encoding="utf-8")
        program.chmod(0o700)
        table = {"name": "reindex", "what": "Builds the index anew.", "argv": [str(program), *arguments], **job}
        redactor = Redactor()
        section = {"kind": "process", "jobs": [table]}
        services = open_services({"box": section}, http, secrets, redact=redactor.text, proofs=proofs)
        client = services.named("box", OwnJobs)
        assert isinstance(client, Processes)
        return client

    return made


class Noted(dict[str, str]):
    """Settings with the values that were said to be taken."""

    async def worked(self, used: Mapping[str, str]) -> None:
        self.update(used)


TELL_ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"


def params(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, **more} for name in names]


async def arguments(client: Processes, **values: str) -> list[str]:
    """What the program says it was given."""
    given: list[str] = json.loads((await client.run_job("reindex", values)).output)
    return given


# -- its secrets


async def test_a_secret_is_proved_by_a_run_that_ends_well_and_by_nothing_else(make: Make) -> None:
    noted, code = Noted(), "import sys; sys.exit(int(sys.argv[1]))"
    client = make(code, "{code}", params=params("code"), environment={"SHOP_KEY": "env:SHOP_KEY"}, proofs=noted)
    assert isinstance(client, Credentialed)
    setting = "services.box.jobs.reindex.environment.SHOP_KEY"
    assert client.credentials() == (Credential(setting, "env:SHOP_KEY", "a run of reindex that ends well"),)
    assert await client.check() == Checked(Health.OK)
    assert [trial.health for trial in await client.test()] == [Health.OK]
    with pytest.raises(Refused):
        await client.run_job("reindex", {"code": "3"})
    assert noted == {}
    await client.run_job("reindex", {"code": "0"})
    assert noted == {setting: SECRET}
    rights = await client.rights()
    assert rights.has == ()
    assert rights.note.startswith("Only what its program needs")


async def test_programs_without_secrets_have_no_keys(make: Make) -> None:
    client = make()
    assert not isinstance(client, Credentialed)
    assert isinstance(client, Tryable)


async def test_a_test_starts_nothing_and_names_what_is_not_there(make: Make, tmp_path: Path) -> None:
    def missing(reference: str) -> str:
        raise Misconfigured(f"{reference} is empty; set the environment variable SHOP_KEY")

    mark = tmp_path / "ran"
    client = make(f"open({str(mark)!r}, 'w')", environment={"SHOP_KEY": "env:SHOP_KEY"}, secrets=missing)
    (trial,) = await client.test()
    assert (trial.what, trial.health) == ("find what reindex needs", Health.DEGRADED)
    assert trial.detail.startswith("env:SHOP_KEY is empty")
    assert "services.box.jobs" in trial.remedy
    (gone,) = await make(argv=["/opt/no/such/program"]).test()
    assert (gone.health, "there is no program" in gone.detail) == (Health.DEGRADED, True)
    assert not mark.exists()


# -- what it is given


@pytest.mark.parametrize(
    "value",
    ["; rm -rf /", "$(touch x)", "`touch x`", "a b  c", "one\ntwo", "'; DROP TABLE x;--", '"', "*", "{table}", "\\",
     "naïve ☃ 日本", "\u202egnp.exe", "", "%s%n", "| cat /etc/passwd", "&& true", ">/etc/x", "$PATH", "~"],
)  # fmt: skip
async def test_a_value_is_one_argument_whatever_is_in_it(make: Make, value: str) -> None:
    client = make(TELL_ARGUMENTS, "--table={table}", "{table}", params=params("table", pattern=r"(?s).*"))
    assert await arguments(client, table=value) == [f"--table={value}", value]


async def test_values_are_filled_in_once(make: Make) -> None:
    client = make(TELL_ARGUMENTS, "{a}/{b}", params=params("a", "b", pattern=".*"))
    assert await arguments(client, a="{b}", b="{a}") == ["{b}/{a}"]


async def test_an_argument_whose_param_was_not_given_is_left_out(make: Make) -> None:
    client = make(TELL_ARGUMENTS, "--all", "--table={table}", "--days={days}", params=params("table", "days"))
    assert await arguments(client, days="3") == ["--all", "--days=3"]


@pytest.mark.parametrize(
    ("pattern", "value", "why"),
    [
        (r"[\w./-]+", "--flag", "begins with a dash"),
        (r"(?s).*", "-rf", "begins with a dash"),
        (r"(?s).*", "a\0b", "a character that cannot be sent"),
        (r"(?s).*", "a\ud800b", "a character that cannot be sent"),
        (r"\w+", "orders\n", r"must match \\w\+"),
        (r"\w+", "orders; rm -rf /", "must match"),
        (r"a|b", "ab", "must match"),
    ],
)
async def test_a_value_that_is_not_taken(make: Make, tmp_path: Path, pattern: str, value: str, why: str) -> None:
    mark = tmp_path / "ran"
    client = make(f"open({str(mark)!r}, 'w')", "{table}", params=params("table", pattern=pattern))
    for call in (
        client.run_job("reindex", {"table": value}),
        asyncio.to_thread(client.told, "reindex", {"table": value}),
    ):
        with pytest.raises(NotUnderstood, match=why) as caught:
            await call
        assert "rm -rf" not in str(caught.value)
    assert not mark.exists()


async def test_a_dash_where_the_pattern_begins_with_it(make: Make) -> None:
    client = make(TELL_ARGUMENTS, "{days}", params=params("days", pattern=r"-?\d+"))
    assert await arguments(client, days="-3") == ["-3"]


async def test_what_would_run_is_told_exactly(make: Make) -> None:
    client = make("", "--table={table}", "it's", "{note}", params=params("table", "note"), environment={"KEY": "env:K"})
    told = client.told("reindex", {"table": "orders", "note": "two words"})
    assert told.endswith("""/program.py --table=orders 'it'"'"'s' 'two words'""")
    assert SECRET not in told


async def test_it_sees_nothing_of_our_own_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-never")
    monkeypatch.setenv("TZ", "Europe/Madrid")
    code = (
        "import os, json, sys; print(json.dumps([sorted(os.environ), os.getcwd(), os.environ['TZ'], sys.stdin.read()]))"
    )
    client = make(code, environment={"KEY": "env:K"}, inherit=["TZ", "NOT_THERE"])
    names, cwd, zone, read = json.loads((await client.run_job("reindex", {})).output)
    assert set(names) - {"LC_CTYPE"} == {"KEY", "LANG", "PATH", "TZ"}
    assert (cwd, zone, read) == ("/", "Europe/Madrid", "")


# -- what it says


async def test_a_job_that_ends_well(make: Make) -> None:
    code = "import sys; print('one'); sys.stdout.flush(); print('two', file=sys.stderr)"
    assert await make(code).run_job("reindex", {}) == JobEnd("reindex ended well.", "one\ntwo")


async def test_a_job_that_fails_says_so_with_its_last_words(make: Make) -> None:
    with pytest.raises(Refused) as caught:
        await make("import sys; sys.exit('no such table')").run_job("reindex", {})
    assert str(caught.value) == (
        "reindex ended with code 1; what it did until then stays done. Its last words: no such table"
    )
    with pytest.raises(Refused, match=r"was ended by signal 9; .* It said nothing\."):
        await make("import os; os.kill(os.getpid(), 9)").run_job("reindex", {})


async def test_no_secret_is_in_what_it_said(make: Make) -> None:
    code = (
        "import os; print('key is', os.environ['KEY']); print('api_key=abcdefgh1234');"
        "print(os.environ['KEY'][:7] + '\\x1b[31m' + os.environ['KEY'][7:]); raise SystemExit(3)"
    )
    with pytest.raises(Refused) as caught:
        await make(code, environment={"KEY": "env:K"}).run_job("reindex", {})
    assert SECRET not in str(caught.value)
    assert str(caught.value).endswith("key is [redacted]\napi_key=[redacted]\n[redacted]")


async def test_a_secret_is_not_cut_in_half(make: Make) -> None:
    """Where only the end is kept, redaction comes first: half a secret is not known as one."""
    tail = OUTPUT_LIMIT - 10
    end = await make(f"import os; print(os.environ['KEY'] + '.' * {tail})", environment={"KEY": "env:K"}).run_job(
        "reindex", {}
    )
    assert len(end.output) == OUTPUT_LIMIT
    assert SECRET[-6:] not in end.output


async def test_what_it_says_is_heard_while_it_runs(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whole lines: half a line may be half a secret."""
    monkeypatch.setattr("integrations.process.client.HEARD_EVERY_S", 0.02)
    go_on = tmp_path / "go-on"
    code = (
        "import os, time; key = os.environ['KEY']\nprint('one', key); print(key[:9], end='', flush=True)\n"
        f"while not os.path.exists({str(go_on)!r}): time.sleep(0.02)\nprint(key[9:])"
    )
    told: list[str] = []

    def hear(lines: str) -> None:
        told.append(lines)
        go_on.touch()

    end = await make(code, environment={"KEY": "env:K"}).run_job("reindex", {}, hear)
    assert told[0] == "one [redacted]"
    assert told[-1] == end.output == "one [redacted]\n[redacted]"


def test_each_line_of_a_secret_is_one() -> None:
    key = "-----BEGIN\nfirst-part\nsecond-part\n-\n"
    assert readable(b"second-part -", cut=False, secrets=[key], redact=str) == "[redacted] -"


async def test_a_terminal_s_tricks_are_taken_out(make: Make) -> None:
    code = r"print('10%\r50%\r100%\n\x1b]0;title\x07\x1b[1mbold\x1b[0m\x08\x00 \u2603'.encode().decode())"
    assert (await make(code).run_job("reindex", {})).output == "100%\nbold ☃"


async def test_bytes_that_are_no_text(make: Make) -> None:
    code = r"import sys; sys.stdout.buffer.write(b'a\xff\xfeb')"
    assert (await make(code).run_job("reindex", {})).output == "a\ufffd\ufffdb"


async def test_a_flood_is_not_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    add = Tail.add

    def watched(tail: Tail, part: bytes) -> None:
        add(tail, part)
        held.append(len(tail.held))

    monkeypatch.setattr(Tail, "add", watched)
    code = "import sys\nfor n in range(200_000): sys.stdout.write('x' * 99 + '\\n')\nprint('the end')"
    end = await make(code).run_job("reindex", {})
    assert end.output.endswith("x\nthe end")
    assert len(end.output) <= OUTPUT_LIMIT
    assert max(held) <= TAIL_LIMIT


async def test_one_line_that_does_not_end(make: Make) -> None:
    """It begins somewhere in the middle, perhaps of a secret: what is shown of it begins well after that."""
    end = await make("print('x' * 9_999_999)").run_job("reindex", {})
    assert end.output == "…" + "x" * (OUTPUT_LIMIT - 1)


# -- that it ends

GRANDCHILD = """
import os, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-S", "-c", stubborn])
open({file!r} + ".new", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename({file!r} + ".new", {file!r})
print("begun", flush=True)
"""


async def pids(file: Path) -> list[int]:
    async with asyncio.timeout(30):
        while not file.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    return [int(pid) for pid in file.read_text().split()]


async def gone(pid: int) -> None:
    """Waits until it is no more, or a zombie that nobody has reaped."""
    async with asyncio.timeout(30):
        with suppress(FileNotFoundError, ProcessLookupError):
            while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
def an_hour_passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """For whatever this test's loop waits for: however long a program took to start, its time is over now."""

    def passes() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 3600)

    return passes


linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")


@linux
async def test_when_its_time_is_over_it_is_ended_with_its_children(
    make: Make, tmp_path: Path, an_hour_passes: Callable[[], None]
) -> None:
    file = tmp_path / "pids"
    client = make(GRANDCHILD.format(file=str(file)) + "time.sleep(60)", limit="5m")
    begun = asyncio.Event()
    running = asyncio.create_task(client.run_job("reindex", {}, lambda lines: begun.set()))
    both = await pids(file)
    await in_time(begun.wait())
    an_hour_passes()
    with pytest.raises(OutcomeUnknown, match=r"not end within 5m and was ended by us\. Its last words: begun"):
        await running
    for pid in both:
        await gone(pid)


@linux
async def test_when_nobody_waits_any_more_it_is_ended_with_its_children(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    waiting = asyncio.create_task(make(GRANDCHILD.format(file=str(file)) + "time.sleep(60)").run_job("reindex", {}))
    both = await pids(file)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for pid in both:
        await gone(pid)


@linux
async def test_what_it_leaves_behind_ends_with_it(make: Make, tmp_path: Path) -> None:
    """A grandchild that holds the output open does not hold up the answer."""
    file = tmp_path / "pids"
    end = await make(GRANDCHILD.format(file=str(file))).run_job("reindex", {})
    assert end == JobEnd("reindex ended well.", "begun")
    for pid in await pids(file):
        await gone(pid)


async def test_it_may_clean_up_when_its_time_is_over(make: Make, an_hour_passes: Callable[[], None]) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('rolled back', flush=True), sys.exit(0)))\n"
        "print('begun', flush=True)\ntime.sleep(60)"
    )
    begun = asyncio.Event()
    running = asyncio.create_task(make(code, limit="5m").run_job("reindex", {}, lambda lines: begun.set()))
    await in_time(begun.wait())
    an_hour_passes()
    with pytest.raises(OutcomeUnknown, match="Its last words: begun\nrolled back"):
        await running


# -- settings


async def test_a_program_that_is_missing(make: Make, tmp_path: Path, http: httpx.AsyncClient) -> None:
    client = make()
    assert await client.check() == Checked(Health.OK)
    program = tmp_path / "program.py"
    program.chmod(0o600)
    problem = f"{program} may not be executed by the bot's user"
    if os.geteuid() != 0:
        assert await client.check() == Checked(Health.DEGRADED, f"reindex: {problem}")
    program.unlink()
    assert await client.check() == Checked(Health.DEGRADED, f"reindex: there is no program {program}")
    with pytest.raises(Misconfigured, match=r"services\.box: reindex cannot be started: there is no program"):
        await client.run_job("reindex", {})


async def test_a_program_that_cannot_be_started(make: Make, tmp_path: Path) -> None:
    client = make()
    program = tmp_path / "program.py"
    program.write_text("#!/nowhere/python\n")
    with pytest.raises(Misconfigured, match="cannot be started: No such file"):
        await client.run_job("reindex", {})
    with pytest.raises(Misconfigured, match="there is no folder /nowhere"):
        await make(cwd="/nowhere").run_job("reindex", {})


def test_it_is_told_that_it_can_be_checked(make: Make) -> None:
    assert isinstance(make(), Checkable)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ({"argv": ["reindex"]}, "write the whole path"),
        ({"argv": []}, "at least 1 item"),
        ({"argv": ["/bin/{x}"], "params": params("x")}, "the program itself cannot be typed"),
        ({"argv": ["/bin/ls", "{x}"]}, r"argv: \{x\} is no param"),
        ({"argv": ["/bin/ls"], "params": params("x")}, "nothing in argv uses x"),
        ({"argv": ["/bin/ls", "{x}"], "params": params("x", "x")}, "x is there twice"),
        ({"argv": ["/bin/ls", "a\0b"]}, "holds a NUL"),
        ({"argv": ["/bin/sh", "-c", "ls {x}"], "params": params("x")}, "would be read as code after -c"),
        ({"argv": ["/bin/bash", "-o", "pipefail", "-lc", "ls {x}"], "params": params("x")}, "as code after -lc"),
        ({"argv": ["/usr/bin/python3.12", "-Ic", "{x}"], "params": params("x")}, "read as code after -Ic"),
        ({"argv": ["/usr/bin/psql", "shop", "--command={x}"], "params": params("x")}, "as code after --command"),
        ({"environment": {"KEY": SECRET}}, "write where to find it"),
        ({"environment": {"A=B": "env:X"}}, "should match pattern"),
        ({"cwd": "tmp"}, "write the whole path"),
        ({"limit": "0s"}, "limit"),
    ],
)
def test_settings_that_cannot_be(make: Make, job: dict[str, Any], why: str) -> None:
    with pytest.raises(Misconfigured, match=rf"services\.box\.jobs\.0.*{why}") as caught:
        make(**job)
    assert SECRET not in str(caught.value)


def test_a_script_may_be_given_what_an_interpreter_takes_for_code(make: Make) -> None:
    argv = ["/usr/bin/python3", "/opt/shop/reindex.py", "-e", "{env}"]
    assert make(argv=argv, params=params("env")).told("reindex", {"env": "live"}).endswith("-e live")
