"""Promise 20: what no attempt can change is tried once: passwords, and failures that PDFium calls "Success"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.parsers.pool import ParserPool
from support import documents
from support.pathological import file_of
from support.pipeline import parser_pool
from support.worker import World, working

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


def no_page_tree() -> bytes:
    return file_of([b"<< /Type /Catalog >>"])


def no_kids() -> bytes:
    return file_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 3 >>"])


def own_kid() -> bytes:
    return file_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"])


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (documents.encrypted, {"PDF_IS_PROTECTED"}),
        (documents.without_pages, {"NO_DATA_FOUND_IN_FILE"}),
        (no_page_tree, {"NO_DATA_FOUND_IN_FILE", "PDF_IS_BROKEN"}),
        (no_kids, {"NO_DATA_FOUND_IN_FILE", "PDF_IS_BROKEN", "TOO_MANY_FAILED_PAGES"}),
        (own_kid, {"NO_DATA_FOUND_IN_FILE", "PDF_IS_BROKEN", "TOO_MANY_FAILED_PAGES"}),
        (documents.garbage, {"PDF_IS_BROKEN"}),
        (lambda: b"%PDF-1.7\n", {"PDF_IS_BROKEN"}),
    ],
    ids=["password", "no pages", "no page tree", "no kids", "own kid", "noise", "signature only"],
)
async def test_a_document_that_cannot_be_opened_fails_at_its_first_attempt(
    pool: ParserPool, tmp_path: Path, make: Callable[[], bytes], codes: set[str]
) -> None:
    world = World(pool, tmp_path)
    restarts = sum(pool.statistics().restarts.values())
    async with working(world):
        job = await world.publish(make(), file_name="document.pdf")
        record = await world.ended(job)
        await world.settled()

    assert (record.status, record.attempt) == (JobStatus.FAILED, 1)
    assert record.error is not None
    assert record.error.code in codes
    assert "success" not in record.error.message.lower()
    assert sum(pool.statistics().restarts.values()) == restarts, "no process was lost over it"
