from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph as Cell
from reportlab.platypus import Table as Drawn

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.layout.markdown import block_markdown
from llamaparse_worker.layout.rules import page_rules
from llamaparse_worker.layout.table_markup import table_html, table_markdown
from llamaparse_worker.model.blocks import Cell as Place
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import TableForm, TableOptions
from llamaparse_worker.model.page import LaidOutPage, ParsedPage, RawPage
from support.documents import MARGIN, Draw, Pen, make, sentences, wrapped

LIMITS = ReaderLimits(100, 4_000_000)
BOX = Box(0, 0, 1, 1)
STYLE = ParagraphStyle("cell", fontName="Helvetica", fontSize=9, leading=11)

LOOKS: dict[str, list[Any]] = {
    "grid": [("GRID", (0, 0), (-1, -1), 0.5, colors.black)],
    "inner lines only": [("INNERGRID", (0, 0), (-1, -1), 0.5, colors.black)],
    "three lines": [
        ("LINEABOVE", (0, 0), (-1, 0), 1, colors.black),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
        ("LINEBELOW", (0, -1), (-1, -1), 1, colors.black),
    ],
    "a line below each row": [("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.grey)],
    "every other row shaded": [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.lightblue, None])],
    "no lines": [],
}
NUMBERS = [
    ["Place", "Level", "Flow", "Depth"],
    ["Upper bridge", "12.40", "3.1", "0.80"],
    ["Mill", "9.75", "", "1.20"],
    ["Harbour wall", "101.00", "47.9", "12.60"],
    ["Old lock", "8.20", "5.5", "0.40"],
]
TEXTS = [
    ["Key", "Meaning", "Since"],
    ["timeout", "How long a request may take before it is given up and tried once more on another server", "1.0"],
    ["retries", "How often a request is tried", "1.2"],
    ["endpoint", "The address of the service, with scheme and port, but without a path or a query behind it", "2.0"],
    ["verbose", "Whether each request is logged", "2.1"],
]


def page_of(draw: Draw) -> LaidOutPage:
    return lay_out(raw(draw))


def raw(draw: Draw) -> RawPage:
    with PdfReader().open(io.BytesIO(make(draw)), LIMITS) as document:
        return document.read(1)


def tables(page: LaidOutPage) -> list[Table]:
    return [block for block in page.blocks if isinstance(block, Table)]


def drawn(rows: Sequence[Sequence[str]], style: Sequence[Any], widths: Sequence[float], *, x: float = MARGIN) -> Draw:
    """Draw a paragraph, a table whose cells wrap, and another paragraph."""

    def draw(canvas: Canvas) -> None:
        Pen(canvas).write(sentences(1, 300))
        made = Drawn([[Cell(text, STYLE) for text in row] for row in rows], colWidths=list(widths), style=list(style))
        _, height = made.wrapOn(canvas, 500, 600)
        made.drawOn(canvas, x, 600 - height)
        Pen(canvas, top=600 - height - 40).write(sentences(2, 300))

    return draw


def as_rows(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, rows))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    ("rows", "widths"), [(NUMBERS, (120, 80, 80, 80)), (TEXTS, (90, 200, 60))], ids=["numbers", "texts"]
)
def test_a_table_is_read_whatever_is_drawn_around_its_cells(
    look: str, rows: list[list[str]], widths: tuple[float, ...]
) -> None:
    (found,) = tables(page_of(drawn(rows, LOOKS[look], widths)))
    assert found.rows == as_rows(rows)


def test_cells_over_several_rows_and_columns_keep_their_extent() -> None:
    rows = [
        ["Place", "Water", ""],
        ["", "Level", "Flow"],
        ["Mill", "9.75", "3.1"],
        ["", "9.80", "3.3"],
    ]
    style = [*LOOKS["grid"], ("SPAN", (0, 0), (0, 1)), ("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 2), (0, 3))]
    (found,) = tables(page_of(drawn(rows, style, (120, 80, 80))))
    assert found.rows == as_rows(rows)
    spans = {(cell.row, cell.column): (cell.row_span, cell.column_span) for cell in found.cells}
    assert spans[0, 0] == (2, 1)
    assert spans[0, 1] == (1, 2)
    assert spans[2, 0] == (2, 1)
    assert spans[2, 1] == (1, 1)
    assert block_markdown(found).startswith('<table><thead><tr><th rowspan="2">Place</th><th colspan="2">Water</th>')


def test_a_line_below_a_title_tells_the_columns_that_it_stands_over() -> None:
    rows = [["", "Water", ""], ["Place", "Level", "Flow"], ["Mill", "9.75", "3.1"], ["Lock", "8.20", "5.5"]]
    style = [
        *LOOKS["three lines"][::2],
        ("LINEBELOW", (1, 0), (2, 0), 0.5, colors.black),
        ("LINEBELOW", (0, 1), (-1, 1), 0.5, colors.black),
        ("SPAN", (1, 0), (2, 0)),
    ]
    (found,) = tables(page_of(drawn(rows, style, (120, 80, 80))))
    assert found.header_rows == 2
    assert found.rows == (("Place", "Water", ""), ("", "Level", "Flow"), *as_rows(rows[2:]))
    spans = {(cell.row, cell.column): (cell.row_span, cell.column_span) for cell in found.cells}
    assert (spans[0, 0], spans[0, 1]) == ((2, 1), (1, 2))


def test_every_cell_has_the_box_of_its_text() -> None:
    (found,) = tables(page_of(drawn(NUMBERS, LOOKS["grid"], (120, 80, 80, 80))))
    boxes = {(cell.row, cell.column): cell.box for cell in found.cells}
    assert len(boxes) == 19
    first, below = boxes[0, 0], boxes[1, 0]
    assert first is not None
    assert below is not None
    assert MARGIN <= first.x0 < first.x1 < MARGIN + 120
    assert first.y1 <= below.y1
    assert found.box.x0 <= first.x0


def test_tables_beside_each_other_stay_apart() -> None:
    def draw(canvas: Canvas) -> None:
        for x in (60, 330):
            made = Drawn(NUMBERS, colWidths=[80, 40, 40, 40], style=LOOKS["grid"])
            made.wrapOn(canvas, 500, 600)
            made.drawOn(canvas, x, 500)

    assert [found.rows for found in tables(page_of(draw))] == [as_rows(NUMBERS)] * 2


def test_a_line_alone_between_two_tables_belongs_to_neither() -> None:
    def draw(canvas: Canvas) -> None:
        for top in (700, 560):
            made = Drawn(NUMBERS, colWidths=[120, 80, 80, 80], rowHeights=16)
            made.wrapOn(canvas, 500, 600)
            made.drawOn(canvas, MARGIN, top - 80)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(MARGIN + 6, 587, "Later on:")

    page = page_of(draw)
    assert [found.rows for found in tables(page)] == [as_rows(NUMBERS)] * 2
    assert [type(block) for block in page.blocks].count(Table) == len(page.blocks) - 1


def test_a_table_beside_running_text_is_read_apart_from_it() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, MARGIN, 200, 700).write(sentences(1, 700))
        made = Drawn(NUMBERS, colWidths=[80, 40, 40, 40], style=LOOKS["grid"])
        made.wrapOn(canvas, 500, 600)
        made.drawOn(canvas, 320, 600)

    page = page_of(draw)
    assert [found.rows for found in tables(page)] == [as_rows(NUMBERS)]
    assert sentences(1, 700)[:200] in page.text.replace("\n", " ")


def _two_columns(canvas: Canvas) -> None:
    Pen(canvas, MARGIN, 220, 700).write(sentences(1, 900))
    Pen(canvas, MARGIN + 240, 220, 700).write(sentences(2, 900))
    canvas.line(MARGIN, 720, MARGIN + 460, 720)
    canvas.line(MARGIN, 300, MARGIN + 460, 300)


def _framed_paragraph(canvas: Canvas) -> None:
    Pen(canvas).write(sentences(1, 300))
    canvas.rect(MARGIN - 5, 500, 400, 120)
    Pen(canvas, MARGIN, 380, 600).write(sentences(2, 300))


def _chart(canvas: Canvas) -> None:
    canvas.rect(100, 400, 300, 200)
    canvas.setFont("Helvetica", 9)
    for step in range(6):
        canvas.drawString(80, 400 + step * 35, str(step * 20))
        canvas.rect(110 + step * 45, 400, 20, 20 + step * 25, fill=1)
        canvas.drawString(112 + step * 45, 385, str(1990 + step))
        canvas.drawString(405, 400 + step * 35, f"{step * 5}%")


def _contents(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for line in range(12):
        title = f"Chapter {line} on {sentences(line, 20)[:20]} "
        canvas.drawString(MARGIN, 700 - line * 16, title + "." * (70 - len(title)))
        canvas.drawRightString(500, 700 - line * 16, str(3 + line * 7))


def _title_page(canvas: Canvas) -> None:
    canvas.line(MARGIN, 640, 500, 640)
    canvas.setFont("Helvetica", 10)
    canvas.drawRightString(500, 625, "A library for harbours")
    canvas.drawRightString(500, 613, "for version 4.19")
    canvas.setFont("Helvetica-Bold", 14)
    for line, name in enumerate(("Fabio Fiorina", "Simon Josefsson", "Nikos Mavrogiannopoulos (help@example.org)")):
        canvas.drawString(MARGIN, 240 - line * 16, name, wordSpace=3)
    canvas.line(MARGIN, 190, 500, 190)


def _stretched_lines(canvas: Canvas) -> None:
    """Two lines as TeX sets them where it finds no good break: a comma takes more room than a word space."""
    Pen(canvas, top=760).write(sentences(1, 300))
    canvas.setFont("Helvetica", 10)
    words = ("All", "of the", "following", "options", "except", "for the", "first,")
    for place, word in zip((60, 101, 154, 221, 284, 344, 400), words, strict=True):
        canvas.drawString(place, 650, word)
    for place, word in zip(
        (60, 190, 300, 402), ("the disabled ones,", "those of others,", "the strict,", "and"), strict=True
    ):
        canvas.drawString(place, 637, word)
    Pen(canvas, top=600).write(sentences(2, 300))


def _listed_in_a_frame(canvas: Canvas) -> None:
    canvas.line(MARGIN, 760, 500, 760)
    pen = Pen(canvas, top=740).write("The fields of a stanza are:")
    canvas.setFont("Helvetica", 10)
    for line, name in enumerate(("Package", "Architecture", "Section", "Priority", "Essential", "Depends", "Homepage")):
        canvas.drawString(MARGIN + 10, pen.y - 13 * line, "\u2022")
        canvas.drawString(MARGIN + 19, pen.y - 13 * line, f"{name} (mandatory)")
    canvas.line(MARGIN, pen.y - 120, 500, pen.y - 120)


def _signs(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for line in range(6):
        canvas.drawString(MARGIN, 700 - line * 16, "->")
        canvas.drawString(MARGIN + 60, 700 - line * 16, sentences(line, 60)[:60])


def _form(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for line, labels in enumerate((("First name:", "Name:"), ("Street:", "Number:"), ("Place:", "Country:"))):
        for x, label in zip((MARGIN, 310), labels, strict=True):
            canvas.drawString(x, 700 - line * 30, label)
            canvas.line(x + 70, 698 - line * 30, x + 200, 698 - line * 30)


@pytest.mark.parametrize(
    "draw",
    [
        _two_columns,
        _framed_paragraph,
        _chart,
        _contents,
        _title_page,
        _stretched_lines,
        _listed_in_a_frame,
        _signs,
        _form,
    ],
)
def test_what_only_looks_like_a_table_is_none(draw: Draw) -> None:
    assert tables(page_of(draw)) == []


def test_a_wide_space_behind_a_full_stop_makes_no_column() -> None:
    rows = (("g", "Cause changes to be applied over the line."), ("G", "Apply what follows once."), ("q", "Ask."))

    def draw(canvas: Canvas) -> None:
        Pen(canvas, top=760).write(sentences(1, 300))
        canvas.setFont("Helvetica", 10)
        for line, (name, text) in enumerate(rows):
            canvas.drawString(MARGIN, 640 - 16 * line, name)
            canvas.drawString(MARGIN + 60, 640 - 16 * line, text)
        end = MARGIN + 60 + stringWidth(rows[0][1], "Helvetica", 10)
        canvas.drawString(end + 9, 640, "With it used.")

    (found,) = tables(page_of(draw))
    assert [len(row) for row in found.rows] == [2, 2, 2]
    assert found.rows[0][1] == f"{rows[0][1]} With it used."


def test_rows_below_titles_that_are_narrower_than_they_are_apart() -> None:
    """A table whose last line is on the next page, so that only its titles stand between lines."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        rows = (("event", "meaning"), ("checkpoint.written", "pages and bytes of one object"))
        more = (("checkpoint.restored", "pages that it need not read"), ("checkpoint.full", "no more is stored"))
        for line, cells in enumerate((*rows, *more)):
            for x, text in zip((MARGIN, 200), cells, strict=True):
                canvas.drawString(x, 150 - 12 * line - (6 if line else 0), text)
        canvas.line(MARGIN, 162, 480, 162)
        canvas.line(MARGIN, 144, 480, 144)
        Pen(canvas, top=760).write(sentences(1, 900))

    (found,) = tables(page_of(draw))
    assert [row[0] for row in found.rows] == ["event", "checkpoint.written", "checkpoint.restored", "checkpoint.full"]


def test_rows_below_the_last_line_whose_cells_almost_touch_are_read_once() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        for y in (712, 696):
            canvas.line(MARGIN, y, 400, y)
        for line, row in enumerate(
            [("Place", "Level", "Flow"), *((f"Lock {at}", f"{at}2.345", f"{at}0.5") for at in "12345")]
        ):
            for x, text in zip((MARGIN, 200, 237), row, strict=True):
                canvas.drawString(x, 700 - 14 * line, text)

    found = page_of(draw)
    assert Counter(found.text.split()) == Counter(raw(draw).text.split())
    assert [len(row) for table in tables(found) for row in table.rows] == [3] * 6


def test_a_table_that_reads_upward_is_read_on_a_page_of_other_text() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write(sentences(1, 600))
        canvas.rotate(90)
        made = Drawn(NUMBERS, colWidths=[120, 80, 80, 80], rowHeights=16)
        made.wrapOn(canvas, 500, 600)
        made.drawOn(canvas, 100, -400)

    page = page_of(draw)
    (found,) = tables(page)
    assert found.rows == as_rows(NUMBERS)
    assert 300 < found.box.x0 < found.box.x1 < 420
    assert found.box.height > found.box.width


def parsed(*draws: Draw, options: TableOptions | None = None) -> list[ParsedPage]:
    with PdfReader().open(io.BytesIO(make(*draws)), LIMITS) as document:
        pages = [lay_out(document.read(number)) for number in range(1, document.page_count + 1)]
    made = finish(pages, document_signs(map(page_signs, pages)), options or TableOptions())
    return [page for page in made if isinstance(page, ParsedPage)]


def _part(rows: Sequence[Sequence[str]]) -> Draw:
    def draw(canvas: Canvas) -> None:
        made = Drawn(
            [[Cell(text, STYLE) for text in row] for row in rows], colWidths=(120, 200, 80), style=LOOKS["grid"]
        )
        _, height = made.wrapOn(canvas, 500, 700)
        made.drawOn(canvas, MARGIN, 720 - height)

    return draw


HEAD, *BODY = TEXTS


def test_a_table_over_three_pages_is_given_whole_on_the_first() -> None:
    pages = parsed(_part([HEAD, *BODY[:2]]), _part([HEAD, BODY[2]]), _part([HEAD, BODY[3]]))
    whole, *rest = [block for page in pages for block in page.blocks if isinstance(block, Table)]
    assert whole.rows == as_rows(TEXTS)
    assert whole.merged_from_pages == (1, 2, 3)
    assert [(table.rows, table.merged_into_page) for table in rest] == [((), 1), ((), 1)]
    assert [cell.page for cell in whole.cells if cell.column == 0] == [None, None, None, 2, 3]
    assert [page.markdown for page in pages[1:]] == ["", ""]
    assert [page.text for page in pages] == ["\n".join(map("\t".join, TEXTS)), "", ""]


def test_a_row_that_a_page_end_cuts_is_made_whole() -> None:
    cut = [["endpoint", "The address of the service, with scheme", "2.0"]]
    rest = [["", "and port, but without a path or a query behind it", ""], BODY[3]]
    (whole, _) = (block for page in parsed(_part([HEAD, *cut]), _part(rest)) for block in page.blocks)
    assert isinstance(whole, Table)
    assert whole.rows == as_rows([HEAD, TEXTS[3], TEXTS[4]])


def test_parts_of_a_table_stay_where_they_are_if_that_is_asked_for() -> None:
    pages = parsed(_part(TEXTS[:3]), _part([HEAD, *TEXTS[3:]]), options=TableOptions(merge_continued=False))
    assert [[len(block.rows) for block in page.blocks if isinstance(block, Table)] for page in pages] == [[3], [3]]


def test_other_tables_on_the_next_page_are_not_joined() -> None:
    def other(canvas: Canvas) -> None:
        made = Drawn(NUMBERS, colWidths=[150, 100, 60, 60], style=LOOKS["grid"])
        made.wrapOn(canvas, 500, 600)
        made.drawOn(canvas, MARGIN, 600)

    pages = parsed(_part(TEXTS), other)
    assert [len(block.rows) for page in pages for block in page.blocks if isinstance(block, Table)] == [5, 5]


SPANNING = Table(
    (("A", "", "x|y"), ("1\n2", "b & c", "")),
    BOX,
    (Place(0, 0, BOX, column_span=2), Place(0, 2, BOX, row_span=2), Place(1, 0, BOX), Place(1, 1, BOX)),
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            TableOptions(),
            (
                '<table><thead><tr><th colspan="2">A</th><th rowspan="2">x|y</th></tr></thead>'
                "<tbody><tr><td>1<br/>2</td><td>b &amp; c</td></tr></tbody></table>"
            ),
        ),
        (TableOptions(form=TableForm.MARKDOWN), "| A |  | x\\|y |\n| --- | --- | --- |\n| 1<br/>2 | b & c |  |"),
        (
            TableOptions(form=TableForm.MARKDOWN, compact=True, line_break=" / "),
            "|A||x\\|y|\n|-|-|-|\n|1 / 2|b & c||",
        ),
    ],
)
def test_options_say_how_a_table_is_written(options: TableOptions, expected: str) -> None:
    assert table_markdown(SPANNING, options) == expected


def test_a_plain_table_is_html_only_on_demand() -> None:
    plain = Table((("a", "b"), ("1", "2")), BOX)
    assert table_markdown(plain) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert table_markdown(plain, TableOptions(form=TableForm.HTML)) == table_html(plain)


def test_lines_drawn_in_pieces_are_one() -> None:
    def draw(canvas: Canvas) -> None:
        for step in range(40):
            canvas.line(100 + step * 10, 500, 108 + step * 10, 500)
        canvas.rect(100, 300, 0.5, 100, stroke=0, fill=1)

    rules = page_rules(raw(draw))
    assert [(rule.start, rule.end) for rule in rules.level] == [(100, 498)]
    assert [rule.end - rule.start for rule in rules.upright] == [100]


def test_lines_within_forms_stand_where_the_form_is_placed() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("lines")
        canvas.line(0, 0, 100, 0)
        canvas.endForm()
        canvas.translate(50, 200)
        canvas.scale(2, 2)
        canvas.doForm("lines")

    (rule,) = page_rules(raw(draw)).level
    assert (rule.start, rule.end) == (50, 250)


def test_pale_backgrounds_slanted_lines_and_curves_are_no_rules() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 1, 1)
        canvas.rect(100, 100, 200, 200, stroke=0, fill=1)
        canvas.line(100, 400, 300, 500)
        canvas.circle(300, 600, 40)

    rules = page_rules(raw(draw))
    assert (rules.level, rules.upright) == ((), ())


def test_a_page_of_ten_thousand_lines_costs_bounded_time() -> None:
    def draw(canvas: Canvas) -> None:
        for index in range(10_000):
            x, y = 20 + index % 100 * 5, 20 + index // 100 * 7
            canvas.line(x, y, x + (4 if index % 2 else 0), y + (0 if index % 2 else 6))
        Pen(canvas).write(sentences(1, 2000))

    page = raw(draw)
    started = time.process_time()
    lay_out(page)
    assert time.process_time() - started < 3


def test_a_label_for_several_rows_leaves_them_apart_where_lines_are_drawn_between_them() -> None:
    rows = [
        ["Place", "Month", "Level"],
        ["Mill", "January", "9.75"],
        ["", "April", "9.80"],
        ["Lock", "January", "8.20"],
        ["", "April", "8.30"],
        ["Mole", "January", "7.10"],
        ["", "April", "7.25"],
    ]
    style = [*LOOKS["a line below each row"], *(("SPAN", (0, row), (0, row + 1)) for row in (1, 3, 5))]
    style.append(("VALIGN", (0, 0), (-1, -1), "TOP"))
    (found,) = tables(page_of(drawn(rows, style, (120, 80, 80))))
    assert found.rows == as_rows(rows)


def test_shaded_tables_of_one_width_stay_apart_where_a_wider_one_stands_between() -> None:
    shades = [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.lightblue, None])]

    def draw(canvas: Canvas) -> None:
        for top, width in ((700, 120), (540, 140), (380, 120)):
            Pen(canvas, top=top + 20).write("What was measured in that week:")
            made = Drawn([[Cell(text, STYLE) for text in row] for row in NUMBERS], colWidths=[width, 80, 80, 80])
            made.setStyle(shades)
            _, height = made.wrapOn(canvas, 500, 600)
            made.drawOn(canvas, MARGIN, top - height)

    assert [table.rows for table in tables(page_of(draw))] == [as_rows(NUMBERS)] * 3


def test_tables_of_one_width_stay_apart_where_a_line_of_text_goes_on_beyond_their_edge() -> None:
    style = LOOKS["a line below each row"]

    def draw(canvas: Canvas) -> None:
        top = 700.0
        for _ in range(2):
            made = Drawn([[Cell(text, STYLE) for text in row] for row in NUMBERS], colWidths=[90, 45, 45, 45])
            made.setStyle(style)
            _, height = made.wrapOn(canvas, 500, 600)
            made.drawOn(canvas, MARGIN, top - height)
            canvas.drawString(
                MARGIN, top - height - 14, "In the week after, the same clerk found this at the same places" * 2
            )
            top -= height + 24

    assert [table.rows for table in tables(page_of(draw))] == [as_rows(NUMBERS)] * 2


def test_a_table_does_not_begin_with_the_text_below_a_line_at_the_head_of_the_page() -> None:
    rows = [*NUMBERS, *NUMBERS[1:], *NUMBERS[1:]]
    made = Drawn([[Cell(text, STYLE) for text in row] for row in rows], colWidths=[180, 90, 90, 90])
    made.setStyle([("LINEBELOW", (0, -1), (-1, -1), 0.8, colors.black)])
    prose = wrapped(sentences(3, 300), 440, "Helvetica", 12)[:3]

    def draw(canvas: Canvas) -> None:
        _, height = made.wrapOn(canvas, 500, 600)
        canvas.line(MARGIN, 760, MARGIN + 450, 760)
        text = canvas.beginText(MARGIN, 740)
        text.textLines(prose)
        canvas.drawText(text)
        made.drawOn(canvas, MARGIN, 690 - height)

    assert [table.rows for table in tables(page_of(draw))] == [as_rows(rows)]
