"""The kind `vercel` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.vercel.client import VercelSection, vercel

KIND = Kind(VercelSection, vercel)
