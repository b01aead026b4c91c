"""The kind `n8n` in ops.toml."""

from integrations.n8n.client import N8nSection, n8n
from integrations.plumbing.kind import Kind

KIND = Kind(N8nSection, n8n)
