"""Forms on the page: what it refuses itself, what the app refuses, and lists filled as one types."""

import json

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import Open

pytestmark = pytest.mark.page


def form(page: Page) -> Locator:
    page.locator("#foot textarea").fill("/ops form")
    page.locator("#foot textarea").press("Enter")
    dialog = page.get_by_role("dialog", name="Whitelist")
    expect(dialog).to_be_visible()
    return dialog


def test_a_required_field_is_refused_before_the_app_is_asked(visit: Open) -> None:
    page = visit("ana")
    dialog = form(page)
    dialog.get_by_role("button", name="Show the plan").click()
    expect(dialog.locator(".input-error").first).to_have_text("Please complete this required field.")
    expect(dialog.get_by_label("IP address")).to_be_focused()
    dialog.get_by_label("IP address").fill("2")
    expect(dialog.locator(".input-error").first).to_be_empty()


def test_the_apps_errors_stand_by_their_fields_and_what_was_typed_stays(visit: Open) -> None:
    page = visit("ana")
    dialog = form(page)
    dialog.get_by_label("IP address").fill("nonsense")
    dialog.get_by_label("IP address").press("Enter")
    expect(dialog.locator(".input.invalid")).to_contain_text("nonsense is not an address, try 203.0.113.7")
    expect(dialog.get_by_label("IP address")).to_have_value("nonsense")


def test_a_list_is_filled_while_one_types_and_the_form_is_sent(visit: Open) -> None:
    page = visit("ana")
    dialog = form(page)
    dialog.get_by_label("IP address").fill("203.0.113.7")
    execution = dialog.get_by_role("combobox", name="Execution")
    execution.click()
    expect(dialog.get_by_role("status")).to_have_text("Type a letter to search")
    execution.press_sequentially("billing")
    expect(dialog.get_by_role("option")).to_have_text(["4711 billing-sync", "4712 billing-sync"])
    execution.press("ArrowDown")
    execution.press("Enter")
    expect(execution).to_have_value("4712 billing-sync")
    services = dialog.get_by_role("combobox", name="Services")
    services.click()
    dialog.get_by_role("option", name="core-api").click()
    dialog.get_by_role("option", name="n8n").click()
    services.press("Tab")
    dialog.get_by_role("button", name="Remove core-api").click()
    dialog.get_by_role("button", name="Show the plan").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#messages")).to_contain_text("Planned 203.0.113.7 for 4712 on n8n")


def test_every_kind_of_input_sends_what_slack_would(visit: Open) -> None:
    page = visit("ana")
    page.locator("#foot textarea").fill("/ops gallery")
    page.locator("#foot textarea").press("Enter")
    dialog = page.get_by_role("dialog", name="Gallery")
    number = dialog.get_by_label("number_input")
    dialog.get_by_label("plain_text_input").fill("two\nlines")
    number.fill("21")
    dialog.get_by_label("email_text_input").fill("ana@example.com")
    dialog.get_by_label("url_text_input").fill("https://example.com")
    for kind, choice in (
        ("static_select", "green"),
        ("users_select", "Ben Okafor"),
        ("conversations_select", "# incidents"),
    ):
        dialog.get_by_role("combobox", name=kind).click()
        dialog.get_by_role("option", name=choice).click()
    dialog.get_by_role("group", name="checkboxes").get_by_label("red").check()
    dialog.get_by_role("group", name="checkboxes").get_by_label("blue").check()
    dialog.get_by_role("radiogroup", name="radio_buttons").get_by_label("blue").check()
    dialog.get_by_label("timepicker", exact=True).fill("09:30")
    dialog.get_by_label("datetimepicker").fill("2026-07-01T12:00")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.locator(".input.invalid")).to_contain_text("Please enter 20 or less.")
    number.fill("20")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_be_hidden()
    said = page.locator("#messages .msg", has_text="number_input").locator(".text")
    held = json.loads(said.inner_text())
    options = {k: held.pop(k) for k in ("static_select", "checkboxes", "radio_buttons")}
    assert options["static_select"]["value"] == "green"
    assert [o["value"] for o in options["checkboxes"]] == ["red", "blue"]
    assert options["radio_buttons"]["value"] == "blue"
    assert held == {
        "plain_text_input": "two\nlines",
        "number_input": "20",
        "email_text_input": "ana@example.com",
        "url_text_input": "https://example.com",
        "users_select": "U0BEN0001",
        "conversations_select": "C0DEMO004",
        "datepicker": "2026-11-22",
        "timepicker": "09:30",
        # Noon in Madrid, in summer.
        "datetimepicker": 1782900000,
    }


def test_escape_closes_the_form_and_a_popup_first(visit: Open) -> None:
    page = visit("ana")
    dialog = form(page)
    dialog.get_by_role("combobox", name="Services").click()
    expect(dialog.get_by_role("option", name="n8n")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_message_shortcut_opens_the_form(visit: Open) -> None:
    page = visit("ana")
    page.locator("#foot textarea").fill("the import is stuck")
    page.locator("#foot textarea").press("Enter")
    row = page.locator("#messages .msg", has_text="the import is stuck")
    row.hover()
    row.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Run a command here").click()
    expect(page.get_by_role("dialog", name="Run here")).to_be_visible()
