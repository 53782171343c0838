"""A job that takes too long ends with TIMEOUT, whatever it waits for, and with the pages that were read by then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.job import JobRecord, JobStatus, Progress
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.objects import MemoryObjectStore
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


SECOND = {"timeouts": {"base_in_seconds": 1, "extra_time_per_page_in_seconds": 0}}


async def publish_limited(world: World, job: str, content: bytes, limits: Mapping[str, object] = SECOND) -> None:
    """Publish a job that may take a second, unless ``limits`` say otherwise."""
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
        record = await world.ended("limited", limit_s=8)
        await until(world.idle, limit_s=2)

    assert_timed_out(record)
    assert record.result_prefix is None, "no page was read"
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


def partial_result(world: World, record: JobRecord) -> tuple[str, list[str | None]]:
    """Give the text that is stored of a job that timed out, and the error of each of its pages."""
    assert_timed_out(record)
    files = world.objects.objects
    manifest = json.loads(files[f"{record.result_prefix}/manifest.json"])
    assert manifest["error_code"] == "TIMEOUT"
    text = files[f"{record.result_prefix}/result.txt"].decode()
    return text, [page["error_code"] for page in manifest["pages"]]


@pytest.mark.parametrize("range_size", [64, 1], ids=["kept in the process", "written"])
@pytest.mark.parametrize("last", ["slow 30", "hang"])
async def test_the_pages_that_were_read_by_then_are_stored(world: World, last: str, range_size: int) -> None:
    async with working(world, Policy(range_size=range_size)):
        await publish_limited(world, "limited", script("text alpha", "text beta", last, "text delta"))
        record = await world.ended("limited", limit_s=8)
        other = await world.ended(await world.publish(script("text")))

    text, errors = partial_result(world, record)
    assert "alpha" in text
    assert "beta" in text
    assert errors[:3] == [None, None, "TIMEOUT"]
    failed = sum(error is not None for error in errors)
    assert record.progress == Progress(total=4, done=4, failed=failed)
    assert {one.page for one in record.page_errors} == {at for at, error in enumerate(errors, 1) if error}
    assert other.status is JobStatus.COMPLETED
    assert not list(world.spool.iterdir())


async def test_pages_that_were_written_are_not_read_again(world: World) -> None:
    async with working(world):
        limits = {"timeouts": {"base_in_seconds": 4, "extra_time_per_page_in_seconds": 0}}
        pages = ("text alpha", "slow 2.1", "text gamma", "hang")
        await publish_limited(world, "limited", script(*pages), limits)
        published = anyio.current_time()
        record = await world.ended("limited", limit_s=12)
        seconds = anyio.current_time() - published

    text, errors = partial_result(world, record)
    assert errors == [None, None, None, "TIMEOUT"]
    assert "gamma" in text
    assert seconds < 5.8, "the slow page would have taken two seconds more"


async def test_pages_with_text_are_stored_while_others_are_with_ocr(world: World) -> None:
    ocr = FakeOcr(gate=anyio.Event())
    async with working(world, ocr=ocr):
        await publish_limited(world, "limited", script("text alpha", "scan", "text gamma"))
        record = await world.ended("limited", limit_s=8)

    text, errors = partial_result(world, record)
    assert errors == [None, "TIMEOUT", None]
    assert "gamma" in text


class Stuck(MemoryObjectStore):
    """Never ends one of its calls."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self.call = call

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        if self.call == "fetch" and "limited" in key:
            await anyio.sleep_forever()
        await super().fetch(key, target, limit_bytes=limit_bytes)

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        if self.call == "store" and "limited" in prefix:
            await anyio.sleep_forever()
        await super().store_all(prefix, folder, files)


@pytest.mark.parametrize(
    ("policy", "call", "variable"),
    [
        (Policy(slots=1, fetch_s=0.3), "fetch", "FETCH_TIMEOUT_SECONDS"),
        (Policy(slots=1, store_s=0.3), "store", "STORE_TIMEOUT_SECONDS"),
    ],
    ids=["fetch", "store"],
)
async def test_while_its_document_is_fetched_or_its_result_stored(
    pool: ParserPool, tmp_path: Path, policy: Policy, call: str, variable: str
) -> None:
    world = World(pool, tmp_path, objects=Stuck(call))
    async with working(world, policy):
        await world.publish(script("text"), job_id="limited")
        record = await world.ended("limited", limit_s=8)
        other = await world.ended(await world.publish(script("text")))

    assert_timed_out(record)
    assert record.error is not None
    assert variable in record.error.message
    assert record.result_prefix is None
    assert other.status is JobStatus.COMPLETED, "the only slot is free again"
    assert world.broker.buried == []
    assert not list(world.spool.iterdir())


async def _busy(world: World, count: int) -> bool:
    return world.pool.statistics().busy == count
