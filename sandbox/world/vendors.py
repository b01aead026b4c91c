"""Every vendor's stand-in, under the name that a team would give it in ops.toml."""

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from sandbox.world.github import FakeGitHub
from sandbox.world.neon import FakeNeon
from sandbox.world.railway import FakeRailway
from sandbox.world.retell import FakeRetell
from sandbox.world.supabase import FakeSupabase
from sandbox.world.vercel import FakeVercel


class StandIn(Protocol):
    """Stateful, over real HTTP; it takes one credential and behaves as its vendor's description says."""

    def app(self) -> web.Application: ...

    def section(self, url: str) -> dict[str, Any]:
        """The `[services.*]` table of an ops.toml for it."""
        ...

    def environment(self) -> dict[str, str]:
        """The variables that its table refers to. Made up, and of use against the stand-in only."""
        ...


def vendors() -> Mapping[str, StandIn]:
    """New ones, each as it is after a believable day."""
    return {
        "ci": FakeGitHub("github_pat_demo_5b1c07e2"),
        "neon": FakeNeon("napi_demo_41c9a7d2"),
        "etl": FakeRailway("railway_demo_8d20f6b1"),
        "voice": FakeRetell("key_demo_6e1d08b3f2"),
        "supabase": FakeSupabase("sbp_demo_93f1c2a7e5b0d4f6"),
        "web": FakeVercel("vercel_demo_2c7e91b4"),
    }
