"""Documents in the modes that ask models: real parser processes, and models that copy what they are told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.app.documents import open_documents
from llamaparse_worker.app.models import ServedModel, open_models
from llamaparse_worker.errors import CostLimitReached, ModeUnavailable
from llamaparse_worker.interfaces import Mode
from llamaparse_worker.mode import agentic, balanced, multimodal
from llamaparse_worker.mode.fast import Fast
from llamaparse_worker.mode.refining import Refiner
from llamaparse_worker.model.deployment import Deployment, Price
from llamaparse_worker.model.genai import GenAiAnswer, GenAiRequest, Image, Text
from llamaparse_worker.model.options import ModeName, ParseOptions, UpgradeRule
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.settings import LocalSettings
from llamaparse_worker.testing.genai import DEFAULT_DEPLOYMENT, answer
from support import documents
from support.pipeline import Result, document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio
_PAGE = re.compile(r"<page(?:-(?P<number>\d+))?>\n(?P<text>.*?)\n</page(?:-\d+)?>", re.DOTALL)
POLICIES = {policy.mode: policy for policy in (balanced.BALANCED, multimodal.MULTIMODAL, agentic.AGENTIC)}


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(2) as opened:
        yield opened


@dataclass
class Copying:
    """Answers with the text of the page as it was told; ``wrong`` once stands for ``right`` in its first answers."""

    right: str = ""
    wrong: str = ""
    deployment: Deployment = DEFAULT_DEPLOYMENT
    requests: list[GenAiRequest] = field(default_factory=list)

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        """Copy."""
        assert timeout_s > 0
        self.requests.append(request)
        told = "\n".join(part.text for part in request.parts if isinstance(part, Text))
        marks = (
            (f"=== page {found['number']} ===\n" if found["number"] else "", found) for found in _PAGE.finditer(told)
        )
        text = "\n".join(f"{mark}{found['text']}" for mark, found in marks)
        is_first = not any(isinstance(part, Text) and "<findings>" in part.text for part in request.parts)
        return answer(text.replace(self.right, self.wrong) if is_first and self.right else text)


async def parsed(pool: ParserPool, folder: Path, mode: ModeName, model: Copying) -> Result:
    """Parse two pages, one with a table."""
    content = documents.make(documents.prose(1), documents.table(documents.measurements(1)))
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(open_models([ServedModel(model, most=5)], LocalSettings()))
        modes = {name: Refiner(router, policy) for name, policy in POLICIES.items()}
        parser = document_parser(pool, modes=modes)
        return await parse(parser, content, folder, name=mode, options=ParseOptions(mode=mode))


@pytest.mark.parametrize("mode", POLICIES)
async def test_a_model_that_copies_the_page_changes_nothing_of_the_text(
    pool: ParserPool, tmp_path: Path, mode: ModeName
) -> None:
    model = Copying()
    fast = await parse(
        document_parser(pool),
        documents.make(documents.prose(1), documents.table(documents.measurements(1))),
        tmp_path,
        name="fast",
    )
    found = await parsed(pool, tmp_path, mode, model)

    assert found.markdown == fast.markdown
    assert found.files()["result.txt"] == fast.files()["result.txt"]
    assert found.outcome.usage["requests"] == 2
    shown = sum(isinstance(part, Image) for request in model.requests for part in request.parts)
    assert shown == (0 if mode is ModeName.BALANCED else 2)


@pytest.mark.parametrize("mode", POLICIES)
async def test_a_whole_document_is_asked_about_in_as_few_calls_as_hold_it(
    pool: ParserPool, tmp_path: Path, mode: ModeName
) -> None:
    content = documents.make(*(documents.prose(number) for number in range(1, 7)))
    fast = await parse(document_parser(pool), content, tmp_path, name="fast")
    model = Copying()
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(open_models([ServedModel(model, most=5)], LocalSettings()))
        modes = {name: Refiner(router, policy) for name, policy in POLICIES.items()}
        parser = document_parser(pool, modes=modes)
        options = ParseOptions(mode=mode, whole_document=True)
        found = await parse(parser, content, tmp_path, name=mode, options=options)

    assert found.markdown == fast.markdown
    pages = json.loads((found.folder / "result.json").read_text())["metadata"]["pages"]
    assert [page["refinement"]["verdict"] for page in pages] == ["answered"] * 6
    runs = {tuple(page["refinement"]["together"]) or (page["page_number"],) for page in pages}
    assert sorted(number for run in runs for number in run) == [1, 2, 3, 4, 5, 6]
    assert found.outcome.usage["requests"] == len(model.requests) == len(runs) < 6


@pytest.mark.parametrize("mode", [ModeName.BALANCED, ModeName.MULTIMODAL])
async def test_the_record_of_each_page_is_in_the_result(pool: ParserPool, tmp_path: Path, mode: ModeName) -> None:
    rows = documents.measurements(1)
    number = next(cell for row in rows[1:] for cell in row if re.fullmatch(r"\d+\.\d+", cell))
    model = Copying(right=number, wrong="77777.7")
    found = await parsed(pool, tmp_path, mode, model)

    pages = json.loads((found.folder / "result.json").read_text())["metadata"]["pages"]
    first, second = (page["refinement"] for page in pages)
    assert (first["verdict"], second["verdict"]) == ("answered", "repaired")
    assert first["prompt"] == f"{mode}/1"
    assert [call["purpose"] for call in second["calls"]] == ["draft", "repair"]
    assert second["calls"][0]["usage"]["input_tokens"] == 10
    assert number in found.markdown
    assert "77777.7" not in found.markdown


async def test_the_auto_mode_asks_about_chosen_pages_alone_and_the_result_says_which(
    pool: ParserPool, tmp_path: Path
) -> None:
    def illustrated(canvas: Canvas) -> None:
        documents.prose(2)(canvas)
        canvas.drawImage(ImageReader(io.BytesIO(documents.picture("CLOSED"))), 72, 100, 420, 140)

    content = documents.make(documents.prose(1), illustrated, documents.table(documents.measurements(1)))
    rules = (
        UpgradeRule(mode=ModeName.BALANCED, regexp=r"(\w|\w\w)+$x"),
        UpgradeRule(mode=ModeName.MULTIMODAL, image=True),
        UpgradeRule(mode=ModeName.BALANCED, table=True),
    )
    model = Copying()
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(open_models([ServedModel(model, most=5)], LocalSettings()))
        modes: dict[ModeName, Mode] = {
            ModeName.FAST: Fast(),
            **{name: Refiner(router, policy) for name, policy in POLICIES.items()},
        }
        parser = document_parser(pool, modes=modes)
        found = await parse(parser, content, tmp_path, name="auto", options=ParseOptions(upgrades=rules))

    pages = json.loads((found.folder / "result.json").read_text())["metadata"]["pages"]
    assert [page["triggered_auto_mode"] for page in pages] == [False, True, True]
    assert [page["refinement"]["triggers"] for page in pages] == [[], ["image_in_page"], ["table_in_page"]]
    assert [page["refinement"]["prompt"] for page in pages] == ["", "multimodal/1", "balanced/1"]
    assert found.outcome.usage["requests"] == len(model.requests) == 2


async def test_a_job_whose_rules_name_a_mode_that_is_not_open_is_refused(pool: ParserPool, tmp_path: Path) -> None:
    options = ParseOptions(upgrades=(UpgradeRule(mode=ModeName.AGENTIC, table=True),))
    with pytest.raises(ModeUnavailable):
        await parse(document_parser(pool), documents.make(documents.prose(1)), tmp_path, options=options)


async def test_modes_are_open_where_a_model_can_serve_them(tmp_path: Path) -> None:
    text_only = replace(DEFAULT_DEPLOYMENT, text_only=True)
    settings = LocalSettings(spool_dir=tmp_path, ocr_engine="off")
    content = documents.make(documents.prose(1))
    async with open_documents(settings, models=[ServedModel(Copying(deployment=text_only), most=5)]) as opened:
        options = ParseOptions(mode=ModeName.BALANCED)
        found = await parse(opened.parser, content, tmp_path, name="balanced", options=options)
        assert found.outcome.usage["requests"] == 1
        for mode in (ModeName.MULTIMODAL, ModeName.AGENTIC):
            with pytest.raises(ModeUnavailable):
                await parse(opened.parser, content, tmp_path, name=mode, options=ParseOptions(mode=mode))


async def test_a_document_costs_no_more_than_it_may_and_the_rest_is_read_as_in_the_mode_fast(tmp_path: Path) -> None:
    priced = replace(DEFAULT_DEPLOYMENT, price=Price(input=0.0, output=1e6))  # a token written costs one
    settings = LocalSettings(spool_dir=tmp_path, ocr_engine="off", job_max_cost=4000)
    content = documents.make(*map(documents.prose, range(12)))
    async with open_documents(settings, models=[ServedModel(Copying(deployment=priced), most=5)]) as opened:
        options = ParseOptions(mode=ModeName.BALANCED)
        found = await parse(opened.parser, content, tmp_path, name="finish", options=options)
        fast = await parse(opened.parser, content, tmp_path, name="fast")
        failing = replace(options, max_cost=3000, fails_at_max_cost=True)
        with pytest.RaisesGroup(pytest.RaisesExc(CostLimitReached), flatten_subgroups=True, allow_unwrapped=True):
            await parse(opened.parser, content, tmp_path, name="fail", options=failing)

    pages = json.loads((found.folder / "result.json").read_text())["metadata"]["pages"]
    verdicts = [page["refinement"]["verdict"] for page in pages]
    assert {"answered", "kept"} == set(verdicts)
    assert 1000 < found.outcome.usage["cost"] <= 4000
    assert found.outcome.verdict.flags == ("cost_limit_reached",)
    assert found.outcome.verdict.error is None
    assert found.markdown == fast.markdown
