"""What becomes of a document when the processes that read it crash, hang or fail, with real parser processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import (
    CorruptDocument,
    InvalidPageRange,
    ParserCrashed,
    TimeLimitExceeded,
    TooManyFailedPages,
    TooManyPages,
)
from llamaparse_worker.interfaces import ParserProcess, ReceivedEvent
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus
from llamaparse_worker.model.parsing import Assemble, ParserRequest, ReadPages
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.reader import Opening, script
from support.pipeline import document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture(scope="module")
async def single() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


async def test_a_page_that_kills_its_process_once_is_read_by_a_fresh_one(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(document_parser(pool), script("text", "crash-once", "text"), tmp_path)

    assert found.failed_pages == {}
    assert "Page 2 survived: crash-once." in found.markdown


async def test_a_page_that_always_kills_its_process_fails_alone(single: ParserPool, tmp_path: Path) -> None:
    before = single.statistics().starts

    found = await parse(document_parser(single, processes=1), script("text", "crash", "text", "text"), tmp_path)

    assert found.failed_pages == {2: "PARSER_CRASHED"}
    assert [page.number for page in found.outcome.parsed.pages] == [1, 2, 3, 4]
    for number in (1, 3, 4):
        assert f"Page {number} of a script." in found.markdown
    assert single.statistics().starts - before <= 3, "one process more for each death, and no more"


async def test_several_killing_pages_do_not_cost_their_neighbours(pool: ParserPool, tmp_path: Path) -> None:
    pages = ("crash", "text", "text", "crash", "crash", "text", "crash-once", "crash")

    found = await parse(document_parser(pool, range_size=3), script(*pages), tmp_path)

    assert found.failed_pages == dict.fromkeys((1, 4, 5, 8), "PARSER_CRASHED")


async def test_a_page_that_hangs_fails_after_its_time_and_not_later(pool: ParserPool, tmp_path: Path) -> None:
    started = anyio.current_time()

    found = await parse(document_parser(pool, page_timeout_s=0.5), script("text", "hang", "text"), tmp_path)

    assert found.failed_pages == {2: "TIMEOUT"}
    assert "Page 3 of a script." in found.markdown
    assert anyio.current_time() - started < 6


async def test_slow_pages_within_their_time_are_no_failure(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(document_parser(pool, page_timeout_s=1.5), script(*["slow 0.6"] * 3), tmp_path)

    assert found.failed_pages == {}


async def test_what_a_reader_says_or_stumbles_over_fails_one_page(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(document_parser(pool), script("unreadable", "text", "bug"), tmp_path)

    assert found.failed_pages == {1: "PAGE_UNREADABLE", 3: "PAGE_UNREADABLE"}


async def test_more_failed_pages_than_tolerated_fail_the_document_with_its_partial_result(
    pool: ParserPool, tmp_path: Path
) -> None:
    options = ParseOptions(allowed_page_failure_ratio=0.3)

    found = await parse(document_parser(pool), script("text", "unreadable"), tmp_path, options=options)

    assert isinstance(found.outcome.verdict.error, TooManyFailedPages)
    assert "Page 1 of a script." in found.markdown


async def test_a_document_that_kills_its_process_once_at_opening_is_opened_again(
    pool: ParserPool, tmp_path: Path
) -> None:
    found = await parse(document_parser(pool), script("text", opening=Opening.CRASH_ONCE), tmp_path)

    assert "Page 1 of a script." in found.markdown


async def test_a_document_that_kills_two_processes_at_opening_is_refused(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(ParserCrashed):
        await parse(document_parser(pool), script("text", opening=Opening.CRASH), tmp_path)


async def test_a_document_that_hangs_at_opening_is_refused_in_time(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(TimeLimitExceeded):
        await parse(document_parser(pool, page_timeout_s=0.3), script("text", opening=Opening.HANG), tmp_path)


async def test_the_error_of_a_reader_keeps_its_type(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(CorruptDocument):
        await parse(document_parser(pool), script("text", opening=Opening.CORRUPT), tmp_path)


async def test_the_time_limit_of_the_job_holds_although_every_page_is_in_time(pool: ParserPool, tmp_path: Path) -> None:
    started = anyio.current_time()

    found = await parse(document_parser(pool, timeout_s=0.5), script(*["slow 0.3"] * 20), tmp_path)

    assert anyio.current_time() - started < 4
    assert isinstance(found.outcome.verdict.error, TimeLimitExceeded)
    assert "0.5 s" in found.outcome.verdict.error.message
    assert 1 not in found.failed_pages
    assert set(found.failed_pages.values()) == {"TIMEOUT"}


async def test_pages_add_their_time_to_the_limit(pool: ParserPool, tmp_path: Path) -> None:
    parser = document_parser(pool, timeout_s=0.4, timeout_per_page_s=1)

    found = await parse(parser, script(*["slow 0.3"] * 3), tmp_path)

    assert found.failed_pages == {}


async def test_the_jobs_own_time_limit_wins(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(TimeLimitExceeded):
        await parse(document_parser(pool), script("slow 9"), tmp_path, options=ParseOptions(timeout_base_s=0.2))


async def test_more_pages_than_allowed_are_refused_and_a_selection_of_them_is_not(
    pool: ParserPool, tmp_path: Path
) -> None:
    parser = document_parser(pool, max_pages=2)
    content = script("text", "text", "text")

    with pytest.raises(TooManyPages, match="MAX_PAGES allows 2"):
        await parse(parser, content, tmp_path, name="whole")
    found = await parse(parser, content, tmp_path, name="part", options=ParseOptions(target_pages="2-3"))

    assert [page.number for page in found.outcome.parsed.pages] == [2, 3]


async def test_pages_that_are_not_selected_are_not_read(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(
        document_parser(pool), script("crash", "text", "hang"), tmp_path, options=ParseOptions(target_pages="2")
    )

    assert [page.number for page in found.outcome.parsed.pages] == [2]


async def test_a_selection_without_pages_is_refused(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(InvalidPageRange):
        await parse(document_parser(pool), script("text"), tmp_path, options=ParseOptions(target_pages="7-9"))


async def test_progress_rises_to_all_pages_and_counts_the_failed(pool: ParserPool, tmp_path: Path) -> None:
    seen: list[Progress] = []

    await parse(document_parser(pool), script("text", "unreadable", "crash", "text"), tmp_path, on_progress=seen.append)

    assert [progress.done for progress in seen] == [0, 1, 2, 3, 4]
    assert seen[0] == Progress(total=4)
    assert seen[-1] == Progress(total=4, done=4, failed=2)


class DyingInAssembly:
    """A pool whose first assembly ends with the death of its process."""

    def __init__(self, pool: ParserPool) -> None:
        self._pool = pool
        self.requests: list[ParserRequest] = []

    @asynccontextmanager
    async def process(self) -> AsyncIterator[ParserProcess]:
        async with self._pool.process() as held:
            self._held = held
            yield self

    @asynccontextmanager
    async def run(self, request: ParserRequest, *, silence_s: float) -> AsyncIterator[AsyncIterator[ReceivedEvent]]:
        first = isinstance(request, Assemble) and not any(isinstance(one, Assemble) for one in self.requests)
        self.requests.append(request)
        async with self._held.run(request, silence_s=silence_s) as events:
            if first:
                raise ParserCrashed("killed")
            yield events


@pytest.mark.parametrize(("range_size", "readings"), [(64, [True, False]), (2, [False, False])], ids=["kept", "blobs"])
async def test_a_process_that_dies_in_assembly_costs_no_page(
    single: ParserPool, tmp_path: Path, range_size: int, readings: list[bool]
) -> None:
    dying = DyingInAssembly(single)

    parser = document_parser(dying, processes=1, range_size=range_size)
    found = await parse(parser, script("text", "unreadable", "text"), tmp_path)

    assert found.failed_pages == {2: "PAGE_UNREADABLE"}
    assert "Page 1 of a script." in found.markdown
    assert "Page 3 of a script." in found.markdown
    assert [request.keep for request in dying.requests if isinstance(request, ReadPages)] == readings


async def test_the_processes_are_free_again_whatever_happened(pool: ParserPool, tmp_path: Path) -> None:
    with anyio.move_on_after(0.3):
        await parse(document_parser(pool, range_size=1), script("hang", "hang", "hang"), tmp_path, name="left")

    assert pool.statistics().busy == 0
    found = await parse(document_parser(pool), script("text"), tmp_path, name="next")
    assert found.outcome.parsed.pages[0].status is PageStatus.PARSED


async def test_two_documents_on_one_process_take_turns_and_both_end(single: ParserPool, tmp_path: Path) -> None:
    parser = document_parser(single, processes=1, range_size=2)

    async with anyio.create_task_group() as tasks:
        for name in ("first", "second", "third"):
            tasks.start_soon(partial(parse, parser, script(*["slow 0.02"] * 6), tmp_path, name=name))

    assert all((tmp_path / f"{name}.results" / "result.md").exists() for name in ("first", "second", "third"))
