"""Tables that ops.toml maps: rate limits with an allow-list, things with a status column.

Names come from ops.toml only, validated and quoted by their types; every value is a bound parameter.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
from pydantic import Field

from bot.words.exceptions import NotUnderstood, Refused, Stale
from bot.words.networks import MAPPED, IPNetwork, address_text, stands_for, within
from integrations.capabilities import Flipped, RateLimitState, Switch, Switchable
from integrations.postgres.database import Column, Connection, Mapped, OnTable, OptionalColumn, TableName, plain

_SAMPLE = 5
_IDENTIFIERS = 50_000
"""Different identifiers that are compared with a network at most."""
_ALLOWED = 10_000
"""Rows of an allow-list that are read at most."""
_SWITCHES = 1_000


class AllowList(Mapped):
    table: TableName = "ip_allow_list"
    network: Column = "network"
    note: OptionalColumn = "note"
    until: OptionalColumn = "expires_at"
    """When an entry ends; null never."""


class RateLimitTable(Mapped):
    """`[services.NAME.rate_limits]`"""

    table: TableName = "rate_limits"
    identifier: Column = "identifier"
    """Text or inet; rows that hold something else than an address are left alone."""
    endpoint: OptionalColumn = "endpoint"
    count: OptionalColumn = "request_count"
    window_start: OptionalColumn = "window_start"
    allow_list: AllowList | None = None


class SwitchTable(Mapped):
    """`[services.NAME.switches]`"""

    table: TableName = "campaigns"
    id: Column = "id"
    name: Column = "name"
    status: Column = "status"
    running: tuple[str, ...] = Field(default=("active", "running"), min_length=1)
    """Values of `status` that can be paused; the first is written to resume what somebody else paused."""
    paused: str = "paused"


def _address(text: str) -> IPNetwork | None:
    """The network that an identifier stands for; None where it is no address. IPv4 written as IPv6 is IPv4."""
    try:
        network = ipaddress.ip_interface(text.strip()).network
    except ValueError:
        return None
    return stands_for(network) or network if within(network, MAPPED) else network


def _parsed(network: str) -> IPNetwork:
    found = _address(network)
    if found is None:
        raise NotUnderstood(f"{network[:60]!r} is not an IP address or range, like 203.0.113.7 or 203.0.113.0/28.")
    return found


def _hint(network: IPNetwork) -> str:
    """Text that every spelling of an address in `network` holds; narrows what is compared one by one."""
    if network.version == 6:
        return ":"
    whole = network.prefixlen // 8
    octets = str(network.network_address).split(".")[:whole]
    return ".".join(octets) + ("" if whole == 4 else ".")


class RateLimits(OnTable[RateLimitTable]):
    """RateLimiter, Prolongs."""

    async def rate_limits(self, network: str) -> RateLimitState:
        wanted = _parsed(network)
        table = self._table
        since = f"{table.window_start}::timestamptz" if table.window_start else "NULL::timestamptz"
        async with self._api.read() as connection:
            identifiers = await self._identifiers(connection, wanted)
            records: int = await connection.fetchval(
                f"SELECT count(*) FROM {table.table} WHERE {table.identifier}::text = ANY($1::text[])",
                identifiers,
            )
            rows = await connection.fetch(
                f"""SELECT {table.identifier}::text AS identifier,
                           {f"{table.endpoint}::text" if table.endpoint else "NULL::text"} AS endpoint,
                           {f"{table.count}::bigint" if table.count else "NULL::bigint"} AS count,
                           {since} AS since
                    FROM {table.table} WHERE {table.identifier}::text = ANY($1::text[])
                    ORDER BY count DESC NULLS LAST, since DESC NULLS LAST LIMIT {_SAMPLE}""",
                identifiers,
            )
            allowed = table.allow_list is not None and await self._allowed(connection, table.allow_list, wanted)
        return RateLimitState(records, tuple(map(_sentence, rows)), allowed, table.allow_list is not None)

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Gives `{"deleted": rows, "inserted": {"network", "note", "until"} or None}`.

        An entry of the allow-list for the very same network that has ended is replaced.
        """
        wanted = _parsed(network)
        table = self._table
        inserted: dict[str, str | None] | None = None
        async with self._api.write() as connection:
            identifiers = await self._identifiers(connection, wanted)
            deleted = await connection.execute(
                f"DELETE FROM {table.table} WHERE {table.identifier}::text = ANY($1::text[])",
                identifiers,
            )
            if table.allow_list is not None and not await self._allowed(connection, table.allow_list, wanted):
                inserted = await _allow(connection, table.allow_list, wanted, note, until)
        return {"deleted": int(deleted.rpartition(" ")[2]), "inserted": inserted}

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        inserted = lifted.get("inserted")
        allow = self._table.allow_list
        if allow is None or not isinstance(inserted, dict):
            return 0
        async with self._api.write() as connection:
            ours = await self._ours(connection, allow, network, inserted)
            if ours is None:
                return 0
            tag = await connection.execute(f"DELETE FROM {allow.table} WHERE {_this(allow)}", *ours)
        return int(tag.rpartition(" ")[2])

    async def prolong(self, network: str, lifted: dict[str, object], until: datetime) -> dict[str, object]:
        inserted = lifted.get("inserted")
        allow = self._table.allow_list
        if allow is None or not allow.until or not isinstance(inserted, dict):
            return lifted
        async with self._api.write() as connection:
            ours = await self._ours(connection, allow, network, inserted)
            if ours is None:
                raise Stale(f"{network} is not on the allow-list of {self.name} any more; it was not put there again.")
            statement = f"UPDATE {allow.table} SET {allow.until} = $4::timestamptz WHERE {_this(allow)}"
            await connection.execute(statement, *ours, until)
        return lifted | {"inserted": inserted | {"until": until.isoformat()}}

    async def _ours(
        self, connection: Connection, allow: AllowList, network: str, inserted: dict[str, str | None]
    ) -> asyncpg.Record | None:
        """Our row, as `_this` finds it; None where it is gone. Raises Stale where somebody changed it."""
        rows = await _allow_rows(connection, allow, lock=True)
        same = [row for row in rows if _address(row["network"]) == _parsed(network)]
        for row in same:
            if _as_inserted(row, allow) == {**inserted, "network": row["network"]}:
                return row
        if not same:
            return None
        raise Stale(
            f"Somebody changed the allow-list entry for {network} in {self.name} since; it was left as it is.",
            differences=tuple(_differences(_as_inserted(same[0], allow), inserted)),
        )

    async def _identifiers(self, connection: Connection, wanted: IPNetwork) -> list[str]:
        """Spellings in the table that stand for addresses in `wanted`. Compared here: a cast in SQL would fail at
        the first row that holds no address."""
        column = self._table.identifier
        rows = await connection.fetch(
            f"SELECT DISTINCT {column}::text AS identifier FROM {self._table.table} "
            f"WHERE strpos({column}::text, $1) > 0 LIMIT {_IDENTIFIERS + 1}",
            _hint(wanted),
        )
        if len(rows) > _IDENTIFIERS:
            raise Refused(
                f"More than {_IDENTIFIERS:,} addresses are rate limited in {self.name}; name a smaller range."
            )
        found = ((row["identifier"], _address(row["identifier"])) for row in rows)
        return [text for text, address in found if address is not None and within(address, wanted)]

    async def _allowed(self, connection: Connection, allow: AllowList, wanted: IPNetwork) -> bool:
        now: datetime = await connection.fetchval("SELECT now()")
        current = [row for row in await _allow_rows(connection, allow) if row["until"] is None or row["until"] > now]
        return any(address and within(wanted, address) for row in current if (address := _address(row["network"])))


def _sentence(row: asyncpg.Record) -> str:
    what = f"{row['identifier']} on {row['endpoint']}" if row["endpoint"] else row["identifier"]
    count = f": {row['count']:,} requests" if row["count"] is not None else ""
    since = f" since {row['since']:%H:%M} UTC" if row["since"] is not None else ""
    return f"{what}{count}{since}"


def _this(allow: AllowList) -> str:
    """The row with $1, $2 and $3 for network, note and end: another of the same network is somebody else's."""
    note = f"{allow.note}::text" if allow.note else "NULL::text"
    until = f"{allow.until}::timestamptz" if allow.until else "NULL::timestamptz"
    same = f"{note} IS NOT DISTINCT FROM $2 AND {until} IS NOT DISTINCT FROM $3::timestamptz"
    return f"{allow.network}::text = $1 AND {same}"


async def _allow_rows(connection: Connection, allow: AllowList, *, lock: bool = False) -> list[asyncpg.Record]:
    rows = await connection.fetch(
        f"""SELECT {allow.network}::text AS network,
                   {f"{allow.note}::text" if allow.note else "NULL::text"} AS note,
                   {f"{allow.until}::timestamptz" if allow.until else "NULL::timestamptz"} AS until
            FROM {allow.table} LIMIT {_ALLOWED + 1} {"FOR UPDATE" if lock else ""}"""
    )
    if len(rows) > _ALLOWED:
        raise Refused(f"The allow-list has more than {_ALLOWED:,} entries; whether this one is there cannot be told.")
    return rows


async def _allow(
    connection: Connection, allow: AllowList, wanted: IPNetwork, note: str, until: datetime | None
) -> dict[str, str | None]:
    text = address_text(wanted)
    ended = [row["network"] for row in await _allow_rows(connection, allow) if _address(row["network"]) == wanted]
    await connection.execute(f"DELETE FROM {allow.table} WHERE {allow.network}::text = ANY($1::text[])", ended)
    columns: list[tuple[str, str, object]] = [(allow.network, "", text)]
    if allow.note:
        columns.append((allow.note, "", note))
    if allow.until:
        columns.append((allow.until, "::timestamptz", until))
    names = ", ".join(name for name, _, _ in columns)
    places = ", ".join(f"${number}{cast}" for number, (_, cast, _) in enumerate(columns, 1))
    await connection.execute(
        f"INSERT INTO {allow.table} ({names}) VALUES ({places})",
        *(value for _, _, value in columns),
    )
    return {
        "network": text,
        "note": note if allow.note else None,
        "until": until.isoformat() if until is not None and allow.until else None,
    }


def _as_inserted(row: asyncpg.Record, allow: AllowList) -> dict[str, str | None]:
    until: datetime | None = row["until"]
    return {
        "network": row["network"],
        "note": row["note"] if allow.note else None,
        "until": until.isoformat() if until is not None else None,
    }


def _differences(now: Mapping[str, str | None], then: Mapping[str, object]) -> list[str]:
    return [f"{key} was {then.get(key)}, is {now[key]}" for key in ("note", "until") if now[key] != then.get(key)]


class StatusColumn(OnTable[SwitchTable]):
    """Switches."""

    async def switches(self) -> tuple[Switchable, ...]:
        """By name, at most 1,000."""
        table = self._table
        async with self._api.read() as connection:
            rows = await connection.fetch(
                f"SELECT {self._columns()} FROM {table.table} ORDER BY name, id LIMIT {_SWITCHES + 1}"
            )
        if len(rows) > _SWITCHES:
            raise Refused(f"{plain(table.table)} in {self.name} has more than {_SWITCHES:,} rows to pause.")
        return tuple(map(self._switchable, rows))

    async def pause(self, ids: Sequence[str]) -> Flipped:
        async with self._api.write() as connection:
            before = await self._locked(connection, ids)
            changed = [before[id_] for id_ in ids if id_ in before and before[id_].state is Switch.RUNNING]
            await self._set(connection, [thing.id for thing in changed], self._table.paused)
        done = {thing.id for thing in changed}
        return Flipped(tuple(changed), tuple(_missed(id_, before.get(id_)) for id_ in ids if id_ not in done))

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        async with self._api.write() as connection:
            before = await self._locked(connection, [thing.id for thing in things])
            words = {thing.id: thing.detail or self._table.running[0] for thing in things}
            ready = [
                id_
                for id_, word in words.items()
                if word in self._table.running and id_ in before and before[id_].state is Switch.PAUSED
            ]
            for word in self._table.running:
                await self._set(connection, [id_ for id_ in ready if words[id_] == word], word)
        done = set(ready)
        return Flipped(
            tuple(before[id_] for id_ in ready),
            tuple(_missed(thing.name, before.get(thing.id)) for thing in things if thing.id not in done),
        )

    async def _locked(self, connection: Connection, ids: Sequence[str]) -> dict[str, Switchable]:
        table = self._table
        rows = await connection.fetch(
            f"SELECT {self._columns()} FROM {table.table} WHERE {table.id}::text = ANY($1::text[]) "
            f"ORDER BY {table.id} FOR UPDATE",
            list(ids),
        )
        return {row["id"]: self._switchable(row) for row in rows}

    async def _set(self, connection: Connection, ids: Sequence[str], status: str) -> None:
        table = self._table
        await connection.execute(
            f"UPDATE {table.table} SET {table.status} = $1 WHERE {table.id}::text = ANY($2::text[])",
            status,
            list(ids),
        )

    def _columns(self) -> str:
        table = self._table
        return f"{table.id}::text AS id, {table.name}::text AS name, {table.status}::text AS status"

    def _switchable(self, row: asyncpg.Record) -> Switchable:
        status = row["status"] or ""
        running = status in self._table.running
        state = Switch.RUNNING if running else Switch.PAUSED if status == self._table.paused else Switch.OTHER
        return Switchable(row["id"], row["name"] or row["id"], state, status)


def _missed(name: str, now: Switchable | None) -> str:
    return f"{now.name} is {now.detail or 'without a status'} now" if now else f"{name} is not there any more"
