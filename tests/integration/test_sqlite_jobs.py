"""The SQLite job store on real files: other processes, full disks and files that are no database."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.backends.jobs.sql.migrations import Migration, apply, read_migrations
from llamaparse_worker.backends.jobs.sql.store import SqlJobStore
from llamaparse_worker.backends.jobs.sqlite.database import SqliteDatabase, connect
from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.backends.jobs.sqlite.store import open_sqlite
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, StorageFull
from llamaparse_worker.model.job import JobResult, JobStatus
from llamaparse_worker.testing.jobs_samples import BODY, LONG_S, a_job, an_event, leased, status_of

pytestmark = pytest.mark.anyio

_MIGRATIONS = read_migrations("llamaparse_worker.backends.jobs.sqlite")
_CLAIMER = """
import sys
from pathlib import Path
import anyio
from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.backends.jobs.sqlite.store import open_sqlite
from llamaparse_worker.testing.jobs_samples import a_job, claim

async def main():
    async with open_sqlite(SqliteSettings(sqlite_path=Path(sys.argv[1]))) as store:
        version = await store.migrate()
        found = [type(await claim(store, a_job(f"job-{number}"))).__name__ for number in range(20)]
        print(version, found.count("Lease"))

anyio.run(main)
"""


def _settings(path: Path, timeout_s: float = 5) -> SqliteSettings:
    return SqliteSettings(sqlite_path=path, sqlite_timeout_seconds=timeout_s)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _said_by_three_claimers(place: str) -> list[list[str]]:
    command = [sys.executable, "-c", _CLAIMER, place]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate(timeout=50)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    return [output.splitlines()[-1].split() for output in outputs]


async def test_processes_that_start_at_once_share_one_schema_and_each_job_is_claimed_once(tmp_path: Path) -> None:
    said = _said_by_three_claimers(str(tmp_path / "new" / "worker.sqlite3"))

    assert {version for version, _ in said} == {str(len(_MIGRATIONS))}
    assert sum(int(claimed) for _, claimed in said) == 20


async def test_a_lock_held_elsewhere_makes_the_store_unavailable_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "worker.sqlite3"
    async with open_sqlite(_settings(path, timeout_s=0.05)) as store:
        await store.migrate()
        job = a_job()
        with _locked(path):
            with pytest.raises(BackendUnavailable, match="SQLITE_PATH"):
                await leased(store, job)
            assert await store.get(job.id) is None

        assert (await leased(store, job)).attempt == 1


async def test_a_file_that_is_no_database_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "worker.sqlite3"
    path.write_bytes(b"no database " * 1000)

    with pytest.raises(ConfigurationError, match=r"SQLITE_PATH.*worker\.sqlite3.*not a database"):
        async with open_sqlite(_settings(path)):
            pass


async def test_a_folder_that_cannot_be_made_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="SQLITE_PATH"):
        async with open_sqlite(_settings(tmp_path / "file" / "worker.sqlite3")):
            pass


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SQLITE_PATH"):
        async with open_sqlite(_settings(tmp_path)):
            pass


async def test_a_file_without_schema_says_how_to_make_one(tmp_path: Path) -> None:
    async with open_sqlite(_settings(tmp_path / "worker.sqlite3")) as store:
        with pytest.raises(ConfigurationError, match="llamaparse-worker migrate"):
            await store.get("any")


async def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    async with connect(tmp_path / "worker.sqlite3", timeout_s=5) as connection:
        store = SqlJobStore(SqliteDatabase(connection), _MIGRATIONS)
        await store.migrate()
        lease = await leased(store, a_job())
        await connection.execute_fetchall("PRAGMA max_page_count = 1")  # becomes the present size
        large = a_job()

        with pytest.raises(StorageFull):
            await store.submit(large, body=bytes(1_000_000), headers={}, publish_within_s=LONG_S)

        assert await store.get(large.id) is None
        await connection.execute_fetchall("PRAGMA max_page_count = 1000000")
        assert await store.release(lease, publish_within_s=60)


async def test_a_result_and_its_events_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    async with open_sqlite(_settings(tmp_path / "worker.sqlite3")) as store:
        await store.migrate()
        job = a_job()
        lease = await leased(store, job)
        event = an_event()

        with pytest.raises(sqlite3.IntegrityError):
            await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[event, event])

        assert await status_of(store, job.id) is JobStatus.RUNNING
        assert await store.outbox(limit=10) == ()
        assert await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=[event])


async def test_a_cancelled_transaction_is_rolled_back_and_the_next_one_runs(tmp_path: Path) -> None:
    async with connect(tmp_path / "worker.sqlite3", timeout_s=5) as connection:
        database = SqliteDatabase(connection)
        store = SqlJobStore(database, _MIGRATIONS)
        await store.migrate()
        job = a_job()
        await store.submit(job, body=BODY, headers={}, publish_within_s=LONG_S)
        with anyio.move_on_after(5) as scope:
            async with database.transaction() as inside:
                await inside.fetch("UPDATE jobs SET file_name = :name", {"name": "half written"})
                scope.cancel()
                await anyio.sleep_forever()

        record = await store.get(job.id)

        assert record is not None
        assert record.file_name == "report.pdf"
        assert (await leased(store, job)).attempt == 1


async def test_a_failed_step_of_the_schema_leaves_the_version_before_it(tmp_path: Path) -> None:
    next_version = len(_MIGRATIONS) + 1
    broken = Migration(next_version, "broken", "CREATE TABLE half (id text);\nCREATE TABLE jobs (id text);\n")
    async with connect(tmp_path / "worker.sqlite3", timeout_s=5) as connection:
        database = SqliteDatabase(connection)

        with pytest.raises(sqlite3.OperationalError, match="jobs already exists"):
            await apply(database, [*_MIGRATIONS, broken])

        assert await apply(database, _MIGRATIONS) == len(_MIGRATIONS)
        assert await database.fetch("SELECT name FROM sqlite_master WHERE name = 'half'", {}) == []
        repaired = Migration(next_version, "repaired", "CREATE TABLE half (id text);\n")
        assert await apply(database, [*_MIGRATIONS, repaired]) == next_version
        assert await apply(database, _MIGRATIONS) == next_version


async def test_spans_are_added_to_the_clock_of_the_host(tmp_path: Path) -> None:
    async with connect(tmp_path / "worker.sqlite3", timeout_s=5) as connection:
        (row,) = await SqliteDatabase(connection).fetch(
            "SELECT now() + :span - now() AS span", {"span": timedelta(minutes=2)}
        )

        assert row["span"] == pytest.approx(120, abs=1)
