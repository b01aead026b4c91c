"""Clearbit: whether its key is still taken. Its API belongs to HubSpot and is being wound down: nothing else is built
on it."""

from typing import ClassVar, Literal

from integrations.capabilities import Checked, Health
from integrations.plumbing.key_holder import KeyHolder, KeySection
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.section import Outside, SecretRef, Url


class ClearbitSection(KeySection):
    kind: Literal["clearbit"]
    api_key: SecretRef
    """The secret key, not the publishable one."""
    url: Url = "https://company.clearbit.com"

    rights: ClassVar[str] = "Clearbit's keys have no rights of their own: each may do all that the account may."


class Clearbit(KeyHolder):
    """Checkable, Testable, Credentialed. Source: GET /v1/domains/find"""

    kind = "clearbit"
    probe = "/v1/domains/find?name=Clearbit"
    tries = "find a company's domain"

    def __init__(self, name: str, section: ClearbitSection, outside: Outside) -> None:
        service = Service(
            outside,
            name=name,
            base_url=section.url.rstrip("/"),
            timeout=section.timeout,
            credentials=lambda: {"Authorization": f"Bearer {outside.secrets(section.api_key)}"},
            credential_setting=f"services.{name}.api_key",
        )
        super().__init__(name, section, service)

    def _verdict(self, answer: Answer) -> Checked:
        """A 404 with its words means that no company is called like that: the key was taken."""
        no_match = answer.status == 404 and bool(answer.fields())
        return Checked(Health.OK) if no_match else super()._verdict(answer)
