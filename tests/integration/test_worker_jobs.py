"""A worker's way with messages: each is settled once, and only after its effect is durable."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import ModelsMisconfigured
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.job import JobStatus, Priority, TenantLimit
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.pipeline.checkpoints import Checkpoints
from llamaparse_worker.testing.hostile import Attack, attack
from llamaparse_worker.testing.reader import Opening, script
from llamaparse_worker.wire import JobEvent, JobMessage
from llamaparse_worker.worker.dead_letters import retry
from llamaparse_worker.worker.lease import Heartbeat
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


async def test_a_job_becomes_result_files_a_finished_row_and_one_event(world: World) -> None:
    async with working(world):
        job = await world.publish(script("text", "text"))
        record = await world.ended(job)
        await world.settled()

    assert record.status is JobStatus.COMPLETED
    assert record.result_prefix is not None
    assert record.result_prefix.startswith(f"results/{job}/1-")
    assert record.progress.done == 2
    names = {key.removeprefix(f"{record.result_prefix}/") for key in await world.objects.list(record.result_prefix)}
    assert names == {"result.md", "result.txt", "result.json", "manifest.json"}
    manifest = json.loads(world.objects.objects[f"{record.result_prefix}/manifest.json"])
    assert [page["status"] for page in manifest["pages"]] == ["parsed", "parsed"]
    (event,) = [JobEvent.model_validate_json(event.body) for event in world.broker.announced]
    assert (event.job_id, event.status, event.pages.done) == (job, JobStatus.COMPLETED, 2)
    assert not list(world.spool.iterdir()), "nothing is left in the spool folder"


async def test_a_message_delivered_twice_is_parsed_once(world: World) -> None:
    async with working(world):
        job = await world.publish(script("text"))
        await world.ended(job)
        await world.publish(None, job_id=job)
        await world.settled()
        record = await world.ended(job)

    assert record.attempt == 1
    assert len(world.broker.announced) == 1
    assert world.metric('llamaparse_worker_jobs_total{mode="fast",outcome="refused"}') == 1


async def test_a_message_of_a_job_that_another_worker_holds_is_acknowledged(world: World) -> None:
    async with working(world):
        job = await world.publish(script("slow 1.5"))
        await world.runs(job)
        await world.publish(None, job_id=job)

        async def only_the_first_is_held() -> bool:
            queue, *_ = await world.broker.depths()
            return (queue.ready, queue.unacknowledged) == (0, 1)

        await until(only_the_first_is_held, limit_s=1.4)
        record = await world.ended(job)

    assert record.status is JobStatus.COMPLETED
    assert record.attempt == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff\xfe not even text", "INVALID_JOB"),
        (b'{"version": "1", "job_id": "a b", "source": "key"}', "INVALID_JOB"),
        (b'{"version": "1", "job_id": "a", "source": "k", "configuration": {"colour": 1}}', "INVALID_OPTION"),
        (
            b'{"version":"1","job_id":"a","source":"k","configuration":{"page_ranges":{"target_pages":"9-1"}}}',
            "INVALID_PAGE_RANGE",
        ),
        (b'{"version": "1", "job_id": "a", "source": "gopher://host/file"}', "INVALID_JOB"),
    ],
)
async def test_a_malformed_message_becomes_a_dead_letter_with_its_reason(world: World, body: bytes, code: str) -> None:
    async with working(world):
        await world.broker.publish(Message(body=body, id="m-1"))
        good = await world.publish(script("text"))
        record = await world.ended(good)
        await world.settled()

    assert record.status is JobStatus.COMPLETED, "the worker goes on"
    (letter,) = world.broker.buried
    assert letter.body == body
    assert letter.headers["x-error-code"] == code
    assert letter.headers["x-error-message"]
    assert world.metric("llamaparse_worker_malformed_messages_total") == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "SOURCE_NOT_FOUND"),
        (b"", "NO_DATA_FOUND_IN_FILE"),
        (b"\x00\x01\x02 of no known kind", "UNSUPPORTED_FILE_TYPE"),
        (bytes(1_000_001), "DOCUMENT_TOO_LARGE"),
        (script("text", opening=Opening.CORRUPT), "PDF_IS_BROKEN"),
        (script("text", opening=Opening.CRASH), "PARSER_CRASHED"),
        (attack(Attack.FORK_BOMB), "SANDBOX_VIOLATION"),
        (script("unreadable"), "TOO_MANY_FAILED_PAGES"),
        (script("scan"), "NO_DATA_FOUND_IN_FILE"),
    ],
)
async def test_a_document_that_cannot_be_parsed_fails_once_and_for_all(
    world: World, content: bytes | None, code: str
) -> None:
    async with working(world):
        job = await world.publish(content, file_name="document.bin")
        record = await world.ended(job)
        await world.settled()

    assert record.error is not None
    assert (record.status, record.error.code, record.attempt) == (JobStatus.FAILED, code, 1)
    assert world.broker.buried == []
    (event,) = [JobEvent.model_validate_json(event.body) for event in world.broker.announced]
    assert event.error_code == code
    assert not list(world.spool.iterdir())


async def test_a_failed_job_with_a_partial_result_points_to_it(world: World) -> None:
    async with working(world):
        record = await world.ended(await world.publish(script("text", "unreadable")))

    assert record.status is JobStatus.FAILED
    assert [error.page for error in record.page_errors] == [2]
    assert b"Page 1 of a script." in world.objects.objects[f"{record.result_prefix}/result.md"]


async def test_a_tenant_runs_no_more_jobs_than_it_may_and_all_of_them_in_time(world: World) -> None:
    async with working(world, Policy(tenant_limit=TenantLimit(running=1, pause_s=0.1))):
        jobs = [await world.publish(script("slow 0.3"), tenant="acme") for _ in range(2)]
        other = await world.publish(script("slow 0.3"), tenant="other")
        records = [await world.ended(job) for job in (*jobs, other)]

    assert {(record.status, record.attempt) for record in records} == {(JobStatus.COMPLETED, 1)}
    first, second = sorted(record.updated_at for record in records[:2])
    assert (second - first).total_seconds() > 0.3, "one after the other"
    assert world.metric('llamaparse_worker_jobs_total{mode="fast",outcome="postponed"}') >= 1


async def test_a_job_goes_back_to_the_queue_of_its_priority(world: World) -> None:
    """That is what its message says, or else where it was published."""
    world.objects.full = True
    said = JobMessage(job_id="said", source="uploads/said", priority=Priority.LOW)
    sent = JobMessage(job_id="sent", source="uploads/sent")
    async with working(world, Policy(retry_delay_s=0.1, max_attempts=2)):
        for message in (said, sent):
            world.objects.objects[message.source] = script("text")
            body = message.model_dump_json(exclude_defaults=True).encode()
            await world.broker.publish(Message(body=body, id=message.job_id, priority=Priority.HIGH))
        await world.ended("said")
        await world.ended("sent")

    assert world.broker.published["said"] == [Priority.HIGH, Priority.LOW]
    assert world.broker.published["sent"] == [Priority.HIGH, Priority.HIGH]


async def test_a_message_for_a_mode_without_a_provider_fails_with_the_variables_to_set(world: World) -> None:
    message = JobMessage.model_validate({"job_id": "clever", "source": "uploads/clever", "mode": "balanced"})
    world.objects.objects["uploads/clever"] = script("text")

    async with working(world):
        await world.broker.publish(Message(body=message.model_dump_json().encode(), id="clever"))
        record = await world.ended("clever")

    assert record.error is not None
    assert (record.status, record.error.code) == (JobStatus.FAILED, "MODE_UNAVAILABLE")
    assert "OPENAI_API_KEY" in record.error.message


async def test_a_job_past_its_deadline_is_not_begun(world: World) -> None:
    message = JobMessage.model_validate({"job_id": "late", "source": "k", "deadline": "2020-01-01T00:00:00Z"})

    async with working(world):
        await world.broker.publish(Message(body=message.model_dump_json().encode(), id="late"))
        record = await world.ended("late")

    assert record.error is not None
    assert record.error.code == "EXPIRED"


async def test_a_job_that_waits_for_a_model_beyond_its_deadline_fails_with_the_reason(world: World) -> None:
    world.outage = ModelsMisconfigured("no model works: mine (config: see OPENAI_API_KEY)")
    message = JobMessage.model_validate({"job_id": "late", "source": "k", "deadline": "2020-01-01T00:00:00Z"})

    async with working(world):
        await world.broker.publish(Message(body=message.model_dump_json().encode(), id="late"))
        record = await world.ended("late")

    assert record.error is not None
    assert record.error.code == "NO_MODEL_IN_TIME"
    assert record.error.message.endswith("no model works: mine (config: see OPENAI_API_KEY)")
    assert world.metric('llamaparse_worker_errors_total{code="NO_MODEL_IN_TIME"}') == 1


async def test_a_job_without_a_deadline_waits_for_a_model_and_is_charged_nothing(world: World) -> None:
    world.outage = ModelsMisconfigured("no model works")

    async with working(world, Policy(max_attempts=1)):
        job = await world.publish(script("text"))
        await world.reaches(job, lambda record: record.next_run_at is not None)
        waiting = await world.record(job)
        await world.settled()

    assert waiting is not None
    assert (waiting.status, waiting.attempt) == (JobStatus.PENDING, 0)
    assert world.metric('llamaparse_worker_jobs_total{mode="fast",outcome="postponed"}') == 1
    assert not world.broker.buried


async def test_a_cancelled_job_stops_within_two_seconds_and_writes_nothing(world: World) -> None:
    async with working(world):
        job = await world.publish(script("slow 30"))
        await world.runs(job)
        started = anyio.current_time()

        await world.jobs.cancel(job)
        await world.settled()

        assert anyio.current_time() - started < 2
    record = await world.ended(job)
    assert record.status is JobStatus.CANCELLED
    assert await world.objects.list("results") == []
    assert world.pool.statistics().busy == 0
    assert world.metric('llamaparse_worker_jobs_total{mode="fast",outcome="cancelled"}') == 1
    assert [JobEvent.model_validate_json(event.body).status for event in world.broker.announced] == ["CANCELLED"]


async def test_a_job_that_was_cancelled_before_its_message_came_is_never_begun(world: World) -> None:
    await world.jobs.cancel("early")

    async with working(world):
        await world.publish(script("text"), job_id="early")
        await world.settled()

    record = await world.ended("early")
    assert (record.status, record.attempt) == (JobStatus.CANCELLED, 0)


async def test_a_full_store_makes_the_job_wait_and_try_again(world: World) -> None:
    world.objects.full = True

    async with working(world, Policy(retry_delay_s=0.2, max_attempts=5)):
        job = await world.publish(script("text"))
        await world.reaches(job, lambda record: record.next_run_at is not None)
        assert all(not depth.ready for depth in await world.broker.depths()), "the store carries the job, not the queue"
        world.objects.full = False
        record = await world.ended(job)

    assert record.status is JobStatus.COMPLETED
    assert record.attempt >= 2
    assert record.result_prefix is not None
    assert record.result_prefix.startswith(f"results/{job}/{record.attempt}-")
    assert world.broker.buried == []


async def test_a_failure_that_does_not_pass_ends_after_the_last_attempt_in_the_dead_letters(world: World) -> None:
    world.objects.full = True

    async with working(world, Policy(max_attempts=2, retry_delay_s=0.05)):
        job = await world.publish(script("text"))
        record = await world.ended(job)
        await world.settled()
        await world.buried()

    assert record.error is not None
    assert (record.status, record.error.code, record.attempt) == (JobStatus.FAILED, "STORAGE_FULL", 2)
    (letter,) = world.broker.buried
    assert (letter.headers["x-error-code"], letter.headers["x-error-attempt"]) == ("STORAGE_FULL", "2")
    assert letter.headers["x-error-worker"]
    assert world.metric('llamaparse_worker_dead_letters_total{code="STORAGE_FULL"}') == 1


async def test_a_reopened_job_has_its_attempts_again_and_an_earlier_result_is_not_overwritten(world: World) -> None:
    world.objects.full = True
    async with working(world, Policy(max_attempts=2, retry_delay_s=0.05)):
        job = await world.publish(script("text"))
        await world.ended(job)
        await world.settled()
        await world.buried()
        async with world.broker.take_dead_letters() as letters:
            async for letter in letters:
                await retry(letter, broker=world.broker, jobs=world.jobs)
        await world.reaches(job, lambda record: record.attempt == 3 and record.status is not JobStatus.RUNNING)
        world.objects.full = False
        record = await world.ended(job)
        await world.settled()

    assert record.status is JobStatus.COMPLETED
    assert (record.result_prefix or "").startswith(f"results/{job}/4-")
    assert world.broker.buried == []


@pytest.mark.parametrize(
    "content",
    [script("text"), script("text", "unreadable"), script("text", opening=Opening.CRASH), b"no document"],
    ids=["parsed", "a page failed", "parser crashed", "refused"],
)
async def test_a_job_that_has_ended_leaves_nothing_to_a_collection_of_garbage(world: World, content: bytes) -> None:
    async def nothing_left() -> bool:
        return not any(isinstance(held, Checkpoints | Heartbeat) for held in gc.get_objects())

    async with working(world, Policy(max_attempts=1)):
        gc.collect()
        gc.disable()
        try:
            for job in [await world.publish(content) for _ in range(3)]:
                await world.ended(job)
            await until(nothing_left, limit_s=5)
        finally:
            gc.enable()
