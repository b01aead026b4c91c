"""OpenAI: whether its project key is taken, and what the organisation has spent this month."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from bot.words.exceptions import OpsError, Refused
from integrations.capabilities import Checked, Credential, Health, Quota, Rights, Trial
from integrations.plumbing.key_holder import KeyHolder, well
from integrations.plumbing.outbound import Answer, Service, Unreadable
from integrations.plumbing.section import KeySection, Outside, SecretRef, Url
from integrations.plumbing.shape import Shape
from integrations.plumbing.trying import Step, tried

PAGES = 40
"""Of costs that are read at most; a month fits into one."""
_ELSEWHERE = "unsupported_country_region_territory"
"""The one 403 that is no matter of scope."""


class OpenAiSection(KeySection):
    kind: Literal["openai"]
    api_key: SecretRef
    """A project's key; it is only tried out."""
    admin_key: SecretRef | None = None
    """An organisation's admin key (sk-admin-…): costs are read with it. Left out: /ops usage leaves OpenAI out."""
    budget: float | None = Field(default=None, gt=0)
    """USD a month for the whole organisation, against which costs are shown. OpenAI goes on beyond it."""
    url: Url = "https://api.openai.com/v1"

    rights: ClassVar[str] = (
        "A restricted project key that may read models, or not even that; for costs an admin key, restricted to "
        "reading usage."
    )

    @model_validator(mode="after")
    def _readable(self) -> "OpenAiSection":
        if self.budget is not None and self.admin_key is None:
            raise ValueError("write admin_key beside budget: without it costs cannot be read")
        return self


class Scoped(Refused):
    """The key is good, and not for this."""


class OutOfQuota(Refused):
    """The account's money or budget is used up: no waiting helps."""


class _Amount(Shape):
    value: float = 0.0
    currency: str = "usd"


class _Result(Shape):
    amount: _Amount | None = None


class _Day(Shape):
    results: tuple[_Result, ...]


class _Costs(Shape):
    data: tuple[_Day, ...]
    has_more: bool
    next_page: str | None


class OpenAiService(Service):
    def worth_again(self, answer: Answer) -> bool:
        """One 429 is over in a moment; the other one when somebody has paid."""
        return super().worth_again(answer) and _code(answer) != "insufficient_quota"

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status == 429 and _code(answer) == "insufficient_quota":
            return OutOfQuota(
                f"{self.name} is out of quota (429){self.said(answer)}. Waiting does not help: add credit or raise the "
                "limit at OpenAI."
            )
        if _scoped(answer):
            return Scoped(f"{self.name} takes our key, which may not do this ({answer.status}){self.said(answer)}.")
        return super().error_of(answer, write=write, missing=missing)


def openai(name: str, section: OpenAiSection, outside: Outside) -> "OpenAi":
    return OpenAi(name, section, outside) if section.admin_key is None else OpenAiWithCosts(name, section, outside)


class OpenAi(KeyHolder[OpenAiSection]):
    """Checkable, Testable, Credentialed. Source: GET /models"""

    probe = "/models"
    opens = OpenAiService
    tries = "list models"

    async def rights(self) -> Rights:
        """As far as trying tells: OpenAI lists no key's rights."""
        answer = await self._api.look(self.probe, limit=self._section.timeout)
        well(answer if isinstance(answer, Checked) else self._verdict(answer))
        listed = isinstance(answer, Answer) and answer.good
        return Rights(has=(self.tries,) if listed else (), note=self._section.rights)

    def _verdict(self, answer: Answer) -> Checked:
        """A restricted key that may not list models is none the worse for it."""
        return Checked(Health.OK) if _scoped(answer) else super()._verdict(answer)


class OpenAiWithCosts(OpenAi):
    """Metered, beside what it is without an admin key."""

    def __init__(
        self,
        name: str,
        section: OpenAiSection,
        outside: Outside,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name, section, outside)
        self._budget = section.budget
        self._admin_key = section.admin_key or ""
        self._admin = OpenAiService.of(name, section, outside, holds="admin_key")
        self._now = now

    async def test(self) -> tuple[Trial, ...]:
        setting = f"services.{self.name}.admin_key"
        remedy = f"Check {setting}: it must be an admin key that may read usage."
        return (*await super().test(), *await tried(Step("read this month's costs", self.usage, remedy)))

    def credentials(self) -> tuple[Credential, ...]:
        return (*super().credentials(), Credential(f"services.{self.name}.admin_key", self._admin_key))

    async def rights(self) -> Rights:
        known = await super().rights()
        try:
            await self.usage()
        except Scoped:
            return Rights(has=known.has, lacking=(("read costs", "usage"),), note=known.note)
        return Rights(has=(*known.has, "read costs"), note=known.note)

    async def usage(self) -> tuple[Quota, ...]:
        """The month's costs in days of UTC, as OpenAI counts them; the budget is against those in USD."""
        begin = self._now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (begin + timedelta(days=32)).replace(day=1)
        spent = {"usd": 0.0, **await self._costs(begin)}
        note = "Costs are those of the whole organisation"
        note += "." if self._budget is None else ", and the budget is that of ops.toml: OpenAI goes on beyond it."
        return tuple(
            Quota(
                "costs this month",
                value,
                self._budget if currency == "usd" else None,
                currency.upper(),
                resets_at=end,
                note=note,
            )
            for currency, value in spent.items()
        )

    async def _costs(self, since: datetime) -> Mapping[str, float]:
        """By currency, in lower case. Source: GET /organization/costs"""
        params = {"start_time": str(int(since.timestamp())), "bucket_width": "1d", "limit": "31"}
        sums: dict[str, float] = {}
        for _ in range(PAGES):
            found = await self._admin.get("/organization/costs", _Costs, params=params)
            for amount in (result.amount for day in found.data for result in day.results):
                if amount is not None:
                    sums[amount.currency.lower()] = sums.get(amount.currency.lower(), 0.0) + amount.value
            if not found.has_more:
                return sums
            if not found.next_page:
                raise Unreadable(f"{self.name} has more costs of the month and does not say where; not all were read.")
            params = params | {"page": found.next_page}
        raise Unreadable(f"{self.name} tells the costs of a month in more than {PAGES} pages; not all were read.")


def _error(answer: Answer) -> Mapping[str, object]:
    """Its `error`; nothing where it is not OpenAI's word."""
    error = answer.fields().get("error")
    return error if isinstance(error, dict) else {}


def _code(answer: Answer) -> str:
    return str(_error(answer).get("code") or "")


def _scoped(answer: Answer) -> bool:
    """Missing scopes come as 403, and from some calls as 401."""
    error = _error(answer)
    named = "missing scopes" in str(error.get("message", "")).casefold()
    return (answer.status == 401 and named) or (answer.status == 403 and bool(error) and _code(answer) != _ELSEWHERE)
