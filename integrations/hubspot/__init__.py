"""The kind `hubspot` in ops.toml."""

from integrations.hubspot.client import HubSpot, HubSpotSection
from integrations.plumbing.kind import Kind

KIND = Kind(HubSpotSection, HubSpot)
