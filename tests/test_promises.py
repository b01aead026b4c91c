"""What the project promises of itself as a whole. Each failure says what to add."""

import inspect
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.ask.catalogue import Catalogue
from bot.ask.labels import LABELS, label_of
from bot.ask.parse import RESERVED, Kind, fields_of, parse
from bot.words.action import AnyAction, Change, Lookup, Risk, Undoable, Upkeep
from bot.words.request import State
from commands import command_files, commands
from integrations.kinds import KINDS
from tests.commands.world import bare_house
from tests.services.page import every_kind, models

ROOT = Path(__file__).parents[1]
CODE = ("bot", "commands", "integrations", "ops", "sandbox")
LONGEST_FILE = 400
"""Lines."""


@cache
def catalogue() -> Catalogue:
    """Every command, with nothing behind it: what is looked at here needs no service and no database."""
    return commands(bare_house(*every_kind().clients))


def each_action() -> list[Any]:
    return [pytest.param(action, id=action.words) for action in catalogue()]


# -- commands


@pytest.mark.parametrize("action", each_action())
def test_its_form_asks_as_a_person_would(action: AnyAction) -> None:
    for field in fields_of(action):
        thought_of = field.name in LABELS or field.label != label_of(field.name, yes_no=field.kind is Kind.YES_NO)
        assert thought_of, f"{action.words}: add {field.name!r} to LABELS, or give it a Label"
        assert field.label.casefold().strip(" ?") not in (field.name, field.name.replace("-", " ")), action.words


def test_every_command_file_registers_itself() -> None:
    paths = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "commands").rglob("*.py"))
    names = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    files = {name for name in names if "._" not in name} - {"commands"}
    walked = {module.__name__: module for module in command_files()}
    assert files - walked.keys() == set(), "these are not found: their folder needs an __init__.py"
    silent = [name for name, module in walked.items() if not hasattr(module, "actions")]
    assert silent == [], "end these files with actions(house)"
    made = {type(action).__module__ for action in catalogue()}
    assert files - made == set(), "actions(house) of these files returns no command of their own"


@pytest.mark.parametrize("action", each_action())
def test_it_says_what_it_does(action: AnyAction) -> None:
    where = type(action).__module__
    assert type(action).__doc__, f"{where}: give {type(action).__name__} a docstring; its first line is the help"
    assert 8 <= len(action.summary) <= 100, f"{where}: the first line of the docstring must fit a row of the help"
    module = inspect.getmodule(type(action))
    assert module is not None
    assert (module.__doc__ or "").startswith("/ops "), f"{where}: begin the module's docstring with /ops {action.words}"


@pytest.mark.parametrize("action", each_action())
def test_every_parameter_has_a_hint(action: AnyAction) -> None:
    for field in fields_of(action):
        where = f"{type(action).__module__}, {action.params_type.__name__}.{field.name}"
        assert field.hint, f"{where}: write a line under the field saying what to type"
        assert field.hint.endswith("."), f"{where}: the hint is a sentence"
        assert field.name not in RESERVED, f"{where}: any change takes {field.name}= already; call it otherwise"


@pytest.mark.parametrize("action", each_action())
def test_every_example_is_understood_as_it_stands(action: AnyAction) -> None:
    where = f"{type(action).__module__}, {type(action).__name__}.examples"
    assert action.examples, f"{where}: give one line as a person would type it after /ops"
    for example in action.examples:
        parsed = parse(catalogue(), example)
        assert parsed.action.words == action.words, f"{where}: {example!r} is understood as {parsed.action.words!r}"


@pytest.mark.parametrize("action", each_action())
def test_its_kind_and_its_risk_agree(action: AnyAction) -> None:
    where = f"{type(action).__module__}, {type(action).__name__}"
    match action:
        case Lookup():
            assert action.risk is Risk.READ, f"{where}: a lookup only reads"
        case Upkeep():
            assert action.risk is Risk.CHANGE, f"{where}: upkeep moves the ledger alone"
        case Change():
            assert action.risk is not Risk.READ, f"{where}: what changes the world is at least a change"
            assert action.plan_type is not None
        case _:
            pytest.fail(f"{where}: derive it from Lookup, Upkeep or Change")
    if isinstance(action, Change) and not isinstance(action, Undoable):
        assert not hasattr(action, "undo"), f"{where}: derive it from Undoable"


def test_what_slack_tells_people_to_type_exists() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    hint = manifest["features"]["slash_commands"][0]["usage_hint"]
    told = [part.split()[0] for part in re.split(r"\s*\|\s*", hint)]
    assert told, "manifest.yml's usage_hint names no command"
    for word in told:
        found, _ = catalogue().find(word)
        assert found.words == word, f"manifest.yml's usage_hint names {word!r}, which is no command"


# -- kinds of services


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_whole(kind: str) -> None:
    """One without tests of its own, or with settings that say nothing, was noticed by nobody."""
    section = KINDS[kind].section
    own = Path("tests", "integrations", kind, f"test_{kind}.py")
    assert (ROOT / own).exists(), f"write {own}"
    for promise in ("rights", "undo"):
        assert getattr(section, promise, ""), f"integrations/{kind}: say in {section.__name__}.{promise} what it is"
    for name, field in section.model_fields.items():
        speaks_for_itself = name in ("kind", "url") or any(models(field.annotation))
        hinted = field.description or speaks_for_itself
        assert hinted, f"integrations/{kind}: write a line under {section.__name__}.{name}"


def test_every_kind_is_in_the_world_that_the_commands_are_tried_in() -> None:
    tried = {client.kind for client in every_kind().clients}
    missing = [kind for kind in KINDS if kind not in tried]
    assert missing == [], (
        "give each a stand-in in sandbox/world/, and its line in vendors() of sandbox/world/vendors.py"
    )


# -- cards


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_card_that_is_looked_at(state: State) -> None:
    snapshots = [path.name for path in (ROOT / "tests/bot/slack/views/__snapshots__/test_cards").glob("*.json")]
    named = [name for name in snapshots if re.search(rf"\[{state.value}-\w+\]", name)]
    assert named, f"tests/bot/slack/views has no snapshot of a card in the state {state.value}: add it to test_cards.py"


# -- the code


def _sources() -> list[Path]:
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def test_no_file_is_longer_than_one_reads_at_once() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in (*_sources(), *(ROOT / "tests").rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}, f"split these: more than {LONGEST_FILE} lines"


ONE_MEANING = {
    "client": "the client of one kind of service",
    "api": "one vendor's answers as values",
    "access": "who may reach one vendor's database",
    "logs": "log lines of a service",
    "workflows": "workflows that a service runs",
    "statistics": "operations counted over time",
    "jobs": "a team's own jobs",
    "usage": "quotas and budgets, and how much of them is used",
    "tables": "tables that ops.toml maps",
    "rows": "rows of a table that ops.toml lists",
    "switches": "things that can be paused and resumed",
    "pause": "pausing such a thing",
    "resume": "resuming it",
    "rights": "what a service's credential may do",
    "requests": "requests for an action, as the road means them",
    "read_only": "a database's read-only mode",
    "numbers": "phone numbers",
    "calls": "phone calls",
    "call_counts": "our own calls to a vendor, counted a month",
    "members": "people and channels as last read from Slack",
    "health": "how services are, and how they were",
    "following": "an answer that goes on telling what is new",
    "executions": "runs of a workflow",
    "doctor": "what is wrong with the set-up",
}
"""Names that several files of the program share, each with the one thing it stands for in all of them."""


def test_no_file_name_has_two_meanings() -> None:
    stems = Counter(path.stem for path in _sources() if path.parts[len(ROOT.parts)] != "sandbox")
    shared = {stem for stem, count in stems.items() if count > 1 and not stem.startswith("__")}
    assert shared - ONE_MEANING.keys() == set(), (
        "several files have these names: rename all but one, or say what they share"
    )
    assert ONE_MEANING.keys() - shared == set(), "only one file has these names now: take them out"


def test_every_module_is_named_by_what_it_is() -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)($|_)")
    found = [path.relative_to(ROOT).as_posix() for path in _sources() if vague.search(path.stem)]
    assert found == [], "name these by what is in them"


def test_every_module_says_why_it_is_there() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in _sources()
        if (text := path.read_text(encoding="utf-8").strip()) and not text.startswith('"""')
    ]
    assert silent == [], "begin each with a docstring of a line or two"


# -- failures of others

ROWS = (
    # Approvals bypassed
    ("windmill#10262", "windmill#7886"),
    ("hermes-agent#36848", "hermes-agent#38068"),
    ("teleport-plugins#121",),
    ("windmill#8440",),
    ("windmill#2639",),
    ("terrapod#687",),
    ("brigade#152",),
    ("lost the right",),
    # Done twice, or not at all
    ("sentry#69252", "bolt-js#822", "bugbug#6732"),
    ("sso-elevator#47",),
    ("meho#2293",),
    ("slack#352",),
    ("valet#51",),
    # Three seconds
    ("bolt-js#1548", "bolt-python#381", "bolt-python#335"),
    ("node-slack-sdk#1131", "bolt-python#772"),
    ("bolt-python#1083",),
    # Retries, restarts, replicas
    ("agno#10073",),
    ("node-slack-sdk#2141",),
    ("pilot#4411", "netclaw#939", "hermes-agent#100408"),
    ("bolt-python#579", "bolt-python#1071"),
    ("slack_elixir#13",),
    ("clawpatrol#595", "infrabroker#356"),
    # Limits and storms
    ("bolt-js#2509",),
    ("kibana#73061", "robusta#1864", "mission-control#2126"),
    ("bolt-js#679",),
    ("oncall#5204",),
    ("oncall#4087",),
    ("goalert#4188", "conductai#1880"),
    ("oncall#4329",),
    # Audit gaps
    ("Botkube's open-source audit",),
    ("astrid#134", "onetimesecret#4333", "ezauth#164"),
    ("wpmgr#662",),
    ("klangk#3154",),
    ("mobula#59",),
    ("OpenBot#385", "lightdash#22465"),
    ("meho#2087",),
    # Secrets
    ("hermes-agent#78032", "infrabroker#150"),
    ("NemoClaw#4770",),
    ("botkube#183",),
    # Agents and automation with operators' tools
    ("Railway volume",),
    ("a freeze was announced",),
    # Waiting for people
    ("hermes-agent#76235",),
    ("sso-elevator#26",),
    ("teleport#32620", "teleport-plugins#153"),
    ("sso-elevator#35",),
    ("slack#1347",),
)
"""The rows of FAILURES.md, each by what may name it in a test's docstring."""

NOT_YET = {
    "terrapod#687": "no page of ours is opened by people: nothing happens on GET, as there is none but health",
    "Botkube's open-source audit": "held by the trail that every story ends with",
}
"""Rows that no test can show yet, by their first name, with the reason. A test that names one takes it out of here."""


@cache
def _told_by_tests() -> str:
    files = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def _named(names: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", _told_by_tests()) for name in names)


@pytest.mark.parametrize("names", ROWS, ids=lambda names: names[0])
def test_a_failure_of_others_is_shown_not_to_happen_here(names: tuple[str, ...]) -> None:
    if names[0] in NOT_YET:
        assert not _named(names), f"a test names {names[0]} now: take it out of NOT_YET"
        return
    assert _named(names), f"no test names {' or '.join(names)}: write one, with the row's name in its docstring"


def test_no_row_of_the_table_is_forgotten() -> None:
    table = ROOT.parent / "shared" / "FAILURES.md"
    if not table.exists():
        pytest.skip("../shared/FAILURES.md is not here: nothing to compare the list of rows with")
    rows = [line.split("|")[1] for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row.strip() not in ("seen",)]
    # `windmill#10262, #7886` names the second one shortly.
    unknown = [row for row in rows if not any(_in_row(name, row) for names in ROWS for name in names)]
    assert unknown == [], "add these rows to ROWS"
    assert len(rows) == len(ROWS), "ROWS has another number of rows than FAILURES.md"


def _in_row(name: str, row: str) -> bool:
    return name in row or ("#" in name and name.partition("#")[0] in row and f"#{name.partition('#')[2]}" in row)
