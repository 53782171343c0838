from __future__ import annotations

import io
from collections.abc import Callable

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.layers import layers, with_rules
from llamaparse_worker.layout.rules import Rule, Rules
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.characters import Trait
from llamaparse_worker.model.page import LaidOutPage
from support.documents import MARGIN, WIDTH, Pen, make, sentences

LIMITS = ReaderLimits(100, 4_000_000)


def laid_out(content: bytes) -> LaidOutPage:
    with PdfReader().open(io.BytesIO(content), LIMITS) as document:
        return lay_out(document.read(1))


def test_a_column_under_a_text_that_is_too_wide_for_its_own_is_read_apart_from_it() -> None:
    wide, beneath = sentences(1, 1200), sentences(2, 700)

    def draw(canvas: Canvas) -> None:
        Pen(canvas, MARGIN, 330, 700).write(wide)
        Pen(canvas, MARGIN + 240, 220, 701.5).write(beneath)

    assert laid_out(make(draw)).text == f"{wide}\n\n{beneath}"


def test_lines_that_merely_touch_stay_in_one_layer() -> None:
    lines = [Segment(50, 100 + 9 * index, 300, 112 + 9 * index, 10, f"line {index}") for index in range(20)]
    assert layers(lines) == [lines]


def test_each_layer_holds_nothing_that_overlaps_and_keeps_the_order_of_the_file() -> None:
    lines = [
        Segment(50, 100 + 12 * row, 300, 112 + 12 * row, 10, f"{layer}.{row}") for layer in range(3) for row in range(4)
    ]
    assert [[one.text[0] for one in layer] for layer in layers(lines)] == [["0"] * 4, ["1"] * 4, ["2"] * 4]


def beyond(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(MARGIN, 700, "Begins here")
    canvas.drawString(WIDTH + 40, 700, "and goes on beyond the edge")
    canvas.drawString(WIDTH + 40, 500, "Stands alone")


def test_a_cell_beyond_the_edge_is_read_with_all_of_its_lines() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(MARGIN, 700, "Name")
        for line, text in enumerate(("Time that", "passed", "in seconds")):
            canvas.drawString(WIDTH + 40, 712 - 12 * line, text)

    assert sorted(laid_out(make(draw)).text.split()) == sorted(["Name", "Time", "that", "passed", "in", "seconds"])


def cropped(content: bytes) -> bytes:
    """Show the left part of a page only, on a sheet that is larger."""
    document = pypdfium2.PdfDocument(content)
    width, height = document[0].get_size()
    document[0].set_mediabox(0, 0, width * 2, height)
    document[0].set_cropbox(0, 0, width, height)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "text"),
    [(bytes, "Begins here and goes on beyond the edge"), (cropped, "Begins here")],
)
def test_what_runs_off_the_sheet_is_read_and_what_was_cropped_away_is_not(
    change: Callable[[bytes], bytes], text: str
) -> None:
    assert " ".join(laid_out(change(make(beyond))).text.split()) == text


def test_the_reader_marks_what_was_cropped_away() -> None:
    with PdfReader().open(io.BytesIO(cropped(make(beyond))), LIMITS) as document:
        page = document.read(1)
    marked = "".join(text for text, trait in zip(page.text, page.traits, strict=True) if trait & Trait.CROPPED)
    assert "Stands alone" in marked
    assert "Begins" not in marked


def _column(x0: float, x1: float, tops: range, name: str) -> list[Segment]:
    return [Segment(x0, top, x1, top + 10, 10, f"{name} {top}") for top in tops]


def test_a_layer_begins_where_the_writing_goes_back_up_not_where_it_first_overlaps() -> None:
    left, wide = _column(50, 280, range(100, 300, 12), "left"), _column(50, 400, range(300, 500, 12), "wide")
    right = _column(310, 540, range(96, 500, 12), "right")
    assert layers([*left, *wide, *right]) == [[*left, *wide], right]


def test_marks_that_are_written_last_stay_with_the_layer_of_their_texts() -> None:
    items, wide = _column(70, 280, range(100, 148, 12), "item"), _column(50, 400, range(300, 500, 12), "wide")
    right = _column(310, 540, range(96, 500, 12), "right")
    bullets = [Segment(60, one.y0, 64, one.y1, 10, "•") for one in items]
    first, second = layers([*items, *wide, *right, *bullets])
    assert [one.text for one in first] == [*(f"• {one.text}" for one in items), *(one.text for one in wide)]
    assert second == right


def test_each_layer_has_the_lines_that_are_drawn_within_its_bounds() -> None:
    beneath, over = _column(50, 400, range(300, 500, 12), "wide"), _column(310, 540, range(100, 500, 12), "right")
    of_beneath, of_over = Rule(298, 50, 400), Rule(250, 310, 540)
    upright = Rule(325, 110, 490)
    found = with_rules([beneath, over], Rules((of_over, of_beneath), (upright,)))
    assert found == [(beneath, Rules((of_beneath,))), (over, Rules((of_over,), (upright,)))]
