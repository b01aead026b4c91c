"""The two classes that clients of a service derive from."""

from typing import ClassVar, Generic, TypeVar

from integrations.capabilities import Credential
from integrations.plumbing.section import VendorSection

A = TypeVar("A")
S = TypeVar("S", bound=VendorSection)


class Part(Generic[A]):
    """One client of a service, on the vendor's `api`; its kind is the folder that it is written in."""

    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith("integrations."):
            cls.kind = cls.__module__.split(".")[1]

    def __init__(self, name: str, api: A) -> None:
        self.name = name
        self._api = api


class Client(Part[A], Generic[A, S]):
    """The client that holds the service's credential, and is asked how the service is."""

    def __init__(self, name: str, section: S, api: A) -> None:
        super().__init__(name, api)
        self.deadline = section.deadline
        self._section = section

    def credentials(self) -> tuple[Credential, ...]:
        holds = self._section.holds
        return (Credential(f"services.{self.name}.{holds}", getattr(self._section, holds)),)
