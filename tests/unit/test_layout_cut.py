from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout import cut
from llamaparse_worker.layout.rules import Rule, page_rules
from llamaparse_worker.layout.segments import (
    VERSION,
    compiled,
    segments,
    segments_at_once,
    segments_by_arrays,
    segments_of,
)
from llamaparse_worker.model.characters import Element, Font
from llamaparse_worker.model.page import RawPage
from support.documents import blank, make, measurements, prose, table, two_columns
from support.tagged import Tag, tagged_pdf

ROOT = Path(__file__).resolve().parents[2]

needs_compiled = pytest.mark.skipif(compiled is None, reason="segments.c is not compiled")


def looks(canvas: Canvas) -> None:
    text = canvas.beginText(80, 700)
    for font, size, rise, words in (
        ("Helvetica", 12, 0, "Plain words "),
        ("Helvetica-Bold", 12, 0, "and bold ones"),
        ("Helvetica", 7, 5, "2"),
        ("Helvetica-Oblique", 12, 0, " or slanted"),
        ("Courier", 12, 0, " iiii mmmm code "),
        ("Helvetica", 7, -3, "low"),
    ):
        text.setFont(font, size)
        text.setRise(rise)
        text.textOut(words)
    canvas.drawText(text)
    canvas.drawString(80, 600, "parted    by wide    gaps")
    canvas.drawString(80, 580, "-")
    canvas.rotate(90)
    canvas.drawString(300, -60, "written upward")


def pages_of(content: bytes) -> Iterator[RawPage]:
    with io.BytesIO(content) as file, PdfReader().open(file, ReaderLimits(100, 10_000_000)) as document:
        for number in range(1, document.page_count + 1):
            yield document.read(number)


@needs_compiled
@pytest.mark.parametrize(
    "draw",
    [prose(1), two_columns(2), table(measurements(5), ruled=True), blank, looks],
    ids=["prose", "two_columns", "table", "blank", "looks"],
)
def test_both_ways_cut_alike(draw: Callable[[Canvas], None]) -> None:
    (page,) = pages_of(make(draw))
    upright = page_rules(page).upright
    assert segments_at_once(page, upright) == segments_by_arrays(page, upright)


@needs_compiled
def test_both_ways_part_at_the_owners_of_a_tagged_page() -> None:
    content = tagged_pdf(Tag("H1", ["Head"]), Tag("P", ["one line", "and another"]), artifact="foot")
    for page in pages_of(content):
        assert page.element_table
        assert segments_at_once(page, ()) == segments_by_arrays(page, ())


def page_of(rows: list[tuple[str, float, float, float, float, float, int]]) -> RawPage:
    """Give a page of characters: code, x0, y0, width, height, size, font."""
    boxes = np.array([(x, y, x + width, y + height) for _, x, y, width, height, *_ in rows], np.float32)
    return RawPage(
        number=1,
        width=300.0,
        height=300.0,
        rotation=0,
        text="".join(row[0] for row in rows),
        boxes=boxes.tobytes(),
        sizes=np.array([row[5] for row in rows], np.float32).tobytes(),
        fonts=np.array([row[6] for row in rows], np.uint16).tobytes(),
        font_table=(Font("Plain"), Font("Bold", bold=True), Font("Slanted", italic=True)),
    )


places = st.sampled_from([-3.0, -0.004, 0.0, 7.25, 10.0, 12.5, 13.1, 20.0, 100.0, 290.0])
extents = st.sampled_from([0.0, 1.5, 4.75, 5.0, 8.0, 11.3])
characters = st.tuples(
    st.sampled_from("ilmW aZ9-\u200b\u4e2d\u3000"),
    places,
    places,
    extents,
    extents,
    st.sampled_from([0.0, 0.4, 6.0, 9.96, 12.0, 1500.0]),
    st.integers(0, 2),
)
rules = st.builds(Rule, places, st.just(0.0), extents.map(lambda extent: 20 * extent))


@needs_compiled
@given(st.lists(characters, min_size=1, max_size=40), st.lists(rules, max_size=4))
def test_both_ways_cut_whatever_characters_alike(
    rows: list[tuple[str, float, float, float, float, float, int]], upright: list[Rule]
) -> None:
    page = page_of(rows)
    found = segments_at_once(page, upright)
    if found is None:
        assert any(x >= page.width for _, x, *_ in rows)
    else:
        assert repr(found) == repr(segments_by_arrays(page, upright))


@needs_compiled
@pytest.mark.parametrize(
    "change",
    [
        lambda page: replace(page, boxes=page.boxes[:-16]),
        lambda page: replace(page, fonts=np.full(len(page.text), 3, np.uint16).tobytes()),
        lambda page: replace(page, sizes=np.full(len(page.text), np.nan, np.float32).tobytes()),
        lambda page: replace(page, boxes=np.full((len(page.text), 4), np.inf, np.float32).tobytes()),
    ],
    ids=["boxes missing", "unknown font", "size not a number", "boxes not finite"],
)
def test_arrays_that_do_not_fit_are_left_to_the_general_way(change: Callable[[RawPage], RawPage]) -> None:
    page = page_of([("a", 10, 10, 5, 10, 10, 0), ("b", 15, 10, 5, 10, 10, 1)])
    assert segments_at_once(change(page), ()) is None


def test_what_runs_off_the_right_edge_belongs_to_its_line() -> None:
    row = [(letter, 270.0 + 10 * index, 50.0, 10.0, 10.0, 10.0, 0) for index, letter in enumerate("abcdef")]
    found, _ = segments(page_of(row))
    assert [segment.text for segment in found] == ["abcdef"]


def test_a_run_of_one_element_ends_where_the_next_begins() -> None:
    row = [(letter, 10.0 + 10 * index, 50.0, 10.0, 10.0, 10.0, 0) for index, letter in enumerate("abcd")]
    page = replace(
        page_of(row),
        elements=np.array([0, 0, 1, 1], np.int32).tobytes(),
        element_table=(Element("P"), Element("P")),
    )
    runs = cut.cut(page, ())
    assert runs is not None
    assert [(one.text, one.owner) for one in segments_of(page.text, runs)] == [("ab", 0), ("cd", 1)]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("a b", "a b"), ("a  b", "a b"), ("a\u200bb", "ab"), ("a\u00a0b", "a b"), ("a\n b", "a b")],
)
def test_white_space_within_a_run_is_shown_as_single_spaces(written: str, shown: str) -> None:
    row = [(letter, 10.0 + 2 * index, 50.0, 2.0, 10.0, 10.0, 0) for index, letter in enumerate(f" {written} ")]
    assert [segment.text for segment in segments(page_of(row))[0]] == [shown]


@needs_compiled
def test_running_text_too_large_to_be_counted_is_left_to_the_general_way() -> None:
    row = [("a", 10.0 + index, 50.0, 1.0, 10.0, 1500.0, 0) for index in range(30)]
    page = page_of(row)
    assert segments_at_once(page, ()) is None
    assert segments(page)[1].size == 1500.0


@needs_compiled
@pytest.mark.parametrize("odd", [{"text": b"ab"}, {"boxes": "ab"}, {"width": "wide"}, {"text": None}])
def test_what_is_no_page_is_refused(odd: dict[str, object]) -> None:
    page = page_of([("a", 10, 10, 5, 10, 10, 0), ("b", 15, 10, 5, 10, 10, 1)])
    with pytest.raises(TypeError):
        segments_at_once(replace(page, **odd), ())  # type: ignore[arg-type]


@needs_compiled
def test_nothing_is_kept_of_pages() -> None:
    rows = [
        (letter, 10.0 + 4 * index + 4 * (index > 20), 50.0, 4.0, 10.0, 6.0 + 4 * (index % 7 > 0), index % 3)
        for index, letter in enumerate("plain \u200bwords  bold ones and\u00a0more")
    ]
    pages = [page_of(rows), replace(page_of(rows), boxes=b"")]
    upright = [Rule(30.0, 0.0, 100.0), Rule(60.0, 0.0, 100.0)]

    def calls() -> None:
        for page in pages:
            segments_at_once(page, upright)
        with pytest.raises(TypeError):
            segments_at_once(replace(pages[0], sizes="none"), ())  # type: ignore[arg-type]

    calls()
    gc.collect()
    before = [sys.getrefcount(one) for page in pages for one in (page.text, page.boxes, page.sizes, page.fonts)]
    blocks = sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert [sys.getrefcount(one) for page in pages for one in (page.text, page.boxes, page.sizes, page.fonts)] == before
    assert sys.getallocatedblocks() < blocks + 200


def test_the_module_and_the_code_that_calls_it_are_of_one_version() -> None:
    assert f"#define VERSION {VERSION}\n" in (ROOT / "src/llamaparse_worker/layout/segments.c").read_text()
