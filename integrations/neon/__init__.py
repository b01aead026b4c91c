"""The kind `neon` in ops.toml."""

from integrations.neon.client import NeonSection, neon
from integrations.plumbing.kind import Kind

KIND = Kind(NeonSection, neon)
