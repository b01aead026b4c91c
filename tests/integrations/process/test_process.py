"""Programs that are really started: what they are given, what becomes of what they say, and that none outlives us."""

import asyncio
import json
from pathlib import Path

import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, Refused
from integrations.capabilities import Checked, Credential, Credentialed, Health, JobEnd
from integrations.capabilities.trials import Testable as Tryable
from integrations.plumbing.jobs import OUTPUT_LIMIT, readable
from integrations.process.child import TAIL_LIMIT, Tail
from tests.integrations.process.conftest import SECRET, TELL_ARGUMENTS, Make, Noted, arguments, params

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
