"""HubSpot: is the account reachable, and how many of the day's calls are left. Its records are never read."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from bot.words.exceptions import OpsError, TryLater
from integrations.capabilities import Checked, Quota, Rights, Trial
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.base import Client
from integrations.plumbing.checking import checked
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.section import Outside, SecretRef, TokenSection, Url
from integrations.plumbing.shape import Shape
from integrations.plumbing.trying import Step, tried

PACE = Pace(100, timedelta(seconds=10))
"""The pace that the smallest plans grant one app."""
_DETAILS = "/account-info/v3/details"
_USAGE = "/account-info/v3/api-usage/daily/private-apps"
_TOLD = frozenset({"SUCCESS", "CACHED"})


class HubSpotSection(TokenSection):
    kind: Literal["hubspot"]
    token: SecretRef
    """Of a private app; its scopes do not matter."""
    url: Url = "https://api.hubapi.com"

    rights: ClassVar[str] = "A private app of its own for the bot, with no scope beyond the one HubSpot insists on."
    undo: ClassVar[str] = "Nothing is changed in HubSpot."


class Account(Shape):
    portalId: int
    accountType: str
    timeZone: str


class Usage(Shape):
    name: str
    usageLimit: int
    currentUsage: int
    """Says nothing where `fetchStatus` is a failure."""
    collectedAt: AwareDatetime
    fetchStatus: str
    """SUCCESS, CACHED, FAILURE, TIMEOUT or NOTFOUND."""
    resetsAt: AwareDatetime | None = None


class _Usages(Shape):
    results: tuple[Usage, ...]


class HubSpotService(Service):
    """Tells the limit of the day from that of ten seconds: waiting helps against the latter only."""

    pace = PACE
    rate = RateHeaders("x-hubspot-ratelimit-daily-remaining", "x-hubspot-ratelimit-daily", per="today")

    resets_at: datetime | None = None
    """When the day's limit begins anew, as HubSpot last told."""

    def worth_again(self, answer: Answer) -> bool:
        return super().worth_again(answer) and not _daily(answer)

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if not _daily(answer):
            return super().error_of(answer, write=write, missing=missing)
        after = answer.retry_after
        if self.resets_at is not None and self.resets_at > (now := datetime.now(UTC)):
            after = self.resets_at - now
        return TryLater(
            f"The account's calls of the day are used up at {self.name} (429 DAILY). It counts anew at midnight of the "
            "account's time zone.",
            after=after,
        )


def _daily(answer: Answer) -> bool:
    return answer.status == 429 and answer.fields().get("policyName") == "DAILY"


class HubSpot(Client[HubSpotService, HubSpotSection]):
    """Checkable, Testable, Credentialed, Metered."""

    def __init__(self, name: str, section: HubSpotSection, outside: Outside) -> None:
        super().__init__(name, section, HubSpotService.of(name, section, outside))

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /account-info/v3/details"""
        return await checked(self._api, _DETAILS, Account, limit=self.deadline)

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}.token"
        return await tried(
            Step("read the account's details", self._account, f"Check {where}."),
            Step("read how many calls are used", self.usage, f"Check that {where} is a private app's, or try later."),
        )

    async def rights(self) -> Rights:
        """HubSpot tells a token's scopes to whoever writes it into an address; we do not."""
        account = await self._account()
        return Rights(
            has=(f"the details of account {account.portalId} ({account.accountType})",),
            note="HubSpot tells the scopes only where the token stands in the address, and addresses end up in logs: "
            "it is not asked. Least: a private app without scopes to any record.",
        )

    async def _account(self) -> Account:
        return await self._api.get(_DETAILS, Account)

    # -- usage

    async def usage(self) -> tuple[Quota, ...]:
        """Of all private apps of the account together, as HubSpot last counted.

        Raises TryLater where HubSpot itself could not find out: what it shows as 0 then is no count.
        Source: GET /account-info/v3/api-usage/daily/private-apps
        """
        found = (await self._api.get(_USAGE, _Usages)).results
        told = [each for each in found if each.fetchStatus in _TOLD]
        unread = ", ".join(f"{each.name} ({each.fetchStatus})" for each in found if each.fetchStatus not in _TOLD)
        if not told:
            raise TryLater(f"{self.name} could not tell how many calls are used: {unread or 'it lists nothing'}.")
        ends = [at for each in told if (at := _still_to_come(each)) is not None]
        self._api.resets_at = min(ends, default=self._api.resets_at)
        return tuple(self._quota(each, unread) for each in told)

    def _quota(self, usage: Usage, unread: str) -> Quota:
        note = "" if usage.fetchStatus == "SUCCESS" else f"Counted at {usage.collectedAt.astimezone(UTC):%H:%M} UTC."
        if unread:
            note = f"{note} {self.name} could not tell {unread}.".strip()
        limit = float(usage.usageLimit) or None
        resets = _still_to_come(usage)
        name = usage.name.replace("-", " ").replace(" api ", " ")
        return Quota(name, float(usage.currentUsage), limit, "calls", resets, note)


def _still_to_come(usage: Usage) -> datetime | None:
    """A count out of a cache may carry a reset that is over."""
    return usage.resetsAt if usage.resetsAt is not None and usage.resetsAt > datetime.now(UTC) else None
