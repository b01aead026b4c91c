"""Forms: made of an action's own parameters, of a phrase, of a reason. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from bot.ask.labels import label_of
from bot.ask.parse import RESERVED, Field, Kind
from bot.slack.views.kit import Block, View, context, plain_text, section, sound
from bot.slack.views.place import Routing
from bot.slack.views.text import code, escape, line

INPUT = "value"
"""Action id of every input; its block id is the field's name."""
LONGEST_VALUE = 150
"""Of an option, to Slack."""


class Submit(StrEnum):
    """What sending a form does, as its button says it."""

    PLAN = "Make the plan"
    SHOW = "Show it"
    DO = "Do it"


def loading(title: str, routing: Routing) -> View:
    """Opened at once: a trigger lives three seconds."""
    return _view("loading", title, [section("One moment…")], routing, submit="")


def told(title: str, text: str) -> View:
    """Only words, outside text escaped already by whoever passes them."""
    return _view("told", title, [section(text)], Routing(), submit="")


def form(
    words: str,
    summary: str,
    fields: Sequence[Field],
    routing: Routing,
    submit: Submit = Submit.PLAN,
    *,
    given: Mapping[str, str] | None = None,
    wrong: str = "",
    frozen: str = "",
) -> View:
    """One input for each parameter, filled in with what was `given`; `wrong` says what was not understood of that,
    `frozen` why an exception must be asked for."""
    given = given or {}
    first = "\nNothing runs yet: you get a plan first." if submit is Submit.PLAN else ""
    blocks = [section(f"{code(f'/ops {words}')}\n{line(summary, 500)}{first}")]
    if wrong:
        blocks.append(section(line(wrong, 500)))
    if frozen:
        blocks.append(section(f"*Nothing destructive runs now:* {line(frozen, 500)}"))
    own = {field.name for field in fields}
    extra = [name for name in RESERVED if name not in own and (name in given or (frozen and name == "override"))]
    asked = [_filled_in(field, given.get(field.name, "")) for field in [*fields, *map(_reserved, extra)]]
    blocks += map(_input, asked)
    if not asked:
        blocks.append(context("It takes no parameters."))
    return _view("form", words, blocks, routing.model_copy(update={"action": words}), submit=submit)


def _reserved(name: str) -> Field:
    hint = RESERVED[name]
    return Field(name, f"{hint[:1].upper()}{hint[1:]}", Kind.LONG, False, False, label=label_of(name))


def _filled_in(field: Field, given: str) -> Field:
    """With what was typed in its place, where its kind of input takes it."""
    match field.kind:
        case Kind.NUMBER if not given.removeprefix("-").replace(".", "", 1).isdecimal():
            return field
        case Kind.CHOICES if len(given) > LONGEST_VALUE:
            return field
        case Kind.YES_NO | Kind.PICK:
            given = given.lower()
    return replace(field, default=given) if given else field


def phrase(request: str, headline: str, wanted: str, routing: Routing) -> View:
    """The requester approves their own request by typing what it acts on."""
    blocks = [
        section(f"*{line(headline, 1500)}*"),
        section(f"To approve your own request, type {code(wanted)}"),
        _text("phrase", "Phrase", required=True),
    ]
    routing = routing.model_copy(update={"request": request})
    return _view("phrase", f"Approve {request}", blocks, routing, submit="Approve and run")


def reject(request: str, headline: str, routing: Routing) -> View:
    blocks = [
        section(f"*{line(headline, 1500)}*"),
        _text("reason", "Why?", hint="The requester reads it.", required=False, long=True),
    ]
    return _view("reject", f"Reject {request}", blocks, routing.model_copy(update={"request": request}), "Reject")


def run_here(routing: Routing) -> View:
    """For threads, where Slack knows no slash commands."""
    blocks = [_text("words", "Command", hint="As after /ops, like: health", required=True)]
    return _view("command", "Run a command", blocks, routing, submit="Go")


def pick_command(routing: Routing) -> View:
    """Choosing one opens its form at once; the button is for who does not see that."""
    element: Block = {
        "type": "external_select",
        "action_id": "picked_command",
        "min_query_length": 0,
        "placeholder": plain_text("Type to search", 150),
    }
    block = _block("command", "What do you want to do?", "", element, required=True) | {"dispatch_action": True}
    blocks = [block, context("Nothing runs yet: its form opens first.")]
    return _view("pick", "Run something", blocks, routing, submit="Open its form")


def _view(callback_id: str, title: str, blocks: Sequence[Block], routing: Routing, submit: str = "") -> View:
    kept = [block for block in (sound(block, "modal") for block in blocks) if block is not None]
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title, 24),
        "close": plain_text("Cancel" if submit else "Close", 24),
        "private_metadata": routing.write(),
        "blocks": kept[:100],
    }
    if submit:
        view["submit"] = plain_text(submit, 24)
    return view


def _text(block_id: str, label: str, *, hint: str = "", required: bool, long: bool = False) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": INPUT, "multiline": long}
    return _block(block_id, label, hint, element, required=required)


def _block(block_id: str, label: str, hint: str, element: Block, *, required: bool) -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label, 2000),
        "element": element,
        "optional": not required,
    }
    # Plain text shows a backtick as it is.
    return {**block, "hint": plain_text(hint.replace("`", ""), 2000)} if hint else block


def _input(field: Field) -> Block:
    return _block(field.name, field.label or label_of(field.name), field.hint, _element(field), required=field.required)


def _element(field: Field) -> Block:
    made: Block
    initial: Block
    match field.kind:
        case Kind.TEXT | Kind.LONG:
            made = {"type": "plain_text_input", "multiline": field.kind is Kind.LONG}
            initial = {"initial_value": field.default} if field.default else {}
        case Kind.NUMBER:
            made = {"type": "number_input", "is_decimal_allowed": True}
            initial = {"initial_value": field.default} if field.default else {}
        case Kind.YES_NO | Kind.PICK:
            values = ("yes", "no") if field.kind is Kind.YES_NO else field.values
            made = {"type": "static_select", "options": [option(value, value) for value in values[:100]]}
            initial = {"initial_option": option(field.default, field.default)} if field.default in values else {}
        case Kind.CHOICES:
            made = {"type": "external_select", "min_query_length": 0, "placeholder": plain_text("Type to search", 150)}
            initial = {"initial_option": option(field.default, field.default)} if field.default else {}
    return {"action_id": INPUT, **made, **initial}


def option(value: str, label: str) -> Block:
    """Slack stores 150 characters of a value and shows 75 of a label."""
    return {"text": plain_text(label, 75), "value": value[:LONGEST_VALUE]}


def options(found: Sequence[tuple[str, str]], typed: str) -> list[Block]:
    """At most a hundred; a list that is empty says why, and what was typed is always there to be taken."""
    made = [option(value, label) for value, label in found[:99] if value]
    if typed and all(block["value"] != typed[:150] for block in made):
        made.append(option(typed, f"Use “{typed}”"))
    return made or [option("-", "Nothing found yet; type to search")]


def inline(errors: dict[str, str], view_blocks: Sequence[str], fallback: str) -> dict[str, str]:
    """Errors at the fields the form has; what has no field is said at the first one."""
    placed = {name: text[:150] for name, text in errors.items() if name in view_blocks}
    loose = [f"{name}: {text}" for name, text in errors.items() if name not in view_blocks]
    if not placed and view_blocks:
        placed[view_blocks[0]] = escape("; ".join(loose) or fallback)[:150]
    return placed
