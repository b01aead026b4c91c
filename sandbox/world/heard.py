"""What a stand-in was asked and what it said, so that both can be held against the vendor's own description."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.world.misbehaving import Faults


@dataclass(frozen=True)
class Effect:
    """Something that changed the world; tests count these."""

    what: str
    target: str


@dataclass(frozen=True)
class Heard:
    """A request as it came, for checking against the vendor's own description."""

    method: str
    path: str
    query: dict[str, str]
    body: str
    status: int
    answer: str
    media: str = "application/json"
    asked: str = "application/json"
    """Content type of the request's body."""


@dataclass(kw_only=True, eq=False, repr=False)
class Watched:
    """What every stand-in keeps for those who look at it afterwards, and how it misbehaves."""

    effects: list[Effect] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    def done(self, what: str) -> list[str]:
        """Targets of the effects of one sort, in order."""
        return [effect.target for effect in self.effects if effect.what == what]


def recorder(heard: list[Heard], wrong: Callable[[web.HTTPException], object] | None = None) -> Middleware:
    """Keeps every call; `wrong` shapes the JSON of what aiohttp itself refuses, an unknown path above all."""

    @web.middleware
    async def record(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.text()
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            said = wrong(error) if wrong is not None else {"message": error.reason.lower()}
            answer = web.Response(text=json.dumps(said), content_type="application/json", status=error.status)
        small = isinstance(answer, web.Response) and isinstance(answer.body, bytes) and len(answer.body) < 10**6
        text = answer.text or "" if small and isinstance(answer, web.Response) else ""
        media = answer.content_type
        query = {name: ",".join(request.query.getall(name)) for name in request.query}
        heard.append(Heard(request.method, request.path, query, body, answer.status, text, media, request.content_type))
        return answer

    return record
