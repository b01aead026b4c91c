"""The kind `apollo` in ops.toml."""

from integrations.apollo.client import Apollo, ApolloSection
from integrations.plumbing.kind import Kind

KIND = Kind(ApolloSection, Apollo)
