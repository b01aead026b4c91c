"""Kind: a connection string made for somebody else's driver. Understood, mapped or left out by name, never refused by
PostgreSQL; what no driver could use is said without being quoted."""

import ssl
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.pool import open_connection, open_pool
from bot.words.dsn import BadDsn, read_dsn
from bot.words.exceptions import Misconfigured
from integrations import open_services
from integrations.capabilities import Checkable, Health
from tests.hostile.test_e_pooler import client

PRINTED = {
    "neon": "sslmode=disable&channel_binding=require",
    "supabase, for prisma": "pgbouncer=true&connection_limit=1",
    "supabase, by vercel": "sslmode=disable&supa=base-pooler.x",
    "prisma": "schema=public&connection_limit=5&pool_timeout=20&connect_timeout=15&socket_timeout=10",
    "prisma, with TLS": "sslmode=prefer&sslaccept=accept_invalid_certs&sslidentity=client.p12",
    "vercel": "pgbouncer=true&connect_timeout=15&workaround=supabase-pooler.vercel",
    "railway and heroku, for node": "ssl=false&uselibpqcompat=true",
    "libpq": "keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5&tcp_user_timeout=9000",
    "libpq, its names": "application_name=shop&fallback_application_name=x&client_encoding=UTF8&gssencmode=disable",
    "libpq, several hosts": "target_session_attrs=read-write&load_balance_hosts=random",
    "libpq 18": "min_protocol_version=3.0&sslkeylogfile=/dev/null&scram_client_key=x",
    "sqlalchemy": "prepared_statement_cache_size=0&async_fallback=true",
    "django": "conn_max_age=600&conn_health_checks=true",
    "rails": "pool=5&prepared_statements=false&reaping_frequency=10&encoding=unicode",
    "pgx": "pool_max_conns=10&pool_max_conn_lifetime=1h&default_query_exec_mode=simple_protocol&search_path=public",
    "jdbc": "currentSchema=public&prepareThreshold=0&tcpKeepAlive=true&targetServerType=primary&ApplicationName=x",
    "settings": "statement_timeout=9s&options=-c%20search_path%3Dpublic%20-c%20lock_timeout=3s&timezone=Europe/Madrid",
    "a custom setting": "options=-c%20app.tenant%3D7",
    "a driver not known yet": "frobnicate=yes&retries=7",
    "nothing after a name": "sslmode=disable&pgbouncer",
}  # fmt: skip


@pytest.mark.parametrize("query", PRINTED.values(), ids=PRINTED)
async def test_a_service_is_reached(database: str, query: str) -> None:
    section = {"kind": "postgres", "dsn": "env:DSN", "deadline": "20s"}
    async with (
        httpx.AsyncClient() as http,
        open_services({"db": section}, http, lambda _: f"{database}&{query}") as all_,
    ):
        assert (await all_.named("db", Checkable).check()).health is Health.OK


@pytest.mark.parametrize("query", PRINTED.values(), ids=PRINTED)
async def test_the_bots_own_database_is_reached(database: str, query: str) -> None:
    connection = await open_connection(f"{database}&{query}")
    assert await connection.fetchval("SHOW application_name") == "handrail"
    await connection.close()


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("schema=app", "search_path", "app"),
        ("currentSchema=app", "search_path", "app"),
        ("options=-csearch_path%3Dapp", "search_path", "app"),
        ("options=--search_path%3Dapp", "search_path", "app"),
        ("options=-c%20app.tenant%3D7", "app.tenant", "7"),
        ("work_mem=9MB", "work_mem", "9MB"),
        ("default_transaction_read_only=on", "transaction_read_only", "on"),
        ("options=-c%20default_transaction_read_only%3Don", "transaction_read_only", "on"),
        ("application_name=shop", "application_name", "handrail"),
        ("statement_timeout=1ms", "statement_timeout", "5s"),
    ],
)
async def test_what_a_server_knows_holds(database: str, query: str, name: str, value: str) -> None:
    """For a service in each transaction; ours go before the string's."""
    found = client(f"{database}&{query}")
    async with found.write() as connection:
        assert await connection.fetchval(f"SHOW {name}") == value
    await found.aclose()


@pytest.mark.parametrize("options", ["endpoint=ep-plain-sea-1", "project=plain-sea-1", "--cluster=plain-sea-1"])
def test_which_database_of_a_host_is_meant_is_told_the_host(options: str) -> None:
    read = read_dsn(f"postgresql://u@h/db?options=-c search_path=app {options}".replace(" ", "%20"))
    assert (read.settings, read.startup) == ({"search_path": "app"}, {"options": options})


async def test_the_bots_own_pool_keeps_what_a_server_knows(database: str) -> None:
    async with open_pool(f"{database}&schema=pg_catalog&pool_timeout=7&frobnicate=1") as pool:
        assert await pool.fetchval("SHOW search_path") == "pg_catalog"
        assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "2s"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  postgres://u:p@h/db\n", "postgres://u:p@h/db"),
        ('"postgresql://u:p@h/db"', "postgresql://u:p@h/db"),
        ("psql 'postgresql://u:p@h/db?sslmode=require'", "postgresql://u:p@h/db?sslmode=require"),
        ("DATABASE_URL=postgresql://u:p@h/db", "postgresql://u:p@h/db"),
        ("export DATABASE_URL='postgresql://u:p@h/db'", "postgresql://u:p@h/db"),
        ("postgresql+asyncpg://u:p@h/db?ssl=require", "postgresql://u:p@h/db?sslmode=require"),
        ("jdbc:postgresql://h:5432/db?user=u&password=p", "postgresql://h:5432/db?user=u&password=p"),
        ("postgresql://u:p@ss:w@rd@h:5433/db", "postgresql://u:p%40ss%3Aw%40rd@h:5433/db"),
        ("postgresql://u:p%40ss@h/db", "postgresql://u:p%40ss@h/db"),
        ("postgresql://u:p@a:1,b:2/db?sslmode=no-verify", "postgresql://u:p@a:1,b:2/db?sslmode=require"),
        ("postgresql://u:p@[2001:db8::1]:5432/db", "postgresql://u:p@[2001:db8::1]:5432/db"),
        ("postgresql://u:p@h", "postgresql://u:p@h"),
        ("postgresql://u:p@h?sslmode=disable", "postgresql://u:p@h?sslmode=disable"),
    ],
)
def test_read_as_it_was_meant(text: str, address: str) -> None:
    assert read_dsn(text).address == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("mysql://u:secret@h/db", "begins with mysql://"),
        ("redis://:secret@h", "begins with redis://"),
        ("prisma+postgres://accelerate.example/?api_key=secret", "Prisma's own proxy"),
        ("prisma://accelerate.example/?api_key=secret", "Prisma's own proxy"),
        ("host=h user=u password=secret", "names and values"),
        ("Server=h;User Id=u;Password=secret;", "names and values"),
        ("secret", "is not an address"),
        ("postgresql://u:[YOUR-PASSWORD]@h/db", "a placeholder"),
        ("postgresql://u:<password>@h/db", "a placeholder"),
        ("postgresql://u:***************@h/db", "a placeholder"),
        ("postgresql://u:${PGPASSWORD}@h/db", "a placeholder"),
        ("postgresql://u:sec/ret@h/db", "in its password"),
        ("postgresql://u:sec?ret@h/db", "in its password"),
        ("postgresql://u:sec#ret@h/db", "in its password"),
        ("postgresql://u:secret@h/db\npostgresql://u:secret@h/db", "a space or a line end"),
    ],
)
async def test_what_no_driver_could_use(text: str, why: str) -> None:
    with pytest.raises(BadDsn, match=why):
        read_dsn(text)
    with pytest.raises(Misconfigured, match=f"^DATABASE_URL .*{why}") as told:
        await open_connection(text)
    assert "sec" not in str(told.value).replace("secret user", "")


@pytest.mark.parametrize(
    ("text", "pooled"),
    [
        ("postgresql://u@ep-x-1-pooler.eu.aws.neon.tech/db", True),
        ("postgresql://u@ep-x-1.eu.aws.neon.tech/db", False),
        ("postgresql://u@aws-0-eu.pooler.supabase.com:6543/db", True),
        ("postgresql://u@aws-0-eu.pooler.supabase.com:5432/db", False),
        ("postgresql://u:x6543@h/db", False),
        ("postgresql://u@h:6432/db", True),
        ("postgresql://u@h/db?pgbouncer=true", True),
        ("postgresql://u@h/db?pgbouncer=false", False),
        ("postgresql://u@h/db?prepareThreshold=0", True),
    ],
)
def test_a_string_that_says_it_leads_to_a_pooler(text: str, pooled: bool) -> None:
    assert read_dsn(text).pooled is pooled


@pytest.mark.parametrize(
    ("query", "hostname"),
    [("sslmode=verify-full", True), ("sslmode=verify-full&sslrootcert=system", True), ("sslmode=verify-ca", False),
     ("sslaccept=strict&sslmode=verify-full", True)],
)  # fmt: skip
def test_certificates_are_checked_by_what_the_system_trusts(query: str, hostname: bool) -> None:
    """asyncpg looks for ~/.postgresql/root.crt alone, which no container has."""
    options = read_dsn(f"postgresql://u@h/db?{query}").options()
    assert options["ssl"].check_hostname is hostname
    assert options["ssl"].verify_mode == ssl.CERT_REQUIRED


def test_a_certificate_of_ones_own_is_the_drivers_business() -> None:
    options = read_dsn("postgresql://u@h/db?sslmode=verify-full&sslrootcert=/ca.pem").options()
    assert options == {"dsn": "postgresql://u@h/db?sslmode=verify-full&sslrootcert=%2Fca.pem"}


@given(st.text(max_size=80))
def test_whatever_stands_there_is_read_or_said(text: str) -> None:
    for given_ in (text, f"postgresql://{text}", f"postgresql://u:p@h/db?{text}", f"postgresql://u:{text}@h/db"):
        try:
            read_dsn(given_)
        except BadDsn:
            continue


@given(st.text(st.characters(blacklist_characters="/?#%[]<>*{}$", blacklist_categories=["Cs", "Cc", "Z"]), min_size=1))
def test_any_password_comes_through(password: str) -> None:
    assert unquote(urlsplit(read_dsn(f"postgresql://u:{password}@h/db").address).password or "") == password
