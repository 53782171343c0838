"""Documents of which an earlier attempt has finished some pages: the files are those of one attempt at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.interfaces import PageView
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.job import Lease
from llamaparse_worker.model.options import ImageKind, ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.pipeline.checkpoints import REFINED_S, CheckpointPolicy, Checkpoints
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.pieces import PieceReader, PieceWriter
from llamaparse_worker.spending import Flow
from llamaparse_worker.testing.jobs_samples import a_job
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import script
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


class Costly:
    """A mode whose calls cost; after so many there are no more answers."""

    refines = True

    def __init__(self, ends_after: int = PAGES) -> None:
        self.asked: list[int] = []
        self.silent = anyio.Event()
        self._ends_after = ends_after

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        del view, options, flow
        if len(self.asked) == self._ends_after:
            self.silent.set()
            await anyio.sleep_forever()
        self.asked.append(page.number)
        loud = [replace(block, text=block.text.upper()) for block in page.blocks if isinstance(block, Paragraph)]
        return replace(page, blocks=tuple(loud), text=page.text.upper())


async def test_no_model_is_asked_twice_about_a_page_although_its_worker_was_killed(
    pool: ParserPool, tmp_path: Path
) -> None:
    objects = MemoryObjectStore()
    options = ParseOptions(mode=ModeName.BALANCED)
    job = replace(a_job("job"), options=options)
    document = await spooled(script(*["text"] * PAGES), tmp_path)
    alive = True

    async def still_ours() -> bool:
        return alive

    async def attempt(number: int, mode: Costly) -> dict[str, bytes]:
        folder = tmp_path / str(number)
        folder.mkdir()
        policy = CheckpointPolicy(every_s=60, reading="")
        checkpoints = Checkpoints(objects, job, Lease("job", f"token-{number}", number), policy, still_ours=still_ours)
        parser = document_parser(pool, modes={ModeName.BALANCED: mode}, range_size=2)
        async with checkpoints.of(document, folder) as finished:
            await parser.parse(document, options, folder, on_progress=lambda _: None, finished=finished)
        return made(folder)

    first, second, undisturbed = Costly(ends_after=4), Costly(), Costly()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(attempt, 1, first)
        with anyio.fail_after(20):
            await first.silent.wait()
        await anyio.sleep(2.5 * REFINED_S)
        alive = False
        tasks.cancel_scope.cancel()
    alive = True
    files = await attempt(2, second)
    objects.objects.clear()

    assert len(first.asked) == 4
    assert sorted(first.asked + second.asked) == list(range(1, PAGES + 1))
    assert files == await attempt(3, undisturbed)
    assert len(undisturbed.asked) == PAGES
