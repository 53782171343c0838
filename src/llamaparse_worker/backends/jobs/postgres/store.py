"""The PostgreSQL job store as a component."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import move_on_after

from llamaparse_worker.backends.jobs.postgres.database import PostgresDatabase
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.sql.migrations import read_migrations
from llamaparse_worker.backends.jobs.sql.store import SqlJobStore
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Component, JobStore

_CLOSE_TIMEOUT_S = 5.0
_MIGRATIONS = read_migrations("llamaparse_worker.backends.jobs.postgres")


@asynccontextmanager
async def open_postgres(settings: PostgresSettings) -> AsyncIterator[JobStore]:
    """Give the job store; the first call connects.

    Raises:
        ConfigurationError: the address is missing or of another database.
    """
    url = settings.database_url.get_secret_value()
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("DATABASE_URL: must be postgresql://user:password@host:port/database")
    database = PostgresDatabase(url, pool_size=settings.database_pool_size, timeout_s=settings.database_timeout_seconds)
    await database.pool
    try:
        yield SqlJobStore(database, _MIGRATIONS)
    finally:
        # A database that does not answer must not hold up the exit; a cancelled close cuts the connections.
        with move_on_after(_CLOSE_TIMEOUT_S, shield=True):
            await database.pool.close()


component: Component[PostgresSettings, JobStore] = Component(settings=PostgresSettings, open=open_postgres)
