"""The PostgreSQL job store against the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import component
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.testing.jobs_conformance import JobStoreConformance
from support.services import Postgres


@pytest.fixture(scope="module")
def database_url(postgres: Postgres) -> str:
    return postgres.database()


class TestPostgres(JobStoreConformance):
    @pytest.fixture
    async def store(self, database_url: str) -> AsyncIterator[JobStore]:
        async with component.open(PostgresSettings(database_url=SecretStr(database_url))) as store:
            await store.migrate()
            yield store
        connection = await asyncpg.connect(database_url)
        await connection.execute("TRUNCATE jobs CASCADE")
        await connection.close()
