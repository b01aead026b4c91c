"""What is shown is what was meant: inert hostile text, marks, dates, and a phone without sideways scrolling."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import Local, Open
from tests.page.small_app import CHART, HOSTILE

pytestmark = pytest.mark.page

PAGE = Path(__file__).parents[2] / "sandbox" / "page"

RENDER = """async ([name, text, zone]) => {
  const { [name]: make } = await import(`/page/${name}.js`);
  const people = { U1: { id: "U1", name: "ana", real_name: "Ana Ruiz" } };
  const world = { me: { id: "U2", tz: zone }, person: (id) => people[id], channel: () => null };
  const box = document.createElement("div");
  box.append(...make(text, world));
  return box.innerHTML;
}"""


@pytest.fixture(scope="module")
def canvas(local: Local, browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(local.slack.base_url)
    yield page
    page.close()


def render(page: Page, text: str, name: str = "mrkdwn", zone: str = "Europe/Madrid") -> str:
    return str(page.evaluate(RENDER, [name, text, zone]))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ ~gone~", "<strong>bold</strong> <em>italic</em> <del>gone</del>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("2*3*4 snake_case_name a ~ b ~", "2*3*4 snake_case_name a ~ b ~"),
        ("`*code*`", "<code>*code*</code>"),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("<@U1>", '<span class="mention">@Ana Ruiz</span>'),
        ("<!subteam^S1|@leads>", '<span class="mention">@leads</span>'),
        ("<!channel>", '<span class="mention me">@channel</span>'),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("*open", "*open"),
    ],
)
def test_mrkdwn(canvas: Page, text: str, html: str) -> None:
    assert render(canvas, text) == f'<div class="line">{html}</div>'


def test_mrkdwn_fences_and_quotes(canvas: Page) -> None:
    html = render(canvas, "before\n```\n*a*\n  b\n```\nafter\n> one\n> two")
    assert html == (
        '<div class="line">before</div><pre>*a*\n  b</pre>'
        '<div class="line">after</div><blockquote>one\ntwo</blockquote>'
    )


def test_links_open_apart_and_tell_nobody_where_from(canvas: Page) -> None:
    html = render(canvas, "<https://example.com/?a=1&amp;b=2|the runbook>")
    link = 'href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer"'
    assert f"<a {link}>the runbook</a>" in html


@pytest.mark.parametrize(
    ("format", "zone", "expected"),
    [
        ("{date_num} {time_secs}", "Europe/Madrid", "2014-02-18 3:39:42 PM"),
        ("{date}", "Europe/Madrid", "February 18th, 2014"),
        ("{date_long}", "Europe/Madrid", "Tuesday, February 18th, 2014"),
        ("{date_short} at {time}", "America/New_York", "Feb 18, 2014 at 9:39 AM"),
        ("{date_slash}", "Pacific/Auckland", "02/19/2014"),
        ("{date_short_pretty}", "UTC", "Feb 18, 2014"),
        ("{nonsense}", "UTC", "{nonsense}"),
    ],
)
def test_dates_are_told_in_the_readers_zone(canvas: Page, format: str, zone: str, expected: str) -> None:
    assert f">{expected}</time>" in render(canvas, f"<!date^1392734382^{format}^|x>", zone=zone)


def test_pretty_dates(canvas: Page) -> None:
    now = int(canvas.evaluate("Date.now() / 1000"))
    shown = [render(canvas, f"<!date^{now + days * 86_400}^{{date_pretty}}|x>", zone="UTC") for days in (-1, 0, 1)]
    for html, word in zip(shown, ("Yesterday", "Today", "Tomorrow"), strict=True):
        assert f">{word}</time>" in html


def test_markdown_block(canvas: Page) -> None:
    text = "## Groups\n\n**3** of `4`\n\n1. one\n   - deep\n2. two\n\n| a | b |\n|---|--:|\n| x | 7 |"
    html = render(canvas, text, "markdown")
    assert '<h4 class="md-h md-h2">Groups</h4>' in html
    assert "<p><strong>3</strong> of <code>4</code></p>" in html
    assert '<li>one<ul class="md-list"><li>deep</li></ul></li><li>two</li>' in html
    assert '<td style="text-align: right;">7</td>' in html


BLOCKS = """async (list) => {
  const { blocks, attachments } = await import("/page/blocks.js");
  const world = { me: { id: "U2", tz: "UTC" }, person: () => null, channel: () => null };
  const box = document.createElement("div");
  const surface = { id: "x", world, values: new Map(), files: [{ id: "F1", name: "a.bin", size: 9, url: "/f" }] };
  const hot = attachments([{ color: "danger", text: "*hot*" }], surface);
  box.append(...blocks(list, surface), ...hot.flat().filter(Boolean));
  document.body.append(box);
  const found = { text: box.innerText, html: box.innerHTML };
  box.remove();
  return found;
}"""


def test_blocks_of_every_kind(canvas: Page) -> None:
    leaf = {"type": "text", "text": "deep", "style": {"bold": True}}
    item = {"type": "rich_text_section", "elements": [leaf]}
    shown = canvas.evaluate(
        BLOCKS,
        [
            {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": [item]}]},
            {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [leaf]}]},
            {"type": "alert", "level": "error", "text": {"type": "plain_text", "text": "No space left"}},
            {"type": "file", "external_id": "F1", "source": "remote"},
            {"type": "image", "image_url": "https://outside.example/x.png", "alt_text": "a chart"},
            {"type": "video", "title": {}},
        ],
    )
    assert "<ol" in shown["html"]
    assert "<li><strong>deep</strong></li>" in shown["html"]
    assert "<pre><strong>deep</strong></pre>" in shown["html"]
    assert 'class="alert alert-error" role="alert"' in shown["html"]
    assert 'download="a.bin"' in shown["html"]
    assert "[unsupported block video]" in shown["text"]
    assert "background: rgb(224, 30, 90)" in shown["html"]
    # A picture from outside is named, never fetched.
    assert "<img" not in shown["html"]
    assert "a chart" in shown["text"]


def test_hostile_text_is_shown_and_does_nothing(visit: Open) -> None:
    page = visit("ana")
    box = page.locator("#foot textarea")
    box.fill(HOSTILE)
    box.press("Enter")
    expect(page.locator("#messages .msg").last).to_contain_text(HOSTILE)
    box.fill("/ops hostile")
    box.press("Enter")
    card = page.locator("#messages .msg", has=page.locator(".block-header"))
    expect(card.locator(".block-section").first).to_contain_text(HOSTILE)
    expect(card.locator(".block-markdown")).to_contain_text("<script>")
    assert card.locator("script, img, a[href^=javascript]").count() == 0
    for press in card.get_by_text("press").all():
        press.click()
    assert page.evaluate("window.pwned") is None


def test_no_source_builds_markup_from_text_or_reaches_outside() -> None:
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:/")
    for file in PAGE.iterdir():
        text = file.read_text()
        assert len(text.splitlines()) < 400, file.name
        for word in forbidden:
            hits = [li for li in text.splitlines() if word in li and "www.w3.org/2000/svg" not in li]
            assert hits == [], (file.name, word)


@pytest.mark.parametrize("place", ["channel", "thread", "list", "form", "home"])
def test_nothing_overflows_on_a_phone(visit: Open, place: str) -> None:
    page = visit("ana", phone=True)
    box = page.locator("#foot textarea")
    box.fill("/ops form" if place == "form" else "/ops wide")
    box.press("Enter")
    if place == "form":
        expect(page.get_by_role("dialog")).to_be_visible()
    else:
        expect(page.locator(".block-table")).to_be_visible()
    if place == "thread":
        row = page.locator("#messages .msg").last
        row.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
        page.get_by_role("menuitem", name="Reply in thread").click()
        expect(page.get_by_role("complementary", name="Thread").locator(".msg")).to_be_visible()
    if place in ("list", "home"):
        page.locator("#head .back").click()
        expect(page.locator(".sidebar")).to_be_visible()
    if place == "home":
        page.locator(".side-row", has_text="Handrail").click()
        expect(page.locator("#home")).to_contain_text("Nothing waits")
    wide = page.evaluate(
        """() => [...document.querySelectorAll("html, body, .scroll, dialog, .dialog-body, .sidebar-list")]
        .filter((n) => n.clientWidth && n.scrollWidth > n.clientWidth).map((n) => n.className || n.tagName)"""
    )
    assert wide == []


def test_dark_follows_the_system(visit: Open) -> None:
    page = visit("ana")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.main')).backgroundColor") == ("rgb(26, 29, 33)")


@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_a_chart_is_a_picture_with_words_for_who_cannot_see_it(visit: Open, phone: bool) -> None:
    page = visit("ana", phone=phone)
    box = page.locator("#foot textarea")
    box.fill("/ops chart")
    box.press("Enter")
    expect(page.locator("#messages .msg", has_text="412 operations, 31 failed")).to_be_visible()
    picture = page.get_by_role("img", name=CHART.alt)
    expect(picture).to_be_visible(timeout=30_000)
    picture.scroll_into_view_if_needed()
    page.wait_for_function("e => e.complete && e.naturalWidth === 1200", arg=picture.element_handle())
    seen = picture.bounding_box()
    assert seen is not None
    assert seen["width"] > 300
    assert seen["x"] + seen["width"] <= page.viewport_size["width"]  # type: ignore[index]  # every page here has one
