"""One vendor's word as a line: what it says is affected, and our checks beside it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.words.report import Fact, Line, Link, Moment, Status, Suggestion
from commands._shared.status_words import Beside
from integrations.capabilities import Checked

SHOWN = 5
"""Components and incidents of one vendor; the rest is counted, and stands on its page."""


def line_of(each: Beside) -> Line:
    told = each.told
    facts = [Fact(label="", value=text) for text in _capped(told.affected, "components")]
    for incident in told.incidents[:SHOWN]:
        facts.append(Fact(label=incident.state, value=incident.name))
        if incident.since is not None:
            facts.append(Fact(label="since", value=Moment(at=incident.since)))
        if incident.link:
            facts.append(Fact(label="told at", value=Link(url=incident.link, name=_host(incident.link))))
    if len(told.incidents) > SHOWN:
        facts.append(Fact(label="", value=f"{len(told.incidents) - SHOWN} more incidents"))
    facts += [Fact(label=f"our check of {service}", value=_measured(checked)) for service, checked in each.ours]
    if told.page:
        facts.append(Fact(label="page", value=Link(url=told.page, name=_host(told.page))))
    return Line(
        text=each.name,
        detail=told.summary,
        status=Status(told.health.value),
        facts=tuple(facts),
        suggestions=tuple(
            Suggestion(label=f"Check {service}", words=f"health {service} fresh=yes") for service in each.failing[:2]
        ),
    )


def _capped(affected: Sequence[str], what: str) -> list[str]:
    more = [f"{len(affected) - SHOWN} more {what}"] if len(affected) > SHOWN else []
    return [*affected[:SHOWN], *more]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # a vendor's link may be anything
        return url


def _measured(checked: Checked) -> str:
    return f"{checked.health.value}, {checked.detail}" if checked.detail else checked.health.value
