"""Retell's phone numbers: which agent answers each, given to another one, taken from all of them, and put back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Refused, Stale
from integrations.capabilities import Number, NumberState
from integrations.plumbing.base import Part
from integrations.retell.api import Agent, PhoneNumber, RetellApi, Weighted

_ROLES = ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents")
"""Fields with a number's agents; the first is who answers, and whom it is assigned to."""
_ALONE = ("inbound_agent_id", "outbound_agent_id")
"""Of old; they would be fallen back to where a role is nobody's."""

_Roles = dict[str, JsonValue]


class RetellNumbers(Part[RetellApi]):
    """Numbers."""

    async def numbers(self) -> tuple[Number, ...]:
        """By number."""
        agents = await self._api.agents()
        found = await self._api.numbers()
        return tuple(sorted((_number(each, agents) for each in found), key=lambda each: each.number))

    async def set_number(self, was: Number, *, state: NumberState, assigned_to: str) -> dict[str, JsonValue]:
        """Reassigning changes who answers; releasing takes it from every agent, those that call from it as well.

        Gives `{"was": {role: agents}, "is": {role: agents}}`. Raises NotUnderstood for an agent that is not there.
        """
        agents = await self._api.agents()
        now = await self._api.number(was.number)
        seen = _number(now, agents)
        if (seen.state, seen.assigned_to, seen.detail) != (was.state, was.assigned_to, was.detail):
            differences = (f"assigned to was {was.assigned_to or 'nobody'}, is {seen.assigned_to or 'nobody'}",)
            raise Stale(f"{was.number} was changed since; it was left as it is.", differences=differences)
        before = _roles(now)
        match state:
            case NumberState.ASSIGNED:
                agent = self._agent(assigned_to, agents)
                wanted = before | {"inbound_agents": [{"agent_id": agent.agent_id, "weight": 1.0}]}
            case NumberState.AVAILABLE:
                if now.inbound_webhook_url:
                    raise Refused(
                        f"Who answers {was.number} is picked by a webhook, with or without an agent; remove it at "
                        "Retell first. Nothing was changed."
                    )
                wanted = {role: [] for role in _ROLES}
            case _:
                raise NotUnderstood(f"A number cannot be made {state}.")
        return {"was": before, "is": await self._change(now, before, wanted)}

    async def restore_number(self, number: str, kept: dict[str, JsonValue]) -> None:
        now = await self._api.number(number)
        was, left = kept["was"], kept["is"]
        assert isinstance(was, dict)  # noqa: S101 - what set_number gave
        if _roles(now) != left:
            raise Stale(f"The agents of {number} were changed since; they were left as they are.")
        await self._change(now, _roles(now), was)

    async def _change(self, now: PhoneNumber, before: _Roles, wanted: _Roles) -> _Roles:
        """Only what differs is sent; how it is then, in the vendor's words."""
        fields: dict[str, Any] = {role: wanted[role] for role in _ROLES if wanted[role] != before[role]}
        for role, alone in zip(_ROLES, _ALONE, strict=False):
            if fields.get(role) == [] and getattr(now, alone):
                fields[alone] = None
        if not fields:
            return before
        left = _roles(await self._api.change_number(now.phone_number, fields))
        if any(_ids(left[role]) != _ids(wanted[role]) for role in _ROLES):
            raise OutcomeUnknown(
                f"{self.name} took the change of {now.phone_number} and tells other agents than were asked for; "
                "look there for who answers it."
            )
        return left

    def _agent(self, wanted: str, agents: Sequence[Agent]) -> Agent:
        """By id, or by a name that only one has."""
        found = [agent for agent in agents if agent.agent_id == wanted] or [
            agent for agent in agents if agent.agent_name.casefold() == wanted.casefold()
        ]
        if not found:
            names = ", ".join(sorted({agent.agent_name for agent in agents if agent.channel == "voice"})[:10])
            raise NotUnderstood(f"{self.name} has no agent {wanted[:60]!r}. There are: {names or 'none'}.")
        if len(found) > 1:
            ids = ", ".join(agent.agent_id for agent in found)
            raise NotUnderstood(f"{self.name} has several agents called {wanted[:60]!r}; write the id of one: {ids}.")
        agent = found[0]
        if agent.channel != "voice" or agent.is_suspended:
            why = "is suspended" if agent.is_suspended else f"is for {agent.channel}"
            raise Refused(f"The agent {agent.agent_name} of {self.name} {why}: it answers no calls.")
        return agent


def _number(found: PhoneNumber, agents: Sequence[Agent]) -> Number:
    """One that only calls out, or whose callers a webhook sends on, is neither free nor anybody's to answer."""
    names = _names(agents)
    if found.inbound:
        return Number(found.phone_number, NumberState.ASSIGNED, _told(found.inbound, names))
    others = found.outbound or found.inbound_sms_agents or found.outbound_sms_agents or ()
    if not others and not found.inbound_webhook_url:
        return Number(found.phone_number, NumberState.AVAILABLE)
    detail = "outbound only" if found.outbound else "SMS only"
    if found.inbound_webhook_url:
        detail = "answered by webhook"
    return Number(found.phone_number, NumberState.OTHER, _told(others, names), detail=detail)


def _names(agents: Sequence[Agent]) -> Mapping[str, str]:
    """By id: the name, or the id itself where several have that name."""
    count = Counter(agent.agent_name.casefold() for agent in agents)
    alone = {agent.agent_id: agent.agent_name for agent in agents if count[agent.agent_name.casefold()] == 1}
    return {agent.agent_id: alone.get(agent.agent_id) or agent.agent_id for agent in agents}


def _told(weighted: Sequence[Weighted], names: Mapping[str, str]) -> str:
    """`Front desk`; `Front desk 70 %, Night desk 30 %`."""
    if len(weighted) == 1:
        return names.get(weighted[0].agent_id, weighted[0].agent_id)
    return ", ".join(f"{names.get(each.agent_id, each.agent_id)} {each.weight * 100:.4g} %" for each in weighted)


def _roles(found: PhoneNumber) -> _Roles:
    held = (found.inbound, found.outbound, found.inbound_sms_agents or (), found.outbound_sms_agents or ())
    return {
        role: [each.model_dump(mode="json", exclude_none=True) for each in agents]
        for role, agents in zip(_ROLES, held, strict=True)
    }


def _ids(role: JsonValue) -> list[JsonValue]:
    assert isinstance(role, list)  # noqa: S101 - as _roles writes them
    return sorted((each["agent_id"] for each in role if isinstance(each, dict)), key=str)
