"""The kind `github` in ops.toml."""

from integrations.github.client import GitHubSection, github
from integrations.plumbing.kind import Kind

KIND = Kind(GitHubSection, github)
