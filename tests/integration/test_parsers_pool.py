from __future__ import annotations

import gc
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

from llamaparse_worker.errors import ConfigurationError, ParserCrashed, TimeLimitExceeded, WorkerError
from llamaparse_worker.model.document import DocumentInfo
from llamaparse_worker.model.parsing import Completed, Inspected, PageDone, PageNeedsOcr, ParserEvent, Refused
from llamaparse_worker.parsers.control import SandboxPolicy
from llamaparse_worker.parsers.outcome import EndReason
from llamaparse_worker.parsers.pool import ParserPool, open_parsers
from llamaparse_worker.parsers.program import started_ahead
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.testing.parsers import BROKEN_TASKS, TASKS, Fault, faulty

pytestmark = pytest.mark.anyio

ANSWER = [Inspected(DocumentInfo(reader="fault", page_count=1))]


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with open_parsers(ParserSettings(parser_concurrency=2), TASKS, "") as parsers:
        yield parsers


@pytest.fixture
async def lone() -> AsyncIterator[ParserPool]:
    """A pool of one process, of which no other test has made anything."""
    async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "") as parsers:
        yield parsers


async def answer(pool: ParserPool, fault: Fault | str = "", *, silence_s: float = 10.0) -> list[ParserEvent]:
    async with pool.process() as process, process.run(faulty(fault), silence_s=silence_s) as events:
        seen = []
        async for received in events:
            seen.append(received.event)
            received.close()
        return seen


async def refusal(pool: ParserPool, fault: Fault) -> str:
    last = (await answer(pool, fault))[-1]
    assert isinstance(last, Refused)
    return last.error.message


def open_descriptors() -> int:
    gc.collect()  # the page mark of a process that died is held by the error that tells of it
    return len(list(Path("/proc/self/fd").iterdir()))


def parser_processes() -> list[psutil.Process]:
    return [found for found in psutil.Process().children(recursive=True) if found.name() == "parser"]


async def test_a_request_is_answered_with_its_events_in_order(pool: ParserPool) -> None:
    assert await answer(pool) == ANSWER


async def test_a_process_stays_warm_from_one_holder_to_the_next(pool: ParserPool) -> None:
    await answer(pool)
    before = pool.statistics().starts

    for _ in range(20):
        await answer(pool)

    assert pool.statistics().starts == before


async def test_one_process_answers_several_requests_of_its_holder(pool: ParserPool) -> None:
    async with pool.process() as process:
        for _ in range(3):
            async with process.run(faulty(""), silence_s=10) as events:
                assert [received.event async for received in events] == ANSWER


async def test_who_waits_for_a_process_gets_it_in_turn(pool: ParserPool) -> None:
    order: list[int] = []

    async def hold(number: int) -> None:
        async with pool.process():
            order.append(number)
            await anyio.wait_all_tasks_blocked()

    async with anyio.create_task_group() as group, pool.process(), pool.process():
        for number in range(5):
            group.start_soon(hold, number)
            await anyio.wait_all_tasks_blocked()
        assert pool.statistics().waiting == 5
        assert order == []
        assert pool.statistics().busy == 2
    assert order == [0, 1, 2, 3, 4]


async def test_five_thousand_finished_pages_arrive_in_order_and_do_not_starve_the_loop(pool: ParserPool) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = anyio.current_time()
            await anyio.sleep(0.001)
            longest = max(longest, anyio.current_time() - before)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        events = await answer(pool, Fault.MANY_EVENTS)
        group.cancel_scope.cancel()

    assert [event.summary.number for event in events if isinstance(event, PageDone)] == list(range(1, 5001))
    assert isinstance(events[-1], Completed)
    assert longest < 0.5


async def test_events_that_come_slowly_but_in_time_are_waited_for(pool: ParserPool) -> None:
    events = await answer(pool, Fault.SLOW_EVENTS, silence_s=0.6)

    assert len(events) == 9


async def test_two_hundred_requests_leave_no_descriptor_and_no_zombie_behind(lone: ParserPool) -> None:
    await answer(lone)
    before = open_descriptors()

    for number in range(200):
        await answer(lone, Fault.IMAGES if number % 20 == 0 else "")
    with pytest.raises(ParserCrashed):
        await answer(lone, Fault.EXIT)
    await answer(lone)

    assert open_descriptors() <= before
    assert [found for found in parser_processes() if found.status() == psutil.STATUS_ZOMBIE] == []


async def test_the_process_sees_no_variable_of_the_worker_and_no_descriptor_but_its_own(
    pool: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", "secret")

    async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "") as fresh:
        seen = set((await refusal(fresh, Fault.ENVIRONMENT)).split())

    assert seen <= {"PATH", "LANG", "LC_CTYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    # Standard streams, the socket, the page mark, the trace of a crash.
    assert await refusal(pool, Fault.DESCRIPTORS) == "7"


async def test_a_process_is_confined_and_leads_its_own_group(pool: ParserPool) -> None:
    await answer(pool)

    for found in parser_processes():
        status = Path(f"/proc/{found.pid}/status").read_text()
        limits = Path(f"/proc/{found.pid}/limits").read_text()
        assert "NoNewPrivs:\t1" in status
        assert os.getpgid(found.pid) == found.pid
        assert Path(f"/proc/{found.pid}/oom_score_adj").read_text() == "800\n"
        assert f"Max address space         {2048 << 20}" in limits
        assert "Max core file size        0 " in limits


async def test_page_images_arrive_with_their_pixels_and_page(pool: ParserPool) -> None:
    seen = []
    async with pool.process() as process, process.run(faulty(Fault.IMAGES), silence_s=10) as events:
        async for received in events:
            if isinstance(received.event, PageNeedsOcr) and received.image is not None:
                seen.append((received.event.page.number, received.event.page.boxes[1], set(received.image.samples)))
            received.close()

    assert seen == [(number, 1, {number}) for number in range(1, 5)]
    assert pool.statistics().image_bytes == 0


async def test_images_that_nobody_has_read_yet_hold_the_process_up() -> None:
    settings = ParserSettings.model_construct(
        **ParserSettings(parser_concurrency=1).model_dump() | {"parser_max_image_bytes": 2 << 20}
    )
    async with (
        open_parsers(settings, TASKS, "") as pool,
        pool.process() as process,
        process.run(faulty(Fault.IMAGES), silence_s=10) as events,
    ):
        unread = [await anext(events) for _ in range(2)]
        with anyio.move_on_after(0.1) as patience:
            await anext(events)
        assert patience.cancelled_caught
        assert pool.statistics().image_bytes == 2 << 20
        for received in unread:
            received.close()
        assert pool.statistics().image_bytes == 0


async def test_an_image_that_nobody_closed_is_released_with_a_warning(pool: ParserPool) -> None:
    async def forget() -> None:
        async with pool.process() as process, process.run(faulty(Fault.IMAGES), silence_s=10) as events:
            async for _ in events:
                pass

    with pytest.warns(ResourceWarning, match="page image"):
        await forget()
    await anyio.wait_all_tasks_blocked()

    assert pool.statistics().image_bytes == 0


async def test_leaving_early_kills_the_process_and_the_next_holder_gets_a_fresh_one(lone: ParserPool) -> None:
    await answer(lone)
    abandoned = lone.statistics().restarts.get(EndReason.ABANDONED, 0)
    before = {found.pid for found in parser_processes()}

    async with lone.process() as process:
        with anyio.move_on_after(0.2) as patience:
            async with process.run(faulty(Fault.BUSY_LOOP), silence_s=60) as events:
                async for _ in events:
                    pass
        assert patience.cancelled_caught
        with pytest.raises(ParserCrashed):
            async with process.run(faulty(""), silence_s=10):
                pass

    assert await answer(lone) == ANSWER
    assert lone.statistics().restarts[EndReason.ABANDONED] == abandoned + 1
    assert {found.pid for found in parser_processes()} != before


async def test_an_error_of_the_holder_comes_through_as_it_is(pool: ParserPool) -> None:
    async def fail() -> None:
        async with pool.process() as process, process.run(faulty(""), silence_s=10) as events:
            async for _ in events:
                raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fail()


async def test_a_process_is_replaced_after_so_many_documents() -> None:
    settings = ParserSettings(parser_concurrency=1, parser_max_documents=2)
    async with open_parsers(settings, TASKS, "") as pool:
        for _ in range(5):
            assert await answer(pool) == ANSWER

        assert pool.statistics().starts == 3
        assert pool.statistics().restarts == {EndReason.DOCUMENTS: 2}


async def test_a_process_that_grew_large_is_replaced_after_its_document() -> None:
    settings = ParserSettings(parser_concurrency=1, parser_max_rss_bytes=64 << 20)
    async with open_parsers(settings, TASKS, "") as pool:
        assert await answer(pool) == ANSWER
        assert pool.statistics().restarts == {}
        await answer(pool, Fault.HUGE_EVENT)
        assert await answer(pool) == ANSWER

        assert pool.statistics().restarts == {EndReason.MEMORY: 1}


async def test_a_process_that_died_while_idle_costs_nobody_a_document(pool: ParserPool) -> None:
    await answer(pool)
    idle = parser_processes()
    for found in idle:
        found.kill()
    await anyio.to_thread.run_sync(psutil.wait_procs, idle, 5)

    assert await answer(pool) == ANSWER


async def test_a_lost_fork_server_is_started_again() -> None:
    async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "") as pool:
        await answer(pool)
        (server,) = [found for found in psutil.Process().children() if found.name() == "parser-server"][-1:]
        processes = server.children()
        async with pool.process() as process, process.run(faulty(Fault.HANG), silence_s=60) as events:
            server.kill()
            with pytest.raises(ParserCrashed):
                async for _ in events:
                    pass
        gone, alive = await anyio.to_thread.run_sync(psutil.wait_procs, processes, 5)

        assert (len(gone), alive) == (1, [])
        assert await answer(pool) == ANSWER


async def test_tasks_that_cannot_be_made_are_a_configuration_error_with_the_reason() -> None:
    async with open_parsers(ParserSettings(parser_concurrency=1), BROKEN_TASKS, "scans") as pool:
        with pytest.raises(ConfigurationError, match="no reader for 'scans'"):
            await pool.ready()
        with pytest.raises(ConfigurationError):
            async with pool.process():
                pass


async def test_a_fork_server_that_was_started_ahead_serves_and_has_imported_what_it_was_told_to() -> None:
    with started_ahead([TASKS.partition(":")[0]]) as ahead:
        async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "", ahead=ahead) as pool:
            assert await answer(pool) == ANSWER
            assert ahead.process.pid in {one.ppid() for one in parser_processes()}
        assert ahead.process.poll() == 0


async def test_a_fork_server_that_was_started_ahead_and_is_lost_is_started_again() -> None:
    with started_ahead(()) as ahead:
        async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "", ahead=ahead) as pool:
            await pool.ready()
            ahead.process.kill()
            await anyio.to_thread.run_sync(ahead.process.wait)
            await anyio.sleep(0.1)  # until the loop has heard of it
            assert await answer(pool) == ANSWER


async def test_a_fork_server_that_could_not_import_ahead_what_nobody_needs_serves() -> None:
    with started_ahead(["llamaparse_worker.nothing"]) as ahead:
        async with open_parsers(ParserSettings(parser_concurrency=1), TASKS, "", ahead=ahead) as pool:
            assert await answer(pool) == ANSWER
            assert ahead.process.poll() is None


def test_a_fork_server_that_was_started_ahead_for_nobody_ends() -> None:
    with started_ahead(()) as ahead:
        pass
    assert ahead.process.returncode == -signal.SIGKILL


async def test_the_capacity_can_be_shared_and_changed_while_running() -> None:
    limiter = anyio.CapacityLimiter(1)
    async with open_parsers(ParserSettings(), TASKS, "", limiter=limiter) as pool, pool.process():
        assert limiter.borrowed_tokens == 1
        with anyio.move_on_after(0.05) as patience:
            await answer(pool)
        assert patience.cancelled_caught
        limiter.total_tokens = 2

        assert await answer(pool) == ANSWER


async def test_closing_the_pool_leaves_no_process() -> None:
    before = set(psutil.Process().children(recursive=True))
    async with open_parsers(ParserSettings(parser_concurrency=2, parser_sandbox=SandboxPolicy.OFF), TASKS, "") as pool:
        with pytest.raises(TimeLimitExceeded):
            await answer(pool, Fault.FORK_BOMB, silence_s=0.3)
        async with pool.process():
            await answer(pool)
        started = set(psutil.Process().children(recursive=True)) - before
    gone, alive = await anyio.to_thread.run_sync(psutil.wait_procs, started, 5)

    assert len(gone) >= 2
    assert alive == []


async def test_every_failure_is_a_typed_error(pool: ParserPool) -> None:
    with pytest.raises(WorkerError) as raised:
        await answer(pool, Fault.EXIT)

    assert "exit status 1" in raised.value.message
