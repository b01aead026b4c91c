"""The kind `resend` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.resend.client import Resend, ResendSection

KIND = Kind(ResendSection, Resend)
