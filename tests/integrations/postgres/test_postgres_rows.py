"""Against a real PostgreSQL: rows that ops.toml lets people read, and the inventory of phone numbers."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, Refused, Stale
from integrations import Services, open_services
from integrations.capabilities import Grid, Numbers, NumberState, Rows

TABLE = {
    "table": "custom_users",
    "columns": ["id", "email", "plan", "code", "born", "mood", "is_vip", "tags", "seen"],
    "masked": ["email", "is_vip"],
    "findable": ["email"],
}


def opened(http: httpx.AsyncClient, dsn: str, **tables: Any) -> Services:
    return open_services({"db": {"kind": "postgres", "dsn": "env:DSN", **tables}}, http, lambda reference: dsn)


@pytest.fixture
async def sql(database: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database)
    await connection.execute(
        """CREATE TYPE mood AS ENUM ('good', 'bad');
           CREATE TABLE custom_users (id int PRIMARY KEY, email text, plan text, code char(5), born date, mood mood,
                                      is_vip boolean, tags json, seen timestamptz, password_hash text);
           INSERT INTO custom_users VALUES
               (1, 'ana@example.com', 'pro', 'AB', '2000-01-02', 'good', true, '{}', '2026-03-01 10:00+00', 'hunter2'),
               (2, 'leo@example.com', 'pro', 'ABCDE', '2001-01-02', 'bad', false, '{}', NULL, 'hunter2'),
               (3, NULL, '=HYPERLINK("http://evil")', NULL, NULL, NULL, NULL, NULL, NULL, 'hunter2')"""
    )
    yield connection
    await connection.execute("DROP TABLE IF EXISTS custom_users; DROP TYPE mood")
    await connection.close()


@pytest.fixture
async def users(database: str, http: httpx.AsyncClient, sql: Any) -> AsyncIterator[Rows]:
    async with opened(http, database, rows=[TABLE]) as services:
        yield services.named("db", Rows)


async def read(rows: Rows, *where: tuple[str, str], order: str | None = "id", limit: int = 10, **more: Any) -> Grid:
    options = {"descending": False, "table": "custom_users", **more}
    return await rows.rows(options["table"], where=where, order=order, descending=options["descending"], limit=limit)


def ids(grid: Grid) -> Sequence[Any]:
    """As they are written there: `4,711` could not be typed as a condition."""
    return [int(str(row[0])) for row in grid.rows]


# -- rows


async def test_listed_columns_with_masked_ones_masked(users: Rows) -> None:
    grid = await read(users)
    assert grid.columns == tuple(TABLE["columns"])
    assert grid.rows[0] == ("1", "•••", "pro", "AB", "2000-01-02", "good", "•••", "{}", "2026-03-01 10:00:00+00")
    assert grid.rows[2][1] is None
    assert grid.notes == ("Masked: email, is_vip.",)
    assert "hunter2" not in str(grid)
    assert "ana@" not in str(grid)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ([("plan", "pro")], [1, 2]),
        ([("plan", "pro"), ("mood", "bad")], [2]),
        ([("id", "2")], [2]),
        ([("email", "ana@example.com")], [1]),
        ([("email", "ana@%")], []),
        ([("born", "2 Jan 2000")], [1]),
        ([("seen", "2026-03-01T11:00:00+01:00")], [1]),
        ([("plan", "")], []),
        ([("seen", "")], [2, 3]),
        ([("plan", "x' OR '1'='1")], []),
        ([("code", "AB")], [1]),
        ([("code", "ABCDEFG")], []),
    ],
)
async def test_values_are_compared_as_their_columns_type(
    users: Rows, where: list[tuple[str, str]], found: list[int]
) -> None:
    assert ids(await read(users, *where)) == found


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (("id", "one"), r"cannot be compared.*id is integer"),
        (("id", "1; DROP TABLE custom_users"), "cannot be compared"),
        (("mood", "sad"), "mood is mood"),
        (("tags", "{}"), "tags is json"),
        (("is_vip", "true"), "is_vip is masked: finding rows by it would tell its value"),
        (("password_hash", "hunter2"), r"lists no column 'password_hash'"),
        (("plna", "pro"), r"Did you mean 'plan'\?"),
        (('id" OR true --', "1"), "lists no column"),
    ],
)
async def test_what_cannot_be_asked(users: Rows, where: tuple[str, str], said: str) -> None:
    with pytest.raises(NotUnderstood, match=said):
        await read(users, where)


async def test_order_and_limit(users: Rows) -> None:
    grid = await read(users, order="born", descending=True, limit=2)
    assert ids(grid) == [2, 1]
    assert grid.lead == "2 rows, and there are more."
    assert ids(await read(users, order="id", descending=True)) == [3, 2, 1]
    for order, said in (("email", "its order would tell"), ("password_hash", "lists no column")):
        with pytest.raises(NotUnderstood, match=said):
            await read(users, order=order)


async def test_only_listed_tables(users: Rows) -> None:
    assert users.tables() == ("custom_users",)
    for table in ("pg_authid", "custom_user", "custom_users; SELECT 1"):
        with pytest.raises(NotUnderstood, match="lists no table"):
            await read(users, table=table)


async def test_an_index_is_used(users: Rows, sql: Any) -> None:
    """A value is cast to the column's type, not the column to text."""
    await sql.execute("INSERT INTO custom_users (id) SELECT generate_series(10, 20000); ANALYZE custom_users")
    await sql.execute("SELECT pg_stat_force_next_flush()")
    before = await sql.fetchval("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'custom_users'")
    assert ids(await read(users, ("id", "4711"), order=None)) == [4711]
    await sql.execute("SELECT pg_stat_force_next_flush()")
    assert await sql.fetchval("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'custom_users'") == before


async def test_a_view_can_be_listed(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE VIEW system_health_summary AS SELECT 3::bigint AS errors, 0.5::numeric AS rate")
    table = {"table": "public.system_health_summary", "columns": ["errors", "rate"]}
    async with opened(http, database, rows=[table]) as services:
        rows = services.named("db", Rows)
        grid = await read(rows, table="public.system_health_summary", order=None)
    assert grid.rows == (("3", "0.5"),)


async def test_what_ops_toml_lists_and_the_database_has_not(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    tables = [{"table": "custom_users", "columns": ["id", "gone"]}, {"table": "missing", "columns": ["id"]}]
    async with opened(http, database, rows=tables) as services:
        rows = services.named("db", Rows)
        with pytest.raises(Refused, match="has no column gone; mend"):
            await read(rows)
        with pytest.raises(Refused, match="There is no table missing"):
            await read(rows, table="missing")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE | {"masked": ["ssn"]}, "masked names ssn"),
        (TABLE | {"findable": ["plan"]}, "findable names plan"),
        (TABLE | {"columns": []}, "columns"),
        (TABLE | {"columns": ["id", "x) FROM pg_authid --"]}, "write a name of letters"),
    ],
)
async def test_a_table_that_cannot_be_listed_so(http: httpx.AsyncClient, table: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        opened(http, "postgresql://127.0.0.1:9/x", rows=[table])


# -- numbers


@pytest.fixture
async def numbers(database: str, http: httpx.AsyncClient, sql: Any) -> AsyncIterator[Numbers]:
    await sql.execute(
        """CREATE TABLE toll_free_numbers (number text, status text, assigned_to uuid, created_at timestamptz);
           INSERT INTO toll_free_numbers VALUES
               ('+18885550101', 'assigned', '6c1f3f0e-9f0f-4d0b-8c55-2f6f0c7d4711', now()),
               ('+18885550102', 'available', NULL, now()), ('+18885550103', 'suspended', NULL, now()),
               ('+18885550104', 'porting', NULL, now())"""
    )
    async with opened(http, database, numbers={}) as services:
        yield services.named("db", Numbers)


async def stored(sql: Any) -> list[tuple[Any, ...]]:
    rows = await sql.fetch("SELECT number, status, assigned_to::text FROM toll_free_numbers ORDER BY number")
    return [tuple(row) for row in rows]


OWNER = "6c1f3f0e-9f0f-4d0b-8c55-2f6f0c7d4711"
OTHER = "11111111-1111-4111-8111-111111111111"


async def test_the_inventory(numbers: Numbers) -> None:
    found = await numbers.numbers()
    states = [NumberState.ASSIGNED, NumberState.AVAILABLE, NumberState.SUSPENDED, NumberState.OTHER]
    assert [number.state for number in found] == states
    assert (found[0].number, found[0].assigned_to, found[3].detail) == ("+18885550101", OWNER, "porting")


async def test_released_and_put_back(numbers: Numbers, sql: Any) -> None:
    before = await stored(sql)
    number = (await numbers.numbers())[0]
    kept = await numbers.set_number(number, state=NumberState.AVAILABLE, assigned_to="")
    assert (await stored(sql))[0] == ("+18885550101", "available", None)
    await numbers.restore_number(number.number, kept)
    assert await stored(sql) == before


async def test_what_somebody_changed_since_is_left_as_it_is(numbers: Numbers, sql: Any) -> None:
    number = (await numbers.numbers())[0]
    elsewhere = replace(number, assigned_to=OTHER)
    with pytest.raises(Stale, match="was changed since") as caught:
        await numbers.set_number(elsewhere, state=NumberState.AVAILABLE, assigned_to="")
    assert caught.value.differences == (f"assigned to was {OTHER}, is {OWNER}",)
    kept = await numbers.set_number(number, state=NumberState.ASSIGNED, assigned_to=OTHER)
    await sql.execute("UPDATE toll_free_numbers SET status = 'suspended' WHERE number = '+18885550101'")
    with pytest.raises(Stale):
        await numbers.restore_number(number.number, kept)
    assert (await stored(sql))[0] == ("+18885550101", "suspended", OTHER)
    await sql.execute("DELETE FROM toll_free_numbers")
    with pytest.raises(Stale, match="not there any more"):
        await numbers.restore_number(number.number, kept)


async def test_an_owner_that_cannot_be_one(numbers: Numbers, sql: Any) -> None:
    before = await stored(sql)
    number = (await numbers.numbers())[1]
    with pytest.raises(Refused, match="nothing was changed"):
        await numbers.set_number(number, state=NumberState.ASSIGNED, assigned_to="somebody'; DROP TABLE x")
    with pytest.raises(NotUnderstood):
        await numbers.set_number(number, state=NumberState.OTHER, assigned_to="")
    assert await stored(sql) == before
