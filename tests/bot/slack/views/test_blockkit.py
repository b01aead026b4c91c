"""Block Kit limits: at the limit nothing is said, one past it is named with its path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.views.blockkit import MESSAGE_TEXT_BUDGET, problems
from bot.slack.views.blockkit_table import text_length


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(label: str = "Go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(label), "action_id": "go", **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    numbered = [{**element, "action_id": f"a{i}"} for i, element in enumerate(elements)]
    return {"type": "actions", "elements": numbered}


def options(count: int, text: int = 5, value: int = 5) -> list[dict[str, Any]]:
    return [{"text": plain("t" * text), "value": f"{n}".rjust(value, "v")} for n in range(count)]


def select(count: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": options(count), **more}


def field(element: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    element = element or {"type": "plain_text_input", "action_id": "t"}
    return {"type": "input", "label": plain("Reason"), "element": element, **more}


def table(rows: int, columns: int = 2, cell: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "table", "rows": [[cell or {"type": "raw_text", "text": "c"}] * columns] * rows, **more}


def confirm(title: int = 5, text: int = 5, yes: int = 5) -> dict[str, Any]:
    return {"title": plain("t" * title), "text": plain("t" * text), "confirm": plain("y" * yes), "deny": plain("No")}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Form"), "submit": plain("Go"), "blocks": list(blocks), **more}


def image(url: int = 30, alt: int = 5) -> dict[str, Any]:
    return {"type": "image", "image_url": "https://".ljust(url, "u"), "alt_text": "a" * alt}


AT_THE_LIMIT_AND_PAST: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "section text": (section("x" * 3000), section("x" * 3001), "/blocks/0/text/text"),
    "empty text": (section("x"), section(""), "/blocks/0/text/text"),
    "fields": (
        {"type": "section", "fields": [mrkdwn("x" * 1000)] * 10},
        {"type": "section", "fields": [mrkdwn("x")] * 11},
        "/blocks/0/fields",
    ),
    "field text": (
        {"type": "section", "fields": [mrkdwn("x" * 2000)]},
        {"type": "section", "fields": [mrkdwn("x" * 2001)]},
        "/blocks/0/fields/0/text",
    ),
    "header": (
        {"type": "header", "text": plain("x" * 150)},
        {"type": "header", "text": plain("x" * 151)},
        "/blocks/0/text/text",
    ),
    "header is plain": (
        {"type": "header", "text": plain("x")},
        {"type": "header", "text": mrkdwn("x")},
        "/blocks/0/text/type",
    ),
    "button text": (actions(button("x" * 75)), actions(button("x" * 76)), "/blocks/0/elements/0/text/text"),
    "button value": (
        actions(button(value="x" * 2000)),
        actions(button(value="x" * 2001)),
        "/blocks/0/elements/0/value",
    ),
    "button url": (
        actions(button(url="x" * 3000)),
        actions(button(url="x" * 3001)),
        "/blocks/0/elements/0/url",
    ),
    "button style": (
        actions(button(style="danger")),
        actions(button(style="warning")),
        "/blocks/0/elements/0/style",
    ),
    "elements of actions": (actions(*[button()] * 25), actions(*[button()] * 26), "/blocks/0/elements"),
    "no elements": (actions(button()), actions(), "/blocks/0/elements"),
    "elements of context": (
        {"type": "context", "elements": [mrkdwn("x")] * 10},
        {"type": "context", "elements": [mrkdwn("x")] * 11},
        "/blocks/0/elements",
    ),
    "options": (actions(select(100)), actions(select(101)), "/blocks/0/elements/0/options"),
    "option text": (
        actions(select(options=options(1, text=75))),
        actions(select(options=options(1, text=76))),
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "option value": (
        actions(select(options=options(1, value=150))),
        actions(select(options=options(1, value=151))),
        "/blocks/0/elements/0/options/0/value",
    ),
    "option groups": (
        actions(
            {
                "type": "static_select",
                "option_groups": [{"label": plain("g"), "options": options(1)}] * 100,
            }
        ),
        actions(
            {
                "type": "static_select",
                "option_groups": [{"label": plain("g"), "options": options(1)}] * 101,
            }
        ),
        "/blocks/0/elements/0/option_groups",
    ),
    "overflow": (
        actions({"type": "overflow", "options": options(5)}),
        actions({"type": "overflow", "options": options(6)}),
        "/blocks/0/elements/0/options",
    ),
    "radio buttons": (
        actions({"type": "radio_buttons", "options": options(10)}),
        actions({"type": "radio_buttons", "options": options(11)}),
        "/blocks/0/elements/0/options",
    ),
    "checkboxes": (
        actions({"type": "checkboxes", "options": options(10)}),
        actions({"type": "checkboxes", "options": options(11)}),
        "/blocks/0/elements/0/options",
    ),
    "confirm title": (
        actions(button(confirm=confirm(title=100))),
        actions(button(confirm=confirm(title=101))),
        "/blocks/0/elements/0/confirm/title/text",
    ),
    "confirm text": (
        actions(button(confirm=confirm(text=300))),
        actions(button(confirm=confirm(text=301))),
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "confirm button": (
        actions(button(confirm=confirm(yes=30))),
        actions(button(confirm=confirm(yes=31))),
        "/blocks/0/elements/0/confirm/confirm/text",
    ),
    "placeholder": (
        actions(select(placeholder=plain("x" * 150))),
        actions(select(placeholder=plain("x" * 151))),
        "/blocks/0/elements/0/placeholder/text",
    ),
    "block_id": (section(block_id="b" * 255), section(block_id="b" * 256), "/blocks/0/block_id"),
    "action_id": (
        section(accessory=button(action_id="a" * 255)),
        section(accessory=button(action_id="a" * 256)),
        "/blocks/0/accessory/action_id",
    ),
    "image": (image(url=3000), image(url=3001), "/blocks/0/image_url"),
    "alt text": (image(alt=2000), image(alt=2001), "/blocks/0/alt_text"),
    "table rows": (table(100), table(101), "/blocks/0/rows"),
    "table columns": (table(1, 20), table(1, 21), "/blocks/0/rows/0"),
    "table text": (
        table(10, 10, {"type": "raw_text", "text": "x" * 100}),
        table(10, 10, {"type": "raw_text", "text": "x" * 101}),
        "/blocks/0/rows",
    ),
    "table cell": (
        table(1, cell={"type": "rich_text", "elements": []}),
        table(1, 1, cell={"type": "button", "text": plain("Go")}),
        "/blocks/0/rows/0/0",
    ),
    "empty table cell": (table(1), table(1, 1, cell={"type": "raw_text", "text": ""}), "/blocks/0/rows/0/0/text"),
    "table settings": (
        table(1, column_settings=[{"align": "right", "is_wrapped": True}] * 20),
        table(1, column_settings=[{}] * 21),
        "/blocks/0/column_settings",
    ),
    "table alignment": (
        table(1, column_settings=[{"align": "center"}]),
        table(1, column_settings=[{"align": "justify"}]),
        "/blocks/0/column_settings/0/align",
    ),
    "markdown": (
        {"type": "markdown", "text": "x" * 12_000},
        {"type": "markdown", "text": "x" * 12_001},
        "/blocks",
    ),
    "known block": (section(), {"type": "sektion", "text": mrkdwn("x")}, "/blocks/0/type"),
    "element in its place": (
        section(accessory=button()),
        section(accessory={"type": "plain_text_input", "action_id": "t"}),
        "/blocks/0/accessory/type",
    ),
}


@pytest.mark.parametrize("name", AT_THE_LIMIT_AND_PAST)
def test_at_the_limit_and_one_past_it(name: str) -> None:
    allowed, refused, path = AT_THE_LIMIT_AND_PAST[name]
    assert problems({"blocks": [allowed]}, "message") == []
    (problem,) = problems({"blocks": [refused]}, "message")
    assert problem.startswith(f"{path}: ")


def test_a_message_holds_fifty_blocks_and_a_modal_a_hundred() -> None:
    divider = {"type": "divider"}
    assert problems({"blocks": [divider] * 50}, "message") == []
    assert problems({"blocks": [divider] * 51}, "message") == ["/blocks: 51 blocks, at most 50"]
    assert problems(modal(*[divider] * 100), "modal") == []
    assert problems(modal(*[divider] * 101), "modal") == ["/blocks: 101 blocks, at most 100"]
    home = {"type": "home", "blocks": [divider] * 101}
    assert problems(home, "home") == ["/blocks: 101 blocks, at most 100"]


def test_text_over_all_blocks_has_a_budget() -> None:
    blocks = [section("x" * 2600)] * 5
    assert text_length(blocks) == MESSAGE_TEXT_BUDGET
    assert problems({"blocks": blocks}, "message") == []
    over = problems({"blocks": [*blocks, section("x")]}, "message")
    assert over == [f"/blocks: {MESSAGE_TEXT_BUDGET + 1} characters in all, at most {MESSAGE_TEXT_BUDGET}"]


def test_ids_are_unique() -> None:
    twice = [section(block_id="a"), section(block_id="a")]
    assert problems({"blocks": twice}, "message") == ["/blocks/1/block_id: 'a' is used twice"]
    same_action = {"type": "actions", "elements": [button(), button()]}
    assert problems({"blocks": [same_action]}, "message") == ["/blocks/0/elements/1/action_id: 'go' is used twice"]
    in_different_blocks = [{**same_action, "elements": [button()]}] * 2
    assert problems({"blocks": in_different_blocks}, "message") == []


def test_a_message_has_one_table_of_either_kind() -> None:
    both = [table(1), {**table(1), "type": "data_table"}]
    assert problems({"blocks": both}, "message") == ["/blocks: more than 1 table"]


def test_attachments_are_checked_too() -> None:
    payload = {"text": "x", "attachments": [{"blocks": [section("")]}]}
    (problem,) = problems(payload, "message")
    assert problem.startswith("/attachments/0/blocks/0/text/text: ")


@pytest.mark.parametrize("name", ["title", "submit", "close"])
def test_a_modals_words_hold_24_characters(name: str) -> None:
    assert problems(modal(**{name: plain("x" * 24)}), "modal") == []
    assert problems(modal(**{name: plain("x" * 25)}), "modal") == [f"/{name}/text: 25 characters, at most 24"]


def test_an_input_needs_a_submit_button() -> None:
    assert problems(modal(field()), "modal") == []
    assert problems(modal(field(), submit=None), "modal") == ["/submit: missing, needed by the input blocks"]


def test_private_metadata_and_callback_id() -> None:
    assert problems(modal(private_metadata="x" * 3000, callback_id="x" * 255), "modal") == []
    assert len(problems(modal(private_metadata="x" * 3001, callback_id="x" * 256), "modal")) == 2


def test_an_alert_belongs_in_a_modal_and_a_table_in_a_message() -> None:
    alert = {"type": "alert", "text": plain("Careful")}
    assert problems(modal(alert), "modal") == []
    assert problems({"blocks": [alert]}, "message") == ["/blocks/0/type: 'alert' is not allowed in a message"]
    assert problems(modal(table(1)), "modal") == ["/blocks/0/type: 'table' is not allowed in a modal"]


def test_an_initial_option_must_be_offered() -> None:
    unknown = select(initial_option={"text": plain("x"), "value": "nope"})
    (problem,) = problems({"blocks": [actions(unknown)]}, "message")
    assert "'nope' is not one of the options" in problem


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "blocks", "elements", "fields", "options", "element", "label", "rows"]),
            inner | st.sampled_from(["section", "actions", "input", "button", "static_select", "plain_text", "table"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(ANYTHING, max_size=5))
def test_whatever_is_sent_it_answers_and_never_raises(blocks: list[Any]) -> None:
    assert isinstance(problems({"blocks": blocks}, "message"), list)
