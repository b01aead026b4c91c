"""The kind `railway` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.railway.client import Railway, RailwaySection

KIND = Kind(RailwaySection, Railway)
