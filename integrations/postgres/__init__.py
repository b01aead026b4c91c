"""The kind `postgres` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.postgres.client import PostgresSection, postgres

KIND = Kind(PostgresSection, postgres)
