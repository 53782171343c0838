"""The PostgreSQL job store on a real cluster: restarts, locks, wrong addresses, workers that start at once."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import asyncpg
import pytest
from pydantic import SecretStr

from llamaparse_worker.backends.jobs.postgres.database import PostgresDatabase
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import open_postgres
from llamaparse_worker.backends.jobs.sql.migrations import Migration, apply, read_migrations
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, ErrorReport, StorageFull
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.genai import EndReason, Usage
from llamaparse_worker.model.job import DueJob, JobResult, JobStatus, PageError, Progress, SourceKind, SourceRef
from llamaparse_worker.model.refinement import ModelCall, Refinement, Verdict, usage_of
from llamaparse_worker.testing.jobs_samples import BODY, COMPLETED, LONG_S, a_job, an_event, claim, leased, status_of
from support.services import Postgres

pytestmark = pytest.mark.anyio

_MIGRATIONS = read_migrations("llamaparse_worker.backends.jobs.postgres")
_CLAIMER = """
import sys
import anyio
from pydantic import SecretStr
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import open_postgres
from llamaparse_worker.testing.jobs_samples import a_job, claim

async def main():
    async with open_postgres(PostgresSettings(database_url=SecretStr(sys.argv[1]))) as store:
        version = await store.migrate()
        found = [type(await claim(store, a_job(f"job-{number}"))).__name__ for number in range(20)]
        print(version, found.count("Lease"))

anyio.run(main)
"""


def opened(url: str, *, pool_size: int = 4, timeout_s: float = 5) -> AbstractAsyncContextManager[JobStore]:
    settings = PostgresSettings(
        database_url=SecretStr(url), database_pool_size=pool_size, database_timeout_seconds=timeout_s
    )
    return open_postgres(settings)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[JobStore]:
    async with opened(url) as store:
        await store.migrate()
        yield store


@asynccontextmanager
async def other_session(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def _said_by_three_claimers(place: str) -> list[list[str]]:
    command = [sys.executable, "-c", _CLAIMER, place]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate(timeout=50)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    return [output.splitlines()[-1].split() for output in outputs]


async def test_processes_that_start_at_once_share_one_schema_and_each_job_is_claimed_once(url: str) -> None:
    said = _said_by_three_claimers(url)

    assert {version for version, _ in said} == {str(len(_MIGRATIONS))}
    assert sum(int(claimed) for _, claimed in said) == 20


async def test_many_migrations_at_once_apply_each_step_once(url: str) -> None:
    database = PostgresDatabase(url, pool_size=6, timeout_s=10)
    await database.pool
    more = Migration(len(_MIGRATIONS) + 1, "more", "CREATE TABLE more (id text); INSERT INTO more VALUES ('once');")
    versions: list[int] = []

    async def one() -> None:
        versions.append(await apply(database, [*_MIGRATIONS, more]))

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(one)

    assert versions == [more.version] * 6
    assert await database.fetch("SELECT id FROM more", {}) == [{"id": "once"}]
    await database.pool.close()


async def test_a_failed_step_of_the_schema_leaves_the_version_before_it(url: str) -> None:
    database = PostgresDatabase(url, pool_size=1, timeout_s=10)
    await database.pool
    broken = Migration(len(_MIGRATIONS) + 1, "broken", "CREATE TABLE half (id text); CREATE TABLE jobs (id text);")

    with pytest.raises(asyncpg.DuplicateTableError):
        await apply(database, [*_MIGRATIONS, broken])

    assert await apply(database, _MIGRATIONS) == len(_MIGRATIONS)
    assert await database.fetch("SELECT to_regclass('half') AS half", {}) == [{"half": None}]
    await database.pool.close()


async def test_the_store_works_again_by_itself_after_a_restart_of_the_database(
    postgres: Postgres, store: JobStore
) -> None:
    job = a_job()
    lease = await leased(store, job)
    postgres.stop(crash=True)
    try:
        for _ in range(3):
            with pytest.raises(BackendUnavailable, match="PostgreSQL"):
                await store.renew(lease, lease_s=LONG_S, progress=Progress())
        with pytest.raises(BackendUnavailable):
            await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[])
    finally:
        postgres.start()

    assert await store.renew(lease, lease_s=LONG_S, progress=Progress(3, 1, 0)) is JobStatus.RUNNING
    assert await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[])
    assert (await store.ping()).startswith("PostgreSQL 1")


async def test_a_database_that_is_away_at_the_start_is_used_once_it_is_there(postgres: Postgres, url: str) -> None:
    postgres.stop()
    try:
        async with opened(url) as store:
            with pytest.raises(BackendUnavailable):
                await store.migrate()
            postgres.start()
            assert await store.migrate() == len(_MIGRATIONS)
            assert (await leased(store, a_job())).attempt == 1
    finally:
        postgres.stop()
        postgres.start()


@pytest.mark.parametrize("exclusive", [True, False])
async def test_a_worker_that_stands_still_in_a_transaction_keeps_its_rows_from_nobody_for_long(
    url: str, store: JobStore, *, exclusive: bool
) -> None:
    lease = await leased(store, a_job())
    stopped = PostgresDatabase(url, pool_size=1, timeout_s=30)
    written, renewed = anyio.Event(), anyio.Event()

    async def stand_still() -> None:
        async with stopped.transaction(exclusive=exclusive) as connection:
            await connection.fetch("UPDATE jobs SET retry_reason = 'stopped' RETURNING id", {})
            written.set()
            await renewed.wait()
            await connection.fetch("SELECT 1", {})

    async def go_on() -> None:
        with pytest.raises(BackendUnavailable):
            await stand_still()

    async with stopped.pool, opened(url, timeout_s=15) as another, anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        await written.wait()
        assert await another.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING
        renewed.set()


async def test_connections_cut_by_the_server_are_replaced(url: str, store: JobStore) -> None:
    lease = await leased(store, a_job())
    async with other_session(url) as other:
        await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with anyio.fail_after(10):
            while True:
                try:
                    assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING
                    break
                except BackendUnavailable:
                    continue


async def test_a_schema_changed_by_a_newer_worker_costs_at_most_one_try(url: str) -> None:
    async with opened(url, pool_size=1) as store, other_session(url) as newer:
        await store.migrate()
        await leased(store, a_job())
        await store.cancel("before")
        await newer.execute("ALTER TABLE jobs ALTER COLUMN attempt TYPE bigint")

        with pytest.raises(BackendUnavailable):  # in a transaction the driver cannot prepare the statement again
            await store.cancel("after")
        assert await store.cancel("after") is JobStatus.CANCELLED
        assert (await leased(store, a_job())).attempt == 1


async def test_a_lock_held_elsewhere_ends_in_time_and_harms_no_later_call(url: str) -> None:
    job = a_job()
    async with opened(url, pool_size=1, timeout_s=0.3) as store, other_session(url) as other:
        await store.migrate()
        await store.submit(job, body=BODY, headers={}, publish_within_s=LONG_S)
        async with other.transaction():
            await other.execute("SELECT * FROM jobs FOR UPDATE")
            before = time.monotonic()
            with pytest.raises(BackendUnavailable, match=r"within 0\.3 s"):
                await claim(store, job)
            assert time.monotonic() - before < 3

        assert (await leased(store, job)).attempt == 1


async def test_a_job_that_is_claimed_while_due_ones_are_taken_is_left_to_its_claimer(url: str, store: JobStore) -> None:
    job = a_job()
    await store.retry_later(await leased(store, job), delay_s=0, reason="a passing one")
    taken: list[DueJob] = []

    async def take() -> None:
        taken.extend(await store.due(limit=10, publish_within_s=LONG_S))

    async with other_session(url) as other, anyio.create_task_group() as tasks, other.transaction():
        await other.execute(
            "UPDATE jobs SET status = 'RUNNING', lease_token = 'other', lease_until = now() + interval '1 hour',"
            " next_run_at = NULL"
        )
        tasks.start_soon(take)
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - no event
            await anyio.sleep(0.01)

    assert taken == []
    assert await status_of(store, job.id) is JobStatus.RUNNING


async def test_a_pool_in_use_makes_callers_wait_no_longer_than_the_limit(url: str) -> None:
    database = PostgresDatabase(url, pool_size=1, timeout_s=0.2)
    await database.pool
    async with database.transaction():
        with pytest.raises(BackendUnavailable):
            await database.fetch("SELECT 1", {})

    assert await database.fetch("SELECT 1 AS one", {}) == [{"one": 1}]
    await database.pool.close()


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_used_again(url: str) -> None:
    database = PostgresDatabase(url, pool_size=1, timeout_s=5)
    await database.pool
    await apply(database, _MIGRATIONS)
    with anyio.move_on_after(5) as scope:
        async with database.transaction() as inside:
            await inside.fetch("INSERT INTO schema_version VALUES (:version, 'half')", {"version": 99})
            scope.cancel()
            await anyio.sleep_forever()

    assert await database.fetch("SELECT version FROM schema_version", {}) == [
        {"version": step.version} for step in _MIGRATIONS
    ]
    await database.pool.close()


async def test_a_result_and_its_events_are_written_together_or_not_at_all(store: JobStore) -> None:
    job = a_job()
    lease = await leased(store, job)
    event = an_event()

    with pytest.raises(asyncpg.UniqueViolationError):
        await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[event, event])

    assert await status_of(store, job.id) is JobStatus.RUNNING
    assert await store.outbox(limit=10) == ()
    assert await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[event])


async def test_texts_that_postgresql_refuses_are_stored_cleaned(store: JobStore) -> None:
    bad = "a\0b\ud800c"
    job = replace(
        a_job(project=bad, tenant=bad),
        file_name=bad,
        source=SourceRef(SourceKind.OBJECT, bad),
        output_prefix=bad,
        metadata={bad: bad},
    )
    await store.submit(job, body=b"\0", headers={bad: bad}, publish_within_s=LONG_S)
    error = ErrorReport("INTERNAL_ERROR", bad)
    result = JobResult(status=JobStatus.FAILED, error=error, page_errors=(PageError(1, error),), result_prefix=bad)
    await store.retry_later(await leased(store, job), delay_s=0, reason=bad)
    (due,) = await store.due(limit=1, publish_within_s=LONG_S)

    assert await store.finish(await leased(store, job), result, events=[])
    assert await store.get(bad) is None
    assert await store.cancel(bad) is JobStatus.CANCELLED
    record = await store.get(job.id)
    good = "a\ufffdb\ufffdc"
    assert record is not None
    assert record.error is not None
    assert (record.file_name, record.project, record.tenant, record.result_prefix) == (good,) * 4
    assert (record.error.message, record.page_errors[0].error.message) == (good, good)
    assert (due.body, dict(due.headers)) == (b"\0", {good: good})


async def test_a_full_disk_is_said(url: str, store: JobStore) -> None:
    async with other_session(url) as other:
        await other.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION fail();"
        )

    with pytest.raises(StorageFull, match="could not extend file"):
        await store.submit(a_job(), body=BODY, headers={}, publish_within_s=LONG_S)


async def test_a_database_without_schema_says_how_to_make_one(url: str) -> None:
    async with opened(url) as store:
        with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*llamaparse-worker migrate"):
            await store.get("any")


async def test_a_user_who_may_not_read_is_told_so(url: str, store: JobStore) -> None:
    await store.counts()
    async with other_session(url) as other:
        await other.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    async with opened(url.replace("worker@", "stranger@")) as stranger:
        with pytest.raises(ConfigurationError, match="permission denied"):
            await stranger.counts()
    async with other_session(url) as other:
        await other.execute("DROP ROLE stranger")


@pytest.mark.parametrize(
    "change",
    [
        ("/test_", "/missing_"),
        ("worker@", "nobody:hunter2@"),
        ("worker@127.0.0.1:", "worker:hunter2/x@127.0.0.1:"),
        ("worker@127.0.0.1:", "worker:hunter2@127.0.0.1:9"),
    ],
)
async def test_a_wrong_address_names_the_variable_and_hides_the_password(url: str, change: tuple[str, str]) -> None:
    async with opened(url.replace(*change)) as store:
        with pytest.raises(ConfigurationError, match="DATABASE_URL") as raised:
            await store.ping()

    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None or "hunter2" not in str(raised.value.__cause__)


@pytest.mark.parametrize("url", ["", "mysql://worker@127.0.0.1/jobs", "127.0.0.1:5432"])
async def test_an_address_of_something_else_is_refused_when_opened(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        async with opened(url):
            pass


async def test_waiting_and_running_jobs_are_found_through_an_index(url: str, store: JobStore) -> None:
    await store.counts()
    async with other_session(url) as other:
        await other.execute("SET enable_seqscan = off")
        for query, index in (
            ("SELECT id FROM jobs WHERE status = 'PENDING' AND next_run_at <= now()", "jobs_waiting"),
            ("SELECT id FROM jobs WHERE status = 'PENDING' AND publish_by <= now()", "jobs_unpublished"),
            ("SELECT id FROM jobs WHERE status = 'RUNNING' AND lease_until <= now()", "jobs_running"),
            ("SELECT id FROM jobs WHERE status = 'FAILED' AND bury_at <= now()", "jobs_owing"),
            ("SELECT id FROM outbox WHERE sent_at IS NULL ORDER BY number", "outbox_unsent"),
            ("SELECT host FROM webhook_calls WHERE call_at <= now()", "webhook_calls_waiting"),
        ):
            plan = await other.fetch(f"EXPLAIN {query}")
            assert index in "\n".join(row[0] for row in plan)


async def test_the_documented_query_tells_what_each_tenant_has_used(url: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    (query,) = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    call = ModelCall("eu", "openai", "m", "draft", EndReason.COMPLETE, Usage(input_tokens=900, output_tokens=100), 0.5)
    other = replace(call, deployment="us", cost=None)

    async with opened(url) as store:
        await store.migrate()
        for tenant, calls in (("a", (call, other)), ("a", (call,)), ("b", (call,)), ("b", ())):
            usage = {"pages": 1.0, **usage_of([Refinement(verdict=Verdict.ANSWERED, calls=calls)])}
            await store.finish(await leased(store, a_job(tenant=tenant)), replace(COMPLETED, usage=usage), events=())
    async with other_session(url) as session:
        rows = [tuple(row) for row in await session.fetch(query)]

    assert rows == [("a", "eu", 2, 1800, 200, 1.0), ("a", "us", 1, 900, 100, None), ("b", "eu", 1, 900, 100, 0.5)]
