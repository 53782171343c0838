"""Pages that cost far more than others: read in seconds, or cut off, and their neighbours delivered either way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.parsers.pool import ParserPool
from support.pathological import (
    AFTER,
    BEFORE,
    between_neighbours,
    cells,
    draw_operations,
    nested_forms,
    rules,
    scattered_words,
)
from support.pipeline import document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio

SECONDS = 12
"""Far more than each of them takes; what grows with the square of the page takes minutes."""


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        pytest.param(lambda: between_neighbours(draw_operations(1_000_000)), "", id="1,000,000 draw operations"),
        pytest.param(lambda: between_neighbours(scattered_words(50_000)), "", id="50,000 words anywhere"),
        pytest.param(lambda: between_neighbours(rules(5_000)), "", id="5,000 rules"),
        pytest.param(lambda: between_neighbours(cells(200, 60)), "| 4 | 8 | 12 |", id="12,000 cells"),
        pytest.param(lambda: nested_forms(20), "The innermost form.", id="20 forms in each other"),
        pytest.param(lambda: nested_forms(2_000), "", id="2,000 forms in each other"),
    ],
)
async def test_a_page_of_very_many_parts_is_read_in_seconds(
    pool: ParserPool, tmp_path: Path, make: Callable[[], bytes], shown: str
) -> None:
    found = await parse(document_parser(pool, page_timeout_s=SECONDS), make(), tmp_path)

    assert found.failed_pages == {}
    first, middle, last = found.markdown.split("\n\n---\n\n")
    assert first.strip() == BEFORE
    assert (middle + last).strip().endswith(AFTER)  # words that come to no end seem to go on in it
    assert shown in middle


async def test_the_figures_of_a_page_that_takes_too_long_to_draw_are_left_out(pool: ParserPool, tmp_path: Path) -> None:
    content, options = between_neighbours(draw_operations(1_000_000)), ParseOptions(images_to_save=(ImageKind.LAYOUT,))

    found = await parse(document_parser(pool, page_timeout_s=SECONDS), content, tmp_path, options=options)

    assert found.failed_pages == {}
    assert [page.images_left_out for page in found.outcome.parsed.pages] == [0, 1, 0]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        pytest.param(lambda: nested_forms(30, uses=3), ParseOptions(), id="forms that unfold without end"),
        pytest.param(
            lambda: between_neighbours(draw_operations(1_000_000)),
            ParseOptions(images_to_save=(ImageKind.SCREENSHOT,)),
            id="a screenshot of 1,000,000 draw operations",
        ),
    ],
)
async def test_a_page_that_takes_too_long_is_cut_off_and_its_neighbours_are_delivered(
    pool: ParserPool, tmp_path: Path, make: Callable[[], bytes], options: ParseOptions
) -> None:
    content = make()
    started = anyio.current_time()

    found = await parse(document_parser(pool, page_timeout_s=1), content, tmp_path, options=options)

    assert found.failed_pages == {2: "TIMEOUT"}
    assert BEFORE in found.markdown
    assert AFTER in found.markdown
    assert anyio.current_time() - started < 6
