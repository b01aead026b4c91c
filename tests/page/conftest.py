"""A real sandbox, a small Bolt app and one Chromium for all page tests."""

import asyncio
import contextlib
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from sandbox.app_config import AppConfig
from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from tests.page import small_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # a container's /dev/shm is often too small for it
]
PATIENCE_MS = 30_000
"""For whatever is to be seen: a machine with other work may be slow, and the browser's own default is five seconds."""
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

T = TypeVar("T")


@dataclass
class Local:
    """The local Slack with its app, running in a loop of their own: Playwright's own API blocks."""

    slack: Sandbox

    def reset(self) -> None:
        for path, body in (("faults", b'{"rate_limit": null, "lose": 0}'), ("reset", b"{}")):
            request = urllib.request.Request(
                f"{self.slack.base_url}/sandbox/{path}",
                body,
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request).close()


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Sandbox]:
    config = AppConfig()
    async with Sandbox(Workspace.demo(config)) as slack:
        handler = small_app.build(slack.api_url, config.bot_token, config.app_token)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        yield slack
        await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def local() -> Iterator[Local]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="local-slack", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    parts = running()
    try:
        yield Local(run(parts.__aenter__()))
        run(parts.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


Open = Callable[..., "Page"]


@pytest.fixture
def visit(local: Local, browser: "Browser") -> Iterator[Open]:
    """visit("ana", phone=False): that person's page in #ops; fails when the page logged an error."""
    local.reset()
    contexts = []
    problems: list[str] = []

    def open_page(name: str = "ana", *, channel: str = "ops", phone: bool = False) -> "Page":
        size = PHONE if phone else LAPTOP
        context = browser.new_context(viewport=size, has_touch=phone, reduced_motion="reduce")  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{local.slack.base_url}/?as={name}&channel={channel}")
        page.locator("#foot textarea").wait_for(state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
