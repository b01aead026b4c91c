"""Clearbit: whether its key is still taken. Its API belongs to HubSpot and is being wound down: nothing else is built
on it."""

from typing import ClassVar, Literal

from integrations.capabilities import Checked, Health
from integrations.plumbing.key_holder import KeyHolder
from integrations.plumbing.outbound import Answer
from integrations.plumbing.section import KeySection, SecretRef, Url


class ClearbitSection(KeySection):
    kind: Literal["clearbit"]
    api_key: SecretRef
    """The secret key, not the publishable one."""
    url: Url = "https://company.clearbit.com"

    rights: ClassVar[str] = "Clearbit's keys have no rights of their own: each may do all that the account may."


class Clearbit(KeyHolder[ClearbitSection]):
    """Checkable, Testable, Credentialed. Source: GET /v1/domains/find"""

    probe = "/v1/domains/find?name=Clearbit"
    tries = "find a company's domain"

    def _verdict(self, answer: Answer) -> Checked:
        """A 404 with its words means that no company is called like that: the key was taken."""
        no_match = answer.status == 404 and bool(answer.fields())
        return Checked(Health.OK) if no_match else super()._verdict(answer)
