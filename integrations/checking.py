"""A health check by one read whose answer has to be of the shape that the API promises."""

from dataclasses import replace
from datetime import timedelta

from pydantic import BaseModel

from bot.errors import OpsError
from integrations.capabilities import Checked, Health
from integrations.http import Service


async def checked(
    service: Service, path: str, shape: type[BaseModel], *, limit: timedelta, missing: OpsError | None = None
) -> Checked:
    """DOWN only where the service itself fails; `missing` is what a 404 means."""
    answer = await service.look(path, limit=limit)
    if isinstance(answer, Checked):
        return answer
    if not answer.good:
        error = service.error_of(answer, write=False, missing=missing)
        return Checked(Health.DOWN if answer.status >= 500 else Health.DEGRADED, str(error))
    try:
        shape.model_validate(answer.json())
    except (ValueError, RecursionError):
        return Checked(Health.UNKNOWN, f"it answers {answer.media or 'without a content type'} of another shape")
    return with_allowance(Checked(Health.OK), service)


def with_allowance(well: Checked, service: Service) -> Checked:
    """What is ok, with how many calls are left as the vendor tells it; DEGRADED where they are nearly used."""
    told = service.allowance.told()
    if told and service.allowance.nearly_used:
        return Checked(Health.DEGRADED, f"only {service.allowance.told(' calls are left')}", told)
    return replace(well, calls_left=told)
