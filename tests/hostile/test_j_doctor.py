"""Kind: doctor says each thing that is wrong with the set-up, once, and what to do about it."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.settings import parse_toml
from bot.store.trail.audit import PgAuditLog, check_key
from bot.words.exceptions import Misconfigured
from bot.words.ports import Entry
from bot.words.report import PersonId, Status
from ops.doctor import key_probe
from ops.set_up import set_up
from ops.wiring import utc_now
from tests.hostile.program import KEY, environment, ran

ACTIONS = ("health", "retry", "pause", "campaigns pause", "campaigns resume")
SHOP = {"shop": {"kind": "http", "url": "https://shop.example"}}
ROLES = {"lead": {"approves": True}, "oncall": {}}


def services(**more: Any) -> dict[str, Any]:
    return {"services": {"shop": SHOP["shop"] | more}}


# ops.toml, and what is said of it.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no service": ({}, "no service is named in ops.toml"),
    "rules that tie": (
        {"roles": ROLES, "rules": {"campaigns *": {"count": 2}, "* resume": {"count": 1}, "campaign* pause": {},
         "*ampaigns pause": {"count": 3}, "campaigns paus*": {"count": 4}}, **services()},
        "rules '*ampaigns pause' and 'campaigns paus*' weigh the same for campaigns pause and differ",
    ),
    "a header from nowhere": (
        services(headers={"X-Key": "env:NOT_SET_AT_ALL"}),
        "env:NOT_SET_AT_ALL is not set; used by services.shop.headers.X-Key",
    ),
    "an empty variable": (services(token="env:EMPTY"), "env:EMPTY is not set; used by services.shop.token"),
    "a secret's file that is not there": (
        services(token="file:/run/secrets/nope"), "file:/run/secrets/nope is no file; used by services.shop.token"
    ),
    "one variable in two places": (
        {"services": {"a": {"token": "env:GONE"}, "b": {"keys": ["env:GONE"]}}},
        "env:GONE is not set; used by services.a.token, services.b.keys.0",
    ),
    "an approver by handle": (
        {"people": {"ana": {"slack": "@ana"}}, **services()}, "people.ana.slack is '@ana', which is no Slack user id"
    ),
    "an approver by e-mail": (
        {"people": {"ana": {"slack": "ana@example.com"}}, **services()}, "people.ana.slack is 'ana@example.com'"
    ),
    "a group by handle": ({"roles": {"lead": {"group": "@leads"}}, **services()}, "roles.lead.group is '@leads'"),
    "a channel without its sign": (
        {"team": {"approvals_channel": "ops"}, **services()}, "team.approvals_channel is 'ops', which is neither"
    ),
    "the trail's channel without its sign": (
        {"team": {"audit_channel": "ops"}, **services()}, "team.audit_channel is 'ops', which is neither"
    ),
    "a rule's channel without its sign": (
        {"rules": {"retry": {"channels": ["ops"]}}, **services()}, "rule 'retry': 'ops' is neither an id nor a #name"
    ),
    "a life that is cut": (
        {"rules": {"retry": {"lives": "30d"}}, **services()},
        "rule 'retry': lives is 30d, and no request waits longer than 7d"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_once_with_what_to_do(raw: dict[str, Any], said: str) -> None:
    found = [finding for finding in set_up(parse_toml(raw), ACTIONS, {"EMPTY": " "}) if said in finding.what]
    assert [finding.status in (Status.WARNING, Status.FAILED) and bool(finding.mend) for finding in found] == [True]


RIGHT: dict[str, dict[str, Any]] = {
    "ids and #names": {
        "team": {"approvals_channel": "#ops", "audit_channel": "C0123"}, "people": {"ana": {"slack": "U0123ANA"}},
        "roles": {"lead": {"group": "S0123"}}, "rules": {"retry": {"channels": ["#ops-*", "*"], "lives": "7d"}},
        **services(token="env:SET"),
    },
    "rules of one weight that say different things": {
        "rules": {"campaign* pause": {"count": 2}, "*ampaigns pause": {"confirm": True}}, **services()
    },
    "rules of different weight": {"rules": {"campaigns *": {"count": 2}, "*": {"count": 1}}, **services()},
}  # fmt: skip


@pytest.mark.parametrize("raw", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_is_not_mentioned(raw: dict[str, Any]) -> None:
    assert set_up(parse_toml(raw), ACTIONS, {"SET": "x"}) == []


async def _begun(pool: asyncpg.Pool) -> None:
    entry = Entry.model_validate({"kind": "asked", "actor": PersonId("U1")})
    await PgAuditLog(pool, KEY.encode(), utc_now).write(entry)


async def test_a_key_that_is_not_the_trails_is_named_before_anything_is_written(pool: asyncpg.Pool) -> None:
    await check_key(pool, b"any key may begin a trail" * 2)
    await _begun(pool)
    await check_key(pool, KEY.encode())
    with pytest.raises(Misconfigured, match="OPS_AUDIT_KEY is not the key with which this audit trail was begun"):
        await check_key(pool, b"another" * 8)
    (finding,) = await key_probe(pool, b"another" * 8)()
    assert (finding.status, finding.mend) == (Status.FAILED, "Set the former key")
    assert await pool.fetchval("SELECT count(*) FROM audit") == 1


@pytest.mark.parametrize("words", [("doctor",), ("run", "health"), ("serve", "--health", "")], ids=lambda each: each[0])
async def test_the_program_names_it_too(
    words: tuple[str, ...], database: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await _begun(pool)
    (tmp_path / "ops.toml").write_text("")
    slack = {"SLACK_BOT_TOKEN": "xoxb-none", "SLACK_APP_TOKEN": "xapp-none", "SLACK_API_URL": "http://127.0.0.1:1/api/"}
    env = environment(tmp_path, DATABASE_URL=database, OPS_TOKEN="ops_any", **slack) | {"OPS_AUDIT_KEY": "another" * 8}
    ended = await ran(words, env, tmp_path / "said")
    assert ended.code in (1, 2)
    assert "OPS_AUDIT_KEY is not the key with which this audit trail was begun" in ended.said
    if words == ("doctor",):  # of an empty file
        assert ended.said.count("nobody may ask or approve anything") == 1
        assert "nobody can get" not in ended.said
