"""Documents of which an earlier attempt has finished some pages: the files are those of one attempt at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.pieces import PieceReader, PieceWriter
from llamaparse_worker.testing.ocr import FakeOcr
from support import documents
from support.pipeline import document_parser, parser_pool, spooled

pytestmark = pytest.mark.anyio

PAGES = 6


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


def made(folder: Path) -> dict[str, bytes]:
    """Give all result files, with the images."""
    paths = [*folder.glob("result.*"), *folder.glob("images/*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("kept", [0, 2, PAGES])
@pytest.mark.parametrize("range_size", [1, 64])
async def test_a_document_that_goes_on_from_some_pages_gives_the_same_files(
    pool: ParserPool, tmp_path: Path, kept: int, range_size: int
) -> None:
    content = documents.make(*documents.mixed_pages(5, PAGES - 2), documents.scan(), documents.scan("Other letter"))
    options = ParseOptions(images_to_save=(ImageKind.EMBEDDED, ImageKind.SCREENSHOT), inline_images=True)
    parser = document_parser(pool, ocr=FakeOcr(), range_size=range_size)
    document = await spooled(content, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    reading = FinishedPages()
    writer = PieceWriter(reading, first)
    await parser.parse(document, options, first, on_progress=lambda _: None, finished=reading)
    for number in list(reading.summaries)[kept:]:
        del reading.summaries[number]
    reader = PieceReader(second)
    while piece := writer.next():
        writer.count(piece)
        reader.add(piece.content, piece.sha256)
    finished = reader.finished
    found = len(finished.summaries)

    outcome = await parser.parse(document, options, second, on_progress=lambda _: None, finished=finished)

    assert found <= kept
    assert found > 0 or not kept
    assert [page.number for page in outcome.parsed.pages] == list(range(1, PAGES + 1))
    assert made(second) == made(first)
