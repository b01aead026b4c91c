import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bot.store.migrate import MIGRATIONS, migrate
from bot.words.exceptions import Misconfigured

FIRST = "CREATE TABLE dish (name text);"
SECOND = "ALTER TABLE dish ADD price int;\nINSERT INTO dish VALUES ('soup', 3);"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "901_dish.sql").write_text(FIRST)
    (tmp_path / "902_price.sql").write_text(SECOND)
    return tmp_path


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def migrate_alone(database: str, folder: Path) -> list[str]:
    connection = await asyncpg.connect(database)
    try:
        return await migrate(connection, folder)
    finally:
        await connection.close()


async def test_files_are_applied_in_order_and_once(connection: asyncpg.Connection, folder: Path) -> None:
    assert await migrate(connection, folder) == ["901_dish.sql", "902_price.sql"]
    assert await migrate(connection, folder) == []
    (folder / "903_more.sql").write_text("INSERT INTO dish VALUES ('bread', 1)")
    assert await migrate(connection, folder) == ["903_more.sql"]
    assert await connection.fetchval("SELECT array_agg(name ORDER BY name) FROM dish") == ["bread", "soup"]


async def test_our_own_migrations_are_already_in_every_test_database(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch("SELECT name FROM migrations ORDER BY name")
    assert [row["name"] for row in rows] == sorted(path.name for path in MIGRATIONS.glob("*.sql"))


async def test_a_changed_file_is_refused_by_name_and_nothing_more_is_applied(
    connection: asyncpg.Connection, folder: Path
) -> None:
    await migrate(connection, folder)
    (folder / "901_dish.sql").write_text(FIRST + " -- tidied")
    (folder / "903_more.sql").write_text("CREATE TABLE more ()")
    with pytest.raises(Misconfigured, match=r"901_dish\.sql has changed"):
        await migrate(connection, folder)
    assert await connection.fetchval("SELECT to_regclass('more')") is None


async def test_line_ends_are_not_a_change(connection: asyncpg.Connection, folder: Path) -> None:
    await migrate(connection, folder)
    (folder / "902_price.sql").write_bytes(SECOND.replace("\n", "\r\n").encode())
    assert await migrate(connection, folder) == []


async def test_a_failing_file_leaves_nothing_and_the_next_start_goes_on_from_it(
    connection: asyncpg.Connection, folder: Path
) -> None:
    (folder / "902_price.sql").write_text("ALTER TABLE dish ADD price int; SELECT 1 / 0;")
    with pytest.raises(Misconfigured, match=r"902_price\.sql could not be applied: division by zero"):
        await migrate(connection, folder)
    (folder / "902_price.sql").write_text(SECOND)
    assert await migrate(connection, folder) == ["902_price.sql"]


async def test_replicas_starting_together_apply_each_file_once(database: str, folder: Path) -> None:
    (folder / "903_slow.sql").write_text("INSERT INTO dish SELECT 'stew', 5 FROM pg_sleep(0.2)")

    applied = await asyncio.gather(*(migrate_alone(database, folder) for _ in range(4)))
    assert sorted(applied) == [[], [], [], ["901_dish.sql", "902_price.sql", "903_slow.sql"]]


async def test_a_file_without_transaction_runs_while_other_replicas_wait(database: str, folder: Path) -> None:
    """A replica that waited for the lock inside PostgreSQL would dead-lock with the index."""
    (folder / "903_index.sql").write_text(
        "-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS dish_name ON dish (name)"
    )

    async with asyncio.timeout(60):
        applied = await asyncio.gather(*(migrate_alone(database, folder) for _ in range(3)))
    assert [names.count("903_index.sql") for names in sorted(applied)] == [0, 0, 1]


async def test_the_same_file_in_a_transaction_is_refused(connection: asyncpg.Connection, folder: Path) -> None:
    (folder / "903_index.sql").write_text("CREATE INDEX CONCURRENTLY dish_name ON dish (name)")
    with pytest.raises(Misconfigured, match=r"903_index\.sql could not be applied"):
        await migrate(connection, folder)


async def test_the_lock_is_free_afterwards_even_after_a_failure(
    database: str, connection: asyncpg.Connection, folder: Path
) -> None:
    (folder / "902_price.sql").write_text("nonsense")
    with pytest.raises(Misconfigured):
        await migrate(connection, folder)
    (folder / "902_price.sql").write_text(SECOND)
    async with asyncio.timeout(30):
        assert await migrate_alone(database, folder) == ["902_price.sql"]


async def test_a_syntax_error_is_told_with_its_line(connection: asyncpg.Connection, folder: Path) -> None:
    (folder / "902_price.sql").write_text("SELECT 1;\nSELECT 2;\nALTER TABEL dish ADD price int;")
    with pytest.raises(Misconfigured, match=r"902_price\.sql .*TABEL.* \(line 3\)"):
        await migrate(connection, folder)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("1_dish.sql", r"1_dish\.sql must be named like"), ("901_twin.sql", "have the same number")],
)
async def test_names_that_leave_the_order_open_are_refused(
    connection: asyncpg.Connection, folder: Path, name: str, sentence: str
) -> None:
    (folder / name).write_text("SELECT 1")
    with pytest.raises(Misconfigured, match=sentence):
        await migrate(connection, folder)
    assert await connection.fetchval("SELECT to_regclass('dish')") is None
