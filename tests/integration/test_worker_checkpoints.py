"""A job that takes long goes on where an earlier attempt was: only the pages that are missing are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
import structlog

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.model.job import JobRecord, JobStatus, Lease, Progress
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.reader import script
from llamaparse_worker.worker.cancellation import cancel
from support.counted import Clock, CountedPool
from support.pipeline import parser_pool
from support.worker import Policy, World, working

pytestmark = pytest.mark.anyio

PAGES = 24
DOCUMENT = script(*["slow 0.1"] * PAGES)
DRAINED = Policy(range_size=2, grace_s=0, checkpoint_s=0.4)
FILES = ("result.md", "result.txt", "result.json")


class ListedObjects(MemoryObjectStore):
    """Remembers what was listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []

    async def list(self, prefix: str) -> Sequence[str]:
        self.listed.append(prefix)
        return await super().list(prefix)


@pytest.fixture(scope="module")
async def processes() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture
def pool(processes: ParserPool) -> CountedPool:
    return CountedPool(processes)


@pytest.fixture
def world(pool: CountedPool, tmp_path: Path) -> World:
    return World(pool, tmp_path, objects=ListedObjects())


def half(record: JobRecord) -> bool:
    return record.progress.done >= PAGES / 2


def checkpoints(world: World, job: str) -> list[str]:
    return [key for key in world.objects.objects if key.startswith(f"results/{job}/checkpoints/")]


def files(world: World, record: JobRecord) -> dict[str, bytes]:
    return {name: world.objects.objects[f"{record.result_prefix}/{name}"] for name in FILES}


async def drained_halfway(world: World, policy: Policy = DRAINED, content: bytes = DOCUMENT) -> str:
    """Begin a job and drain its worker after half of the pages; gives the job."""
    async with working(world, policy) as worker:
        job = await world.publish(content, file_name="long")
        await world.reaches(job, half)
        worker.stop.set()
        await worker.stopped.wait()
    return job


async def undisturbed(world: World, content: bytes = DOCUMENT) -> dict[str, bytes]:
    async with working(world):
        return files(world, await world.ended(await world.publish(content, file_name="long")))


@pytest.mark.parametrize("range_size", [2, 64], ids=["many ranges", "one range, begun as kept pages"])
async def test_after_a_drain_only_the_missing_pages_are_read(world: World, pool: CountedPool, range_size: int) -> None:
    policy = Policy(range_size=range_size, grace_s=0, checkpoint_s=30)
    document = script(*["slow 0.25"] * PAGES) if range_size > PAGES else DOCUMENT
    job = await drained_halfway(world, policy, document)
    first, pool.pages[:] = set(pool.pages), []
    assert checkpoints(world, job), "written before the lease was released, long before it was due"
    seen: list[int] = []

    async with working(world, policy):
        await world.reaches(job, lambda record: record.status is JobStatus.RUNNING)
        record = await world.record(job)
        assert record is not None
        seen.append(record.progress.done)
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt, record.progress) == (JobStatus.COMPLETED, 1, Progress(PAGES, PAGES, 0))
    assert seen[0] >= PAGES / 2, "progress does not begin anew"
    assert len(pool.pages) <= PAGES / 2 + 1
    assert first | set(pool.pages) == set(range(1, PAGES + 1))
    assert not checkpoints(world, job)
    assert files(world, record) == await undisturbed(world, document)


async def test_a_worker_whose_lease_was_lost_leaves_its_pages_to_the_next_and_writes_no_more(
    pool: CountedPool, tmp_path: Path
) -> None:
    clock = Clock()
    world = World(pool, tmp_path, jobs=MemoryJobStore(clock))

    async with working(world, Policy(range_size=2, checkpoint_s=0.3, lease_s=60, interval_s=0.2)):
        job = await world.publish(DOCUMENT, file_name="long")
        await world.reaches(job, half)
        lost = checkpoints(world, job)
        clock.ahead += timedelta(seconds=61)
        await world.jobs.sweep()
        record = await world.ended(job)
        await world.settled()

    assert lost
    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 2)
    assert len(pool.pages) < 1.5 * PAGES
    assert not checkpoints(world, job)
    assert files(world, record) == await undisturbed(world)


async def test_an_attempt_that_lost_its_lease_stores_nothing(world: World) -> None:
    class Lost(MemoryJobStore):
        lost = False
        refused = 0

        async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
            if self.lost:
                self.refused += 1
                return JobStatus.PENDING
            return await super().renew(lease, lease_s=lease_s, progress=progress)

    world.jobs = store = Lost()
    async with working(world, replace(DRAINED, checkpoint_s=30)) as worker:  # none but that of the drain
        job = await world.publish(DOCUMENT)
        await world.reaches(job, half)
        store.lost = True
        worker.stop.set()
        await worker.stopped.wait()

    assert store.refused
    assert not checkpoints(world, job)


async def test_a_failure_that_passes_costs_no_page_twice(world: World, pool: CountedPool) -> None:
    class Full(ListedObjects):
        refused = 0

        async def store(self, key: str, path: Path, *, content_type: str) -> None:
            if key.endswith("result.md") and not self.refused:
                self.refused += 1
                raise BackendUnavailable("for a moment")
            await super().store(key, path, content_type=content_type)

    world.objects = Full()
    async with working(world, Policy(range_size=2, checkpoint_s=0.4)):
        job = await world.publish(DOCUMENT)
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 2)
    assert len(pool.pages) < 1.5 * PAGES
    assert not checkpoints(world, job)


@pytest.mark.parametrize("change", ["document", "settings"])
async def test_pages_of_another_document_or_way_of_reading_are_not_taken(
    world: World, pool: CountedPool, change: str
) -> None:
    job = await drained_halfway(world)
    pool.pages.clear()
    if change == "document":
        world.objects.objects[f"uploads/{job}"] = script(*["text Something else."] * PAGES)

    async with working(world, Policy(reading="other" if change == "settings" else "")):
        record = await world.ended(job)
        await world.settled()

    assert sorted(pool.pages) == list(range(1, PAGES + 1))
    markdown = files(world, record)["result.md"].decode()
    assert (markdown.count("Something else.") == PAGES) is (change == "document")
    assert not checkpoints(world, job), "those of the other kind go as well"


async def test_a_spoilt_checkpoint_is_ignored_and_told(world: World, pool: CountedPool) -> None:
    job = await drained_halfway(world)
    found = checkpoints(world, job)
    for key in found:
        content = bytearray(world.objects.objects[key])
        content[len(content) // 2] ^= 1
        world.objects.objects[key] = bytes(content)
    world.objects.objects[f"{found[0].rpartition('/')[0]}/no-checkpoint"] = b"?"
    pool.pages.clear()

    with structlog.testing.capture_logs() as logs:
        async with working(world, DRAINED):
            record = await world.ended(job)
            await world.settled()

    assert sorted(pool.pages) == list(range(1, PAGES + 1))
    assert len([one for one in logs if one["event"] == "checkpoint.ignored"]) == len(found) + 1
    assert record.status is JobStatus.COMPLETED
    assert not checkpoints(world, job)


async def test_a_short_job_stores_lists_and_removes_nothing(world: World) -> None:
    async with working(world):
        record = await world.ended(await world.publish(script("text", "text")))
        await world.settled()

    assert record.status is JobStatus.COMPLETED
    assert world.objects.listed == []  # type: ignore[attr-defined] # the fixture's store


async def test_without_checkpoints_a_long_job_begins_anew(world: World, pool: CountedPool) -> None:
    policy = Policy(range_size=2, grace_s=0, checkpoint_s=0)
    job = await drained_halfway(world, policy)
    pool.pages.clear()

    async with working(world, policy):
        await world.ended(job)

    assert len(pool.pages) == PAGES
    assert not checkpoints(world, job)


async def test_a_cancelled_job_leaves_no_checkpoint_whether_it_runs_or_waits(world: World) -> None:
    async with working(world, Policy(range_size=2, checkpoint_s=0.3)):
        running = await world.publish(DOCUMENT)
        await world.reaches(running, half)
        assert checkpoints(world, running)
        await world.jobs.cancel(running)
        await world.settled()
    waiting = await drained_halfway(world)
    assert checkpoints(world, waiting)

    status = await cancel(waiting, jobs=world.jobs, open_objects=lambda: nullcontext(world.objects))

    assert status is JobStatus.CANCELLED
    assert not checkpoints(world, running) + checkpoints(world, waiting)


async def test_a_store_that_takes_no_checkpoint_costs_the_job_nothing(world: World) -> None:
    class Refusing(ListedObjects):
        async def store(self, key: str, path: Path, *, content_type: str) -> None:
            if "/checkpoints/" in key:
                raise BackendUnavailable("not now")
            await super().store(key, path, content_type=content_type)

    world.objects = Refusing()
    with structlog.testing.capture_logs() as logs:
        async with working(world, Policy(range_size=2, checkpoint_s=0.2)):
            record = await world.ended(await world.publish(DOCUMENT))

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 1)
    assert [one for one in logs if one["event"] == "checkpoint.failed"]


async def test_the_removal_is_waited_for_and_done_by_whoever_gets_the_message_next(world: World) -> None:
    class Lasting(ListedObjects):
        refuse = True

        async def delete(self, key: str) -> None:
            if self.refuse:
                raise BackendUnavailable("not now")
            await super().delete(key)

    world.objects = store = Lasting()
    async with working(world, Policy(range_size=2, checkpoint_s=0.4, grace_s=0)) as worker:
        job = await world.publish(DOCUMENT)
        await world.ended(job)
        await anyio.sleep(0.3)
        assert sum(depth.unacknowledged or 0 for depth in await world.broker.depths()) == 1
        worker.stop.set()
        await worker.stopped.wait()
    assert checkpoints(world, job)
    store.refuse = False

    async with working(world):
        await world.settled()

    record = await world.record(job)
    assert record is not None
    assert record.status is JobStatus.COMPLETED
    assert not checkpoints(world, job)
