"""What the process says on standard error: one line an event, redacted, and never a frame's local variables."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog


def configure_logs(redact: Callable[[str], str]) -> None:
    """For programs alone, once at their start. JSON where nobody looks, plain words on a terminal."""

    def redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}

    renderer: structlog.types.Processor
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=plain)
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # A traceback as text: rich ones print locals, and locals hold tokens.
            structlog.processors.format_exc_info,
            redacted,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(_Redacting(redact))


class _Redacting(logging.Filter):
    """For the libraries that log by themselves."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._redact(record.getMessage()), None
        return True
