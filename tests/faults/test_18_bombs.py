"""Promise 18: what grows when it is opened is refused or cut off within 20 seconds, and costs nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.reader import script
from support import bombs, pathological
from support.pipeline import Result, document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio

LIMIT_S = 20
PAGE_S = 4
PIXELS = ParseOptions(
    images_to_save=(ImageKind.SCREENSHOT, ImageKind.EMBEDDED, ImageKind.LAYOUT), allowed_page_failure_ratio=1.0
)
REFUSED: Mapping[str, tuple[Callable[[], bytes], set[str]]] = {
    "a hundred thousand pages": (lambda: bombs.same_page_again(100_000), {"TOO_MANY_PAGES"}),
    "ten thousand levels of pages": (
        lambda: bombs.deep_page_tree(10_000),
        {"NO_DATA_FOUND_IN_FILE", "PDF_IS_BROKEN", "PARSER_CRASHED", "TOO_MANY_FAILED_PAGES"},
    ),
    "an archive of ten thousand times its size": (
        lambda: bombs.zip_of([("zeros", bytes(50 << 20))]),
        {"UNSUPPORTED_FILE_TYPE"},
    ),
    "an archive of fifty thousand files": (
        lambda: bombs.zip_of((f"{number}", b"") for number in range(50_000)),
        {"UNSUPPORTED_FILE_TYPE"},
    ),
    "a billion laughs in an office file": (lambda: bombs.office_file(bombs.LAUGHS), {"UNSUPPORTED_FILE_TYPE"}),
    "a billion laughs in a drawing": (bombs.LAUGHS.encode, {"UNSUPPORTED_FILE_TYPE"}),
}
CUT_OFF: Mapping[str, Callable[[], bytes]] = {
    "two billion pages that are claimed": lambda: bombs.claimed_pages(2_000_000_000),
    "half a gigabyte of content": lambda: bombs.inflating(512),
    "an image of 1.6 gigapixels": lambda: bombs.wide_image(40_000),
    "a page as large as a country": lambda: bombs.endless_paper(14_400_000),
    "arrays in arrays": lambda: bombs.deep_arrays(100_000),
    "a font of four billion codes": bombs.endless_mapping,
    "forms that unfold without end": lambda: pathological.nested_forms(30, uses=3),
}
PAGE_CODES = {"TIMEOUT", "OUT_OF_MEMORY", "PAGE_UNREADABLE", "PARSER_CRASHED", "LIMIT_EXCEEDED"}


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


async def parsed_in_time(
    pool: ParserPool, content: bytes, folder: Path, name: str, options: ParseOptions = PIXELS
) -> Result:
    with anyio.fail_after(LIMIT_S):
        return await parse(document_parser(pool, page_timeout_s=PAGE_S), content, folder, name=name, options=options)


async def next_is_fine(pool: ParserPool, folder: Path) -> None:
    found = await parsed_in_time(pool, script("text The next document."), folder, "next", ParseOptions())
    assert "The next document." in found.markdown


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_bomb_is_refused_with_its_code(pool: ParserPool, tmp_path: Path, kind: str) -> None:
    make, codes = REFUSED[kind]
    try:
        found = await parsed_in_time(pool, make(), tmp_path, "bomb.svg")
        code = found.outcome.verdict.error.code if found.outcome.verdict.error else None
    except WorkerError as error:
        code = error.code

    assert code in codes
    await next_is_fine(pool, tmp_path)


@pytest.mark.parametrize("kind", CUT_OFF)
async def test_a_page_that_grows_is_read_or_cut_off(pool: ParserPool, tmp_path: Path, kind: str) -> None:
    found = await parsed_in_time(pool, CUT_OFF[kind](), tmp_path, "bomb.pdf")

    assert set(found.failed_pages.values()) <= PAGE_CODES
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written < 64 << 20, "what is written stays small as well"
    await next_is_fine(pool, tmp_path)


async def test_a_picture_of_far_too_many_pixels_is_refused_by_its_header(pool: ParserPool, tmp_path: Path) -> None:
    found = await parsed_in_time(pool, bombs.huge_png(60_000), tmp_path, "bomb.png")

    assert found.failed_pages == {1: "LIMIT_EXCEEDED"}
