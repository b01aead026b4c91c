"""Forms on the page: what it refuses itself, what the app refuses, and lists filled as one types."""

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
