"""A PostgreSQL connection string as vendors and other drivers print it, in what our driver understands."""

import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode

_POOLER_PORTS = frozenset({"6432", "6543"})
"""PgBouncer's own and Supabase's."""
_DRIVER = frozenset({
    "host", "port", "user", "password", "dbname", "database", "passfile", "service", "sslmode", "sslcert", "sslkey",
    "sslrootcert", "sslnegotiation", "sslcrl", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version",
    "target_session_attrs", "krbsrvname", "gsslib",
})  # fmt: skip
"""What asyncpg takes from an address itself."""
_IGNORED = frozenset({
    # libpq: about sockets, or what asyncpg has no choice about
    "application_name", "channel_binding", "client_encoding", "fallback_application_name", "gssdelegation",
    "gssencmode", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
    "load_balance_hosts", "max_protocol_version", "min_protocol_version", "replication", "require_auth", "requirepeer",
    "scram_client_key", "scram_server_key", "servicefile", "sslcertmode", "sslcompression", "sslkeylogfile", "sslsni",
    "tcp_user_timeout",
    # Prisma, and what Supabase and Vercel add to its addresses
    "connection_limit", "max_connection_lifetime", "max_idle_connection_lifetime", "pool_timeout",
    "single_use_connections", "socket_timeout", "sslidentity", "statement_cache_size", "supa", "workaround",
    # SQLAlchemy, Django, Rails
    "async_fallback", "checkout_timeout", "conn_health_checks", "conn_max_age", "encoding", "idle_timeout",
    "max_overflow", "pool", "pool_pre_ping", "pool_recycle", "pool_size", "prepared_statement_cache_size",
    "prepared_statements", "reaping_frequency",
    # node-postgres, pgx, JDBC
    "applicationname", "autosave", "binary_parameters", "charset", "default_query_exec_mode",
    "description_cache_capacity", "logintimeout", "max", "pool_health_check_period", "pool_max_conn_idle_time",
    "pool_max_conn_lifetime", "pool_max_conns", "pool_min_conns", "pool_mode", "preparethreshold",
    "rewritebatchedinserts", "sockettimeout", "sslfactory", "statement_cache_capacity", "statement_cache_mode",
    "stringtype", "tcpkeepalive", "uselibpqcompat",
})  # fmt: skip
"""What other drivers read and no server does."""
_SAYS_POOLER = frozenset({
    ("pgbouncer", "true"), ("pool_mode", "transaction"), ("statement_cache_size", "0"), ("preparethreshold", "0"),
    ("prepared_statement_cache_size", "0"), ("prepared_statements", "false"),
})  # fmt: skip
_SSL = {
    "true": "require", "1": "require", "no-verify": "require", "false": "disable", "0": "disable",
    "verify_ca": "verify-ca", "verify_full": "verify-full",
}  # fmt: skip
_TARGETS = {"master": "primary", "secondary": "standby", "preferSecondary": "prefer-standby"}
_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.]*)=((?:\\.|\S)*)")
_HOSTS_OPTIONS = ("cluster", "endpoint", "project")
"""Which of its databases a host is asked for; no setting of a server."""
_PLACEHOLDER = re.compile(r"\[.*\]|<.*>|\*{3,}|\$?\{.*\}|your[-_]?password", re.IGNORECASE)
_KEYS = re.compile(r"(host|dbname|user|server)\s*=", re.IGNORECASE)

C = TypeVar("C")


class BadDsn(ValueError):
    """What is wrong with it, as the end of a sentence about "it"; the address is never quoted."""


@dataclass(frozen=True)
class Dsn:
    address: str = field(repr=False)
    """For the driver: user, password, hosts, database, TLS."""
    settings: Mapping[str, str]
    """Of a server, as far as it knows them: what another driver reads may be among them."""
    startup: Mapping[str, str]
    """What the host itself reads at the start of a connection."""
    pooled: bool
    """It says by itself that it leads to a pooler in transaction mode."""
    connect_timeout: timedelta | None
    verify: str = ""
    """`verify-ca` or `verify-full` by the certificates that the system trusts, or SSL_CERT_FILE."""

    def options(self) -> dict[str, Any]:
        """For `asyncpg.connect` and pools, all but the settings."""
        if not self.verify:
            return {"dsn": self.address}
        context = ssl.create_default_context()
        context.check_hostname = self.verify == "verify-full"
        return {"dsn": self.address, "ssl": context}


def read_dsn(text: str) -> Dsn:
    """Raises BadDsn."""
    scheme, authority, database, query = _split(text)
    auth, _, hosts = authority.rpartition("@")
    user, _, password = auth.partition(":")
    if _PLACEHOLDER.fullmatch(unquote(password)):
        raise BadDsn("has a placeholder where its password belongs; copy it with the password, or put that there")
    driver: dict[str, str] = {}
    settings: dict[str, str] = {}
    startup: dict[str, str] = {}
    pooled = _at_pooler(hosts)
    connect_timeout: timedelta | None = None
    for given, value in parse_qsl(query, keep_blank_values=True):
        name, low = given.lower(), value.strip().lower()
        pooled = pooled or (name, low) in _SAYS_POOLER
        match name:
            case "sslmode" | "ssl":
                driver["sslmode"] = _SSL.get(low, "require" if low.startswith("{") else low)
            case "sslaccept":
                if low == "strict":
                    driver["sslmode"] = "verify-full"
            case "targetservertype":
                driver["target_session_attrs"] = _TARGETS.get(value, value)
            case "connect_timeout" | "connecttimeout":
                if low.isdecimal() and int(low) > 0:
                    connect_timeout = timedelta(seconds=min(int(low), 60))
            case "schema" | "currentschema" | "search_path":
                settings |= {"search_path": value} if value else {}
            case "options":
                more, startup = _options(value)
                settings |= more
            case "pgbouncer":
                pass
            case _ if name in _DRIVER:
                driver[name] = value
            case _ if name not in _IGNORED and value:
                settings[name] = value
            case _:
                pass
    verify = driver.get("sslmode", "")
    if verify.startswith("verify") and driver.get("sslrootcert", "system") == "system" and "sslcert" not in driver:
        driver = {name: value for name, value in driver.items() if name not in ("sslmode", "sslrootcert")}
    else:
        verify = ""
    pair = f"{_quoted(user)}:{_quoted(password)}" if password else _quoted(user)
    address = f"{scheme}://{f'{pair}@' if auth else ''}{hosts}{database}"
    return Dsn(
        f"{address}?{urlencode(driver)}" if driver else address, settings, startup, pooled, connect_timeout, verify
    )


async def connected(
    connect: Callable[..., Awaitable[C]], settings: Mapping[str, str], startup: Mapping[str, str], **options: Any
) -> tuple[C, dict[str, str]]:
    """A connection that was started with those of the settings that the server, or a pooler before it, takes; and the
    others."""
    left, refused = dict(settings), dict[str, str]()
    while True:
        try:
            return await connect(server_settings=left | dict(startup), **options), refused
        except Exception as error:
            unknown = _unknown_setting(error)
            if unknown not in left:
                raise
            refused[unknown] = left.pop(unknown)


def _unknown_setting(error: Exception) -> str:
    state, said = getattr(error, "sqlstate", None), str(error)
    if state == "42704" and (found := re.search(r'configuration parameter "([^"]+)"', said)):
        return found[1]
    if state == "08P01" and (found := re.search(r"unsupported startup parameter: (\S+)", said)):
        return found[1]
    return ""


def _split(text: str) -> tuple[str, str, str, str]:
    """Scheme, authority, `/database`, query."""
    text = re.sub(r"^(?:export\s+)?[A-Za-z_]\w*=(?=['\"]?(?:jdbc:)?postgres)", "", text.strip())
    text = text.removeprefix("psql ").strip().strip("'\"").strip()
    if not text:
        raise BadDsn("is empty")
    scheme, there, rest = text.removeprefix("jdbc:").partition("://")
    if not there:
        how = "is written as names and values" if _KEYS.search(text) else "is not an address"
        raise BadDsn(f"{how}; write it like postgresql://user:password@host:5432/database")
    scheme = scheme.lower().partition("+")[0]
    if scheme == "prisma":
        raise BadDsn("leads to Prisma's own proxy; use the address of the PostgreSQL behind it")
    if scheme not in ("postgres", "postgresql"):
        raise BadDsn(f"begins with {scheme[:20]}://, and only postgresql:// is PostgreSQL")
    if any(each.isspace() for each in rest):
        raise BadDsn("has a space or a line end within it")
    authority, slash, path = rest.partition("/")
    if "?" in authority or "#" in authority or ("@" not in authority and "@" in path.partition("?")[0]):
        if "@" in rest and not ("?" in authority and "@" in authority.partition("?")[0]):
            raise BadDsn("has one of / ? # in its password; write those as %2F %3F %23")
        authority, _, query = rest.partition("?")
        return scheme, authority, "", query
    database, _, query = path.partition("?")
    return scheme, authority, f"{slash}{database}", query.partition("#")[0]


def _at_pooler(hosts: str) -> bool:
    """By its port, or by its name as Neon gives them."""
    host, _, port = hosts.rpartition(":")
    name = host if port.isdecimal() else hosts
    return port in _POOLER_PORTS or name.partition(".")[0].endswith("-pooler")


def _options(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """`-c name=value` as settings, which a pooler refuses as options; and the rest, which the host itself reads."""
    settings: dict[str, str] = {}

    def taken(found: re.Match[str]) -> str:
        if found[1] in _HOSTS_OPTIONS:
            return found[0]
        settings[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
        return ""

    left = " ".join(_OPTION.sub(taken, text).split())
    return settings, {"options": left} if left else {}


def _quoted(text: str) -> str:
    """However much of it was quoted already."""
    return quote(unquote(text), safe="")
