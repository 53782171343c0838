"""Promise 19: a document that shows something never ends as an empty success, and no text breaks what it passes.

That databases get clean texts is shown in ``tests/integration/test_postgres_jobs.py`` and, for all texts, in
``tests/unit/test_jobs_sql.py``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.parsers.pool import ParserPool
from support import documents
from support.pathological import file_of
from support.pipeline import parser_pool
from support.tasks import parsed
from support.worker import World, working


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


def outlines(canvas: Canvas) -> None:
    """Letters that are drawn as shapes."""
    for row in range(20):
        for column in range(30):
            canvas.circle(80 + column * 14, 700 - row * 20, 4, fill=1)


@pytest.mark.parametrize(
    "draw", [documents.scan(), outlines, documents.white_box], ids=["a scan", "drawn letters", "white on white"]
)
@pytest.mark.anyio
async def test_a_document_without_text_fails_and_says_what_to_do_or_is_truly_blank(
    pool: ParserPool, tmp_path: Path, draw: Callable[[Canvas], None]
) -> None:
    world = World(pool, tmp_path)
    async with working(world):
        job = await world.publish(documents.make(draw))
        record = await world.ended(job)

    if draw is documents.white_box:
        assert record.status is JobStatus.COMPLETED
        return
    assert (record.status, record.error and record.error.code) == (JobStatus.FAILED, "NO_DATA_FOUND_IN_FILE")
    assert record.error is not None
    assert "OCR" in record.error.message


def test_a_page_without_text_among_others_says_why() -> None:
    found = parsed(documents.make(documents.prose(1), documents.scan(), documents.blank), {})

    reasons = {page.number: page.reason for page in found.pages}
    assert reasons == {1: None, 2: "scanned", 3: "blank"}
    metadata = json.loads(found.files["result.json"])["metadata"]["pages"]
    assert [page.get("reason") for page in metadata] == [None, "scanned", "blank"]


def strange_codes() -> bytes:
    """Give a page whose font says that its letters are NUL, half a pair, no character, and a control."""
    mapping = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange"
        b" 5 beginbfchar <41> <0000> <42> <d800> <43> <dc00> <44> <fffe> <45> <0007> endbfchar endcmap end"
    )
    text = b"BT /F 12 Tf 72 700 Td (before ABCDE after) Tj ET"
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(mapping), mapping),
        ]
    )


def test_nul_and_halves_of_characters_reach_no_file() -> None:
    found = parsed(strange_codes(), {"output_options": {"granular_bboxes": ["word", "line"]}})

    assert "before" in found.text
    assert "after" in found.text
    for name, content in found.files.items():
        shown = content.decode("utf-8", "strict")
        assert not any(mark in shown for mark in "\0\x07\ufffe"), name
        assert "\\u0000" not in shown
        assert "\\ud8" not in shown.lower()
