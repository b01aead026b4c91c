"""A workspace that refuses `table` blocks gets the same table in monospace, and is not asked again."""

from typing import Any, ClassVar

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.outbox.answering import Teller
from bot.slack.outbox.posting import Poster
from bot.slack.views.place import Origin
from bot.slack.views.reports import report_message
from bot.words.report import Report, Table
from tests.bot.slack import made

REPORT = Report(title="Statistics", lead="1 operation.", table=Table(columns=("name", "runs"), rows=(("sync", 12),)))


class Workspace(AsyncWebClient):
    """Takes every message, or refuses those with a table."""

    def __init__(self, *, tables: bool) -> None:
        super().__init__()
        self.tables = tables
        self.sent: list[tuple[str, bool]] = []

    async def chat_postMessage(self, **content: Any) -> Any:
        kinds = [block["type"] for block in content.get("blocks") or []]
        refused = "table" in kinds and not self.tables
        self.sent.append(
            ("table" if "table" in kinds else "monospace" if "```" in str(content) else "text", not refused)
        )
        if refused:
            raise SlackApiError("refused", Answer({"ok": False, "error": "invalid_blocks"}))  # type: ignore[no-untyped-call]
        return {"channel": content["channel"], "ts": "1.1"}


class Answer(dict[str, Any]):
    status_code = 200
    headers: ClassVar[dict[str, str]] = {}

    @property
    def data(self) -> dict[str, Any]:
        return self


@pytest.mark.parametrize("by", ["answer", "outbox"])
async def test_a_refused_table_is_monospaced_and_not_tried_again(by: str) -> None:
    workspace = Workspace(tables=False)
    teller, poster, message = Teller(workspace), Poster(workspace), report_message(REPORT, made.names)
    for _ in range(2):
        if by == "answer":
            await teller.openly(Origin(who=made.ANA, channel="C0OPS0001"), message)
        else:
            await poster.post(("C0OPS0001", None), (message,))
    assert workspace.sent == [("table", False), ("monospace", True), ("monospace", True)]
    assert (teller if by == "answer" else poster).taking.tables is False


async def test_a_table_that_was_taken_is_sent_again() -> None:
    workspace = Workspace(tables=True)
    teller = Teller(workspace)
    for _ in range(2):
        await teller.openly(Origin(who=made.ANA, channel="C0OPS0001"), report_message(REPORT, made.names))
    assert workspace.sent == [("table", True), ("table", True)]
    assert teller.taking.tables is True
