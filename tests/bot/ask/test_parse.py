"""What people type, and what comes of it: one table a kind of typing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field as Bound

from bot.ask.catalogue import Catalogue
from bot.ask.parse import Incomplete, Kind, NotFilled, Parsed, fields_of, fill, filled, parse, usage
from bot.words.action import Action, Asker, Change, Lookup, Plan, Receipt, Risk, Upkeep
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import Choices, Duration, Network, Params, Reason, duration_text
from bot.words.report import Report
from bot.words.request import RequestWord


class Block(Params):
    positional = ("network",)

    network: Network
    """Address."""
    for_: Duration | None = None
    """How long."""
    reason: Reason
    """Why."""
    service_name: Annotated[str | None, Choices()] = None
    """Where."""


class Look(Params):
    positional = ("name", "more")

    name: str | None = None
    """What."""
    more: str | None = None
    """What else."""
    since: Duration = timedelta(hours=1)
    """How far back."""
    n: int = Bound(default=20, ge=1, le=200)
    """How many."""
    mode: Literal["short", "long"] = "short"
    """How much of it."""
    all_: bool = False
    """Everything."""


class Show(Params):
    positional = ("request",)

    request: RequestWord
    """Which."""


class Named(Action[Any]):
    """Words of their own, instead of a module's."""

    words_are = ""

    @property
    def words(self) -> str:
        return self.words_are


class BlockIt(Named, Change[Block, Plan]):
    """Block an address."""

    words_are = "net block"
    risk = Risk.DESTRUCTIVE
    examples = ("net block 203.0.113.7 reason=abuse",)

    async def execute(self, plan: Plan) -> Receipt:
        raise NotImplementedError


class LookAtIt(Named, Lookup[Look]):
    """Look at something."""

    words_are = "look"


class File(Params):
    positional = ("table",)

    table: str
    """Which."""
    all_: bool = False
    """Everything."""


class FileIt(Named, Lookup[File]):
    """File something."""

    words_are = "file"


class ShowIt(Named, Lookup[Show]):
    """Show a request."""

    words_are = "show"


class WithdrawIt(Named, Upkeep[Show]):
    """Take it back."""

    words_are = "withdraw"

    async def carry_out(self, asker: Asker, params: Show) -> Report:
        raise NotImplementedError


CATALOGUE = Catalogue((BlockIt(), LookAtIt(), FileIt(), ShowIt(), WithdrawIt()))
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


BLOCK = "net block NETWORK reason=… [for=…] [service-name=…]"
LOOK = "look [NAME] [MORE] [since=1h] [n=20] [mode=short] [all]"
GLASS = "Breaking the glass needs a command that changes something, and because=REASON."

MISTAKES = [
    # words
    Mistake("lok", "There is no command 'lok'. Did you mean look?", "look"),
    Mistake("zzz", "There is no command 'zzz'. Type help for what you can run here.", "help"),
    Mistake("net", "'net' needs a second word: net block.", "net block"),
    Mistake("net blok 1", "'net' needs a second word: net block.", "net block"),
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
    Mistake("break-glass look because=alone", GLASS, "break-glass look because=…"),
    Mistake("break-glass withdraw R1 because=alone", GLASS, "break-glass withdraw because=…"),
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


# -- forms ----------------------------------------------------------------------------------------


def test_a_form_gives_the_same_as_typing() -> None:
    typed = parse(CATALOGUE, "net block 203.0.113.7 for=2h reason=abuse override=site down")
    form = {"network": " 203.0.113.7 ", "for": "2h", "reason": "abuse", "override": "site down", "service-name": ""}
    action = typed.action
    assert filled(action, form) == typed


def test_a_form_breaks_the_glass_by_its_reason() -> None:
    form = {"network": "203.0.113.7", "reason": "abuse", "because": "nobody answers"}
    assert filled(BlockIt(), form).break_glass == "nobody answers"
    with pytest.raises(NotUnderstood, match="Breaking the glass needs"):
        filled(BlockIt(), form | {"because": "x"})
    with pytest.raises(NotUnderstood, match="Breaking the glass needs"):
        filled(LookAtIt(), {"because": "nobody answers"})


def test_a_form_says_what_is_wrong_in_which_field() -> None:
    with pytest.raises(NotFilled) as wrong:
        fill(BlockIt(), {"network": "here", "for": "soon", "service-name": "api"})
    assert set(wrong.value.fields) == {"network", "for", "reason"}
    assert wrong.value.fields["for"] == "'soon' is not a duration; type one like 90s, 15m, 2h or 3d"
    assert wrong.value.fields["reason"] == "needed"


def test_a_form_of_an_older_version_with_a_field_too_many() -> None:
    with pytest.raises(NotFilled) as wrong:
        fill(ShowIt(), {"request": "R1", "colour": "red"})
    assert wrong.value.fields == {"colour": "there is no such field any more"}


# -- what help and forms are made of --------------------------------------------------------------


def test_usage_and_fields() -> None:
    assert [usage(action) for action in CATALOGUE] == [
        BLOCK,
        LOOK,
        "file TABLE [all]",
        "show REQUEST",
        "withdraw REQUEST",
    ]
    kinds = {each.name: each.kind for action in CATALOGUE for each in fields_of(action)}
    assert kinds == {
        "network": Kind.TEXT, "for": Kind.TEXT, "reason": Kind.LONG, "service-name": Kind.CHOICES, "name": Kind.TEXT,
        "more": Kind.TEXT, "since": Kind.TEXT, "n": Kind.NUMBER, "mode": Kind.PICK, "all": Kind.YES_NO,
        "table": Kind.TEXT, "request": Kind.CHOICES,
    }  # fmt: skip
    assert next(each.values for each in fields_of(LookAtIt()) if each.name == "mode") == ("short", "long")
    assert all(each.hint for action in CATALOGUE for each in fields_of(action))


def test_two_actions_of_one_name_are_a_mistake_at_start() -> None:
    with pytest.raises(Misconfigured, match="'look'"):
        Catalogue((LookAtIt(), LookAtIt()))


def test_nothing_names_no_command() -> None:
    with pytest.raises(NotUnderstood, match="names no command"):
        CATALOGUE.find("  ")


# -- what no table is large enough for ------------------------------------------------------------

# Unclosed quotes, half a pair, letters whose capital or small one is another's: what a regular expression trips over.
WORDS = st.sampled_from(
    ["look", "net", "block", "show", "break-glass", "/ops", "203.0.113.7", "R1", '"', "=", "since=", "reason=", "for=",
     "name=", "override=", "because=", "journal=", "yes", "2h", "ſ", "K", "İ", "\ud83d", "\0", "“", "’", " ", "\u200b"]
)  # fmt: skip


def understood(read: Callable[[], Parsed]) -> Parsed | None:
    """None for a mistake that was answered; anything else that is raised fails the test."""
    try:
        return read()
    except NotUnderstood as mistake:
        return None if str(mistake) else pytest.fail("a mistake without a word")


mixed = st.lists(st.one_of(WORDS, st.text(max_size=8)))


@given(st.one_of(st.text(), mixed.map(" ".join), mixed.map("".join)))
def test_whatever_is_typed_is_understood_or_answered(typed: str) -> None:
    parsed = understood(lambda: parse(CATALOGUE, typed))
    assert parsed is None or type(parsed.params) is parsed.action.params_type


@given(st.dictionaries(st.sampled_from(["network", "for", "reason", "override", "because", "x"]), st.text()))
def test_whatever_is_in_a_form_is_understood_or_answered(fields: dict[str, str]) -> None:
    parsed = understood(lambda: filled(BlockIt(), fields))
    assert parsed is None or isinstance(parsed.params, Block)


spans = st.integers(1, 366 * 86400).map(lambda seconds: timedelta(seconds=seconds))
plain = st.text(st.characters(categories=("L", "N"), max_codepoint=0x2FF), min_size=3, max_size=30)
names = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"“”„«»‘’–—\u00ad'), min_size=1)


@given(network=st.ip_addresses(), span=st.none() | spans, reason=st.lists(plain, min_size=1, max_size=5))
def test_what_is_shown_as_typing_is_read_back_the_same(network: Any, span: timedelta | None, reason: list[str]) -> None:
    block = Block(network=str(network), for_=span, reason=" ".join(reason))
    lasts = f"for={duration_text(span)} " if span else ""
    assert parse(CATALOGUE, f"net block {network} {lasts}reason={block.reason}").params == block


@given(name=names, since=spans, n=st.integers(1, 200))
def test_a_quoted_value_is_read_back_the_same(name: str, since: timedelta, n: int) -> None:
    typed = f'look "{name}" since={duration_text(since)} n={n}'
    assert parse(CATALOGUE, typed).params == Look(name=name, since=since, n=n)
