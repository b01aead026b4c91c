"""Views of a PostgreSQL's own catalogue, each a question: who is connected, what is slow, who waits for whom …"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.capabilities import Cell, Grid, View
from integrations.postgres.database import Connection, plain

_QUERY = 200
"""Characters of a query that are shown."""
_ROWS = 200
"""Rows of a view that are read at most."""
_OWN_SCHEMAS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"

_TOKENS = re.compile(
    r"""(?P<gone>--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<name>"(?:[^"]|"")*(?:"|\Z))
      | (?P<value>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
          | '(?:[^']|'')*(?:'|\Z)
          | \$(?P<tag>[A-Za-z_]*)\$.*?(?:\$(?P=tag)\$|\Z)
          | (?<![\w$.])\d+(?:\.\d+)?)""",
    re.DOTALL | re.VERBOSE,
)


def shape(query: str | None) -> str:
    """A query without the values in it, which may be people's: `SELECT * FROM users WHERE email = ?`."""

    def put(found: re.Match[str]) -> str:
        return found["name"] or ("?" if found["value"] else " ")

    text = " ".join(_TOKENS.sub(put, query or "").split())
    return text if len(text) <= _QUERY else f"{text[: _QUERY - 1]}…"


async def connections(connection: Connection) -> Grid:
    """Source: pg_stat_activity."""
    rows = await connection.fetch(
        f"""SELECT pid, usename AS "user", application_name AS application, coalesce(state, '') AS state,
                   now() - state_change AS since, wait_event_type AS waits, query
            FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            ORDER BY state = 'active' DESC, state LIKE 'idle in%' DESC, state_change LIMIT {_ROWS}"""
    )
    room = await connection.fetchrow(
        """SELECT count(*) AS used, current_setting('max_connections')::int AS room,
                  count(*) FILTER (WHERE backend_type IS NULL) AS hidden
           FROM pg_stat_activity
           WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)"""
    )
    assert room is not None  # noqa: S101 - counts have one row
    states = [row["state"] or "unknown" for row in rows]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    hidden = "Our role sees only its own sessions whole; GRANT pg_read_all_stats to it to see all of them."
    return Grid(
        ("pid", "user", "application", "state", "since", "waits for", "query"),
        tuple((str(r["pid"]), r["user"], r["application"], r["state"], _span(r["since"]), r["waits"], shape(r["query"]))
              for r in rows),
        f"{room['used']} of {room['room']} connections are in use{f': {told}' if told else ''}.",
        (hidden,) if room["hidden"] else (),
    )  # fmt: skip


_ENABLE = (
    "Enable it with CREATE EXTENSION pg_stat_statements; as an administrator.",
    "Where that says it must be loaded first: add it to shared_preload_libraries and restart. Supabase and Neon have "
    "it loaded; Supabase turns it on under Database, Extensions.",
)


async def slow(connection: Connection) -> Grid:
    """Source: pg_stat_statements, in whatever schema it is, with the column names of its version."""
    found = await connection.fetchrow(
        """SELECT c.oid::regclass::text AS statements, array_agg(a.attname::text) AS columns
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
           WHERE c.relname = 'pg_stat_statements' AND c.relkind = 'v' AND a.attnum > 0
           GROUP BY c.oid, n.nspname ORDER BY n.nspname LIMIT 1"""
    )
    columns = ("mean ms", "max ms", "calls", "total s", "query")
    if found is None:
        return Grid(columns, (), "pg_stat_statements is not installed here, so nobody counts.", _ENABLE)
    time = "exec_time" if "mean_exec_time" in found["columns"] else "time"  # renamed in PostgreSQL 13
    try:
        rows = await connection.fetch(
            f"""SELECT mean_{time} AS mean, max_{time} AS max, calls, total_{time} AS total, query
                FROM {found["statements"]} WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                ORDER BY mean_{time} DESC LIMIT 20"""
        )
    except Exception as error:
        if getattr(error, "sqlstate", "") != "55000":  # installed, and not loaded
            raise
        return Grid(columns, (), "pg_stat_statements is installed here, but not loaded, so nobody counts.", _ENABLE[1:])
    grid = tuple(
        (round(r["mean"], 1), round(r["max"], 1), r["calls"], round(r["total"] / 1000, 1), shape(r["query"]))
        for r in rows
    )
    lead = f"The slowest statement takes {rows[0]['mean']:,.0f} ms on average." if rows else "Nothing is counted yet."
    return Grid(columns, grid, lead, ("Since the statistics were last reset.",) if rows else ())


async def sizes(connection: Connection) -> Grid:
    """Source: pg_total_relation_size, pg_database_size."""
    rows = await connection.fetch(
        f"""SELECT c.oid::regclass::text AS name, pg_total_relation_size(c.oid) AS bytes,
                   pg_size_pretty(pg_total_relation_size(c.oid)) AS total, pg_size_pretty(pg_table_size(c.oid)) AS heap,
                   pg_size_pretty(pg_indexes_size(c.oid)) AS indexes, greatest(c.reltuples, 0)::bigint AS rows
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') AND {_OWN_SCHEMAS}
            ORDER BY bytes DESC, name LIMIT {_ROWS}"""
    )
    whole = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    name = await connection.fetchval("SELECT current_database()")
    most = f"; most of it {rows[0]['name']} with {rows[0]['total']}" if rows else ""
    return Grid(
        ("table", "total", "without indexes", "indexes", "rows, estimated"),
        tuple((row["name"], row["total"], row["heap"], row["indexes"], row["rows"]) for row in rows),
        f"{name} takes {whole}{most}.",
    )


async def locks(connection: Connection) -> Grid:
    """Source: pg_blocking_pids, pg_locks."""
    rows = await connection.fetch(
        f"""SELECT w.pid, w.usename AS "user", now() - w.query_start AS waits, w.query,
                   coalesce(l.relation, (SELECT t.relation::regclass::text FROM pg_locks t
                                         WHERE t.pid = w.pid AND t.locktype = 'tuple' LIMIT 1), l.locktype) AS what,
                   blocker.pid AS by, b.state, now() - b.state_change AS state_since, b.query AS by_query
            FROM pg_stat_activity w
            CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocker(pid)
            LEFT JOIN pg_stat_activity b ON b.pid = blocker.pid
            LEFT JOIN LATERAL (SELECT relation::regclass::text AS relation, locktype FROM pg_locks
                               WHERE pid = w.pid AND NOT granted LIMIT 1) l ON true
            ORDER BY w.query_start, w.pid LIMIT {_ROWS}"""
    )
    waiting = {row["pid"] for row in rows}
    roots: list[int] = [row["by"] for row in rows if row["by"] not in waiting]
    lead = "Nothing waits for a lock."
    if rows:
        worst = max(sorted(roots or [row["by"] for row in rows]), key=roots.count)
        first = next(row for row in rows if row["by"] == worst)
        held = f"{worst} holds up others, {first['state'] or 'unknown'} for {_span(first['state_since'])}"
        lead = f"{_many(len(waiting), 'connection')} waiting for a lock; {held}."
    return Grid(
        ("pid", "user", "waits", "for", "held by", "which is", "since", "its query", "waiting query"),
        tuple((str(r["pid"]), r["user"], _span(r["waits"]), r["what"], str(r["by"]), r["state"],
               _span(r["state_since"]), shape(r["by_query"]), shape(r["query"])) for r in rows),
        lead,
        ("db terminate PID ends the one that holds the others up.",) if rows else (),
    )  # fmt: skip


async def indexes(connection: Connection) -> Grid:
    """Source: pg_stat_user_indexes, pg_stat_user_tables."""
    rows = await connection.fetch(
        f"""SELECT s.relid::regclass::text AS name, s.indexrelname AS index, s.idx_scan AS scans,
                   pg_relation_size(s.indexrelid) AS bytes, pg_size_pretty(pg_relation_size(s.indexrelid)) AS size,
                   i.indisvalid AS valid, i.indisunique AS is_unique, pg_get_indexdef(s.indexrelid) AS definition
            FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
            ORDER BY i.indisvalid, s.idx_scan = 0 AND NOT i.indisunique DESC, bytes DESC, name, index
            LIMIT {_ROWS}"""
    )
    read_whole = await connection.fetch(
        """SELECT relid::regclass::text AS name, seq_scan AS scans, seq_tup_read / seq_scan AS rows
           FROM pg_stat_user_tables
           WHERE seq_scan > coalesce(idx_scan, 0) AND seq_tup_read / greatest(seq_scan, 1) > 10000
           ORDER BY seq_tup_read DESC LIMIT 5"""
    )
    broken = [row["index"] for row in rows if not row["valid"]]
    unused = [row for row in rows if row["valid"] and not row["scans"] and not row["is_unique"]]
    size = sum(row["bytes"] for row in unused) / 2**20
    told = [f"{len(rows)} indexes" if len(rows) < _ROWS else f"at least {_ROWS} indexes"]
    told += [f"{len(broken)} invalid ({', '.join(broken[:3])})"] if broken else []
    told += [f"{len(unused)} never used ({size:,.1f} MB)"] if unused else []
    told += [f"{len(read_whole)} tables may miss one"] if read_whole else []
    return Grid(
        ("table", "index", "size", "scans", "definition"),
        tuple((row["name"], row["index"] if row["valid"] else f"{row['index']} (invalid)", row["size"], row["scans"],
               row["definition"]) for row in rows),
        f"{', '.join(told)}.",
        tuple(f"{row['name']} is read whole more often than by index: {row['scans']:,} times {row['rows']:,} rows."
              for row in read_whole),
    )  # fmt: skip


async def policies(connection: Connection) -> Grid:
    """Source: pg_policies; tables of other schemas than the system's."""
    rows = await connection.fetch(
        f"""SELECT format('%s.%s', schemaname, tablename) AS name, policyname AS policy, cmd, permissive,
                   array_to_string(roles, ', ') AS roles, qual, with_check
            FROM pg_policies ORDER BY schemaname, tablename, policyname LIMIT {_ROWS}"""
    )
    tables = await connection.fetch(
        f"""SELECT format('%s.%s', n.nspname, c.relname) AS name, c.relrowsecurity AS secured
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND {_OWN_SCHEMAS} ORDER BY name"""
    )
    ruled = {row["name"] for row in rows}
    open_ = [row["name"] for row in tables if not row["secured"]]
    closed = [row["name"] for row in tables if row["secured"] and row["name"] not in ruled]
    off = [row["name"] for row in tables if not row["secured"] and row["name"] in ruled]
    return Grid(
        ("table", "policy", "for", "kind", "roles", "using", "with check"),
        tuple((r["name"], r["policy"], r["cmd"].lower(), r["permissive"].lower(), r["roles"], r["qual"],
               r["with_check"]) for r in rows),
        f"{_many(len(rows), 'policy', 'policies')} on {_many(len(ruled), 'table')}; "
        f"row security is off on {len(open_)} of {_many(len(tables), 'table')}.",
        tuple(
            f"{what}: {_few(names)}."
            for what, names in (
                ("Have policies that are not in force, since row security is off", off),
                ("Row security is on and no policy lets anybody in", closed),
                ("Row security is off", open_),
            )
            if names
        ),
    )  # fmt: skip


async def vacuum_needs(connection: Connection) -> Grid:
    """Source: pg_stat_user_tables against autovacuum's own thresholds."""
    rows = await connection.fetch(
        f"""SELECT s.relid::regclass::text AS name, s.n_dead_tup AS dead, s.n_live_tup AS live,
                   s.n_mod_since_analyze AS modified, greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
                   greatest(s.last_analyze, s.last_autoanalyze) AS analyzed, age(c.relfrozenxid) AS age,
                   s.n_dead_tup > current_setting('autovacuum_vacuum_threshold')::int
                       + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(c.reltuples, 0) AS vacuum,
                   s.n_mod_since_analyze > current_setting('autovacuum_analyze_threshold')::int
                       + current_setting('autovacuum_analyze_scale_factor')::float8 * greatest(c.reltuples, 0)
                       AS analyze
            FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
            ORDER BY vacuum DESC, dead DESC, modified DESC, name LIMIT {_ROWS}"""
    )
    wrap = await connection.fetchrow(
        """SELECT age(datfrozenxid) AS age, current_setting('autovacuum') AS autovacuum FROM pg_database
           WHERE datname = current_database()"""
    )
    assert wrap is not None  # noqa: S101 - we are connected to it
    needy = [row["name"] for row in rows if row["vacuum"]]
    stale = [row["name"] for row in rows if row["analyze"]]
    notes = [] if wrap["autovacuum"] == "on" else ["autovacuum is off: nothing is tidied by itself."]
    if wrap["age"] > 1_000_000_000:
        notes.append(f"The oldest transaction id is {wrap['age']:,} back; at 2,100,000,000 the database stops.")
    lead = f"{len(needy)} tables are due for a vacuum: {_few(needy)}." if len(needy) > 1 else ""
    lead = lead or (f"{needy[0]} is due for a vacuum." if needy else "No table is due for a vacuum.")
    return Grid(
        ("table", "due", "dead rows", "live rows", "changed since analyze", "last vacuum", "last analyze"),
        tuple((r["name"], " and ".join(word for word in ("vacuum", "analyze") if r[word]), r["dead"], r["live"],
               r["modified"], _when(r["vacuumed"]), _when(r["analyzed"])) for r in rows),
        f"{lead} Statistics are old of {_few(stale)}." if stale else lead,
        tuple(notes),
    )  # fmt: skip


_KNOWN = (
    '"supabase_migrations"."schema_migrations"',
    '"drizzle"."__drizzle_migrations"',
    '"_prisma_migrations"',
    '"schema_migrations"',
    '"alembic_version"',
    '"django_migrations"',
    '"flyway_schema_history"',
    '"knex_migrations"',
    '"pgmigrations"',
)
"""Tables that migration tools keep, by what they are usually called."""
_NAMES = ("version", "version_num", "app", "name", "migration_name")
_TELLING = ("installed_rank", "id", *_NAMES, "description", "applied", "applied_at", "installed_on", "started_at",
            "finished_at", "rolled_back_at", "success", "dirty")  # fmt: skip
_ORDER = ("installed_rank", "started_at", "version", "version_num", "id", "name")


async def migrations(connection: Connection, table: str) -> Grid:
    """`table` is quoted already; empty looks for what the usual tools keep."""
    found = [
        name for name in ((table,) if table else _KNOWN) if await connection.fetchval("SELECT to_regclass($1)", name)
    ]
    if not found:
        missing = f"There is no table {table}" if table else "None of the usual tables of migrations is here"
        return Grid((), (), f"{plain(missing)}.", ("Name it in ops.toml: migrations_table.",))
    kept: set[str] = set(
        await connection.fetchval(
            """SELECT array_agg(attname::text) FROM pg_attribute
               WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped""",
            found[0],
        )
    )
    shown = [name for name in _TELLING if name in kept]
    order = next((name for name in _ORDER if name in kept), None)
    if order is None:
        return Grid((), (), f"{plain(found[0])} has no column that tells versions apart.")
    columns = ", ".join(f'"{name}"::text AS "{name}"' for name in shown)
    rows = await connection.fetch(f'SELECT {columns} FROM {found[0]} ORDER BY {found[0]}."{order}" DESC LIMIT 20')
    count = await connection.fetchval(f"SELECT count(*) FROM {found[0]}")
    unfinished = [row for row in rows if _unfinished(dict(row))]
    name = plain(found[0])
    newest = " ".join(rows[0][key] for key in _NAMES if key in shown and rows[0][key]) if rows else ""
    lead = f"{_many(count, 'migration')} in {name}" + (f"; the newest is {newest}." if newest else ".")
    return Grid(
        tuple(shown),
        tuple(tuple(row[name] for name in shown) for row in rows),
        f"{len(unfinished)} did not finish. {lead}" if unfinished else lead,
        ("The newest 20.",) if count > len(rows) else (),
    )


def _unfinished(row: Mapping[str, Any]) -> bool:
    """Prisma leaves finished_at empty, golang-migrate says dirty, Flyway success = false."""
    open_ended = "finished_at" in row and not row["finished_at"] and not row.get("rolled_back_at")
    return open_ended or row.get("dirty") == "true" or row.get("success") == "false"


VIEWS: Mapping[View, Callable[[Connection], Awaitable[Grid]]] = {
    "connections": connections,
    "slow": slow,
    "sizes": sizes,
    "locks": locks,
    "indexes": indexes,
    "policies": policies,
    "vacuum-needs": vacuum_needs,
}
"""All but migrations, which needs to know its table."""


def _span(span: Any) -> Cell:
    if span is None:
        return None
    seconds = int(max(span.total_seconds(), 0))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def _when(at: datetime | None) -> Cell:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else None


def _many(count: int | Decimal, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
