"""/ops whitelist: lift rate limiting for one address or a small range."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from pydantic import Field, JsonValue

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood
from bot.words.networks import network_of, refusal
from bot.words.params import Duration, Network, Params, Reason, duration_text
from bot.words.report import Fact, Frozen
from commands import House
from commands._shared.receipts import stored
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import Prolongs, RateLimiter


class Settings(Frozen):
    """Shortest prefixes that may be lifted."""

    widest_v4: int = Field(default=24, ge=8, le=32)
    widest_v6: int = Field(default=48, ge=16, le=128)
    documentation: bool = False
    """Take the ranges that examples are written with, such as 203.0.113.0/24. No traffic comes from them: for a demo
    or a trial alone."""


class Whitelist(Params):
    positional = ("network",)

    network: Network
    """Public IP address or small CIDR range, as in 203.0.113.7 or 203.0.113.0/28."""
    for_: Duration | None = None
    """How long, as in 2h; until somebody undoes it if left out."""
    reason: Reason
    """Why, for the approver and the audit."""
    on: ServiceName = None
    """Service whose limits are lifted, as named in ops.toml; needed only where there are several."""


class WhitelistPlan(Plan):
    service: str
    network: str
    reason: str
    allowed: bool
    """On the allow-list already, when the approver looked."""
    blocks: tuple[str, ...] = ()
    """Rules against it that are lifted."""


@dataclass(frozen=True)
class LiftRateLimit(OnService[RateLimiter], Undoable[Whitelist, WhitelistPlan]):
    """Lift rate limiting for one address."""

    now: Callable[[], datetime]
    limits: Settings = field(default_factory=Settings)

    can = "lift rate limits"
    named_by = "on"
    risk = Risk.DESTRUCTIVE
    examples = (
        'whitelist 203.0.113.7 for=2h reason="customer import"',
        "whitelist 2001:db8:7::/64 reason=partner on=api",
    )

    async def preview(self, params: Whitelist) -> WhitelistPlan:
        if why := refusal(params.network, **self.limits.model_dump()):
            raise NotUnderstood(why)  # no other address is any guess at which one was meant
        limiter, network = self.chosen(params), params.network
        state = await limiter.rate_limits(network)
        span = f" for {duration_text(params.for_)}" if params.for_ and state.inserts else ""
        return WhitelistPlan(
            target=f"{limiter.name} {network}",
            headline=f"Lift rate limiting for {network} on {limiter.name}{span}.",
            effects=state.effects(network),
            facts=(Fact(label="Reason", value=params.reason), Fact(label="Addresses", value=_addresses(network))),
            warnings=state.warnings(ends=params.for_ is not None),
            undo_note=state.undo_note,
            ends_after=params.for_ if state.ends else None,
            confirm_phrase=network,
            nothing_to_do=state.nothing_to_do(network, limiter.name),
            service=limiter.name,
            network=network,
            reason=params.reason,
            allowed=state.allowed,
            blocks=state.blocks,
        )

    async def execute(self, plan: WhitelistPlan) -> Receipt:
        until = self.now() + plan.ends_after if plan.ends_after else None
        lifted = await self.planned(plan.service).lift(plan.network, note=plan.reason, until=until)
        headline = f"Lifted rate limiting for {plan.network} on {plan.service}."
        return Receipt(headline=headline, undo={"lifted": cast("dict[str, JsonValue]", lifted)})

    async def undo(self, plan: WhitelistPlan, receipt: Receipt) -> Receipt:
        removed = await self.planned(plan.service).restore(plan.network, stored(receipt, "lifted"))
        was = "is no longer on" if removed else "had not been added to" if plan.allowed else "was no longer on"
        again = " Its blocks are back." if removed and plan.blocks else ""
        return Receipt(headline=f"{plan.network} {was} the allow-list of {plan.service}.{again}")

    async def extend(self, plan: WhitelistPlan, receipt: Receipt, until: datetime) -> Receipt:
        limiter = self.planned(plan.service)
        if not isinstance(limiter, Prolongs):
            return receipt
        lifted = await limiter.prolong(plan.network, stored(receipt, "lifted"), until)
        return receipt.model_copy(update={"undo": receipt.undo | {"lifted": cast("JsonValue", lifted)}})

    async def evidence(self, plan: WhitelistPlan) -> str:
        state = await self.planned(plan.service).rate_limits(plan.network)
        listed = f"{plan.network} is {'' if state.allowed else 'not '}on the allow-list" if state.has_allow_list else ""
        return "; ".join(filter(None, (listed, f"rate-limit records of {plan.network}: {state.records}")))


def _addresses(network: str) -> int | str:
    count = network_of(network).num_addresses
    return count if count < 1_000_000 else f"2^{count.bit_length() - 1}"


def actions(house: House) -> LiftRateLimit:
    return LiftRateLimit(house.having(RateLimiter), house.now, house.settings(Settings))
