from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out, lay_out_words
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs, settled
from llamaparse_worker.layout.headings import is_capitals
from llamaparse_worker.layout.joining import joined
from llamaparse_worker.layout.marks import is_bullet, marked
from llamaparse_worker.layout.plain import plain
from llamaparse_worker.layout.reading_order import Flow, regions
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import CodeBlock, Footnote, Heading, ListBlock, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, PageReason, ParsedPage, RawPage
from llamaparse_worker.model.recognition import Recognition, Word
from support.documents import (
    HEIGHT,
    MARGIN,
    WIDTH,
    Draw,
    Pen,
    blank,
    make,
    measurements,
    prose,
    rotated,
    scan,
    sentences,
    table,
    two_columns,
    white_box,
    wrapped,
)

LIMITS = ReaderLimits(100, 4_000_000)


def raw(draw: Draw) -> RawPage:
    with PdfReader().open(io.BytesIO(make(draw)), LIMITS) as document:
        return document.read(1)


def laid_out(draw: Draw) -> LaidOutPage:
    page = lay_out(raw(draw))
    return settled(page, document_signs([page_signs(page)]))


def texts(page: LaidOutPage, kind: type[Heading | Paragraph | CodeBlock]) -> list[str]:
    return [block.text for block in page.blocks if isinstance(block, kind)]


def test_lines_become_paragraphs_and_a_larger_line_a_heading() -> None:
    page = laid_out(prose(3))
    assert texts(page, Heading) == ["Section 3"]
    assert texts(page, Paragraph) == [sentences(21 + part, 500) for part in range(4)]
    assert page.body_size == 10


def test_two_columns_are_read_one_after_the_other() -> None:
    page = laid_out(two_columns(4))
    assert texts(page, Heading) == ["Report 4 over two columns"]
    assert texts(page, Paragraph) == [sentences(44 + part, 500) for part in range(4)]


_COLUMNS = (72, 142, 186, 264, 304, 452)
_CELLS = (
    ("hw.name", "stable", "Recommended", "string", "An identifier for the hardware component,", "battery_1_of_test"),
    ("", "", "", "", "unique within the host", ""),
)


def small_table(canvas: Canvas) -> None:
    """A title, a list and a few lines of text over a table that has most of the letters of the page."""
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(72, 700, "1 Metrics of graphics ")
    canvas.setFont("Helvetica", 14)
    canvas.drawString(72 + stringWidth("1 Metrics of graphics ", "Helvetica-Bold", 14), 700, "hw.gpu.*")
    canvas.setFont("Helvetica", 10)
    for row, line in enumerate(wrapped(sentences(3, 260), 450, "Helvetica", 10)):
        canvas.drawString(72, 680 - 12 * row, line)
    for row, name in enumerate(("errors that were met so far", "bytes that were moved", "share of time at work")):
        canvas.drawString(86, 638 - 12 * row, f"\u2013 {name}")
    canvas.setFont("Helvetica", 7)
    for row in range(24):
        for column, cell in zip(_COLUMNS, _CELLS[row % 2], strict=True):
            canvas.drawString(column, 600 - 8 * row - 6 * (row // 2), cell)


def test_a_table_of_smaller_type_does_not_make_the_text_large() -> None:
    page = laid_out(small_table)
    assert page.body_size == 10
    assert texts(page, Heading) == ["1 Metrics of graphics hw.gpu.*"]
    assert [item.mark for block in page.blocks if isinstance(block, ListBlock) for item in block.items] == [
        "\u2013"
    ] * 3


def test_a_table_whose_halves_are_as_wide_is_no_text_in_two_columns() -> None:
    (found,) = [block for block in laid_out(small_table).blocks if isinstance(block, Table)]
    assert {len(row) for row in found.rows} == {len(_COLUMNS)}
    assert found.rows[-1][4] == "An identifier for the hardware component, unique within the host"


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_columns_stay_whole_whether_or_not_their_lines_are_level(shift: float) -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, MARGIN, 220, 700).write(sentences(1, 900)).write(sentences(2, 400))
        Pen(canvas, MARGIN + 240, 220, 700 - shift).write(sentences(3, 700)).write(sentences(4, 500))

    assert texts(laid_out(draw), Paragraph) == [
        sentences(1, 900),
        sentences(2, 400),
        sentences(3, 700),
        sentences(4, 500),
    ]


def test_three_columns_are_read_from_left_to_right() -> None:
    def draw(canvas: Canvas) -> None:
        for column in range(3):
            Pen(canvas, 50 + column * 170, 150, 700).write(sentences(column, 600))

    assert texts(laid_out(draw), Paragraph) == [sentences(column, 600) for column in range(3)]


def test_a_heading_below_two_columns_is_read_after_them() -> None:
    def draw(canvas: Canvas) -> None:
        left = Pen(canvas, MARGIN, 220, 700).write(sentences(1, 400))
        Pen(canvas, MARGIN + 240, 220, 700).write(sentences(2, 400))
        Pen(canvas, top=left.y - 30).heading("Afterwards", 14).write(sentences(3, 300))

    page = laid_out(draw)
    assert [block.text for block in page.blocks if not isinstance(block, Table | ListBlock)] == [
        sentences(1, 400),
        sentences(2, 400),
        "Afterwards",
        sentences(3, 300),
    ]


@pytest.mark.parametrize("ruled", [False, True])
def test_aligned_cells_become_a_table(*, ruled: bool) -> None:
    rows = measurements(9)
    page = laid_out(table(rows, ruled=ruled))
    assert [block.rows for block in page.blocks if isinstance(block, Table)] == [tuple(map(tuple, rows))]
    assert len(texts(page, Paragraph)) == 2


def test_an_empty_cell_stays_empty() -> None:
    rows = measurements(9)
    rows[3][1] = ""
    (found,) = (block for block in laid_out(table(rows)).blocks if isinstance(block, Table))
    assert found.rows[3] == (rows[3][0], "", rows[3][2], rows[3][3])


def test_bullets_and_numbers_become_lists() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write("What to bring:").bullets([sentences(1, 200), "A short one."])
        pen.write("What to do:").bullets(["Open it.", "Close it.", "Go home."], ["1.", "2.", "3."])

    bullets, numbers = (block for block in laid_out(draw).blocks if isinstance(block, ListBlock))
    assert [item.text for item in bullets.items] == [sentences(1, 200), "A short one."]
    assert not bullets.ordered
    assert [(item.mark, item.text) for item in numbers.items] == [
        ("1.", "Open it."),
        ("2.", "Close it."),
        ("3.", "Go home."),
    ]
    assert numbers.ordered


@pytest.mark.parametrize("mark", ["\u25b6", "\u25ba", "\u2756", "\u27a2", "\u2713"])
def test_the_bullets_of_slides_are_bullets(mark: str) -> None:
    assert marked(f"{mark} Modify packages") is not None
    assert is_bullet(mark)


def test_a_letter_o_of_fixed_pitch_is_the_bullet_of_a_list_within_a_list() -> None:
    def draw(canvas: Canvas) -> None:
        for index, (indent, mark, text) in enumerate(
            ((0, "\u2022", "outer"), (20, "o", "inner"), (20, "o", "inner too"), (0, "\u2022", "outer again"))
        ):
            canvas.setFont("Courier" if mark == "o" else "Helvetica", 10)
            canvas.drawString(80 + indent, 700 - 13 * index, mark)
            canvas.setFont("Helvetica", 10)
            canvas.drawString(98 + indent, 700 - 13 * index, text)
        canvas.setFont("Courier", 10)
        canvas.drawString(80, 600, "for item in iliad: print(item)")

    listed, code = laid_out(draw).blocks
    assert isinstance(listed, ListBlock)
    assert isinstance(code, CodeBlock)
    assert [(item.depth, item.mark, item.text) for item in listed.items] == [
        (0, "\u2022", "outer"),
        (1, "\u25e6", "inner"),
        (1, "\u25e6", "inner too"),
        (0, "\u2022", "outer again"),
    ]


def test_a_deeper_item_has_a_greater_depth() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        for index, (indent, text) in enumerate(((0, "outer"), (20, "inner"), (20, "inner too"), (0, "outer again"))):
            canvas.drawString(80 + indent, 700 - 13 * index, f"\u2022 {text}")

    (block,) = laid_out(draw).blocks
    assert isinstance(block, ListBlock)
    assert [item.depth for item in block.items] == [0, 1, 1, 0]


def test_a_word_divided_at_the_end_of_a_line_is_joined() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        for index, line in enumerate(
            ("The harbour record is kept by the harbour mas-", "ter, and by North-", "Sea pilots.")
        ):
            canvas.drawString(80, 700 - 12.5 * index, line)

    assert laid_out(draw).text == "The harbour record is kept by the harbour master, and by North-Sea pilots."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A NAME IN CAPITALS", True),
        ("THE 12 HARBOURS", True),
        ("\u591a\u304f\u306e\u5834\u5408\u3001OS \u3084\u3001CPU", False),
        ("\u30cf\u30fc\u30c9\u30a6\u30a7\u30a2", False),
        ("USA", False),
        ("A Name", False),
    ],
)
def test_a_line_is_in_capitals_if_most_of_its_letters_are(text: str, *, expected: bool) -> None:
    assert is_capitals(text) is expected


def test_lines_of_chinese_are_joined_without_a_space() -> None:
    assert (
        joined(["\u652f\u6301\u672c", "\u5730\u8fd0\u884c\u3002", "MinerU"])
        == "\u652f\u6301\u672c\u5730\u8fd0\u884c\u3002 MinerU"
    )


def test_a_short_bold_line_is_a_heading_and_a_bold_sentence_is_not() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write("Scope", font="Helvetica-Bold", after=10).write(sentences(1, 300), after=12)
        pen.write("This sentence is printed in bold type to warn.", font="Helvetica-Bold")

    assert texts(laid_out(draw), Heading) == ["Scope"]


def test_fixed_pitch_lines_keep_breaks_and_indentation() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write(sentences(1, 300))
        canvas.setFont("Courier", 10)
        for index, line in enumerate(("def run():", "    return 1", "", "run()")):
            canvas.drawString(MARGIN + 6.0 * (len(line) - len(line.lstrip())), pen.y - 12 * index, line.strip())

    assert texts(laid_out(draw), CodeBlock) == ["def run():\n    return 1\n\nrun()"]


def test_the_first_lines_of_two_columns_are_no_running_head_though_a_gap_follows_them() -> None:
    ends = ["the end of a sentence.", "another end of a sentence."]
    texts_of_columns = [sentences(seed, 500) for seed in (1, 2)]

    def draw(canvas: Canvas) -> None:
        width = (WIDTH - 2 * MARGIN - 24) / 2
        for column, (end, text) in enumerate(zip(ends, texts_of_columns, strict=True)):
            Pen(canvas, MARGIN + column * (width + 24), width, 780).write(end, after=12).write(text)

    page = lay_out(raw(draw))
    assert page.edges == ()
    assert page.text == "\n\n".join([ends[0], texts_of_columns[0], ends[1], texts_of_columns[1]])


def test_a_page_of_a_running_head_and_foot_has_no_text() -> None:
    def page(number: int, *, full: bool) -> Draw:
        def draw(canvas: Canvas) -> None:
            canvas.setFont("Helvetica", 10)
            canvas.drawRightString(500, 805, "The harbour manual, release 12")
            if full:
                Pen(canvas, top=760).write(sentences(number, 900))
            canvas.drawString(MARGIN, 30, f"{number} Chapter 1")

        return draw

    pages = [lay_out(replace(raw(page(number, full=number % 2 == 1)), number=number)) for number in range(1, 7)]
    made = list(finish(pages, document_signs(map(page_signs, pages))))
    assert [bool(one.text.strip()) for one in made if isinstance(one, ParsedPage)] == [True, False] * 3


def test_a_note_whose_label_stands_out_is_one_note() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write(sentences(1, 600), after=0)
        end = stringWidth("All of it is said.", "Helvetica", 10)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(MARGIN, pen.y, "All of it is said.")
        canvas.setFont("Helvetica", 6)
        canvas.drawString(MARGIN + end, pen.y + 4, "1")
        canvas.drawString(MARGIN, 104, "1")
        canvas.setFont("Helvetica", 8)
        canvas.drawString(
            MARGIN + 6, 100, "The name of it is not told to anybody who asks for it in the harbour and on"
        )
        canvas.drawString(MARGIN + 10, 90, "the sea, or elsewhere.")

    (note,) = (block for block in laid_out(draw).blocks if isinstance(block, Footnote))
    assert note.text.endswith("on the sea, or elsewhere.")


def test_a_running_head_that_ends_at_the_right_edge_stands_apart_from_two_columns() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(MARGIN, 800, "Report on bridges")
        canvas.drawRightString(WIDTH - MARGIN, 800, "Chapter 2")
        two_columns(4)(canvas)

    assert [edge.side for edge in lay_out(raw(draw)).edges] == ["top"]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_applied_to_page_and_boxes(degrees: int) -> None:
    page = laid_out(rotated(degrees))
    assert page.rotation == degrees
    assert (page.width, page.height) == pytest.approx((WIDTH, HEIGHT), abs=0.01)
    first = page.blocks[0]
    assert plain(first).startswith("Upright when displayed")
    assert first.box.x0 == pytest.approx(100, abs=1)
    assert first.box.y0 == pytest.approx(88, abs=4)


def test_text_written_sideways_stays_together_and_apart() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, MARGIN + 20).write(sentences(1, 900))
        canvas.saveState()
        canvas.translate(40, 300)
        canvas.rotate(90)
        canvas.setFont("Helvetica", 12)
        canvas.drawString(0, 0, "Preprint of the third edition")
        canvas.restoreState()

    assert texts(laid_out(draw), Paragraph) == [sentences(1, 900), "Preprint of the third edition"]


def test_a_page_without_anything_is_blank_and_one_that_is_a_picture_is_scanned() -> None:
    assert [laid_out(draw).reason for draw in (blank, white_box, scan())] == [
        PageReason.BLANK,
        PageReason.BLANK,
        PageReason.SCANNED,
    ]


def test_recognised_words_take_the_same_way() -> None:
    words = [
        Word(word, Box(72 + 30 * column, 100 + 14 * row, 98 + 30 * column, 112 + 14 * row), 0.5 + row / 4)
        for row in range(2)
        for column, word in enumerate(("one", "two", "three"))
    ]
    page = lay_out_words(raw(scan()), Recognition(tuple(words), "fake"))
    assert page.text == "one two three one two three"
    assert page.engine == "fake"
    assert page.confidence == pytest.approx(0.625)


def test_no_recognised_word_is_a_page_without_text() -> None:
    page = lay_out_words(raw(scan()), Recognition((), "fake"))
    assert (page.reason, page.text, page.confidence) == (PageReason.NO_TEXT, "", None)


boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h),
    st.floats(0, 500),
    st.floats(0, 800),
    st.floats(1, 300),
    st.floats(6, 30),
)


@given(st.lists(boxes, max_size=40))
def test_reading_order_neither_loses_nor_repeats_a_segment(found: list[tuple[float, float, float, float]]) -> None:
    segments = [Segment(*box, size=10.0, text=f"<{index}>") for index, box in enumerate(found)]
    read = "".join(
        "".join(line.text for line in region.lines)
        if isinstance(region, Flow)
        else "".join(segment.text for cell in region.cells for segment in cell.segments)
        for region in regions(segments, 10.0)
    )
    assert sorted(read.replace(" ", "").strip("<>").split("><")) == sorted(
        [str(index) for index in range(len(segments))] or [""]
    )


@given(st.text(st.sampled_from("abc -"), max_size=60))
def test_wrapped_lines_hold_the_words_of_the_text(text: str) -> None:
    assert " ".join(wrapped(text, 60, "Helvetica", 10)).split() == text.split()
