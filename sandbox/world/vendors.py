"""Every vendor's stand-in, under the name that a team would give it in ops.toml."""

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from sandbox.world.github import FakeGitHub
from sandbox.world.hubspot import FakeHubSpot
from sandbox.world.misbehaving import Faults
from sandbox.world.neon import FakeNeon
from sandbox.world.openai import FakeOpenAI
from sandbox.world.own_jobs import FakeBackOffice
from sandbox.world.probes import FakeApollo, FakeClearbit, FakeResend
from sandbox.world.railway import FakeRailway
from sandbox.world.retell import FakeRetell
from sandbox.world.sentry import FakeSentry
from sandbox.world.statuspages import FakeStatusPages
from sandbox.world.stripe import FakeStripe
from sandbox.world.supabase import FakeSupabase
from sandbox.world.telnyx import FakeTelnyx
from sandbox.world.unleashed import FakeUnleashed
from sandbox.world.vercel import FakeVercel


class StandIn(Protocol):
    """Stateful, over real HTTP; it takes one credential and behaves as its vendor's description says."""

    faults: Faults

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
        "sentry": FakeSentry("sntrys_demo_77b2e0c1"),
        "stripe": FakeStripe("rk_test_demo0000000000"),
        "hubspot": FakeHubSpot("pat-demo-eu1-5e0c"),
        "unleashed": FakeUnleashed("demo-unleashed-id", "demo-unleashed-key"),
        "openai": FakeOpenAI("sk-proj-demo-0c1d", "sk-admin-demo-7f2a"),
        "sms": FakeTelnyx("KEY0demo5d1c"),
        "mail": FakeResend("re_demo_4d1f"),
        "apollo": FakeApollo("apollo_demo_1b9c"),
        "clearbit": FakeClearbit("sk_demo_clearbit"),
        "vercel-status": FakeStatusPages(),
        "backoffice": FakeBackOffice("demo-backoffice-key"),
    }
