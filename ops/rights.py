"""What doctor asks each service: what its credential may do, what of that the bot does not need, what it lacks."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.words.exceptions import OpsError
from bot.words.report import Status
from ops.findings import Finding, Probe


class Credential(Protocol):
    @property
    def setting(self) -> str: ...


class Rights(Protocol):
    @property
    def has(self) -> tuple[str, ...]: ...
    @property
    def unneeded(self) -> tuple[str, ...]: ...
    @property
    def lacking(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def note(self) -> str: ...
    @property
    def narrowest(self) -> bool: ...


class Credentialed(Protocol):
    """A service that proves itself with secrets; `integrations.capabilities` has its full meaning."""

    @property
    def name(self) -> str: ...
    def credentials(self) -> Sequence[Credential]: ...
    async def rights(self) -> Rights: ...


def rights_probe(services: Sequence[Credentialed], deadline: timedelta = timedelta(seconds=8)) -> Probe:
    """All at once, each within `deadline`, which is shorter than the doctor's own: a silent one hides no other."""

    async def rights_of_services() -> Sequence[Finding]:
        answers = await asyncio.gather(*(_asked(service, deadline) for service in services))
        return [finding for answer in answers for finding in answer]

    return rights_of_services


async def _asked(service: Credentialed, deadline: timedelta) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(deadline.total_seconds()) as limit:
            rights = await service.rights()
    except OpsError as error:
        return _unknown(service, str(error))
    except Exception as error:
        if limit.expired():
            return _unknown(service, f"no answer within {deadline.total_seconds():g} s")
        logging.getLogger(__name__).exception("a service's client raised what it should have translated")
        return _unknown(service, f"our own client failed ({type(error).__name__}); the log has the details")
    return _findings(service, rights)


def _unknown(service: Credentialed, why: str) -> Sequence[Finding]:
    mend = f"ops test {service.name} tries it out step by step"
    what = f"{service.name}: what its credential may do could not be found out: {why}"
    return (Finding(what, Status.UNKNOWN, mend),)


def _findings(service: Credentialed, rights: Rights) -> Sequence[Finding]:
    name, where = service.name, _settings(service)
    found = [
        Finding(f"{name}: its credential lacks {right}, needed for {commands}", Status.WARNING, f"give it to {where}")
        for right, commands in rights.lacking
    ]
    if rights.unneeded and rights.narrowest:
        what = f"{name}: its credential may more than the bot needs, and none may less: {', '.join(rights.unneeded)}"
        found.append(Finding(what, Status.OK, f"{rights.note} Keep {where} as safe as that.".strip()))
    elif rights.unneeded:
        what = f"{name}: its credential may do what the bot does not need: {', '.join(rights.unneeded)}"
        mend = " ".join(filter(None, (f"put a narrower one into {where}.", rights.note)))
        found.append(Finding(what, Status.WARNING, mend))
    needed = [right for right in rights.has if right not in rights.unneeded]
    if needed:
        note = "" if rights.unneeded else rights.note
        found.append(Finding(f"{name}: its credential may: {', '.join(needed)}", Status.OK, note))
    elif not found:
        found.append(Finding(f"{name}: what its credential may do is not told", Status.OK, rights.note))
    return found


def _settings(service: Credentialed) -> str:
    return " and ".join(credential.setting for credential in service.credentials()) or service.name
