"""Rights of our role in a PostgreSQL, held against what ops.toml maps: tried out, and told for the doctor."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.words.exceptions import Refused
from integrations.capabilities import Credential, Rights, Trial
from integrations.plumbing.trying import Step, tried
from integrations.postgres.database import Database, OnDatabase, plain

_POWERS = {
    "rolsuper": "everything: it is a superuser",
    "rolcreaterole": "make roles",
    "rolcreatedb": "make databases",
    "rolreplication": "replicate",
    "rolbypassrls": "pass row security",
}
_MEMBER = {
    "pg_read_all_stats": "db connections, db locks, db kill-idle, db terminate",
    "pg_signal_backend": "db kill-idle, db terminate",
}


@dataclass(frozen=True)
class Need:
    """Rights on one table that commands need."""

    table: str
    """Quoted."""
    verbs: tuple[str, ...]
    commands: str


class RoleRights(OnDatabase):
    """Testable, Credentialed."""

    def __init__(self, database: Database, reference: str, needs: Sequence[Need]) -> None:
        super().__init__(database)
        self._reference = reference
        self._needs = needs

    def credentials(self) -> tuple[Credential, ...]:
        return (Credential(f"services.{self.name}.dsn", self._reference),)

    async def test(self) -> tuple[Trial, ...]:
        setting = f"services.{self.name}.dsn"
        steps = [Step("connect and ask", self._connected, f"Check {setting}.")]
        for need in self._needs:
            wanted = " and ".join(verb.lower() for verb in need.verbs)
            remedy = f"GRANT {', '.join(need.verbs)} ON {plain(need.table)} to its role; for {need.commands}."
            steps.append(Step(f"{wanted} in {plain(need.table)}", partial(self._allowed, need), remedy))
        return await tried(*steps)

    async def rights(self) -> Rights:
        async with self._api.read() as connection:
            role = await connection.fetchrow(f"SELECT {', '.join(_POWERS)} FROM pg_roles WHERE rolname = current_user")
            member = {name: await connection.fetchval("SELECT pg_has_role($1, 'USAGE')", name) for name in _MEMBER}
        has: list[str] = [name for name, is_ in member.items() if is_]
        lacking = [(name, commands) for name, commands in _MEMBER.items() if not member[name]]
        for need in self._needs:
            missing = await self._missing(need)
            has += [f"{verb} on {plain(need.table)}" for verb in need.verbs if verb not in missing]
            lacking += [(f"{verb} on {plain(need.table)}", need.commands) for verb in missing]
        return Rights(
            has=tuple(dict.fromkeys(has)),  # several commands may need the same one
            unneeded=tuple(told for power, told in _POWERS.items() if role is not None and role[power]),
            lacking=tuple(lacking),
            note="Vacuum and analyze need the table's owner, or MAINTAIN on it.",
        )

    async def _connected(self) -> None:
        async with self._api.read() as connection:
            await connection.fetchval("SELECT 1")

    async def _allowed(self, need: Need) -> None:
        if missing := await self._missing(need):
            verbs = ", ".join(missing)
            raise Refused(f"Our role in {self.name} may not {verbs} in {plain(need.table)}, or it is not there.")

    async def _missing(self, need: Need) -> list[str]:
        """Rights on some of the columns are enough here; which ones is for the commands themselves to find."""
        async with self._api.read() as connection:
            return [
                verb
                for verb in need.verbs
                if not await connection.fetchval(
                    "SELECT has_table_privilege(to_regclass($1), $2)"
                    if verb == "DELETE"
                    else "SELECT has_any_column_privilege(to_regclass($1), $2)",
                    need.table,
                    verb,
                )
            ]
