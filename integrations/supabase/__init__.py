"""The kind `supabase` in ops.toml."""

from integrations.plumbing.kind import Kind
from integrations.supabase.client import SupabaseSection, supabase

KIND = Kind(SupabaseSection, supabase)
