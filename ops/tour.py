"""The scripted tour: what a first evening with the bot looks like, as text and as pictures of the page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sandbox.person import Person
from sandbox.seen import Message
from sandbox.server import Sandbox

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
Snap = Callable[[str, str, str], Awaitable[None]]
"""(name of the picture, who looks, channel)."""


async def play(slack: Sandbox, console: Console, pictures: Path | None) -> None:
    """Raises NotSeen where the bot does not say what the script waits for."""
    async with _camera(slack.base_url, pictures, console) as snap:
        ana, ben, mia = (slack.person(name) for name in ("ana", "ben", "mia"))
        tour = _Tour(console)

        console.rule("Something is wrong: Ana looks")
        await tour.says(ana, "/ops health")
        await tour.sees(ana, "Health")
        await snap("health", "ana", "ops")
        await tour.says(ana, "/ops errors since=24h n=5")
        await tour.sees(ana, "Errors")
        await snap("errors", "ana", "ops")

        console.rule("Ana retries a failed run; Ben may not approve it, Mia does")
        await tour.says(ana, "/ops retry last")
        card = await tour.sees(ana, "Approve and run", channel="#ops")
        await snap("plan", "mia", "ops")
        await ben.clicks("Approve and run", on=card)
        await tour.sees(ben, "Not counted", channel="#ops")
        await mia.clicks("Approve and run", on=card)
        await tour.sees(ana, lambda seen: seen.ts == card.ts and "Approve and run" not in seen.buttons, channel="#ops")
        await snap("done", "ana", "ops")

        console.rule("A customer is blocked: two hours on the allow-list, ended at once")
        await tour.says(ana, "/ops whitelist 203.0.113.7 on=shop-db for=2h reason=customer import")
        card = await tour.sees(ana, _waiting("203.0.113.7"), channel="#ops")
        await mia.clicks("Approve and run", on=card)
        card = await tour.sees(ana, _ended(card, "End now"), channel="#ops")
        await snap("whitelisted", "ana", "ops")
        await ana.clicks("End now", on=card)
        ending = await tour.sees(ana, _waiting("End"), channel="#ops")
        await ana.clicks("Run it", on=ending)
        await tour.sees(ana, lambda message: message.ts == card.ts and "*undone*" in message.text_all, channel="#ops")

        console.rule("The trail")
        await tour.says(mia, "/ops audit n=12")
        await tour.sees(mia, "Audit trail")
        await snap("audit", "mia", "ops")


def _waiting(text: str) -> Callable[[Message], bool]:
    return lambda message: text in message.text_all and bool({"Approve and run", "Run it"} & set(message.buttons))


def _ended(card: Message, button: str) -> Callable[[Message], bool]:
    return lambda message: message.ts == card.ts and button in message.buttons


class _Tour:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def says(self, person: Person, words: str) -> None:
        self._console.print(f"\n[bold cyan]{person.name}[/]  {escape(words)}")
        await person.says(words, channel="#ops")

    async def sees(self, person: Person, wanted: str | Callable[[Message], bool], *, channel: str = "#ops") -> Message:
        message = await person.sees(wanted, channel=channel, timeout=15)
        for line in message.text_all.splitlines():
            self._console.print(f"    {escape(line)}", highlight=False)
        if message.buttons:
            self._console.print("    " + "  ".join(f"[reverse] {escape(button)} [/]" for button in message.buttons))
        return message


@asynccontextmanager
async def _camera(base_url: str, pictures: Path | None, console: Console) -> AsyncIterator[Snap]:
    """Takes pictures where a browser is there; says once where none is."""

    async def none(name: str, who: str, channel: str) -> None:
        return None

    browser_path = next((path for path in CHROMIUM if Path(path).exists()), None)
    if pictures is None or browser_path is None:
        if pictures is not None:
            console.print("No Chromium here: the tour goes on without pictures.")
        yield none
        return
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        console.print('No Playwright here (extra "page"): the tour goes on without pictures.')
        yield none
        return

    pictures.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=list(_FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 860})

        async def snap(name: str, who: str, channel: str) -> None:
            await page.goto(f"{base_url}/?as={who}&channel={channel}")
            await page.wait_for_selector("#messages .msg")
            await page.wait_for_timeout(400)
            await page.screenshot(path=str(pictures / f"{name}.png"))

        yield snap
        await browser.close()
