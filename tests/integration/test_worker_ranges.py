"""A large document is shared out in page ranges: each is read once, by whoever takes it, and lost or stopped alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import anyio
import pytest
import structlog

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import RANGE_HEADER, Message
from llamaparse_worker.model.job import JobRecord, JobStatus, Progress
from llamaparse_worker.model.queues import RANGES
from llamaparse_worker.model.ranges import RangeLease, RangeStatus
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.reader import script
from llamaparse_worker.wire import JobMessage, utc_now
from support.counted import Clock, CountedPool
from support.pipeline import parser_pool
from support.worker import Policy, World, until, working

pytestmark = pytest.mark.anyio

PAGES = 20
DOCUMENT = script(*(f"text The text of page {number}." for number in range(1, PAGES + 1)))
SLOW = script(*["slow 0.1"] * PAGES)
SPLIT = Policy(split_pages=5, range_size=3, interval_s=0.5)
FILES = ("result.md", "result.txt", "result.json")


@pytest.fixture(scope="module")
async def processes() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture
def pool(processes: ParserPool) -> CountedPool:
    return CountedPool(processes)


@pytest.fixture
def world(pool: CountedPool, tmp_path: Path) -> World:
    return World(pool, tmp_path)


def files(world: World, record: JobRecord) -> dict[str, bytes]:
    return {name: world.objects.objects[f"{record.result_prefix}/{name}"] for name in FILES}


def left_of(world: World, job: str) -> list[str]:
    return [key for key in world.objects.objects if key.startswith(f"results/{job}/checkpoints/")]


async def unsplit(world: World, content: bytes) -> dict[str, bytes]:
    async with working(world):
        return files(world, await world.ended(await world.publish(content)))


async def split_by_hand(world: World, content: bytes, policy: Policy) -> str:
    """Have a worker split a job and stop before it reads a range; gives the job."""
    async with working(world, replace(policy, max_jobs=1)) as worker:
        job = await world.publish(content)
        await worker.stopped.wait()
    assert [record.status for record in await world.jobs.ranges.of(job)] == [RangeStatus.PENDING] * 4
    return job


async def test_two_workers_share_a_document_and_its_result_is_that_of_one(world: World, pool: CountedPool) -> None:
    document = script(*(f"slow {0.05 if number % 2 else 0.02}" for number in range(PAGES)))
    async with working(world, SPLIT), working(world, SPLIT):
        job = await world.publish(document)
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt, record.progress) == (JobStatus.COMPLETED, 1, Progress(PAGES, PAGES))
    assert sorted(pool.pages) == list(range(1, PAGES + 1)), "each page was read once"
    assert world.broker.published[job].count(RANGES) == 4
    assert [event.kind for event in world.broker.announced] == ["job.completed"]
    assert not left_of(world, job)
    assert files(world, record) == await unsplit(world, document)


async def test_a_document_that_is_small_enough_is_not_split(world: World) -> None:
    async with working(world, replace(SPLIT, split_pages=PAGES)):
        job = await world.publish(DOCUMENT)
        await world.ended(job)

    assert RANGES not in world.broker.published[job]


async def test_without_checkpoints_nothing_is_split(world: World) -> None:
    async with working(world, replace(SPLIT, checkpoint_s=0)):
        job = await world.publish(DOCUMENT)
        record = await world.ended(job)

    assert record.status is JobStatus.COMPLETED
    assert RANGES not in world.broker.published[job]


async def test_pages_that_fail_do_so_once_and_alone(world: World, pool: CountedPool) -> None:
    lines = [f"text The text of page {number}." for number in range(1, PAGES + 1)]
    lines[6] = "crash"
    document = script(*lines)
    async with working(world, SPLIT):
        record = await world.ended(await world.publish(document))

    assert record.status is JobStatus.COMPLETED
    assert [(error.page, error.error.code) for error in record.page_errors] == [(7, "PARSER_CRASHED")]
    assert record.progress == Progress(PAGES, PAGES, 1)
    assert sorted(pool.pages) == [number for number in range(1, PAGES + 1) if number != 7]
    assert files(world, record) == await unsplit(world, document)


async def test_a_one_page_job_waits_for_one_range_of_a_large_one(world: World) -> None:
    """Told by the order of what is settled: with one slot, a job that comes while a range is read is next."""
    policy = replace(SPLIT, slots=1)
    with structlog.testing.capture_logs() as logs:
        async with working(world, policy):
            large = await world.publish(SLOW)

            async def first_range() -> bool:
                return any(log["event"] == "page_range.started" for log in logs)

            await until(first_range)
            small = await world.publish(script("text One page."))
            await world.ended(large, limit_s=30)
            await world.settled()

    settled = [
        log for log in logs if log["event"] in {"job.settled", "page_range.settled"} and log["outcome"] != "split"
    ]
    before = list(takewhile(lambda log: log["job"] != small, settled))
    assert [log["event"] for log in before] == ["page_range.settled"]
    assert len(settled) == 6


async def test_a_cancelled_job_stops_its_ranges_and_leaves_nothing(world: World) -> None:
    async with working(world, replace(SPLIT, slots=2)):
        job = await world.publish(script(*["slow 1"] * PAGES))
        await world.reaches(job, lambda record: record.progress.done > 0)
        assert await world.jobs.cancel(job) is JobStatus.CANCELLED
        at = anyio.current_time()
        await until(world.idle)
        assert anyio.current_time() - at < 2
        await world.settled()
        record = await world.record(job)

    assert record is not None
    assert (record.status, record.progress.total) == (JobStatus.CANCELLED, PAGES)
    assert 0 < record.progress.done < PAGES
    assert not left_of(world, job)
    assert world.metric('llamaparse_worker_page_ranges_total{outcome="cancelled"}') == 2
    assert world.metric('llamaparse_worker_page_ranges_total{outcome="refused"}') == 2
    assert [event.kind for event in world.broker.announced] == ["job.cancelled"]


async def test_a_drain_gives_ranges_back_with_what_they_have_read(world: World, pool: CountedPool) -> None:
    policy = replace(SPLIT, grace_s=0, checkpoint_s=0.2, range_size=1)
    document = script(*(["slow 0.1"] * 4 + ["slow 2"]) * 4)
    async with working(world, policy) as worker:
        job = await world.publish(document)

        async def kept_amid_a_range() -> bool:
            return bool(left_of(world, job))

        await until(kept_amid_a_range)
        worker.stop.set()
        await worker.stopped.wait()

    with structlog.testing.capture_logs() as logs:
        async with working(world, policy):
            record = await world.ended(job)
            await world.settled()

    assert (record.status, record.progress) == (JobStatus.COMPLETED, Progress(PAGES, PAGES))
    restored = [log["pages"] for log in logs if log["event"] == "checkpoint.restored"]
    assert restored[-1] == PAGES, "the attempt that assembles reads none"
    assert sum(restored[:-1]) > 0, "nor does a range begin anew"
    assert len(pool.pages) <= 2 * PAGES - sum(restored[:-1])
    assert not left_of(world, job)


async def test_a_lost_range_is_read_again_alone(pool: CountedPool, tmp_path: Path) -> None:
    clock = Clock()
    world = World(pool, tmp_path, jobs=MemoryJobStore(clock))
    job = await split_by_hand(world, DOCUMENT, SPLIT)
    lost = await world.jobs.ranges.claim(job, 6, lease_s=30, max_attempts=3, keep_s=3600)
    assert isinstance(lost, RangeLease)

    async with working(world, SPLIT):

        async def others_ended() -> bool:
            ended = [one.status is RangeStatus.COMPLETED for one in await world.jobs.ranges.of(job)]
            return ended == [True, False, True, True]

        await until(others_ended)
        assert sorted(pool.pages) == [*range(1, 6), *range(11, PAGES + 1)]
        clock.ahead += timedelta(seconds=31)
        record = await world.ended(job)

    assert record.status is JobStatus.COMPLETED
    assert sorted(pool.pages) == list(range(1, PAGES + 1))


async def test_a_range_that_is_lost_each_time_fails_with_its_pages_and_nobody_tries_them_again(
    pool: CountedPool, tmp_path: Path
) -> None:
    clock = Clock()
    world = World(pool, tmp_path, jobs=MemoryJobStore(clock))
    job = await split_by_hand(world, DOCUMENT, SPLIT)
    for _ in range(SPLIT.max_attempts):
        lost = await world.jobs.ranges.claim(job, 6, lease_s=30, max_attempts=3, keep_s=3600)
        assert isinstance(lost, RangeLease)
        clock.ahead += timedelta(seconds=31)

    async with working(world, SPLIT):
        record = await world.ended(job)
        await world.settled()

    assert record.error is not None
    assert record.error.code == "TOO_MANY_FAILED_PAGES"
    assert [one.page for one in record.page_errors] == [6, 7, 8, 9, 10]
    assert {one.error.code for one in record.page_errors} == {"ATTEMPTS_EXHAUSTED"}
    assert sorted(pool.pages) == [*range(1, 6), *range(11, PAGES + 1)]
    assert "The text of page 11." in files(world, record)["result.md"].decode(), "the others are delivered"


async def test_what_a_range_cannot_store_is_tried_again_and_then_left_to_the_assembling_attempt(
    world: World, pool: CountedPool
) -> None:
    class Refusing(MemoryObjectStore):
        async def store(self, key: str, path: Path, *, content_type: str) -> None:
            if "/p6-" in key:
                raise BackendUnavailable("not here")
            await super().store(key, path, content_type=content_type)

    world.objects = Refusing()
    async with working(world, replace(SPLIT, retry_delay_s=0.01)):
        job = await world.publish(DOCUMENT)
        record = await world.ended(job)
        await world.settled()

    assert record.status is JobStatus.COMPLETED
    assert sorted(pool.pages) == sorted([*range(1, PAGES + 1), *[*range(6, 11)] * SPLIT.max_attempts])
    assert world.metric('llamaparse_worker_page_ranges_total{outcome="retried"}') == 2
    assert world.metric('llamaparse_worker_page_ranges_total{outcome="left"}') == 1


async def test_only_selected_pages_are_shared_out(world: World, pool: CountedPool) -> None:
    selected = [*range(2, 8), *range(13, 18)]
    world.objects.objects["uploads/some"] = DOCUMENT
    message = JobMessage.model_validate(
        {"job_id": "some", "source": "uploads/some", "configuration": {"page_ranges": {"target_pages": "2-7,13-17"}}}
    )
    async with working(world, SPLIT):
        await world.broker.publish(Message(message.model_dump_json(exclude_none=True).encode(), "some"))
        record = await world.ended("some")

    assert record.progress == Progress(11, 11)
    assert sorted(pool.pages) == selected
    assert [(one.pages.first, one.pages.last) for one in await world.jobs.ranges.of("some")] == [
        (2, 4),
        (5, 13),
        (14, 17),
    ]


async def test_a_deadline_bounds_the_beginning_of_a_split_job_not_its_end(pool: CountedPool, tmp_path: Path) -> None:
    world = World(pool, tmp_path)
    world.objects.objects["uploads/late"] = SLOW
    message = JobMessage(job_id="late", source="uploads/late", deadline=utc_now() + timedelta(seconds=1))
    async with working(world, replace(SPLIT, slots=1)):
        await world.broker.publish(Message(message.model_dump_json().encode(), "late"))
        record = await world.ended("late")

    assert utc_now() > (message.deadline or utc_now())
    assert record.status is JobStatus.COMPLETED


@pytest.mark.parametrize("header", ["1", "one", "-1", "1" * 40])
async def test_a_message_of_no_range_is_a_dead_letter(world: World, header: str) -> None:
    body = JobMessage(job_id="stray", source="uploads/stray").model_dump_json().encode()
    async with working(world, SPLIT):
        await world.broker.publish(Message(body, "stray", {RANGE_HEADER: header}))
        await world.buried()
        await world.settled()

    (letter,) = world.broker.buried
    assert RANGE_HEADER in letter.headers["x-error-message"]
    assert await world.record("stray") is None
