"""People type, click and read on the page as they would in Slack."""

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.page.conftest import Local, Open

pytestmark = pytest.mark.page


def say(page: Page, text: str, box: str = "#foot") -> None:
    page.locator(f"{box} textarea").fill(text)
    page.locator(f"{box} textarea").press("Enter")


def test_a_command_is_completed_and_its_answer_appears(visit: Open) -> None:
    page = visit("ana")
    box = page.get_by_role("combobox", name="Message #ops")
    box.press_sequentially("/o")
    suggestion = page.get_by_role("option", name="/ops")
    expect(suggestion).to_contain_text("Run runbook actions")
    box.press("Enter")
    expect(box).to_have_value("/ops ")
    expect(page.locator(".compose-hint")).to_contain_text("[command]")
    box.press_sequentially("hello")
    box.press("Enter")
    answer = page.locator("#messages .msg", has_text="Only you read hello")
    expect(answer).to_contain_text("Only visible to you")
    expect(answer.locator(".badge-app")).to_have_text("APP")
    expect(answer.locator("strong", has_text="hello")).to_be_visible()
    expect(box).to_have_value("")


def test_what_only_ana_sees_ben_does_not(visit: Open) -> None:
    ana, ben = visit("ana"), visit("ben")
    say(ana, "/ops private")
    expect(ana.locator("#messages .msg", has_text="Only you read private")).to_be_visible()
    say(ana, "for everyone")
    expect(ben.locator("#messages .msg", has_text="for everyone")).to_be_visible()
    expect(ben.locator("#messages")).not_to_contain_text("Only you read private")


def test_a_click_changes_the_card_for_everyone(visit: Open) -> None:
    ana, ben = visit("ana"), visit("ben")
    say(ana, "/ops card")
    ben.get_by_role("button", name="Approve").click()
    expect(ana.locator("#messages")).to_contain_text("Approved by @Ben Okafor")
    expect(ana.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_confirm_dialog_stands_before_the_click(visit: Open) -> None:
    page = visit("ana")
    say(page, "/ops card")
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="Keep waiting").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("dialog")).to_contain_text("Ana is told at once.")
    page.get_by_role("button", name="Yes, reject").click()
    expect(page.locator("#messages .msg", has_text="Rejected")).to_be_visible()


def test_an_unanswered_click_and_command_are_said_to_be_so(visit: Open) -> None:
    """The app does not ack within 3 s: a toast for the click, Slackbot's word for the command."""
    page = visit("ana")
    say(page, "/ops card")
    page.get_by_role("button", name="Stuck").click()
    say(page, "/ops deaf")
    expect(page.locator(".toast")).to_contain_text("Operation timed out")
    expect(page.get_by_role("button", name="Stuck")).to_have_class(re.compile("failed"))
    slackbot = page.locator("#messages .msg", has_text="Slackbot")
    expect(slackbot).to_contain_text('/ops failed with the error "operation_timeout"')


def test_a_refusal_keeps_what_was_typed(visit: Open) -> None:
    page = visit("ana")
    say(page, "/nonsense x")
    expect(page.locator(".toast")).to_contain_text("/nonsense is not a valid command")
    expect(page.locator("#foot textarea")).to_have_value("/nonsense x")


def test_a_thread_opens_beside_and_takes_replies(visit: Open) -> None:
    ana, ben = visit("ana"), visit("ben")
    say(ana, "@handrail are you there?")
    expect(ana.locator("#messages .mention", has_text="@Handrail")).to_be_visible()
    link = ben.locator(".thread-link")
    expect(link).to_contain_text("1 reply")
    link.click()
    thread = ben.get_by_role("complementary", name="Thread")
    expect(thread).to_contain_text("Here I am")
    say(ben, "Thanks", box="#thread-foot")
    expect(thread.locator(".msg")).to_have_count(3)
    expect(ana.locator(".thread-link")).to_contain_text("2 replies")
    expect(ben.locator("#messages")).not_to_contain_text("Thanks")
    say(ben, "/ops hello", box="#thread-foot")
    expect(ben.locator(".toast")).to_contain_text("not supported in threads")
    ben.keyboard.press("Escape")
    expect(thread).to_be_hidden()


def test_a_message_elsewhere_counts_as_unread_until_read(visit: Open) -> None:
    ana, ben = visit("ana"), visit("ben", channel="general")
    say(ana, "no mention")
    row = ben.locator(".side-row", has_text=re.compile(r"^ops\d*$"))
    expect(row).to_have_class(re.compile("bold"))
    say(ana, "@ben look")
    expect(row.locator(".badge")).to_have_text("1")
    row.click()
    expect(row.locator(".badge")).to_have_count(0)
    expect(row).not_to_have_class(re.compile("bold"))


def test_acting_as_someone_else(visit: Open) -> None:
    page = visit("ana")
    say(page, "/ops mine")
    expect(page.locator("#messages")).to_contain_text("Only you read mine")
    page.locator("#act-as").click()
    page.get_by_role("menuitem", name="Mia Chen").click()
    expect(page.locator("#act-as")).to_have_attribute("aria-label", re.compile("Mia Chen"))
    expect(page.locator("#messages")).not_to_contain_text("Only you read mine")


def test_home_and_messages_tabs(visit: Open) -> None:
    page = visit("ana")
    page.locator(".side-row", has_text="Handrail").click()
    expect(page.locator("#home")).to_contain_text("Nothing waits for you")
    page.get_by_role("tab", name="Messages").click()
    expect(page.locator("#foot textarea")).to_have_attribute("placeholder", "Message Handrail")


def test_the_stream_comes_back_by_itself(visit: Open, local: Local) -> None:
    page = visit("ana")
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/sandbox/events"), through)
    page.reload()
    page.wait_for_function("() => document.querySelector('.rows')")
    for _ in range(300):
        if sockets:
            break
        page.wait_for_timeout(100)
    sockets[0].close()
    expect(page.locator("body")).to_have_class(re.compile("offline"))
    ben = visit("ben")
    say(ben, "while you were away")
    expect(page.locator("#messages")).to_contain_text("while you were away")
    expect(page.locator("body")).not_to_have_class(re.compile("offline"))


def test_the_faults_panel_switches_a_rate_limit_on(visit: Open) -> None:
    page = visit("ana")
    page.get_by_role("button", name="Faults").click()
    page.get_by_label("Rate limit a method").fill("chat.postMessage")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#faults")).to_have_class(re.compile("lit"))
    faults = page.evaluate("fetch('/sandbox/faults').then(r => r.json())")
    assert faults["rate_limit"] == {"method": "chat.postMessage", "retry_after": 1, "times": 1}
