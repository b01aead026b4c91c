"""Who passes a Vercel project's firewall: bypasses with an end of their own, and blocks of single addresses."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasPath, Field

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, Stale
from bot.words.networks import IPNetwork, covers, network_of, same, spelled
from integrations.capabilities import RateLimitState
from integrations.plumbing.base import Part
from integrations.plumbing.shape import Shape
from integrations.vercel.api import VercelApi

_BYPASS = "/v1/security/firewall/bypass"
_CONFIG = "/v1/security/firewall/config"
_PAGE = 256
_PAGES = 8
_NOTE = 500
_SECONDS_END = 10**11
"""Vercel does not say whether an end is in seconds or milliseconds: no second of ours is that large."""


class _Bypass(Shape):
    id: str = Field(alias="Id")
    ip: str = Field(default="", alias="Ip")
    domain: str = Field(default="", alias="Domain")
    note: str = Field(default="", alias="Note")
    action: str = Field(default="bypass", alias="Action")
    whole_project: bool = Field(default=False, alias="IsProjectRule")
    deleted: str = Field(default="", alias="DeletedAt")
    """Since when it is none any more; empty for one that holds."""
    expires: float | None = Field(default=None, alias="ExpiresAt")

    def ended(self, now: datetime) -> bool:
        if self.expires is None:
            return False
        return self.expires / (1 if self.expires < _SECONDS_END else 1000) <= now.timestamp()


class _Bypasses(Shape):
    result: tuple[_Bypass, ...] = ()
    next: Annotated[str | None, Field(validation_alias=AliasPath("pagination", "Id"))] = None


class _Block(Shape):
    id: str
    hostname: str
    ip: str
    notes: str = ""
    action: str


class _Config(Shape):
    ips: tuple[_Block, ...] = ()


class Firewall(Part[VercelApi]):
    """RateLimiter, Prolongs."""

    def __init__(self, name: str, api: VercelApi, domain: str) -> None:
        super().__init__(name, api)
        self._domain = domain

    async def rate_limits(self, network: str) -> RateLimitState:
        """Blocks of this network or a part of it are lifted with it; a block of a wider one is only told."""
        blocks = await self._blocks()
        asked = network_of(network)
        wider = [b for b in blocks if covers(b.ip, asked) and not _within(b.ip, asked)]
        return RateLimitState(
            records=0,
            sample=(),
            allowed=await self._allowing(network) is not None,
            has_allow_list=True,
            blocks=tuple(_worded(block) for block in blocks if _within(block.ip, asked)),
            notes=tuple(f"{_worded(block)} stays: it covers more than was asked for." for block in wider),
        )

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Gives `{"bypass": {"network", "note"} or None, "blocks": [{"hostname", "ip", "notes"}]}`.

        Source: POST /v1/security/firewall/bypass with its ttl; PATCH /v1/security/firewall/config, ip.remove
        """
        asked = network_of(network)
        inserted = await self._allowing(network) is None
        if inserted:
            await self._insert(network, note, until)
        lifted: list[dict[str, str]] = []
        try:
            for block in await self._blocks():
                if _within(block.ip, asked):
                    await self._api.change(
                        _CONFIG, method="PATCH", body={"action": "ip.remove", "id": block.id, "value": None}
                    )
                    lifted.append({"hostname": block.hostname, "ip": block.ip, "notes": block.notes})
        except OpsError as error:
            done = [f"{network} may bypass the firewall"] * inserted + [
                f"the block of {each['ip']} is gone" for each in lifted
            ]
            raise _after(error, done, "take that back in Vercel") from error
        return {"bypass": {"network": network, "note": note[:_NOTE]} if inserted else None, "blocks": lifted}

    async def prolong(self, network: str, lifted: dict[str, object], until: datetime) -> dict[str, object]:
        """Vercel cannot move an end: the bypass is taken away and given again, which takes a moment. Raises Stale where
        it is gone: nobody approved that it be there again."""
        if not isinstance(ours := lifted.get("bypass"), dict):
            return lifted
        there = await self._ours(network, str(ours["note"]))
        if there is None:
            raise Stale(f"The bypass for {network} is not in {self.name} any more; it was not given again.")
        await self._remove(there)
        try:
            await self._insert(network, str(ours["note"]), until)
        except OpsError as error:
            raise _after(error, [f"{network} may not bypass the firewall any more"], "look there") from error
        return lifted

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        """Also puts back the blocks that were lifted, those that nobody has put back since."""
        done: list[str] = []
        ours = lifted.get("bypass")
        if isinstance(ours, dict) and (there := await self._ours(network, str(ours["note"]))):
            await self._remove(there)
            done.append(f"{network} may not bypass the firewall any more")
        blocks = lifted.get("blocks")
        try:
            back = {(block.hostname, spelled(block.ip)) for block in await self._blocks()}
            for block in blocks if isinstance(blocks, list) else ():
                if (block["hostname"], spelled(block["ip"])) not in back:
                    value = {**block, "action": "deny"}
                    await self._api.change(
                        _CONFIG, method="PATCH", body={"action": "ip.insert", "id": None, "value": value}
                    )
                    done.append(f"the block of {block['ip']} is back")
        except OpsError as error:
            raise _after(error, done, "put back the rest in Vercel") from error
        return len(done)

    async def _ours(self, network: str, note: str) -> _Bypass | None:
        """None where it ended or is gone. Raises Stale where it is there with another note.

        One for the whole project lets the same address through and is not where ours was put, if ours has a domain.
        """
        now = datetime.now(UTC)
        found = [b for b in await self._bypasses() if self._put(b) and same(b.ip, network) and not b.ended(now)]
        ours = next((bypass for bypass in found if bypass.note == note), None)
        if found and ours is None:
            change = f"its note was {note!r}, now it is {found[0].note!r}"
            raise Stale(
                f"Somebody changed the bypass for {network} in {self.name} since: {change}; it was left as it is.",
                differences=(change,),
            )
        return ours

    async def _allowing(self, network: str) -> _Bypass | None:
        asked, now = network_of(network), datetime.now(UTC)
        for each in await self._bypasses():
            if each.action == "bypass" and self._here(each) and not each.ended(now) and covers(each.ip, asked):
                return each
        return None

    def _put(self, bypass: _Bypass) -> bool:
        """Whether it is where ours are put."""
        return not bypass.whole_project and bypass.domain == self._domain if self._domain else bypass.whole_project

    def _here(self, bypass: _Bypass) -> bool:
        return bypass.whole_project or (bool(self._domain) and bypass.domain == self._domain)

    async def _bypasses(self) -> tuple[_Bypass, ...]:
        """Source: GET /v1/security/firewall/bypass"""
        found: list[_Bypass] = []
        offset: dict[str, str] = {}
        for _ in range(_PAGES):
            page: _Bypasses = await self._api.ask(_BYPASS, _Bypasses, limit=str(_PAGE), **offset)
            found.extend(each for each in page.result if not each.deleted)
            if page.next is None:  # a page may be short, or empty, and not the last
                return tuple(found)
            offset = {"offset": page.next}
        raise Refused(f"{self.name} has more than {_PAGE * _PAGES:,} bypasses; whether this one is there is not known.")

    async def _blocks(self) -> tuple[_Block, ...]:
        """Source: GET /v1/security/firewall/config/active, 404 where nobody ever configured it"""
        try:
            config: _Config = await self._api.ask(f"{_CONFIG}/active", _Config)
        except NotUnderstood:
            return ()
        return tuple(block for block in config.ips if block.action == "deny")

    async def _insert(self, network: str, note: str, until: datetime | None) -> None:
        body: dict[str, Any] = {**self._place(), "sourceIp": network, "note": note[:_NOTE]}
        if until is not None:
            body["ttl"] = max(int((until - datetime.now(UTC)).total_seconds() * 1000), 1000)
        await self._api.change(_BYPASS, method="POST", body=body)

    async def _remove(self, bypass: _Bypass) -> None:
        """By the address as it is listed."""
        await self._api.change(_BYPASS, method="DELETE", body={**self._place(), "sourceIp": bypass.ip})

    def _place(self) -> Mapping[str, Any]:
        return {"domain": self._domain} if self._domain else {"projectScope": True}


def _after(error: OpsError, done: list[str], remedy: str) -> OpsError:
    """The same, unless something was done before it: then it must not pass for nothing."""
    if not done:
        return error
    kind = OutcomeUnknown if isinstance(error, OutcomeUnknown) else Refused
    return kind(f"{error} Before that: {', '.join(done)}; {remedy}.")


def _within(ip: str, network: IPNetwork) -> bool:
    try:
        return covers(str(network), network_of(ip))
    except ValueError:
        return False


def _worded(block: _Block) -> str:
    return f"The block of {block.ip} on {block.hostname}{f' ({block.notes})' if block.notes else ''}"
