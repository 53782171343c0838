"""Whole documents: the same result however the work was shared out, and modes that refine pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
import pyvips
from llama_cloud.types.parsing_get_response import ParsingGetResponse

from llamaparse_worker.errors import ModeUnavailable, PageUnreadable, TimeLimitExceeded
from llamaparse_worker.interfaces import PageView
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.genai import EndReason, Usage
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import ModelCall, Refinement, Verdict
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.spending import Flow
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import script
from support import documents
from support.pipeline import document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


class Shouting:
    """A mode that refines: every paragraph in capitals."""

    refines = True

    def __init__(self) -> None:
        self.refined: list[int] = []

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        del view, flow
        self.refined.append(page.number)
        assert options.mode is ModeName.BALANCED
        loud = [replace(block, text=block.text.upper()) for block in page.blocks if isinstance(block, Paragraph)]
        return replace(page, blocks=tuple(loud), text=page.text.upper())


async def test_the_result_is_the_same_bytes_however_the_work_is_shared_out(pool: ParserPool, tmp_path: Path) -> None:
    content = documents.make(*documents.mixed_pages(3, 23))
    async with parser_pool(1) as single:
        results = [
            await parse(
                document_parser(parsers, processes=processes, range_size=range_size),
                content,
                tmp_path,
                name=f"{processes}-{range_size}.pdf",
            )
            for parsers, processes in ((single, 1), (pool, 2))
            for range_size in (1, 4, 5, 64)
        ]

    first, *others = (result.files() for result in results)
    assert set(first) == {"result.md", "result.txt", "result.json"}
    assert all(other == first for other in others)
    assert len(first["result.md"]) > 23 * 500


async def test_recognised_pages_stand_in_their_order_whenever_they_come_back(pool: ParserPool, tmp_path: Path) -> None:
    pages = ("scan", "text", "scan", "text", "scan", "text")

    one = await parse(document_parser(pool, ocr=FakeOcr(), range_size=1), script(*pages), tmp_path, name="one")
    all_at_once = await parse(document_parser(pool, ocr=FakeOcr(), range_size=6), script(*pages), tmp_path, name="all")

    assert one.files() == all_at_once.files()
    order = [part.strip().partition("\n")[0] for part in one.markdown.split("\n\n---\n\n")]
    expected = [f"Page {number} of a script." if number % 2 == 0 else "Recognised words" for number in range(1, 7)]
    assert order == expected


async def test_the_result_satisfies_the_models_of_the_official_client(pool: ParserPool, tmp_path: Path) -> None:
    content = documents.make(documents.prose(1), documents.table(documents.measurements(1)), documents.scan())

    found = await parse(document_parser(pool), content, tmp_path, name="report.pdf")

    result = json.loads((found.folder / "result.json").read_text())
    assert set(result) == {"text", "markdown", "items", "metadata", "images_content_metadata"}
    job = {"id": "pjb-1", "project_id": "default", "status": "COMPLETED", "tier": "fast"}
    parsed = ParsingGetResponse.model_validate({"job": job, **result})
    assert parsed.markdown is not None
    assert len(parsed.markdown.pages) == 3


async def test_a_mode_that_refines_sees_every_page_and_its_answer_is_the_result(
    pool: ParserPool, tmp_path: Path
) -> None:
    mode = Shouting()
    parser = document_parser(pool, modes={ModeName.BALANCED: mode}, ocr=FakeOcr(), range_size=1)
    options = ParseOptions(mode=ModeName.BALANCED)

    found = await parse(parser, script("text", "scan", "text quiet words"), tmp_path, options=options)

    assert sorted(mode.refined) == [1, 2, 3]
    parts = [part.strip() for part in found.markdown.split("\n\n---\n\n")]
    assert parts == ["PAGE 1 OF A SCRIPT.", "RECOGNISED WORDS", "QUIET WORDS"]


async def test_a_mode_that_refines_holds_no_process_while_it_works(tmp_path: Path) -> None:
    async with parser_pool(1) as single:

        class Nested(Shouting):
            async def refine(
                self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow
            ) -> LaidOutPage:
                other = await parse(document_parser(single, processes=1), script("text"), tmp_path, name="other")
                assert "Page 1" in other.markdown
                return await super().refine(page, view, options, flow=flow)

        parser = document_parser(single, modes={ModeName.BALANCED: Nested()}, processes=1)
        found = await parse(
            parser, script("text"), tmp_path, name="outer", options=ParseOptions(mode=ModeName.BALANCED)
        )

    assert "PAGE 1" in found.markdown


class Looking:
    """A mode that looks at every page, and fails with the second one."""

    refines = True

    def __init__(self) -> None:
        self.seen: dict[tuple[int, int], tuple[int, int]] = {}

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        del options, flow
        if page.number == 2:
            raise PageUnreadable("no model can read this")
        for longest, part in ((800, None), (200, Box(0, 0, page.width / 2, page.height / 4))):
            image = await view.picture(longest_side=longest, part=part)
            assert image.media_type == "image/jpeg"
            drawn = pyvips.Image.new_from_buffer(image.content, "")
            self.seen[page.number, longest] = (drawn.width, drawn.height)
        call = ModelCall("one", "openai", "gpt", "draft", EndReason.COMPLETE, Usage(100, 0, 50), 0.25)
        return replace(page, refinement=Refinement(verdict=Verdict.ANSWERED, calls=(call,)))


async def test_a_mode_looks_at_pages_and_what_it_has_cost_is_told(pool: ParserPool, tmp_path: Path) -> None:
    mode, progress = Looking(), list[Progress]()
    parser = document_parser(pool, modes={ModeName.MULTIMODAL: mode})
    content = documents.make(*documents.mixed_pages(1, 3))

    options = ParseOptions(mode=ModeName.MULTIMODAL, allowed_page_failure_ratio=1)
    found = await parse(parser, content, tmp_path, options=options, on_progress=progress.append)

    assert max(mode.seen[1, 800]) == pytest.approx(800, abs=1)
    assert max(mode.seen[3, 200]) == pytest.approx(200, abs=2)
    assert not list(found.folder.glob("view-*"))
    used = {"requests": 2.0, "input_tokens": 200.0, "output_tokens": 100.0, "cost": 0.5}
    assert found.outcome.usage == used | {f"{name}@one": value for name, value in used.items()}
    assert progress[-1] == Progress(total=3, done=3, failed=1)
    metadata = json.loads((found.folder / "result.json").read_text())["metadata"]["pages"]
    assert metadata[0]["refinement"]["calls"][0]["model"] == "gpt"
    assert "refinement" not in metadata[1]


class Halting(Shouting):
    """Gives all pages back but the second."""

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        if page.number == 2:
            await anyio.sleep_forever()
        call = ModelCall("one", "openai", "gpt", "draft", EndReason.COMPLETE, Usage(100, 0, 50), 0.25)
        loud = await super().refine(page, view, options, flow=flow)
        return replace(loud, refinement=Refinement(verdict=Verdict.ANSWERED, calls=(call,)))


async def test_the_pages_that_a_mode_has_given_back_when_time_is_over_are_kept_with_their_cost(
    pool: ParserPool, tmp_path: Path
) -> None:
    parser = document_parser(pool, modes={ModeName.BALANCED: Halting()}, timeout_s=1.5)
    options = ParseOptions(mode=ModeName.BALANCED)

    found = await parse(parser, script("text one", "text two", "text three"), tmp_path, options=options)

    assert isinstance(found.outcome.verdict.error, TimeLimitExceeded)
    assert found.failed_pages == {2: "TIMEOUT"}
    assert "ONE" in found.markdown
    assert "THREE" in found.markdown
    assert "two" not in found.markdown.lower(), "no draft stands for what the job has asked for"
    assert found.outcome.usage["cost"] == 0.5


async def test_a_mode_that_has_given_nothing_back_when_time_is_over_leaves_no_result(
    pool: ParserPool, tmp_path: Path
) -> None:
    class Silent(Shouting):
        async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
            del page, view, options, flow
            await anyio.sleep_forever()
            raise AssertionError

    parser = document_parser(pool, modes={ModeName.BALANCED: Silent()}, timeout_s=1)
    with pytest.raises(TimeLimitExceeded):
        await parse(parser, script("text"), tmp_path, options=ParseOptions(mode=ModeName.BALANCED))


async def test_a_mode_without_a_provider_is_refused_with_the_variables_to_set(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(ModeUnavailable, match="OPENAI_API_KEY"):
        await parse(document_parser(pool), script("text"), tmp_path, options=ParseOptions(mode=ModeName.AGENTIC))


async def test_a_small_document_waits_for_a_range_of_a_large_one_and_not_for_all_its_pages(tmp_path: Path) -> None:
    ended: list[str] = []
    async with parser_pool(1) as single:
        parser = document_parser(single, processes=1, range_size=4)

        async def parse_one(name: str, pages: int) -> None:
            await parse(parser, documents.make(*documents.mixed_pages(1, pages)), tmp_path, name=name)
            ended.append(name)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parse_one, "large", 80)
            await anyio.sleep(0.1)
            tasks.start_soon(parse_one, "small", 1)

    assert ended == ["small", "large"]
