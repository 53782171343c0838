from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import compiled_paths, rules
from llamaparse_worker.backends.reader.pdf.objects import PageObjects, page_objects
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library

ROOT = Path(__file__).resolve().parents[2]

needs_compiled = pytest.mark.skipif(not compiled_paths.is_compiled(), reason="paths.c is not compiled")

places = st.sampled_from([10.0, 10.2, 10.6, 12.9, 13.1, 40.0, 40.7, 200.0, -5.5])
points = st.tuples(places, places)
extents = st.sampled_from([1.0, 2.9, 3.1, 30.0, -2.9])
matrices = st.sampled_from(["1 0 0 1 7 -3", "0 1 -1 0 300 20", ".7 .7 -.7 .7 100 0", "2 0 0 -.01 0 500", "0 0 0 0 0 0"])


def joined(*numbers: float) -> str:
    return " ".join(map(str, numbers))


steps = st.one_of(
    points.map(lambda to: f"{joined(*to)} l"),
    points.map(lambda to: f"{joined(*to)} m"),
    st.tuples(points, points, points).map(lambda to: f"{joined(*to[0], *to[1], *to[2])} c"),
    st.tuples(points, extents, extents).map(lambda to: f"{joined(*to[0], *to[1:])} re"),
    st.just("h"),
)
paths = st.tuples(
    st.sampled_from(["0 g", ".99 g", "1 g", ".5 .9 1 rg"]),
    st.lists(steps, min_size=1, max_size=8),
    st.sampled_from(["S", "s", "f", "f*", "B", "b", "n"]),
).map(lambda path: f"{path[0]} 10 10 m {' '.join(path[1])} {path[2]}")
drawings = st.lists(st.one_of(paths, matrices.map(lambda matrix: f"{matrix} cm")), max_size=8)


@contextmanager
def objects_of(draw: Callable[[Canvas], None]) -> Iterator[PageObjects]:
    file = io.BytesIO()
    canvas = Canvas(file)
    draw(canvas)
    canvas.save()
    pdfium = library()
    content = file.getvalue()
    with ffi.from_buffer(content) as data:
        document = pdfium.FPDF_LoadMemDocument64(data, len(content), ffi.NULL)
        page = pdfium.FPDF_LoadPage(document, 0)
        yield page_objects(page)
        pdfium.FPDF_ClosePage(page)
        pdfium.FPDF_CloseDocument(document)


def is_same_both_ways(objects: PageObjects, most_paths: int = rules.MAX_PATHS) -> rules.Drawn:
    found = compiled_paths.read(objects, most_paths=most_paths, deepest=4)
    expected = rules.through_cffi(objects)
    assert found is not None
    np.testing.assert_array_equal(found[0], expected.rules)
    np.testing.assert_array_equal(found[1], expected.fills)
    np.testing.assert_array_equal(found[2], expected.colours)
    return expected


@needs_compiled
@given(drawings, drawings)
def test_both_ways_find_the_same_rules_and_fills(inner: list[str], outer: list[str]) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("inner")
        canvas.addLiteral("\n".join(inner))
        canvas.endForm()
        canvas.beginForm("outer")
        canvas.addLiteral("\n".join(outer))
        canvas.doForm("inner")
        canvas.endForm()
        canvas.addLiteral("\n".join(outer))
        canvas.doForm("outer")

    with objects_of(draw) as objects:
        is_same_both_ways(objects)


@needs_compiled
def test_tables_with_lines_and_shades_are_found_both_ways() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.grid([50, 150, 250], [100, 200, 300])
        canvas.setFillGray(0.8)
        canvas.rect(50, 100, 100, 40, stroke=0, fill=1)
        canvas.rect(50, 90, 100, 1, stroke=0, fill=1)

    with objects_of(draw) as objects:
        found = is_same_both_ways(objects)
    assert len(found.rules) == 7
    assert found.fills.tolist() == [[50, 140, 150, 100]]


@needs_compiled
def test_paths_beyond_the_limit_are_not_looked_at() -> None:
    def draw(canvas: Canvas) -> None:
        for step in range(rules.MAX_PATHS + 10):
            canvas.line(10, 10 + step / 10, 200, 10 + step / 10)

    with objects_of(draw) as objects:
        assert len(is_same_both_ways(objects).rules) == rules.MAX_PATHS


@needs_compiled
def test_more_rules_than_there_is_room_for_are_left_to_the_general_way() -> None:
    def draw(canvas: Canvas) -> None:
        for step in range(compiled_paths.MOST_RECTANGLES // 60 + 1):
            zigzag = " ".join(f"{10 + 5 * (turn // 2)} {10 + 5 * ((turn + 1) // 2)} l" for turn in range(1, 63))
            canvas.addLiteral(f"1 0 0 1 0 {step / 100} cm 10 10 m {zigzag} S")

    with objects_of(draw) as objects:
        assert compiled_paths.read(objects, most_paths=rules.MAX_PATHS, deepest=4) is None
        assert len(rules.drawn(objects).rules) > compiled_paths.MOST_RECTANGLES


def test_the_library_and_the_code_that_calls_it_are_of_one_version() -> None:
    source = ROOT / "src/llamaparse_worker/backends/reader/pdf/paths.c"
    assert f"#define VERSION {compiled_paths.VERSION}\n" in source.read_text()
