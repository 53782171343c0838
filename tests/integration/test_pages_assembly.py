from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from llamaparse_worker.components import Seam, targets
from llamaparse_worker.errors import StorageFull
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.parsing import Assemble, Completed, PageStarted, ParserEvent, ReadPages
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.tasks import DocumentTasks, make_tasks
from llamaparse_worker.testing.reader import TARGET, script
from support.disk import fill, small_disk
from support.pipeline import document_parser, parse, parser_pool, spooled

pytestmark = pytest.mark.anyio


async def test_the_assembly_of_a_long_document_gives_signs_of_life(tmp_path: Path) -> None:
    tasks = make_tasks(TaskConfig(readers=(TARGET,), writers=targets(Seam.WRITER)).model_dump_json())
    assert isinstance(tasks, DocumentTasks)
    document = await spooled(script(*["text"] * 200), tmp_path)
    events: list[ParserEvent] = []
    blob = str(tmp_path / "pages.blob")

    with closing(tasks):
        read = ReadPages(document, tuple(range(1, 201)), blob, ParseOptions(), ocr=False)
        tasks.run(read, lambda _event, _samples: None)
        tasks.run(Assemble((blob,), (), str(tmp_path), ParseOptions()), lambda event, _samples: events.append(event))

    *signs, last = events
    assert signs == [PageStarted(64), PageStarted(128), PageStarted(192)]
    assert isinstance(last, Completed)


class FillingOcr:
    """Leaves no place for the page that is to be laid out."""

    name = "filling"

    def __init__(self, disk: Path) -> None:
        self._disk = disk

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        del image, languages
        fill(self._disk)
        return Recognition((Word("recognised", Box(72, 72, 300, 90)),), self.name)

    def check_languages(self, languages: tuple[str, ...]) -> None:
        del languages

    async def ping(self) -> str:
        return self.name


async def test_a_full_disk_during_the_layout_of_a_scan_is_no_failed_page(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        async with parser_pool(1) as pool:
            parser = document_parser(pool, ocr=FillingOcr(disk), processes=1)
            with pytest.raises(StorageFull):
                await parse(parser, script("scan"), disk)
