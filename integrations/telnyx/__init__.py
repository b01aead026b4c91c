"""The kind `telnyx` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.telnyx.client import TelnyxSection, telnyx

KIND = Kind(TelnyxSection, telnyx)
