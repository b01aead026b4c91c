"""The kind `http` in ops.toml."""

from integrations.http.client import WebSection, web
from integrations.plumbing.kind import Kind

KIND = Kind(WebSection, web)
