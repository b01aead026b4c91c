"""A health check by one read whose answer has to be of the shape that the API promises."""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from bot.words.exceptions import OpsError
from integrations.capabilities import Checked, Health
from integrations.plumbing.outbound import Answer, Service

M = TypeVar("M", bound=BaseModel)


async def checked(
    service: Service, path: str, shape: type[BaseModel], *, limit: timedelta, missing: OpsError | None = None
) -> Checked:
    found = await looked(service, path, shape, limit=limit, missing=missing)
    return found if isinstance(found, Checked) else with_allowance(Checked(Health.OK), service)


async def looked(
    service: Service, path: str, shape: type[M], *, limit: timedelta, missing: OpsError | None = None
) -> M | Checked:
    """The parsed answer, or the verdict where there is none."""
    answer = await service.look(path, limit=limit)
    return answer if isinstance(answer, Checked) else judged(service, answer, shape, missing=missing)


def judged(service: Service, answer: Answer, shape: type[M], *, missing: OpsError | None = None) -> M | Checked:
    """DOWN only where the service itself fails; `missing` is what a 404 means."""
    if not answer.good:
        error = service.error_of(answer, write=False, missing=missing)
        return Checked(Health.DOWN if answer.status >= 500 else Health.DEGRADED, str(error))
    try:
        return shape.model_validate(answer.json())
    except (ValueError, RecursionError):
        return Checked(Health.UNKNOWN, answer.no_json)


def with_allowance(well: Checked, service: Service) -> Checked:
    """The verdict with how many calls are left, as the vendor tells it; DEGRADED where they are nearly used."""
    told = service.allowance.told()
    if told and service.allowance.nearly_used:
        return Checked(Health.DEGRADED, f"only {service.allowance.told(' calls are left')}", told)
    return replace(well, calls_left=told)
