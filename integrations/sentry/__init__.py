"""The kind `sentry` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.sentry.client import SentrySection, sentry

KIND = Kind(SentrySection, sentry)
