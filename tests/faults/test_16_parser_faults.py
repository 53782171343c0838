"""Promise 16: whatever a parser process does ends in a typed result in time, and the next document is fine."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
import psutil
import pytest
from structlog.testing import capture_logs

from llamaparse_worker.errors import (
    LimitExceeded,
    OutOfMemory,
    ParserCrashed,
    TimeLimitExceeded,
    WorkerError,
    from_report,
)
from llamaparse_worker.model.document import DocumentInfo
from llamaparse_worker.model.parsing import Inspected, PageStarted, ParserEvent, Refused
from llamaparse_worker.parsers.control import SandboxPolicy
from llamaparse_worker.parsers.outcome import EndReason
from llamaparse_worker.parsers.pool import ParserPool, open_parsers
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.testing.parsers import TASKS, Fault, faulty

pytestmark = pytest.mark.anyio

SILENCE_S = 0.5
GRACE_S = 2.0
MEMORY = 512 << 20
GOOD = Inspected(DocumentInfo(reader="fault", page_count=1))


DAEMON = """
import anyio
from llamaparse_worker.parsers.pool import open_parsers
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.testing.parsers import TASKS, Fault, faulty

async def main():
    settings = ParserSettings(parser_sandbox="off")  # the filter would refuse the bomb
    async with open_parsers(settings, TASKS, "") as parsers, parsers.process() as process:
        async with process.run(faulty(Fault.FORK_BOMB), silence_s=60):
            while not process.child.mark.number:
                await anyio.sleep(0.01)
            await anyio.sleep(0.3)
            print("in work", flush=True)
            await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with opened(SandboxPolicy.AUTO) as parsers:
        yield parsers


@pytest.fixture(scope="module")
async def unconfined() -> AsyncIterator[ParserPool]:
    async with opened(SandboxPolicy.OFF) as parsers:
        yield parsers


@asynccontextmanager
async def opened(sandbox: SandboxPolicy) -> AsyncIterator[ParserPool]:
    settings = ParserSettings(
        parser_concurrency=1,
        parser_memory_limit_bytes=MEMORY,
        parser_max_image_bytes=16 << 20,
        parser_max_cpu_seconds=1,
        parser_sandbox=sandbox,
    )
    async with open_parsers(settings, TASKS, "") as parsers:
        await parsers.ready()
        yield parsers


async def answer(pool: ParserPool, fault: Fault | str = "", *, silence_s: float = 10.0) -> list[ParserEvent]:
    async with pool.process() as process, process.run(faulty(fault), silence_s=silence_s) as events:
        seen = []
        async for received in events:
            seen.append(received.event)
            received.close()
        return seen


@pytest.mark.parametrize(
    ("fault", "silence_s", "error", "reason"),
    [
        (Fault.HANG, SILENCE_S, TimeLimitExceeded, EndReason.TIME_LIMIT),
        (Fault.BUSY_LOOP, SILENCE_S, TimeLimitExceeded, EndReason.TIME_LIMIT),
        (Fault.CPU_TIME, 10, TimeLimitExceeded, EndReason.TIME_LIMIT),
        (Fault.CLOSED_SOCKET, 10, ParserCrashed, EndReason.CRASHED),
        (Fault.EXIT, 10, ParserCrashed, EndReason.CRASHED),
        (Fault.ABORT, 10, ParserCrashed, EndReason.CRASHED),
        (Fault.SEGMENTATION_FAULT, 10, ParserCrashed, EndReason.CRASHED),
        (Fault.KILLED, 10, OutOfMemory, EndReason.OUT_OF_MEMORY),
        (Fault.MEMORY_BOMB, 10, OutOfMemory, EndReason.OUT_OF_MEMORY),
        (Fault.NATIVE_MEMORY_BOMB, 10, OutOfMemory, EndReason.OUT_OF_MEMORY),
        (Fault.SOCKET_GARBAGE, 10, ParserCrashed, EndReason.BROKEN_PROTOCOL),
        (Fault.UNANNOUNCED_IMAGE, 10, ParserCrashed, EndReason.BROKEN_PROTOCOL),
        (Fault.HUGE_MESSAGE, 10, LimitExceeded, EndReason.BROKEN_PROTOCOL),
    ],
)
async def test_a_fault_ends_in_its_type_in_time_and_the_next_document_is_fine(
    pool: ParserPool, fault: Fault, silence_s: float, error: type[WorkerError], reason: EndReason
) -> None:
    before = pool.statistics().restarts.get(reason, 0)

    with pytest.raises(error) as raised, anyio.fail_after(silence_s + GRACE_S):
        await answer(pool, fault, silence_s=silence_s)

    assert type(raised.value) is error
    assert pool.statistics().restarts.get(reason, 0) == before + 1
    assert (await answer(pool))[-1] == GOOD


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HANG, TimeLimitExceeded),
        (Fault.SEGMENTATION_FAULT, ParserCrashed),
        (Fault.MEMORY_BOMB, OutOfMemory),
        (Fault.SOCKET_GARBAGE, ParserCrashed),
    ],
)
async def test_the_page_that_a_process_was_on_is_its_last_word(
    pool: ParserPool, fault: Fault, error: type[WorkerError]
) -> None:
    said: list[ParserEvent] = []

    async def listen() -> None:
        silence_s = SILENCE_S if fault is Fault.HANG else 10
        async with pool.process() as process, process.run(faulty(fault), silence_s=silence_s) as events:
            async for received in events:
                said.append(received.event)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(error):
        await listen()

    assert said == [PageStarted(1)]


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (Fault.TYPED_ERROR, "PDF_IS_BROKEN", "cross-reference"),
        (Fault.LARGE_FILE, "LIMIT_EXCEEDED", "PARSER_MAX_FILE_BYTES"),
        (Fault.LARGE_IMAGE, "LIMIT_EXCEEDED", "PARSER_MAX_IMAGE_BYTES"),
        (Fault.HUGE_EVENT, "LIMIT_EXCEEDED", "message of"),
        (Fault.NO_ANSWER, "INTERNAL_ERROR", "no answer"),
        (Fault.EVENT_AFTER_LAST, "INTERNAL_ERROR", "RuntimeError"),
        (Fault.UNTYPED_ERROR, "INTERNAL_ERROR", "ValueError"),
    ],
)
async def test_an_error_of_a_task_is_a_refusal_and_the_next_document_is_fine(
    pool: ParserPool, fault: Fault, error: str, text: str
) -> None:
    last = (await answer(pool, fault))[-1]

    assert isinstance(last, Refused)
    assert from_report(last.error).code == error
    assert text in last.error.message
    assert (await answer(pool))[-1] == GOOD


async def test_what_a_process_says_after_its_answer_is_not_heard_by_the_next_document(pool: ParserPool) -> None:
    assert (await answer(pool, Fault.LATE_EVENT))[-1] == GOOD
    await anyio.sleep(0.3)
    before = pool.statistics().restarts.get(EndReason.BROKEN_PROTOCOL, 0)

    assert await answer(pool) == [GOOD]
    assert pool.statistics().restarts[EndReason.BROKEN_PROTOCOL] == before + 1


async def test_noise_on_the_standard_streams_is_not_heard(pool: ParserPool, capfd: pytest.CaptureFixture[str]) -> None:
    assert (await answer(pool, Fault.STREAM_GARBAGE))[-1] == GOOD
    assert capfd.readouterr() == ("", "")


async def test_the_log_says_where_an_error_came_from_and_nothing_of_the_document(pool: ParserPool) -> None:
    with capture_logs() as logs:
        await answer(pool, Fault.UNTYPED_ERROR)

    (failed,) = [entry for entry in logs if entry["event"] == "parser.task_failed"]
    assert "ValueError" in failed["trace"]
    assert "_untyped_error" in failed["trace"]
    assert "a sentence of the document" not in f"{logs}"


async def test_the_log_says_where_a_process_crashed(pool: ParserPool) -> None:
    with capture_logs() as logs, pytest.raises(ParserCrashed, match="SIGSEGV"):
        await answer(pool, Fault.SEGMENTATION_FAULT)

    (died,) = [entry for entry in logs if entry["event"] == "parser.died"]
    assert "_segmentation_fault" in died["trace"]


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (Fault.FORK_BOMB, TimeLimitExceeded, EndReason.TIME_LIMIT),
        (Fault.ORPHANS, ParserCrashed, EndReason.CRASHED),
    ],
)
async def test_processes_that_no_filter_refuses_end_with_their_parser(
    unconfined: ParserPool, fault: Fault, error: type[WorkerError], reason: EndReason
) -> None:
    before = unconfined.statistics().restarts.get(reason, 0)

    with pytest.raises(error), anyio.fail_after(SILENCE_S + GRACE_S):
        await answer(unconfined, fault, silence_s=SILENCE_S)

    assert unconfined.statistics().restarts.get(reason, 0) == before + 1
    assert (await answer(unconfined))[-1] == GOOD


async def test_what_a_dead_process_left_behind_is_killed_too(unconfined: ParserPool) -> None:
    pool = unconfined
    await answer(pool)
    before = set(psutil.Process().children(recursive=True))

    for fault in (Fault.ORPHANS, Fault.FORK_BOMB):
        with pytest.raises(WorkerError):
            await answer(pool, fault, silence_s=SILENCE_S)
    await answer(pool)
    left = set(psutil.Process().children(recursive=True)) - before
    _, alive = await anyio.to_thread.run_sync(lambda: psutil.wait_procs(left, timeout=1))

    assert len(alive) == 1  # the fresh process


async def test_killing_the_worker_leaves_no_process() -> None:
    async with await anyio.open_process([sys.executable, "-c", DAEMON]) as daemon:
        assert daemon.stdout is not None
        while b"in work" not in await daemon.stdout.receive():
            pass  # it logs before
        descendants = psutil.Process(daemon.pid).children(recursive=True)
        daemon.send_signal(signal.SIGKILL)
    gone, alive = await anyio.to_thread.run_sync(psutil.wait_procs, descendants, 5)

    assert len(gone) >= 18
    assert alive == []
