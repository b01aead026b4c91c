"""What can be made to go wrong, with seeded chance."""

import random
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from sandbox.model import JSON

Disconnect = Literal["warning", "refresh_requested", "link_disabled"]


@dataclass(frozen=True)
class RateLimit:
    method: str = "*"
    retry_after: int = 1
    times: int = 1


@dataclass(frozen=True)
class Refusal:
    """Slack refuses these calls, as where posting is restricted or a key was withdrawn."""

    method: str
    error: str
    channel: str = "*"
    """Id of the one channel it is limited to."""


@dataclass(frozen=True)
class Settings:
    refusal: Refusal | None = None
    rate_limit: RateLimit | None = None
    duplicate: float = 0.0
    """Chance that a delivery arrives twice."""
    late: float = 0.0
    """Seconds: each delivery takes between half and all of it, so that some overtake others."""
    lose: float = 0.0
    """Chance that a delivery never arrives."""
    kill_socket_mid_envelope: int = 0
    """How many of the next envelopes take their socket down with them."""
    web_api_down: bool = False
    enforce_rate_limits: bool = False
    seed: int = 0


@dataclass
class Faults:
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.settings.seed)

    def update(self, changes: JSON) -> None:
        """Raises: ValueError on an unknown switch or a value of the wrong kind."""
        known = {f.name for f in fields(Settings)}
        unknown = set(changes) - known
        if unknown:
            raise ValueError(f"unknown fault {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        values: dict[str, Any] = dict(changes)
        try:
            for name in ("duplicate", "late", "lose"):
                if name in values:
                    values[name] = float(values[name])
            for name in ("kill_socket_mid_envelope", "seed"):
                if name in values:
                    values[name] = int(values[name])
            if values.get("refusal") is not None:
                values["refusal"] = Refusal(**values["refusal"])
            if values.get("rate_limit") is not None:
                values["rate_limit"] = RateLimit(**values["rate_limit"])
        except TypeError as problem:
            raise ValueError(str(problem)) from problem
        self.settings = replace(self.settings, **values)
        if "seed" in values:
            self._chance = random.Random(self.settings.seed)

    def loses(self) -> bool:
        return self.settings.lose > 0 and self._chance.random() < self.settings.lose

    def duplicates(self) -> bool:
        return self.settings.duplicate > 0 and self._chance.random() < self.settings.duplicate

    def delay(self) -> float:
        late = self.settings.late
        return self._chance.uniform(late / 2, late) if late > 0 else 0.0

    def kills_socket(self) -> bool:
        left = self.settings.kill_socket_mid_envelope
        if left <= 0:
            return False
        self.settings = replace(self.settings, kill_socket_mid_envelope=left - 1)
        return True

    def refused(self, method: str, channel: str) -> str | None:
        """The error with which this call is refused."""
        refusal = self.settings.refusal
        if refusal is None or refusal.method != method or refusal.channel not in ("*", channel):
            return None
        return refusal.error

    def rate_limited(self, method: str) -> int | None:
        """Seconds to wait, when this call is to be refused."""
        limit = self.settings.rate_limit
        if limit is None or limit.method not in ("*", method):
            return None
        left = replace(limit, times=limit.times - 1) if limit.times > 1 else None
        self.settings = replace(self.settings, rate_limit=left)
        return limit.retry_after
