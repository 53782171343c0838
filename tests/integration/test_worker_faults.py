"""What a worker does when its stores go away, its lease is lost, or it is told to stop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.reader import script
from llamaparse_worker.wire import job_of, read_message, utc_now
from support.pipeline import parser_pool
from support.worker import Policy, World, until, working

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture
def world(pool: ParserPool, tmp_path: Path) -> World:
    return World(pool, tmp_path)


class Clock:
    """The store's clock, which a test can move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


async def test_a_job_store_that_is_away_is_waited_for_before_the_claim(world: World) -> None:
    world.jobs.away = True

    async with working(world):
        job = await world.publish(script("text"))
        await anyio.sleep(0.3)
        assert await world.record(job) is None
        world.jobs.away = False
        record = await world.ended(job)

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_job_store_that_goes_away_for_less_than_a_lease_costs_no_attempt(world: World) -> None:
    async with working(world):
        job = await world.publish(script("slow 0.4"))
        await world.runs(job)
        world.jobs.away = True
        await anyio.sleep(0.8)
        world.jobs.away = False
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 1)


async def test_an_attempt_that_cannot_renew_its_lease_stops_when_the_lease_is_over(world: World) -> None:
    async with working(world, Policy(lease_s=0.6)):
        job = await world.publish(script("slow 20"))
        await world.runs(job)
        world.jobs.away = True
        await until(world.idle, limit_s=8)
        world.jobs.away = False
        await world.jobs.cancel(job)


async def test_a_lease_that_was_lost_meanwhile_leaves_the_job_to_its_new_holder(
    pool: ParserPool, tmp_path: Path
) -> None:
    clock = Clock()
    world = World(pool, tmp_path, jobs=MemoryJobStore(clock))

    async with working(world, Policy(lease_s=60, interval_s=0.3)):
        job = await world.publish(script("slow 0.5"))
        await world.runs(job)
        clock.ahead += timedelta(seconds=61)
        await world.jobs.sweep()
        record = await world.ended(job)
        await world.settled()

    assert (record.result_prefix or "").startswith(f"results/{job}/2-"), (
        "what the first attempt stored is not pointed to"
    )
    assert record.attempt == 2
    assert len(world.broker.announced) == 1


async def test_a_job_whose_worker_vanished_is_published_again_and_done(pool: ParserPool, tmp_path: Path) -> None:
    clock = Clock()
    world = World(pool, tmp_path, jobs=MemoryJobStore(clock))
    job = await world.publish(script("text"))
    async with world.broker.consume(prefetch=1) as deliveries:
        delivery = await anext(deliveries)
        await world.jobs.claim(
            job_of(read_message(delivery.message.body)),
            body=delivery.message.body,
            headers={},
            lease_s=60,
            max_attempts=3,
        )
        await delivery.acknowledge()
    clock.ahead += timedelta(seconds=61)

    async with working(world):
        record = await world.ended(job)

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 2)


async def test_a_broker_that_loses_the_consumer_delivers_again_and_nothing_is_done_twice(world: World) -> None:
    async with working(world):
        job = await world.publish(script("slow 0.4"))
        await world.runs(job)
        world.broker.lose_consumers()
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 1)
    assert len(world.broker.announced) == 1


async def test_a_broker_that_is_away_at_the_end_of_a_job_delays_only_the_event(world: World) -> None:
    async with working(world):
        job = await world.publish(script("slow 0.3"))
        await world.runs(job)
        world.broker.down = True
        record = await world.ended(job)
        assert world.broker.announced == []
        world.broker.down = False
        await until(world.told, limit_s=10)

    assert record.status is JobStatus.COMPLETED


async def test_a_drain_lets_running_jobs_end_and_takes_no_more(world: World) -> None:
    async with working(world, Policy(slots=1)) as worker:
        running = await world.publish(script("slow 0.5"))
        waiting = await world.publish(script("text"))
        await world.runs(running)
        worker.stop.set()
        await worker.stopped.wait()

        assert (await world.ended(running)).status is JobStatus.COMPLETED
        assert await world.record(waiting) is None
        assert sum(depth.ready for depth in await world.broker.depths()) == 1
        assert len(world.broker.announced) == 1, "the last job's event is sent before the worker ends"


async def test_a_job_beyond_the_grace_goes_back_uncharged_and_another_worker_ends_it(world: World) -> None:
    async with working(world, Policy(grace_s=0.2)) as worker:
        job = await world.publish(script("slow 3"))
        await world.runs(job)
        started = anyio.current_time()
        worker.stop.set()
        await worker.stopped.wait()
        assert anyio.current_time() - started < 3

    record = await world.record(job)
    assert record is not None
    assert (record.status, record.attempt, record.lease_until) == (JobStatus.PENDING, 0, None)
    assert sum(depth.ready for depth in await world.broker.depths()) == 1
    assert not list(world.spool.iterdir())
    world.objects.objects[f"uploads/{job}"] = script("text")
    async with working(world):
        record = await world.ended(job)
    assert (record.status, record.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_drain_ends_although_the_job_store_is_away(world: World) -> None:
    async with working(world, Policy(grace_s=0.2)) as worker:
        job = await world.publish(script("slow 5"))
        await world.runs(job)
        world.jobs.away = True
        worker.stop.set()
        with anyio.fail_after(5):
            await worker.stopped.wait()
        world.jobs.away = False


async def test_the_worker_stops_by_itself_after_so_many_jobs_and_leaves_the_rest(world: World) -> None:
    jobs = [await world.publish(script("text")) for _ in range(5)]

    async with working(world, Policy(slots=4, max_jobs=2)) as worker:
        with anyio.fail_after(10):
            await worker.stopped.wait()

    records = [await world.record(job) for job in jobs]
    assert sum(record is not None and record.status is JobStatus.COMPLETED for record in records) == 2
    assert sum(depth.ready for depth in await world.broker.depths()) == 3
