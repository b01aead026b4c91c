"""The kind `retell` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.retell.client import RetellSection, retell

KIND = Kind(RetellSection, retell)
