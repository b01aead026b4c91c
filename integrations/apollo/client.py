"""Apollo: whether its key is taken, and how many calls are left."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from bot.words.exceptions import NotUnderstood, OpsError, Refused, TryLater
from integrations.capabilities import Checked, Health, Quota
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.key_holder import KeyHolder
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.section import KeySection, SecretRef, Url

_WINDOWS = {
    "calls a minute": ("minute",),
    "calls an hour": ("hourly",),
    "calls a day": ("24-hour", "daily"),
}
"""With what the headers call each; the day has had two names."""


class ApolloSection(KeySection):
    kind: Literal["apollo"]
    api_key: SecretRef
    """Any key; a master key is not needed."""
    url: Url = "https://api.apollo.io"

    rights: ClassVar[str] = "Apollo does not tell a key's rights. Least: a key that is no master key."


class ApolloService(Service):
    header = "x-api-key"
    rate = RateHeaders("x-24-hour-requests-left", "x-rate-limit-24-hour", per="today")

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """No key at all is a 422 here: an empty secret, or a proxy that drops the header."""
        if answer.status == 422:
            said, where = self.said(answer), self._credential_setting
            return Refused(f"{self.name} says that it got no usable key (422){said}. Check {where}.")
        return super().error_of(answer, write=write, missing=missing)


class Apollo(KeyHolder[ApolloSection]):
    """Checkable, Testable, Credentialed, Metered. Source: GET /api/v1/users/api_profile

    /auth/health is never asked: it is well even with a bad key.
    """

    probe = "/api/v1/users/api_profile"
    opens = ApolloService
    tries = "read whose key it is"

    async def usage(self) -> tuple[Quota, ...]:
        """As the headers of a good answer tell it; the call that asks is counted.

        Raises NotUnderstood where they tell nothing.
        """
        answer = await self._api.look(self.probe, limit=self._section.timeout)
        if isinstance(answer, Checked):
            raise TryLater(f"{self.name}: {answer.detail}")
        if not answer.good:
            raise self._api.error_of(answer, write=False)
        if self._verdict(answer).health is not Health.OK:
            raise TryLater(f"{self.name}: {self._verdict(answer).detail}")
        found = tuple(quota for name, words in _WINDOWS.items() if (quota := _window(answer, name, words)))
        if not found:
            raise NotUnderstood(f"{self.name} told no limits with its answer.")
        return found


def _window(answer: Answer, name: str, words: tuple[str, ...]) -> Quota | None:
    for word in words:
        limit = _count(answer.headers, f"x-rate-limit-{word}")
        left = _count(answer.headers, f"x-{word}-requests-left")
        if limit and left is not None:
            return Quota(
                name,
                max(limit - left, 0),
                limit,
                "calls",
                note="Some calls, bulk enrichment above all, "
                "have lower limits of their own, which Apollo does not tell here.",
            )
    return None


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
