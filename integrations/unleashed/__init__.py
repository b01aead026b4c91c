"""The kind `unleashed` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.unleashed.client import Unleashed, UnleashedSection

KIND = Kind(UnleashedSection, Unleashed)
