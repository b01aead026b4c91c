"""The kind `openai` in ops.toml."""

from integrations.openai.client import OpenAiSection, openai
from integrations.plumbing.kind import Kind

KIND = Kind(OpenAiSection, openai)
