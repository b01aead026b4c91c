"""/ops whitelist: lift rate limiting for one address or a small range."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from pydantic import Field, JsonValue

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, Stale
from bot.words.params import Duration, Network, Params, Reason, duration_text
from bot.words.report import Fact, Frozen
from commands import House
from commands._shared.retyping import retyped
from commands._shared.services import OnService, ServiceName, pick
from integrations.capabilities import Prolongs, RateLimiter, RateLimitState


class Settings(Frozen):
    """Shortest prefixes that may be lifted."""

    widest_v4: int = Field(default=24, ge=8, le=32)
    widest_v6: int = Field(default=48, ge=16, le=128)


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
    widest_v4: int = 24
    widest_v6: int = 48

    can = "lift rate limits"
    named_by = "on"
    risk = Risk.DESTRUCTIVE
    examples = (
        'whitelist 203.0.113.7 for=2h reason="customer import"',
        "whitelist 2001:db8:7::/64 reason=partner on=api",
    )

    async def preview(self, params: Whitelist) -> WhitelistPlan:
        if why := refusal(params.network, self.widest_v4, self.widest_v6):
            raise NotUnderstood(why)  # no other address is any guess at which one was meant
        limiter = pick(
            self.services,
            params.on,
            can="lift rate limits",
            typed=lambda name: retyped(self.words, params, on=name),
        )
        state = await limiter.rate_limits(params.network)
        inserts = state.has_allow_list and not state.allowed
        return WhitelistPlan(
            target=f"{limiter.name} {params.network}",
            headline=_headline(params, limiter.name, state),
            effects=_effects(params.network, state),
            facts=(
                Fact(label="Reason", value=params.reason),
                Fact(label="Addresses", value=_addresses(params.network)),
            ),
            warnings=_warnings(params, state),
            undo_note=_undo_note(state),
            ends_after=params.for_ if inserts or state.blocks else None,
            confirm_phrase=params.network,
            nothing_to_do=_nothing_to_do(params.network, limiter.name, state),
            service=limiter.name,
            network=params.network,
            reason=params.reason,
            allowed=state.allowed,
            blocks=state.blocks,
        )

    async def execute(self, plan: WhitelistPlan) -> Receipt:
        limiter = self._planned(plan)
        state = await limiter.rate_limits(plan.network)
        if state.allowed != plan.allowed:
            moved = f"{plan.network} is {'now' if state.allowed else 'no longer'} on the allow-list of {plan.service}"
            raise Stale(f"{moved}.", differences=(moved,))
        if state.blocks != plan.blocks:
            moved = f"what blocks {plan.network} on {plan.service} is now: {'; '.join(state.blocks) or 'nothing'}"
            raise Stale(f"Somebody changed the blocks: {moved}.", differences=(moved,))
        until = self.now() + plan.ends_after if plan.ends_after else None
        lifted = await limiter.lift(plan.network, note=plan.reason, until=until)
        return Receipt(
            headline=f"Lifted rate limiting for {plan.network} on {plan.service}.",
            undo={"lifted": cast("dict[str, JsonValue]", lifted)},
        )

    async def undo(self, plan: WhitelistPlan, receipt: Receipt) -> Receipt:
        lifted = cast("dict[str, object]", receipt.undo["lifted"])
        removed = await self._planned(plan).restore(plan.network, lifted)
        if not removed:
            was = "had not been added to" if plan.allowed else "was no longer on"
            return Receipt(headline=f"{plan.network} {was} the allow-list of {plan.service}.")
        again = " Its blocks are back." if plan.blocks else ""
        return Receipt(headline=f"{plan.network} is no longer on the allow-list of {plan.service}.{again}")

    async def extend(self, plan: WhitelistPlan, receipt: Receipt, until: datetime) -> Receipt:
        limiter = self._planned(plan)
        if not isinstance(limiter, Prolongs):
            return receipt
        lifted = await limiter.prolong(plan.network, cast("dict[str, object]", receipt.undo["lifted"]), until)
        return receipt.model_copy(update={"undo": receipt.undo | {"lifted": cast("JsonValue", lifted)}})

    async def evidence(self, plan: WhitelistPlan) -> str:
        state = await self._planned(plan).rate_limits(plan.network)
        listed = f"{plan.network} is {'' if state.allowed else 'not '}on the allow-list" if state.has_allow_list else ""
        return "; ".join(filter(None, (listed, f"rate-limit records of {plan.network}: {state.records}")))

    def _planned(self, plan: WhitelistPlan) -> RateLimiter:
        return pick(self.services, plan.service, can="lift rate limits", typed=lambda name: f"whitelist on={name}")


# Documentation ranges such as 203.0.113.0/24 are not here: the demo lives in them, and no traffic comes from them.
_NEVER = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "addresses that stand for no host"),
        ("10.0.0.0/8", "private addresses"),
        ("172.16.0.0/12", "private addresses"),
        ("192.168.0.0/16", "private addresses"),
        ("100.64.0.0/10", "addresses that a provider shares among many customers"),
        ("127.0.0.0/8", "loopback addresses"),
        ("169.254.0.0/16", "link-local addresses"),
        ("224.0.0.0/4", "multicast addresses"),
        ("240.0.0.0/4", "reserved addresses"),
        ("::/128", "the address that stands for no host"),
        ("::1/128", "the loopback address"),
        ("::ffff:0:0/96", "IPv4 addresses written as IPv6"),
        ("fc00::/7", "private addresses"),
        ("fe80::/10", "link-local addresses"),
        ("fec0::/10", "private addresses"),
        ("ff00::/8", "multicast addresses"),
    )
)


def refusal(network: str, widest_v4: int, widest_v6: int) -> str:
    """Why this network is not lifted, whoever asks; empty if it may be."""
    asked = ipaddress.ip_network(network)
    if asked.prefixlen == 0:
        return f"{network} is the whole internet. Give the one address that needs it."
    for never, what in _NEVER:
        if asked.version == never.version and asked.overlaps(never):
            covers = "is among" if asked.subnet_of(never) else "covers"  # type: ignore[arg-type]  # same version
            return f"{network} {covers} {what} ({never}). Give the public address that the service sees."
    widest = widest_v4 if asked.version == 4 else widest_v6
    if asked.prefixlen < widest:
        return f"{network} is wider than policy allows: at most a /{widest}, and this is a /{asked.prefixlen}."
    return ""


def _headline(params: Whitelist, service: str, state: RateLimitState) -> str:
    ends = f" for {duration_text(params.for_)}" if params.for_ and state.has_allow_list and not state.allowed else ""
    return f"Lift rate limiting for {params.network} on {service}{ends}."


def _effects(network: str, state: RateLimitState) -> tuple[str, ...]:
    effects = [f"{block[:1].lower()}{block[1:]} is lifted" for block in state.blocks]
    if state.records or not state.has_allow_list:
        records = "1 rate-limit record is" if state.records == 1 else f"{state.records} rate-limit records are"
        some = f": {'; '.join(state.sample)}" if state.sample else ""
        more = ", and more" if len(state.sample) < state.records and state.sample else ""
        effects.append(f"{records} deleted{some}{more}")
    if state.has_allow_list:
        effects.append(
            f"{network} is already on the allow-list" if state.allowed else f"{network} goes on the allow-list"
        )
    return tuple(effects)


def _warnings(params: Whitelist, state: RateLimitState) -> tuple[str, ...]:
    if not state.has_allow_list:
        return ("There is no allow-list here: records are deleted once, and new ones will count again.", *state.notes)
    if state.allowed:
        return ("It was allowed before, by somebody else; this neither ends nor undoes that.", *state.notes)
    return state.notes if params.for_ else ("It does not end by itself; for=2h would.", *state.notes)


def _undo_note(state: RateLimitState) -> str:
    said = ["Undo takes it off the allow-list again."] if state.has_allow_list and not state.allowed else []
    said += ["Undo puts the blocks back."] if state.blocks else []
    said += ["Deleted records are not put back."] if state.records or not said else []
    return " ".join(said)


def _nothing_to_do(network: str, service: str, state: RateLimitState) -> str:
    if state.records or state.blocks or (state.has_allow_list and not state.allowed):
        return ""
    allowed = "it is on the allow-list already" if state.allowed else "there is no allow-list to put it on"
    return " ".join((f"{service} has no rate-limit record of {network}, and {allowed}.", *state.notes))


def _addresses(network: str) -> int | str:
    count = ipaddress.ip_network(network).num_addresses
    return count if count < 1_000_000 else f"2^{count.bit_length() - 1}"


def actions(house: House) -> LiftRateLimit:
    widest = house.settings(Settings)
    return LiftRateLimit(house.having(RateLimiter), house.now, widest.widest_v4, widest.widest_v6)
