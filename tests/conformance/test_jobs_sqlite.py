"""The SQLite job store against the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.backends.jobs.sqlite.store import component
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.testing.jobs_conformance import JobStoreConformance


class TestSqlite(JobStoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[JobStore]:
        async with component.open(SqliteSettings(sqlite_path=tmp_path / "new" / "worker.sqlite3")) as store:
            await store.migrate()
            yield store
