"""The time limit that a job brings along ends it with TIMEOUT, whatever it waits for while it is parsed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.job import JobRecord, JobStatus
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import Opening, script
from llamaparse_worker.wire import JobMessage
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


async def publish_limited(world: World, job: str, content: bytes) -> None:
    """Publish a job that may take a second."""
    limits = {"timeouts": {"base_in_seconds": 1, "extra_time_per_page_in_seconds": 0}}
    message = JobMessage.model_validate(
        {"job_id": job, "source": f"uploads/{job}", "configuration": {"processing_control": limits}}
    )
    world.objects.objects[message.source] = content
    await world.broker.publish(Message(message.model_dump_json(exclude_defaults=True).encode(), job))


def assert_timed_out(record: JobRecord) -> None:
    assert record.error is not None
    assert (record.status, record.error.code, record.attempt) == (JobStatus.FAILED, "TIMEOUT", 1)


@pytest.mark.parametrize("content", [script("slow 30"), script("hang"), script("text", opening=Opening.HANG)])
async def test_while_it_is_opened_or_parsed(world: World, content: bytes) -> None:
    async with working(world):
        await publish_limited(world, "limited", content)
        assert_timed_out(await world.ended("limited", limit_s=8))
        await until(world.idle, limit_s=2)

    assert not list(world.spool.iterdir())
    assert world.broker.buried == [], "the same document would take as long again"


async def test_while_it_waits_for_a_parser_process(world: World) -> None:
    async with working(world, Policy(slots=3)):
        others = [await world.publish(script("slow 10")) for _ in range(2)]
        await until(lambda: _busy(world, 2))
        await publish_limited(world, "limited", script("text"))
        assert_timed_out(await world.ended("limited", limit_s=8))
        for other in others:
            await world.jobs.cancel(other)


async def test_while_its_pages_are_with_ocr(world: World) -> None:
    ocr = FakeOcr(gate=anyio.Event())
    async with working(world, ocr=ocr):
        await publish_limited(world, "limited", script("scan"))
        assert_timed_out(await world.ended("limited", limit_s=8))

    assert ocr.running == 0


async def _busy(world: World, count: int) -> bool:
    return world.pool.statistics().busy == count
