"""What people type, and what comes of it: one table a kind of typing."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.ask.parse import Incomplete, parse
from bot.words.exceptions import NotUnderstood
from tests.bot.ask.made import BLOCK, CATALOGUE, LOOK

WHY = {"network": "203.0.113.7", "reason": "abuse"}


@dataclass(frozen=True)
class Case:
    typed: str
    action: str = "look"
    params: dict[str, Any] = field(default_factory=dict)
    override: str = ""
    break_glass: str = ""
    journal: bool = False


UNDERSTOOD = [
    # words, prefixes, spaces, capitals
    Case("look"),
    Case("  look  "),
    Case("LOOK"),
    Case("/ops look"),
    Case("ops look"),
    Case("/OPS  Look"),
    Case("look Payments", params={"name": "Payments"}),
    Case("look\u00a0payments\u2003api", params={"name": "payments", "more": "api"}),
    Case("look\npayments", params={"name": "payments"}),
    Case("look pay\u200bments\ufeff", params={"name": "payments"}),
    Case("look \u202epayments", params={"name": "payments"}),
    Case("look ops", params={"name": "ops"}),
    Case("look stops ops", params={"name": "stops", "more": "ops"}),
    # named values
    Case("look name=payments", params={"name": "payments"}),
    Case("look NAME=payments SINCE=2H", params={"name": "payments", "since": "2h"}),
    Case("look since=1h30m n=5", params={"since": "1h30m", "n": 5}),
    Case("look mode=long all=yes", params={"mode": "long", "all_": True}),
    Case("look all", params={"all_": True}),
    Case("look ALL payments", params={"name": "payments", "all_": True}),
    Case("look payments all api", params={"name": "payments", "more": "api", "all_": True}),
    Case("look all=no", params={"all_": False}),
    Case('look "all"', params={"name": "all"}),
    Case("look name=all", params={"name": "all"}),
    Case("file all", "file", {"table": "all"}),  # what must be there comes first
    Case("file orders all", "file", {"table": "orders", "all_": True}),
    Case("look more=api payments", params={"name": "payments", "more": "api"}),
    Case("look payments since=15m api", params={"name": "payments", "since": "15m", "more": "api"}),
    # quotes
    Case('look "Spring sale"', params={"name": "Spring sale"}),
    Case("look “Spring sale” „Mother’s day“", params={"name": "Spring sale", "more": "Mother's day"}),
    Case('look name="Spring sale" n=3', params={"name": "Spring sale", "n": 3}),
    Case('look "name=payments"', params={"name": "name=payments"}),
    Case('look "Q1=best"', params={"name": "Q1=best"}),
    Case('look ""', params={"name": ""}),
    Case("look Mother’s", params={"name": "Mother's"}),
    # free text
    Case("net block 203.0.113.7 reason=abuse", "net block", WHY),
    Case("Net BLOCK 203.0.113.7 Reason=abuse", "net block", WHY),
    Case(
        "net block 203.0.113.7 reason=it’s been hit for=2h",
        "net block",
        WHY | {"reason": "it's been hit", "for_": "2h"},
    ),
    Case("net block 203.0.113.7 reason=don't, it's 5=5", "net block", WHY | {"reason": "don't, it's 5=5"}),
    Case('net block 203.0.113.7 reason="for=2h is too short"', "net block", WHY | {"reason": "for=2h is too short"}),
    Case("net block reason=abuse network=203.0.113.7", "net block", WHY),
    Case(
        "net block 203.0.113.0/28 reason=x — y – z", "net block", {"network": "203.0.113.0/28", "reason": "x - y - z"}
    ),
    Case("net block 2001:DB8:0::7 reason=abuse", "net block", WHY | {"network": "2001:db8::7"}),
    Case("net block 203.0.113.7/32 reason=abuse", "net block", WHY),
    Case("net block 203.0.113.7 service-name=api reason=abuse", "net block", WHY | {"service_name": "api"}),
    Case("net block 203.0.113.7 reason=üñï ✓ 日本語", "net block", WHY | {"reason": "üñï ✓ 日本語"}),
    # reserved
    Case("net block 203.0.113.7 reason=abuse override=the site is down", "net block", WHY, override="the site is down"),
    Case("net block 203.0.113.7 override=site down reason=abuse", "net block", WHY, override="site down"),
    Case("net block 203.0.113.7 reason=abuse journal=yes", "net block", WHY, journal=True),
    Case("net block 203.0.113.7 reason=abuse journal=No", "net block", WHY),
    Case(
        "break-glass net block 203.0.113.7 reason=abuse because=nobody answers",
        "net block",
        WHY,
        break_glass="nobody answers",
    ),
    Case("/ops Break-Glass net block 203.0.113.7 because=alone reason=abuse", "net block", WHY, break_glass="alone"),
    # requests
    Case("show R42", "show", {"request": "R42"}),
    Case("show r42", "show", {"request": "R42"}),
    Case("show #42", "show", {"request": "R42"}),
    Case("show 042", "show", {"request": "R42"}),
]


@pytest.mark.parametrize("case", UNDERSTOOD, ids=lambda case: case.typed)
def test_understood(case: Case) -> None:
    parsed = parse(CATALOGUE, case.typed)
    assert parsed.action.words == case.action
    assert parsed.params.model_dump(exclude_unset=True) == case.params
    assert (parsed.override, parsed.break_glass, parsed.journal) == (case.override, case.break_glass, case.journal)


@dataclass(frozen=True)
class Mistake:
    typed: str
    told: str
    hint: str = ""
    form: str = ""


GLASS = "Breaking the glass needs a command that changes something, and because=REASON."

MISTAKES = [
    # words
    Mistake("lok", "There is no command 'lok'. Did you mean look?", "look"),
    Mistake("zzz", "There is no command 'zzz'. Type help for what you can run here.", "help"),
    Mistake("net", "'net' needs a second word: net block.", "net block"),
    Mistake("net blok 1", "'net' needs a second word: net block.", "net block 1"),
    Mistake("netblock", "There is no command 'netblock'. Did you mean net block?", "net block"),
    Mistake("x" * 100, f"There is no command '{'x' * 57}…'. Type help for what you can run here.", "help"),
    Mistake("look " + "x" * 2000, "That is longer than 2,000 characters; type a shorter line."),
    Mistake('""', "There is no command '\"\"'. Type help for what you can run here.", "help"),
    # names
    Mistake("look sinc=1h", "look has no sinc=. Did you mean since=?", LOOK, "look"),
    Mistake("look all all=yes", "all= is given twice.", LOOK, "look"),
    Mistake("look all=yes all", "all= is given twice.", LOOK, "look"),
    Mistake("look colour=red", "look has no colour=.", LOOK, "look"),
    Mistake("look ſince=1h", "look has no ſince=. Did you mean since=?", LOOK, "look"),
    Mistake("look größe=1h", "look has no größe=.", LOOK, "look"),
    Mistake("look n=1 n=2", "n= is given twice.", LOOK, "look"),
    Mistake("look n=1 N=2", "n= is given twice.", LOOK, "look"),
    Mistake("net block 203.0.113.7 override=cde override=def", "override= is given twice.", BLOCK, "net block"),
    # too many, too few
    Mistake("look a b c", "I do not know what 'c' is for.", LOOK, "look"),
    Mistake("look name=a b c", "I do not know what 'c' is for.", LOOK, "look"),
    Mistake("net block", "net block needs NETWORK, reason=.", BLOCK, "net block"),
    Mistake("net block 203.0.113.7", "net block needs reason=.", BLOCK, "net block"),
    # wrong values
    Mistake("net block 203.0.113.7 reason=", "reason: type at least 3 characters.", BLOCK, "net block"),
    Mistake("look since=soon", "since: 'soon' is not a duration; type one like 90s, 15m, 2h or 3d.", LOOK, "look"),
    Mistake("look since=0s", "since: '0s' must be longer than nothing and at most 366 days.", LOOK, "look"),
    Mistake("look since=400d", "since: '400d' must be longer than nothing and at most 366 days.", LOOK, "look"),
    Mistake("look since=-1h", "since: '-1h' is not a duration; type one like 90s, 15m, 2h or 3d.", LOOK, "look"),
    Mistake("look n=201", "n: type 200 or less.", LOOK, "look"),
    Mistake("look n=many", "n: type a whole number.", LOOK, "look"),
    Mistake("look n=1.5", "n: type a whole number.", LOOK, "look"),
    Mistake("look all=some", "all: type yes or no.", LOOK, "look"),
    Mistake("look mode=wide", "mode: type short or long.", LOOK, "look"),
    Mistake(
        "net block 203.0.113.7/24 reason=abuse",
        "network: '203.0.113.7/24' is not an IP address or range (203.0.113.7/24 has host bits set); "
        "type one like 203.0.113.7 or 203.0.113.0/28.",
        BLOCK,
        "net block",
    ),
    Mistake(
        "show R4x2",
        "request: 'R4x2' is no request; type one like R42, or requests to see them.",
        "show REQUEST",
        "show",
    ),
    # reserved
    Mistake("look override=please", "override= has no meaning here: look has no plan to approve."),
    Mistake("withdraw R1 override=please", "override= has no meaning here: withdraw has no plan to approve."),
    Mistake("look journal=yes", "journal= has no meaning here: look has no plan to approve."),
    Mistake(
        "net block 203.0.113.7 reason=abuse because=alone",
        "because= belongs to break-glass.",
        "break-glass net block 203.0.113.7 reason=abuse because=alone",
    ),
    Mistake("net block 203.0.113.7 reason=abuse override=", "override= needs a reason.", "net block … override=REASON"),
    Mistake("net block 203.0.113.7 reason=abuse journal=maybe", "journal= is yes or no.", "net block … journal=yes"),
    Mistake("net block 203.0.113.7 reason=abuse override=" + "x" * 501, "override= is longer than 500 characters."),
    Mistake("break-glass", GLASS, "break-glass COMMAND because=REASON"),
    Mistake("break-glass look because=alone", GLASS, "break-glass COMMAND because=…"),
    Mistake("break-glass withdraw R1 because=alone", GLASS, "break-glass COMMAND because=…"),
    Mistake(
        "break-glass net block 203.0.113.7 reason=abuse",
        GLASS,
        "break-glass net block 203.0.113.7 reason=abuse because=…",
    ),
    Mistake(
        "break-glass net block 203.0.113.7 reason=abuse because=x",
        GLASS,
        "break-glass net block 203.0.113.7 reason=abuse because=…",
    ),
    Mistake("break-glass break-glass net block 203.0.113.7", "There is no command", "help"),
]


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.typed[:60])
def test_mistakes_are_answered_with_what_to_type(case: Mistake) -> None:
    with pytest.raises(NotUnderstood) as told:
        parse(CATALOGUE, case.typed)
    assert str(told.value).startswith(case.told)
    assert told.value.hint == case.hint
    assert (told.value.form if isinstance(told.value, Incomplete) else "") == case.form
