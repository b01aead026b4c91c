"""The kind `statuspage` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.statuspage.client import StatusPage, StatusPageSection

KIND = Kind(StatusPageSection, StatusPage)
