"""/ops rows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bot.ask.parse import parse
from bot.words.exceptions import Misconfigured, NotUnderstood
from commands._shared.conditions import conditions
from commands._shared.table_names import the_table
from commands.rows import Read, ReadRows
from integrations import Services, open_services
from integrations.capabilities import Grid, Rows
from sandbox.world import World
from tests.commands.world import Clock, Outside
from tests.test_promises import catalogue


@pytest.fixture
async def services(database: str) -> AsyncIterator[Services]:
    async with World(database) as world, httpx.AsyncClient() as http:
        tables = {name: table for name, table in world.services().items() if name == "shop-db"}
        async with open_services(tables, http, world.secret) as opened:
            yield opened


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ()),
        ("status:failed", (("status", "failed"),)),
        ('name:"Ana Ruiz"  status:failed', (("name", "Ana Ruiz"), ("status", "failed"))),
        ("left_at:", (("left_at", ""),)),
        ("left_at: status:x", (("left_at", ""), ("status", "x"))),
        ("at:2026-03-01T10:00:00Z", (("at", "2026-03-01T10:00:00Z"),)),
        ("link:https://x.example/?a=1", (("link", "https://x.example/?a=1"),)),
    ],
)
def test_conditions(typed: str, found: Any) -> None:
    assert conditions(typed) == found


@pytest.mark.parametrize("typed", ["status", "status:failed and more", ":x", 'name:"Ana', 'name:"Ana"x'])
def test_what_is_no_condition_is_told(typed: str) -> None:
    with pytest.raises(ValueError, match="type column:value"):
        Read(table="t", where=typed)


def test_an_order_by_nothing_is_told_and_not_forgotten() -> None:
    for order in ("-", ""):
        with pytest.raises(ValueError, match="type a column, as in created_at or -created_at"):
            Read(table="t", order=order)


def test_as_it_is_typed() -> None:
    parsed = parse(catalogue(), 'rows businesses where=business_name:"Harbour Dental" plan:pro limit=5 csv=yes')
    assert isinstance(parsed.params, Read)
    assert conditions(parsed.params.where) == (("business_name", "Harbour Dental"), ("plan", "pro"))
    assert (parsed.params.limit, parsed.params.csv) == (5, True)


async def test_rows(services: Services) -> None:
    action = ReadRows(services.having(Rows), Clock())
    report = await action.answer(
        Read(table="demo.businesses", where='business_name:"Harbour Dental" phone_number:+15550100005', csv=True)
    )
    assert report.title == "demo.businesses of shop-db"
    assert report.lead == "1 row."
    assert report.table is not None
    assert report.table.csv
    assert report.table.rows[0][1:3] == ("Harbour Dental", "•••")
    assert report.notes == ("Masked: phone_number.", "That this was read is in the audit trail.")
    newest = await action.answer(Read(table="demo.toll_free_numbers", order="-created_at", limit=1))
    assert newest.table is not None
    assert newest.table.rows[0][0] == "+18885550101"


async def test_which_table(services: Services) -> None:
    action = ReadRows(services.having(Rows), Clock())
    with pytest.raises(NotUnderstood, match=r"Did you mean 'demo\.businesses'") as caught:
        await action.answer(Read(table="demo.business"))
    assert caught.value.hint == "rows demo.businesses"
    for db in (None, "shop-db"):
        assert (await action.answer(Read(table="businesses", limit=1, db=db))).title == "demo.businesses of shop-db"
    with pytest.raises(Misconfigured, match="no service that can show rows of that table"):
        await ReadRows((), Clock()).answer(Read(table="businesses"))
    options = await action.options("table", "num")
    assert [option.value for option in options] == ["demo.toll_free_numbers"]


@dataclass
class Listing(Outside):
    """Rows."""

    listed: tuple[str, ...] = ()

    def tables(self) -> tuple[str, ...]:
        return self.listed

    async def rows(self, table: str, **_: object) -> Grid:
        return Grid(lead=f"{table} of {self.name}", columns=(), rows=())


@pytest.mark.parametrize(
    ("typed", "db", "read"),
    [
        ("orders", None, "shop.orders of a"),
        ("shop.orders", None, "shop.orders of a"),
        ("logs", None, "logs of b"),  # as it is listed, although another schema has one
        ("logs", "a", "old.logs of a"),
    ],
)
async def test_a_schema_may_be_left_out(typed: str, db: str | None, read: str) -> None:
    databases = Listing("a", listed=("shop.orders", "old.logs")), Listing("b", listed=("logs",))
    assert (await ReadRows(databases, Clock()).answer(Read(table=typed, db=db))).lead == read


async def test_one_name_in_two_schemas_names_both() -> None:
    databases = Listing("a", listed=("shop.orders",)), Listing("b", listed=("crm.orders",))
    with pytest.raises(NotUnderstood, match=r"means several: shop\.orders, crm\.orders\. Say which") as caught:
        await ReadRows(databases, Clock()).answer(Read(table="orders", limit=5))
    assert caught.value.choices == {
        "shop.orders": "rows shop.orders limit=5",
        "crm.orders": "rows crm.orders limit=5",
    }


def test_it_is_for_approvers_and_goes_into_the_trail() -> None:
    assert ReadRows.restricted
    assert ReadRows.audited


def test_a_table_by_its_name_alone() -> None:
    """As `rows` and `db cleanup` understand it."""
    listed = ["shop.orders", "crm.orders", "logs", "old.logs"]

    def meant(typed: str) -> str:
        return the_table(typed, listed, unknown="No such table.", words="rows", asked=Read(table=typed))

    assert (meant("logs"), meant("old.logs")) == ("logs", "old.logs")
    with pytest.raises(NotUnderstood, match=r"means several: shop\.orders, crm\.orders") as several:
        meant("orders")
    assert several.value.choices["crm.orders"] == "rows crm.orders"
    with pytest.raises(NotUnderstood, match="No such table"):
        meant("order")
