"""The kind `stripe` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.stripe.client import StripeSection, stripe

KIND = Kind(StripeSection, stripe)
