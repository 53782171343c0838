"""The SQLite job store as a component."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llamaparse_worker.backends.jobs.sql.migrations import read_migrations
from llamaparse_worker.backends.jobs.sql.store import SqlJobStore
from llamaparse_worker.backends.jobs.sqlite.database import SqliteDatabase, connect
from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.interfaces import Component, JobStore

_MIGRATIONS = read_migrations("llamaparse_worker.backends.jobs.sqlite")


@asynccontextmanager
async def open_sqlite(settings: SqliteSettings) -> AsyncIterator[JobStore]:
    """Give the job store on the file, which is created.

    Raises:
        ConfigurationError: the file cannot be used.
        BackendUnavailable: another process keeps it locked.
    """
    async with connect(settings.sqlite_path, timeout_s=settings.sqlite_timeout_seconds) as connection:
        yield SqlJobStore(SqliteDatabase(connection), _MIGRATIONS)


component: Component[SqliteSettings, JobStore] = Component(settings=SqliteSettings, open=open_sqlite)
