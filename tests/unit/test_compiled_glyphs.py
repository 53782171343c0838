from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import compiled
from llamaparse_worker.backends.reader.pdf.glyphs import Glyphs, through_cffi, through_compiled
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from support.bitmap_fonts import set_in_bitmaps
from support.documents import blank, make, measurements, prose, scan, table, two_columns

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/llamaparse_worker/backends/reader/pdf/glyphs.c"

needs_compiled = pytest.mark.skipif(
    not compiled.is_compiled(), reason="glyphs.c is not compiled: no compiler was found"
)


def directions(canvas: Canvas) -> None:
    for degrees in range(0, 360, 15):
        canvas.saveState()
        canvas.translate(300, 400)
        canvas.rotate(degrees)
        canvas.setFont("Times-Italic" if degrees % 2 else "Courier-Bold", 7 + degrees / 31)
        canvas.scale(1 + degrees / 777, 0.7)
        canvas.drawString(40, 0, f"office {degrees}\u00b0 \u00df")
        canvas.restoreState()


def unseen(canvas: Canvas) -> None:
    for mode in range(8):
        text = canvas.beginText(100, 700 - 20 * mode)
        text.setTextRenderMode(mode)  # type: ignore[arg-type] # the stubs list the numbers one by one
        text.textLine(f"mode {mode}")
        canvas.drawText(text)


def coloured(canvas: Canvas) -> None:
    for number in range(300):
        canvas.setFillColorRGB(number % 16 / 15, number // 16 / 18, 1, alpha=1 if number % 7 else 0.5)
        canvas.drawString(50 + number % 10 * 50, 50 + number // 10 * 20, f"no {number}")


@contextmanager
def text_page(content: bytes) -> Iterator[tuple[int, int]]:
    pdfium = library()
    with io.BytesIO(content) as file, ffi.from_buffer(file.getvalue()) as data:
        document = pdfium.FPDF_LoadMemDocument64(data, len(content), ffi.NULL)
        page = pdfium.FPDF_LoadPage(document, 0)
        text = pdfium.FPDFText_LoadPage(page)
        yield text, max(0, pdfium.FPDFText_CountChars(text))
        pdfium.FPDFText_ClosePage(text)
        pdfium.FPDF_ClosePage(page)
        pdfium.FPDF_CloseDocument(document)


def assert_equal(one: Glyphs, other: Glyphs) -> None:
    assert one.text == other.text
    assert one.font_table == other.font_table
    assert one.colour_table == other.colour_table
    for name in ("boxes", "sizes", "fonts", "traits", "objects", "colours"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second, err_msg=name)


@needs_compiled
@pytest.mark.parametrize(
    "draw",
    [prose(1), two_columns(2), table(measurements(5)), scan(), blank, directions, unseen, coloured],
    ids=lambda draw: draw.__name__,
)
def test_both_ways_give_the_same_to_the_last_bit(draw: Callable[[Canvas], None]) -> None:
    with text_page(make(draw)) as (text, count):
        assert_equal(through_compiled(text, count), through_cffi(text, count))


@needs_compiled
def test_both_ways_give_the_same_of_fonts_without_names() -> None:
    with text_page(set_in_bitmaps([b"The \x0crst o\x0ber"], [b"\x88 \x01"])) as (text, count):
        assert_equal(through_compiled(text, count), through_cffi(text, count))


@needs_compiled
def test_members_and_what_is_said_of_each_are_the_same_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    with text_page(make(directions)) as (text, count):
        found = compiled.members("FPDFText_GetTextObject", text, count)
        said = compiled.answers("FPDFPageObj_GetType", found)
        monkeypatch.setattr(compiled, "is_compiled", lambda: False)
        np.testing.assert_array_equal(found, compiled.members("FPDFText_GetTextObject", text, count), strict=True)
        np.testing.assert_array_equal(said, compiled.answers("FPDFPageObj_GetType", found), strict=True)
    assert found.any()
    assert said.any()


def test_the_library_and_the_code_that_calls_it_are_of_one_version() -> None:
    assert f"#define VERSION {compiled.VERSION}\n" in SOURCE.read_text()
