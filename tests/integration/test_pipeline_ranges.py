"""Page ranges of one document through a real pipeline: whatever reading takes, the files are those of one attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from anyio import Path as AsyncPath

from llamaparse_worker.backends.objects.sources import open_sources
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.errors import SourceNotFound
from llamaparse_worker.interfaces import Mode, PageView
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.job import Job, Lease, Progress, SourceKind, SourceRef
from llamaparse_worker.model.options import ImageKind, ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.ranges import RangeLease, RangeRecord, RangeStatus, Split
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.pipeline.checkpoints import CheckpointPolicy
from llamaparse_worker.pipeline.job import Attempt, JobLimits, JobPipeline
from llamaparse_worker.spending import Flow
from llamaparse_worker.testing.jobs_samples import a_job
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.ocr import FakeOcr
from support import documents
from support.pipeline import document_parser, parser_pool

pytestmark = pytest.mark.anyio

PAGES = 7


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@dataclass(slots=True)
class Loud:
    """A mode that asks about each page."""

    refines = True
    asked: list[int] = field(default_factory=list)

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        del view, options, flow
        self.asked.append(page.number)
        loud = [replace(block, text=block.text.upper()) for block in page.blocks if isinstance(block, Paragraph)]
        return replace(page, blocks=tuple(loud), text=page.text.upper())


@dataclass(frozen=True, slots=True)
class World:
    """A pipeline, and what it stores."""

    pool: ParserPool
    spool: Path
    objects: MemoryObjectStore = field(default_factory=MemoryObjectStore)

    async def whole(self, job: Job, mode: Mode | None, *, split_pages: int, roots: tuple[Path, ...] = ()) -> Attempt:
        """Have an attempt, other attempts at the ranges that it gives, and one more do the job."""
        modes = {ModeName.BALANCED: mode} if mode else None
        async with open_sources(SourcesSettings(file_source_roots=roots), self.objects) as sources:
            pipeline = JobPipeline(
                sources=sources,
                objects=self.objects,
                documents=document_parser(self.pool, ocr=FakeOcr(), modes=modes, range_size=2),
                spool_dir=self.spool,
                limits=JobLimits(
                    max_document_bytes=10_000_000, fetch_timeout_s=30, store_timeout_s=30, split_pages=split_pages
                ),
                checkpoints=CheckpointPolicy(every_s=60, reading=""),
                observe_stage=lambda _job, _stage, _seconds: None,
            )
            lease = Lease(job.id, f"token-{split_pages}", 1)
            checkpoints = pipeline.checkpoints(job, lease, still_ours=_ours)
            found = await pipeline.run(job, lease, checkpoints, on_progress=_ignore)
            if isinstance(found, Attempt):
                return found
            if job.source.kind is SourceKind.FILE:
                await AsyncPath(job.source.location.removeprefix("file://")).unlink()
            records = [await self._read(pipeline, job, number, found) for number in range(len(found.ranges))]
            lease = Lease(job.id, "token-last", 1, progress=Progress(found.total))
            checkpoints = pipeline.checkpoints(job, lease, still_ours=_ours, ranges=len(records))
            ended = await pipeline.run(job, lease, checkpoints, on_progress=_ignore, ranges=records)
            assert isinstance(ended, Attempt)
            await pipeline.remove_checkpoints(job)
            return ended

    async def _read(self, pipeline: JobPipeline, job: Job, number: int, split: Split) -> RangeRecord:
        lease = RangeLease(job.id, split.ranges[number], f"token-r{number}", 1, Progress())
        checkpoints = pipeline.checkpoints(job, lease, still_ours=_ours)
        pages = await pipeline.read_range(job, lease, checkpoints, on_progress=_ignore)
        assert not [page for page in pages if page.error]
        return RangeRecord(lease.pages, RangeStatus.COMPLETED)

    def files(self, attempt: Attempt) -> dict[str, bytes]:
        """Give the result files with the images."""
        prefix = f"{attempt.result.result_prefix}/"
        found = {key.removeprefix(prefix): content for key, content in self.objects.objects.items() if prefix in key}
        return {name: content for name, content in found.items() if name != "manifest.json"}


async def _ours() -> bool:
    return True


def _ignore(_progress: Progress) -> None:
    """No test here looks at it."""


@pytest.mark.parametrize("mode", [ModeName.FAST, ModeName.BALANCED])
async def test_scans_images_and_models_give_the_same_files(pool: ParserPool, tmp_path: Path, mode: ModeName) -> None:
    world = World(pool, tmp_path)
    pages = (*documents.mixed_pages(5, PAGES - 2), documents.scan(), documents.scan("Other letter"))
    world.objects.objects["uploads/report.pdf"] = documents.make(*pages)
    options = ParseOptions(mode=mode, images_to_save=(ImageKind.EMBEDDED, ImageKind.SCREENSHOT), inline_images=True)
    job = replace(a_job("job"), options=options)
    split, alone = Loud(), Loud()

    shared = await world.whole(job, split if mode is ModeName.BALANCED else None, split_pages=3)
    files = world.files(shared)
    left = [key for key in world.objects.objects if "/checkpoints/" in key]
    one = await world.whole(job, alone if mode is ModeName.BALANCED else None, split_pages=PAGES)

    assert not left
    assert {"result.md", "result.txt", "result.json"} < set(files), "there are images too"
    assert files == world.files(one)
    assert sorted(split.asked) == sorted(alone.asked), "each page was asked about as often"
    assert shared.result.usage == one.result.usage


async def test_a_document_of_a_folder_need_not_be_there_for_others(pool: ParserPool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "report.pdf"
    path.write_bytes(documents.make(*documents.mixed_pages(5, PAGES)))
    world = World(pool, tmp_path / "spool")
    world.spool.mkdir()
    job = replace(a_job("job"), source=SourceRef(SourceKind.FILE, f"file://{path}"))

    attempt = await world.whole(job, None, split_pages=3, roots=(tmp_path / "in",))

    assert attempt.result.progress == Progress(PAGES, PAGES)
    assert not [key for key in world.objects.objects if "/checkpoints/" in key]
    with pytest.raises(SourceNotFound):
        await world.whole(job, None, split_pages=3, roots=(tmp_path / "in",))
