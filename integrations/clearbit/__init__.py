"""The kind `clearbit` in ops.toml."""

from integrations.clearbit.client import Clearbit, ClearbitSection
from integrations.plumbing.kind import Kind

KIND = Kind(ClearbitSection, Clearbit)
