"""The kind `process` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.process.client import ProcessSection, processes

KIND = Kind(ProcessSection, processes)
