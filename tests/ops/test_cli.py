"""`ops` as a program of its own, on a real database: what on-call people have left when Slack is down."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from bot.store.tokens import PgTokens
from bot.words.report import PersonId

KEY = "0123456789abcdef0123456789abcdef"
ANA, MIA = PersonId("U0ANA0001"), PersonId("U0MIA0001")
OPS_TOML = """
[commands.whitelist]
documentation = true
[people.ana]
slack = "U0ANA0001"
roles = ["oncall"]
[people.mia]
slack = "U0MIA0001"
roles = ["lead"]
[roles.oncall]
[roles.lead]
approves = true
[services.shop]
kind = "postgres"
dsn = "env:SHOP_DSN"
rate_limits = { table = "public.rate_limits", allow_list = { table = "public.ip_allow_list" } }
"""
TABLES = """
CREATE TABLE rate_limits (identifier text, endpoint text, request_count int, window_start timestamptz DEFAULT now());
CREATE TABLE ip_allow_list (network inet PRIMARY KEY, note text, expires_at timestamptz);
INSERT INTO rate_limits VALUES ('203.0.113.7', '/api', 900);
"""


class Shell:
    """A terminal of one person."""

    def __init__(self, folder: Path, dsn: str, token: str = "") -> None:
        self._env = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": dsn,
            "SHOP_DSN": dsn,
            "OPS_AUDIT_KEY": KEY,
            "OPS_CONFIG": str(folder / "ops.toml"),
            "OPS_DATA": str(folder / "data"),
            "OPS_TOKEN": token,
            "COLUMNS": "200",
        }

    def ops(self, *words: str, **more: str) -> tuple[int, str]:
        """Exit code, and all that is printed."""
        done = subprocess.run(
            [sys.executable, "-m", "ops", *words],
            env=self._env | more,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
async def dsn(database: str) -> str:
    connection = await asyncpg.connect(database)
    await connection.execute(TABLES)
    await connection.close()
    return database


async def token(dsn: str, person: PersonId) -> str:
    async with asyncpg.create_pool(dsn, min_size=1) as pool:
        return (await PgTokens(pool, KEY.encode(), lambda: datetime.now(UTC)).issue(person))[0]


async def test_a_whitelisting_from_two_terminals(dsn: str, tmp_path: Path) -> None:
    """The same words, the same policy, the same trail; a person is who holds the token, not who says a name."""
    (tmp_path / "ops.toml").write_text(OPS_TOML)
    ana = Shell(tmp_path, dsn, await token(dsn, ANA))
    mia = Shell(tmp_path, dsn, await token(dsn, MIA))
    nobody = Shell(tmp_path, dsn, "ops_made-up")

    async def run(shell: Shell, *words: str, **more: str) -> tuple[int, str]:
        return await asyncio.to_thread(shell.ops, *words, **more)

    code, said = await run(nobody, "run", "help")
    assert (code, "OPS_TOKEN is not valid" in said) == (2, True)

    code, said = await run(ana, "run", "whitelist 203.0.113.7 reason=import")
    assert code == 3, said
    assert "R1 waiting" in said
    assert "ops approve R1" in said

    code, said = await run(ana, "approve", "R1", "--yes")
    assert "a person cannot approve their own request" in said
    code, said = await run(mia, "approve", "1", "--yes")
    assert code == 0, said
    assert "R1 done" in said

    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT count(*) FROM rate_limits") == 0
    assert await connection.fetchval("SELECT host(network) FROM ip_allow_list") == "203.0.113.7"
    await connection.close()

    code, said = await run(mia, "show", "R1")
    assert (code, "Lifted rate limiting" in said, "approved" in said) == (0, True, True)
    code, said = await run(mia, "audit", "verify")
    assert code == 0, said
    assert "rows are as they were written" in said
    code, said = await run(mia, "audit", "export", "--since", "1h")
    kinds = [json.loads(line)["kind"] for line in said.splitlines()]
    assert [kind for kind in kinds if not kind.startswith("token")] == [
        "asked", "planned", "refused", "approved", "started", "done",
    ]  # fmt: skip


async def test_mistakes_are_told_with_what_to_type(dsn: str, tmp_path: Path) -> None:
    ana = Shell(tmp_path, dsn, await token(dsn, ANA))
    code, said = await asyncio.to_thread(ana.ops, "run", "help")
    assert (code, "copy ops.example.toml" in said) == (2, True)

    (tmp_path / "ops.toml").write_text(OPS_TOML)
    for words, expected in (
        (("run", "helth"), "Did you mean health"),
        (("approve", "R99", "--yes"), "There is no request R99"),
        (("approve", "nonsense"), "is no request; type one like R42"),
        (("audit", "export", "--format", "xml"), "jsonl or csv"),
        (("audit", "export", "--since", "yesterday"), "is not a duration"),
    ):
        code, said = await asyncio.to_thread(ana.ops, *words)
        assert code == 2, said
        assert expected in said
        assert "Traceback" not in said


async def test_the_doctor_mends_a_set_up_without_slack(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "ops.toml").write_text(OPS_TOML)
    code, said = await asyncio.to_thread(Shell(tmp_path, dsn).ops, "doctor")
    assert code == 1
    assert "SLACK_BOT_TOKEN is not set" in said
    assert KEY not in said
