"""Brings the schema up to date from numbered files, however many processes start at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import structlog

from llamaparse_worker.backends.jobs.sql.database import Connection, Database

_CREATE_VERSIONS = "CREATE TABLE schema_version (version integer PRIMARY KEY, name text NOT NULL)"
_VERSION = "SELECT coalesce(max(version), 0) AS version FROM schema_version"
_APPLIED = "INSERT INTO schema_version (version, name) VALUES (:version, :name)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: a file ``<number>_<name>.sql``."""

    version: int
    name: str
    script: str


def read_migrations(package: str) -> tuple[Migration, ...]:
    """Give the steps in the folder ``migrations`` of a package, ascending."""
    found = (entry for entry in files(package).joinpath("migrations").iterdir() if entry.name.endswith(".sql"))
    steps = (
        Migration(int(entry.name.partition("_")[0]), entry.name.removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in found
    )
    return tuple(sorted(steps, key=lambda step: step.version))


async def apply(database: Database, migrations: Sequence[Migration]) -> int:
    """Apply what is missing, each step in its own exclusive transaction; gives the schema version.

    A schema newer than these steps is left alone: a newer worker of a rolling update has migrated it.
    """
    while True:
        async with database.transaction(exclusive=True) as connection:
            version = await _version(database, connection)
            step = next((one for one in migrations if one.version > version), None)
            if step is None:
                return version
            await connection.script(step.script)
            await connection.fetch(_APPLIED, {"version": step.version, "name": step.name})
        log.info("jobs.migrated", version=step.version, migration=step.name)


async def _version(database: Database, connection: Connection) -> int:
    (schema,) = await connection.fetch(database.dialect.has_schema, {})
    if not schema["present"]:
        await connection.script(_CREATE_VERSIONS)
    (row,) = await connection.fetch(_VERSION, {})
    return int(str(row["version"]))
