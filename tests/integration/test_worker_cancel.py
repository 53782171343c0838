"""A cancelled job stops within two seconds, whatever it is doing or waiting for, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import Opening, script
from support.pipeline import parser_pool
from support.worker import Policy, World, until, working

pytestmark = pytest.mark.anyio

LIMIT_S = 2.0


class Stuck(MemoryObjectStore):
    """Answers no fetch, or no store, for a long time; ``reached`` is set when it is asked."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self.reached = anyio.Event()
        self._call = call

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        await self._wait("fetch")
        await super().fetch(key, target, limit_bytes=limit_bytes)

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        await self._wait("store")
        await super().store_all(prefix, folder, files)

    async def _wait(self, call: str) -> None:
        if call == self._call:
            self.reached.set()
            await anyio.sleep(60)


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture
def world(pool: ParserPool, tmp_path: Path) -> World:
    return World(pool, tmp_path)


async def assert_stops(world: World, job: str) -> None:
    """Cancel a job that an attempt is working on, and see its delivery settled in time."""
    outcome = 'llamaparse_worker_jobs_total{mode="fast",outcome="cancelled"}'
    before = world.metric(outcome)

    async def settled() -> bool:
        return world.metric(outcome) > before

    assert await world.jobs.cancel(job) is JobStatus.CANCELLED
    await until(settled, limit_s=LIMIT_S)
    record = await world.ended(job)
    assert record.status is JobStatus.CANCELLED


@pytest.mark.parametrize("content", [script("slow 30"), script("hang"), script("text", opening=Opening.HANG)])
async def test_while_it_is_opened_or_parsed(world: World, content: bytes) -> None:
    async with working(world):
        job = await world.publish(content)
        await world.runs(job)
        await until(lambda: _busy(world, 1))
        await assert_stops(world, job)
        await until(world.idle, limit_s=LIMIT_S)

    assert not list(world.spool.iterdir())


async def test_while_it_waits_for_a_parser_process(world: World) -> None:
    async with working(world, Policy(slots=3)):
        others = [await world.publish(script("slow 5")) for _ in range(2)]
        await until(lambda: _busy(world, 2))
        job = await world.publish(script("text"))
        await world.runs(job)
        await anyio.sleep(0.2)

        await assert_stops(world, job)

        for other in others:
            record = await world.record(other)
            assert record is not None
            assert record.status is JobStatus.RUNNING
            await world.jobs.cancel(other)


@pytest.mark.parametrize("call", ["fetch", "store"])
async def test_while_it_is_fetched_or_stored(world: World, call: str) -> None:
    world.objects = stuck = Stuck(call)
    async with working(world):
        job = await world.publish(script("text"))
        with anyio.fail_after(20):
            await stuck.reached.wait()
        await assert_stops(world, job)

    assert await world.objects.list("results") == []
    assert not list(world.spool.iterdir())


async def test_while_its_pages_are_with_ocr(world: World) -> None:
    ocr = FakeOcr(gate=anyio.Event())
    async with working(world, ocr=ocr):
        job = await world.publish(script("scan", "scan"))
        await until(lambda: _reads(ocr))
        await assert_stops(world, job)

    assert ocr.running == 0


async def test_while_it_waits_for_a_slot(world: World) -> None:
    async with working(world, Policy(slots=1)):
        other = await world.publish(script("slow 5"))
        await world.runs(other)
        job = await world.publish(script("text"))

        assert await world.jobs.cancel(job) is JobStatus.CANCELLED
        await world.jobs.cancel(other)
        await world.settled()

    record = await world.ended(job)
    assert (record.status, record.attempt) == (JobStatus.CANCELLED, 0)


async def test_while_it_waits_for_its_next_attempt(world: World) -> None:
    world.objects.full = True
    async with working(world, Policy(retry_delay_s=0.3)):
        job = await world.publish(script("text"))
        await world.reaches(job, lambda record: record.next_run_at is not None)
        assert await world.jobs.cancel(job) is JobStatus.CANCELLED
        await anyio.sleep(0.6)

    record = await world.ended(job)
    assert (record.status, record.attempt) == (JobStatus.CANCELLED, 1)
    assert len(world.broker.published[job]) == 1


async def _busy(world: World, count: int) -> bool:
    return world.pool.statistics().busy == count


async def _reads(ocr: FakeOcr) -> bool:
    return ocr.running > 0
