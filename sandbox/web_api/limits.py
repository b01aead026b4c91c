"""Slack's rate limits: calls per minute by tier, and one message per second and channel."""

from collections import deque
from dataclasses import dataclass, field

from sandbox.model import JSON
from sandbox.web_api.methods import SPECIAL, TIER_1, Method

POST_BURST, POST_SECONDS = 5, 5.0
"""One message a second in a channel, with the short bursts that Slack tolerates."""


@dataclass
class Limits:
    _calls: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, name: str, method: Method | None, args: JSON, now: float) -> int | None:
        """Seconds the caller must wait, or None when the call is within its limit."""
        if name == "chat.postMessage":
            return self._window(f"{name} {args.get('channel')}", POST_BURST, POST_SECONDS, now)
        if name == "apps.connections.open":
            # Tier 1 in the table; in practice a handful of reconnections is let through.
            return self._window(name, TIER_1 * 10, 60.0, now)
        if method is None or method.tier == SPECIAL:
            return None
        return self._window(name, method.tier, 60.0, now)

    def _window(self, key: str, most: int, seconds: float, now: float) -> int | None:
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - seconds:
            calls.popleft()
        if len(calls) >= most:
            return max(1, round(calls[0] + seconds - now))
        calls.append(now)
        return None
