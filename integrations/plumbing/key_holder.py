"""Services of which the bot holds nothing but a key: one cheap read tells whether they answer and still take it."""

from datetime import timedelta
from typing import ClassVar, Generic

from pydantic import RootModel

from bot.words.exceptions import Refused, TryLater
from integrations.capabilities import Checked, Health, Rights, Trial
from integrations.plumbing.base import Client, S
from integrations.plumbing.checking import judged, with_allowance
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.section import Outside
from integrations.plumbing.trying import Step, tried


class _Object(RootModel[dict[str, object]]):
    pass


class KeyHolder(Client[Service, S], Generic[S]):
    """Checkable, Testable, Credentialed."""

    probe: ClassVar[str]
    """Path of the read, with its query."""
    tries: ClassVar[str]
    """The name of that read in plain words."""
    opens: ClassVar[type[Service]] = Service

    def __init__(self, name: str, section: S, outside: Outside) -> None:
        super().__init__(name, section, self.opens.of(name, section, outside))

    async def check(self) -> Checked:
        seen = await self._looked(self.deadline)
        return with_allowance(seen, self._api) if seen.health is Health.OK else seen

    async def test(self) -> tuple[Trial, ...]:
        return await tried(Step(self.tries, self._accepted, self._remedy))

    async def rights(self) -> Rights:
        await self._accepted()
        return Rights(has=(self.tries,), note=self._section.rights)

    @property
    def _remedy(self) -> str:
        return f"Check services.{self.name}.{self._section.holds}."

    async def _looked(self, limit: timedelta) -> Checked:
        answer = await self._api.look(self.probe, limit=limit)
        return answer if isinstance(answer, Checked) else self._verdict(answer)

    def _verdict(self, answer: Answer) -> Checked:
        """The verdict on the service and on the key."""
        found = judged(self._api, answer, _Object)
        return found if isinstance(found, Checked) else Checked(Health.OK)

    async def _accepted(self) -> None:
        well(await self._looked(self._section.timeout))


def well(seen: Checked) -> None:
    """Raises Refused where it is not, TryLater where that cannot be told now."""
    if seen.health is Health.DEGRADED:
        raise Refused(seen.detail)
    if seen.health is not Health.OK:
        raise TryLater(seen.detail)
