"""Resend: whether its key is taken, and whether the domains that mail is sent from are still verified."""

from datetime import timedelta
from typing import ClassVar, Literal

from bot.words.exceptions import OpsError
from integrations.capabilities import Checked, Health, Rights
from integrations.plumbing.checking import judged
from integrations.plumbing.key_holder import KeyHolder, well
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.section import KeySection, SecretRef, Url
from integrations.plumbing.shape import Shape

_FAILED = ("failed", "partially_failed")
_PACE = Pace(2, timedelta(seconds=1), at_once=2)
"""Of the whole team: what the older of its limits allows."""


class ResendSection(KeySection):
    kind: Literal["resend"]
    api_key: SecretRef
    """Whatever key sends the mails; with full access the domains are looked at too."""
    url: Url = "https://api.resend.com"

    rights: ClassVar[str] = (
        "A key with sending access is enough: nothing is sent with it. Full access shows domains that failed, and may "
        "delete them."
    )


class _Domain(Shape):
    name: str
    status: str


class _Domains(Shape):
    data: tuple[_Domain, ...]


class ResendService(Service):
    pace = _PACE

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """A key that is not known is a 400, 401 or 403, by where it is used."""
        told = answer.fields()
        named = told.get("name") in ("invalid_api_key", "missing_api_key")
        if answer.status in (400, 401, 403) and (named or str(told.get("message")).startswith("API key is invalid")):
            return self.refused(answer)
        return super().error_of(answer, write=write, missing=missing)


class Resend(KeyHolder[ResendSection]):
    """Checkable, Testable, Credentialed. Source: GET /domains, or with a key that only sends GET /emails"""

    probe = "/domains"
    opens = ResendService
    tries = "look at the domains, or at one mail"

    async def rights(self) -> Rights:
        """As the domains answer: a key that only sends may not see them. Source: GET /domains"""
        answer = await self._api.look(self.probe, limit=self._section.timeout)
        if isinstance(answer, Answer) and answer.good:
            return Rights(has=("sending", "full access"), unneeded=("full access",), note=self._section.rights)
        if not (isinstance(answer, Answer) and _restricted(answer)):
            well(answer if isinstance(answer, Checked) else self._verdict(answer))
        return Rights(has=("sending",), note=self._section.rights)

    @property
    def _remedy(self) -> str:
        return f"Check services.{self.name}.api_key, and at Resend the domains."

    async def _looked(self, limit: timedelta) -> Checked:
        answer = await self._api.look(self.probe, limit=limit)
        if isinstance(answer, Answer) and _restricted(answer):
            answer = await self._api.look("/emails?limit=1", limit=limit)
            if isinstance(answer, Answer):
                return Checked(Health.OK) if _restricted(answer) else super()._verdict(answer)
        return answer if isinstance(answer, Checked) else self._verdict(answer)

    def _verdict(self, answer: Answer) -> Checked:
        found = judged(self._api, answer, _Domains)
        if isinstance(found, Checked):
            return found
        failed = [f"{each.name} is {each.status.replace('_', ' ')}" for each in found.data if each.status in _FAILED]
        if not failed:
            return Checked(Health.OK)
        told = self._api.clean(", ".join(failed))
        return Checked(Health.DEGRADED, f"mail is not taken from every domain: {told}; check its DNS records")


def _restricted(answer: Answer) -> bool:
    """The key is good, and may only send."""
    return answer.status in (401, 403) and answer.fields().get("name") == "restricted_api_key"
