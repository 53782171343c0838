"""Pages without text: out of their process as pixels, through OCR, back as words, and laid out in any process."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.errors import BackendUnavailable, EmptyDocument, InvalidOption, PageUnreadable
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageReason
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import script
from support import documents
from support.pipeline import document_parser, parse, parser_pool
from support.scans import page_image, tiff

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@pytest.fixture(scope="module")
async def single() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


class GreyOcr:
    """Reads each page as the grey of its mark: a word that only the right pixels give."""

    name = "grey"

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        grey = min(image.samples)
        words = (Word(f"grey-{grey}-{'+'.join(languages)}", Box(72, 72, 300, 90), 0.5),)
        return Recognition(words, self.name)

    def check_languages(self, languages: tuple[str, ...]) -> None:
        del languages

    async def ping(self) -> str:
        return self.name


async def test_the_pixels_of_a_page_come_back_as_its_words(pool: ParserPool, tmp_path: Path) -> None:
    options = ParseOptions(languages=("de", "en"))

    found = await parse(document_parser(pool, ocr=GreyOcr()), script("scan", "text", "scan"), tmp_path, options=options)

    first, second, third = found.outcome.parsed.pages
    assert (first.engine, second.engine, third.engine) == ("grey", "scripted", "grey")
    assert first.confidence == 0.5
    parts = found.markdown.split("\n\n---\n\n")
    assert [part.strip() for part in parts] == ["grey-1-de+en", "Page 2 of a script.", "grey-3-de+en"]


async def test_a_scanned_pdf_is_drawn_and_read(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr()

    found = await parse(
        document_parser(pool, ocr=ocr), documents.make(documents.scan(), documents.prose(1)), tmp_path, name="scan.pdf"
    )

    assert ocr.seen == [(1240, 1753, 150.0)], "as fine as the scan, but for the least that OCR needs"
    assert "Recognised words" in found.markdown
    assert [page.engine for page in found.outcome.parsed.pages] == ["fake", "text_layer"]


async def test_a_failing_ocr_fails_its_pages_and_no_others(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr(error=PageUnreadable("nothing but blots"))

    found = await parse(document_parser(pool, ocr=ocr), script("scan", "text", "scan"), tmp_path)

    assert found.failed_pages == {1: "PAGE_UNREADABLE", 3: "PAGE_UNREADABLE"}
    assert "Page 2 of a script." in found.markdown
    assert found.outcome.ocr_s > 0


async def test_without_any_ocr_for_now_the_whole_job_is_left_for_later(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr(error=BackendUnavailable("the OCR service is away"))

    with pytest.raises(BackendUnavailable, match="away"):
        await parse(document_parser(pool, ocr=ocr), script("scan", "text", "scan"), tmp_path)

    gc.collect()
    assert pool.statistics().busy == 0
    assert pool.statistics().image_bytes == 0


def figured(canvas: Canvas) -> None:
    documents.prose(1)(canvas)
    figure = page_image("Words that a figure", "shows to its readers", width=640, height=300, size=26)
    canvas.drawImage(ImageReader(figure), 72, 60, 320, 150)


async def test_the_images_of_a_page_are_read_and_a_page_can_do_without(pool: ParserPool, tmp_path: Path) -> None:
    content = documents.make(figured)
    words = (Word("Seen", Box(90, 660, 115, 672), 0.8),)
    failing = FakeOcr(error=PageUnreadable("OCR failed on this page"))

    read = await parse(document_parser(pool, ocr=FakeOcr(words)), content, tmp_path, name="read.pdf")
    unread = await parse(document_parser(pool, ocr=failing), content, tmp_path, name="unread.pdf")
    off = ParseOptions(ignore_text_in_image=True)
    ignored = await parse(document_parser(pool, ocr=failing), content, tmp_path, name="ignored.pdf", options=off)

    assert [(page.engine, page.reason) for found in (read, unread, ignored) for page in found.outcome.parsed.pages] == [
        ("text_layer", None),
        ("text_layer", PageReason.IMAGES_UNREAD),
        ("text_layer", None),
    ]
    assert read.markdown == f"{ignored.markdown.rstrip()}\n\nSeen\n"
    assert unread.markdown == ignored.markdown


async def test_a_document_that_is_an_image_is_read(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr()

    found = await parse(document_parser(pool, ocr=ocr), tiff(page_image("a"), page_image()), tmp_path, name="fax.tif")

    assert [(page.engine, page.reason) for page in found.outcome.parsed.pages] == [
        ("fake", None),
        ("text_layer", PageReason.BLANK),
    ]
    assert len(ocr.seen) == 1


async def test_more_scans_than_the_window_pass_through_one_process(single: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr()
    parser = document_parser(single, ocr=ocr, processes=1, ocr_window=3)

    found = await parse(parser, script(*["scan"] * 20), tmp_path)

    assert found.failed_pages == {}
    assert len(ocr.seen) == 20
    assert found.markdown.count("Recognised words") == 20


async def test_no_more_pages_of_a_document_wait_for_ocr_than_two_windows(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr(gate=anyio.Event())
    parser = document_parser(pool, ocr=ocr, processes=2, ocr_window=2)

    with anyio.move_on_after(1):
        await parse(parser, script(*["scan"] * 20), tmp_path)

    assert 2 <= ocr.most_running <= 4
    gc.collect()
    assert pool.statistics().image_bytes == 0, "pixels of a cancelled job are given back"
    assert pool.statistics().busy == 0


async def test_a_scan_that_waits_for_ocr_holds_no_process(single: ParserPool, tmp_path: Path) -> None:
    gate = anyio.Event()
    parser = document_parser(single, ocr=FakeOcr(gate=gate), processes=1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(parse, parser, script("scan", "text", "scan"), tmp_path, name="slow"))
        await anyio.sleep(0.3)
        with anyio.fail_after(5):
            fast = await parse(parser, script("text"), tmp_path, name="fast")
        assert not (tmp_path / "slow.results" / "result.md").exists()
        gate.set()

    assert "Page 1 of a script." in fast.markdown
    assert (tmp_path / "slow.results" / "result.md").read_text().count("Recognised words") == 2


async def test_two_scans_do_not_lock_each_other_out_of_one_process(single: ParserPool, tmp_path: Path) -> None:
    parser = document_parser(single, ocr=FakeOcr(), processes=1, ocr_window=2)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for name in ("first", "second"):
                tasks.start_soon(partial(parse, parser, script(*["scan"] * 6), tmp_path, name=name))

    for name in ("first", "second"):
        assert (tmp_path / f"{name}.results" / "result.md").read_text().count("Recognised words") == 6


async def test_a_process_that_dies_after_handing_out_a_scan_loses_nothing(pool: ParserPool, tmp_path: Path) -> None:
    parser = document_parser(pool, ocr=FakeOcr(), processes=1)

    found = await parse(parser, script("scan", "crash", "scan", "crash-once", "text"), tmp_path)

    assert found.failed_pages == {2: "PARSER_CRASHED"}
    assert found.markdown.count("Recognised words") == 2


async def test_a_scan_without_words_is_a_page_without_text(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(document_parser(pool, ocr=FakeOcr(words=())), script("scan", "text"), tmp_path)

    assert found.failed_pages == {}
    assert found.outcome.parsed.pages[0].reason is PageReason.NO_TEXT


async def test_without_ocr_a_scan_is_no_failed_page_but_a_whole_document_of_them_has_no_data(
    pool: ParserPool, tmp_path: Path
) -> None:
    mixed = await parse(document_parser(pool), script("scan", "text"), tmp_path, name="mixed")
    scans = await parse(document_parser(pool), script("scan", "scan"), tmp_path, name="scans")
    blank = await parse(document_parser(pool), script("blank", "blank"), tmp_path, name="blank")

    assert mixed.failed_pages == {}
    assert mixed.outcome.parsed.pages[0].reason is PageReason.NO_TEXT
    assert mixed.outcome.verdict.error is None
    assert isinstance(scans.outcome.verdict.error, EmptyDocument)
    assert blank.outcome.verdict.error is None
    assert blank.outcome.verdict.flags == ("blank",)


async def test_ocr_is_switched_off_or_chosen_by_the_job(pool: ParserPool, tmp_path: Path) -> None:
    ocr = FakeOcr()
    parser = document_parser(pool, ocr=ocr)

    off = await parse(parser, script("scan", "text"), tmp_path, name="off", options=ParseOptions(ocr="off"))
    chosen = await parse(parser, script("scan"), tmp_path, name="chosen", options=ParseOptions(ocr="fake"))

    assert off.outcome.parsed.pages[0].reason is PageReason.NO_TEXT
    assert "Recognised words" in chosen.markdown
    with pytest.raises(InvalidOption, match="unknown-engine is not one of auto, off, fake"):
        await parse(parser, script("scan"), tmp_path, name="wrong", options=ParseOptions(ocr="unknown-engine"))
