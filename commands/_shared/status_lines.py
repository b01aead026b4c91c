"""Vendors as rows: what each says is affected, and our checks beside it; those that are well are folded."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.words.report import Folded, Line, Link, Moment, Suggestion, Table, Value
from commands._shared.status_words import Beside
from integrations.capabilities import Checked, Health, VendorIncident

SHOWN = 5
"""Components and incidents of one vendor; the rest is counted, and stands on its page."""


def line_of(each: Beside) -> Line:
    told = each.told
    said: list[Value] = [_sentence(told.summary)] if told.summary else []
    if told.affected:
        said.append(f" {_sentence('; '.join(_capped(told.affected, 'components')))}")
    for incident in told.incidents[:SHOWN]:
        said += _incident(incident)
    if len(told.incidents) > SHOWN:
        said.append(f" {len(told.incidents) - SHOWN} more incidents.")
    said += [f" Our check of {service}: {_sentence(_measured(checked))}" for service, checked in each.ours]
    if told.page:
        said += [" ", Link(url=told.page, name=_host(told.page))]
    return Line(text=each.name, detail=tuple(said), status=each.status, suggestions=_remedies(each))


def _incident(incident: VendorIncident) -> list[Value]:
    """` Runs start late: investigating, since 7:18 AM, githubstatus.com.`"""
    said: list[Value] = [f" {incident.name}: {incident.state}"]
    if incident.since is not None:
        said += [", ", Moment(at=incident.since, said="since")]
    if incident.link:
        said += [", ", Link(url=incident.link, name=_host(incident.link))]
    return [*said, "."]


def _remedies(each: Beside) -> tuple[Suggestion, ...]:
    """A check of what stands on it, those that fail first; its page once more where nothing does."""
    services = sorted((service for service, _ in each.ours), key=lambda service: service not in each.failing)
    checks = (Suggestion(label=f"Check {service}", words=f"health {service} fresh=yes") for service in services[:SHOWN])
    return tuple(checks) or (Suggestion(label="Look again", words=f"status {each.name} fresh=yes"),)


def well_of(well: Sequence[Beside], everything: Sequence[Beside]) -> Folded:
    return Folded(
        word="well",
        names=tuple(sorted(each.name for each in well)),
        table=Table(
            columns=("vendor", "how it is", "what it says", "our checks", "its page"),
            rows=tuple(_row(each) for each in everything),
        ),
    )


def _row(each: Beside) -> tuple[Value, ...]:
    page = Link(url=each.told.page, name=_host(each.told.page)) if each.told.page else None
    ours = "; ".join(f"{service}: {_measured(checked)}" for service, checked in each.ours)
    return each.name, _WORDS[each.told.health], each.told.summary, ours or None, page


def _capped(affected: Sequence[str], what: str) -> list[str]:
    more = [f"{len(affected) - SHOWN} more {what}"] if len(affected) > SHOWN else []
    return [*affected[:SHOWN], *more]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # a vendor's link may be anything
        return url


_WORDS = {health: "well" if health is Health.OK else health.value for health in Health}


def _measured(checked: Checked) -> str:
    return f"{_WORDS[checked.health]}, {checked.detail}" if checked.detail else _WORDS[checked.health]


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."
