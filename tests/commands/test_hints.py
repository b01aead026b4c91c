"""What a hint says to type instead means what was asked, and nothing wider."""

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bot.ask.parse import parse
from bot.words.exceptions import NotUnderstood
from commands._shared.retyping import retyped
from commands.deploys.restart import Restart, RestartDeployment
from commands.retry import RetryExecution
from tests.commands.world import Engine, Outside
from tests.test_promises import catalogue

LINES = [
    *(example for action in catalogue() for example in action.examples),
    'workflows off "a=b" for=1h30m reason=it says "no" to all',
    'job reindex note="two words" table=orders reason=search is stale',
    'calls match="failed=yes"',
    'health "fresh"',
    "rows csv csv",
    "workflows off Sync orders to HubSpot for=2h",
    'workflows off Say "hi" to all for=2h',
    'retry last workflow=Say "hi" to all use=current',
    "numbers reassign +1 888 555 0101 to=Harbour Dental",
]


@pytest.mark.parametrize("line", LINES)
def test_what_was_typed_can_be_typed_again(line: str) -> None:
    parsed = parse(catalogue(), line)
    again = parse(catalogue(), retyped(parsed.action.words, parsed.params))
    assert (again.action.words, again.params) == (parsed.action.words, parsed.params)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("workflows off Sync orders to HubSpot", "name", "Sync orders to HubSpot"),
        ("workflows on Sync orders to HubSpot reason=it is back", "name", "Sync orders to HubSpot"),
        ("pause Appointment reminders reason=bounces", "name", "Appointment reminders"),
        ("pause reason=bounces for=2h Appointment reminders", "name", "Appointment reminders"),
        ("resume Appointment reminders reason=fixed", "name", "Appointment reminders"),
        ("campaigns pause Spring sale for=2h reason=x y z", "name", "Spring sale"),
        ("campaigns resume name=Spring sale reason=fixed", "name", "Spring sale"),
        ("retry last workflow=Appointment reminders use=current", "workflow", "Appointment reminders"),
        ("errors Sync orders to HubSpot since=2h", "source", "Sync orders to HubSpot"),
        ("audit action=workflows off since=7d", "action", "workflows off"),
        ("numbers match=Harbour Dental", "match", "Harbour Dental"),
        ("numbers release +1 (888) 555-0101", "number", "+1 (888) 555-0101"),
        ("numbers reassign +18885550101 to=Harbour Dental on=desk", "to", "Harbour Dental"),
    ],
)
def test_a_name_with_spaces_needs_no_quotes(line: str, field: str, value: str) -> None:
    assert getattr(parse(catalogue(), line).params, field) == value


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("retry 4711 4712", "4712"),
        ("whitelist 203.0.113.7 for 2h", "for 2h"),
        ("workflows n8n failures please", "please"),
        ('workflows off "Weekly report" now', "now"),
    ],
)
def test_what_can_hold_no_spaces_takes_no_words_more(line: str, extra: str) -> None:
    with pytest.raises(NotUnderstood, match=f"I do not know what '{extra}' is for"):
        parse(catalogue(), line)


class Silent(Outside):
    """Whatever the capability: nobody gets further than its name."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked although no service was chosen")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("retry last workflow=Intake use=current engine=on", "retry last workflow=Intake use=current engine=one"),
        ("stop 7 engine=on reason=it loops", 'stop 7 engine=one reason="it loops"'),
        ("db kill-idle older=10m user=app in-transaction=yes",
         "db kill-idle older=10m in-transaction=yes user=app db=one"),
        ("db cleanup webhook_logs", "db cleanup webhook_logs db=one"),
        ("db vacuum orders", "db vacuum orders db=one"),
        ("whitelist 8.8.8.8 for=2h reason=import", "whitelist 8.8.8.8 for=2h reason=import on=one"),
        ("deploys rollback on to=dpl_3f", "deploys rollback one to=dpl_3f"),
        ("deploys redeploy on to=dpl_3f", "deploys redeploy one to=dpl_3f"),
        ("workflows off Report for=2h service=on", "workflows off Report service=one for=2h"),
        ('pause Report for=2h on=on reason="too many"', 'pause Report reason="too many" on=one for=2h'),
        ("job reindex table=orders service=on", "job reindex table=orders service=one"),
        ("numbers reassign +1888555 to=Desk on=on", "numbers reassign +1888555 to=Desk on=one"),
        ("issues resolve SHOP-1 fixed by it", 'issues resolve SHOP-1 reason="fixed by it" service=one'),
    ],
)  # fmt: skip
async def test_choosing_a_service_forgets_nothing_else(line: str, hint: str) -> None:
    """`retry last` of another workflow, everybody's connections, a rollback to another deployment, a lift for ever."""
    parsed = parse(catalogue(), line)
    action: Any = parsed.action
    services = next(
        each.name
        for each in dataclasses.fields(action)
        if each.name in ("engines", "databases", "limiters", "hosts", "services")
    )
    action = dataclasses.replace(action, **{services: (Silent("one"), Silent("two"))})
    with pytest.raises(NotUnderstood) as caught:
        await action.preview(parsed.params)
    assert caught.value.hint == hint
    if "Say which" in str(caught.value):
        assert caught.value.choices == {"one": hint, "two": hint.removesuffix("one") + "two"}


async def test_a_name_like_none_is_no_reason_to_name_one() -> None:
    """`deploys restart web` was answered with `deploys restart neon`."""
    hosts = Silent("neon"), Silent("etl")
    with pytest.raises(NotUnderstood, match="There are: neon, etl") as caught:
        await RestartDeployment(hosts).preview(Restart(service="xyz"))
    assert caught.value.hint == ""


async def test_what_is_left_out_is_what_was_wrong() -> None:
    with pytest.raises(NotUnderstood) as caught:
        await RetryExecution((Engine("n8n"),)).preview(
            parse(catalogue(), "retry 4711 workflow=Intake use=current engine=n8n").params  # type: ignore[arg-type]
        )
    assert caught.value.hint == "retry 4711 use=current engine=n8n"


def test_services_hint_at_nothing_that_is_no_command() -> None:
    """`/ops retry 4711` was said to who had typed `stop 47x1`, `/ops id` to who had mistyped a column."""
    found = []
    for path in sorted(Path("integrations").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NotUnderstood":
                found += [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "hint"]
    assert found
    assert [hint for hint in found if hint != "hint" and not hint.startswith(("f'job ", "'job "))] == []
