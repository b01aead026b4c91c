"""Whether this workspace takes `table` blocks: Slack gives them to one after the other, and refuses them until then."""

from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from bot.slack.views.kit import Message

log = structlog.get_logger(__name__)


@dataclass
class Taking:
    """What was learnt from Slack's answers, kept by this process alone: a token is good for one workspace, and one that
    is given the block later is noticed at the next start.
    """

    tables: bool | None = None
    """None until the first one was sent."""

    def ways(self, message: Message) -> Iterator[Message]:
        """The message, then the same in monospace where it holds a table; that alone where tables are refused."""
        plainer = message.plainer
        if plainer is None or self.tables is not False:
            yield message
        if plainer is not None:
            yield plainer

    def sent(self, way: Message, refused: Message | None) -> None:
        """`way` was taken; `refused` is the table that was not, if one was tried before it."""
        if way.instead:
            self.tables = True
        elif refused is not None and self.tables is None:
            log.warning("tables_refused", instead="monospace")
            self.tables = False
