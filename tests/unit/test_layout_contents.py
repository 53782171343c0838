"""Tables of contents and indexes: each entry is one item, and the dots of its row are three."""

from __future__ import annotations

import io
import time

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.contents import is_entry, shortened, with_entries_joined
from llamaparse_worker.layout.inline import BOLD, PLAIN, SWITCHES
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import Heading, ListBlock, Paragraph
from llamaparse_worker.model.page import LaidOutPage
from support.documents import Draw, Pen, make, sentences

BOLD_TYPE = SWITCHES[BOLD]


def laid_out(draw: Draw) -> LaidOutPage:
    with PdfReader().open(io.BytesIO(make(draw)), ReaderLimits(100, 4_000_000)) as document:
        return lay_out(document.read(1))


def write_entry(pen: Pen, number: str, title: str, page: str, *, indent: float = 0, width: float = 300) -> None:
    """Write a number, a title, a row of dots and a page that ends at a common edge."""
    canvas = pen.canvas
    canvas.setFont("Helvetica", 10)
    canvas.drawString(pen.x + indent, pen.y, number)
    start = pen.x + indent + (25 if number else 0)
    canvas.drawString(start, pen.y, title)
    at, end = start + stringWidth(title, "Helvetica", 10) + 3, pen.x + width - stringWidth(page, "Helvetica", 10)
    while at < end - 6:
        canvas.drawString(at, pen.y, ".")
        at += 5
    canvas.drawString(end, pen.y, page)
    pen.y -= 13


def test_entries_are_items_of_a_list_as_deep_as_they_are_indented() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).heading("Contents")
        write_entry(pen, "1", "Introduction", "1")
        write_entry(pen, "1.1", "Purpose", "2", indent=15)
        write_entry(pen, "1.2", "Scope", "4", indent=15)
        write_entry(pen, "2", "Installation", "12")
        write_entry(pen, "", "Index", "xiv")

    title, found = laid_out(draw).blocks
    assert isinstance(title, Heading)
    assert isinstance(found, ListBlock)
    assert not found.ordered
    assert markdown([found]).split("\n") == [
        "- 1 Introduction ... 1",
        "    - 1.1 Purpose ... 2",
        "    - 1.2 Scope ... 4",
        "- 2 Installation ... 12",
        "- Index ... xiv",
    ]


def test_an_index_in_two_columns_is_read_column_by_column() -> None:
    def draw(canvas: Canvas) -> None:
        for left, letters in ((0, "abcdefgh"), (260, "ijklmnop")):
            pen = Pen(canvas, x=60 + left)
            for place, letter in enumerate(letters):
                write_entry(pen, "", f"{letter * 3} of the harbour", str(place + 1), width=230)

    found = laid_out(draw).text.split("\n")
    assert [line[:3] for line in found if line] == [letter * 3 for letter in "abcdefghijklmnop"]


def test_text_around_an_entry_is_no_part_of_it() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write(sentences(1, 200), after=0)
        write_entry(pen, "", "Pilots", "3")
        pen.write(sentences(2, 200))

    assert [type(block) for block in laid_out(draw).blocks] == [Paragraph, ListBlock, Paragraph]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Scope ........ 4", True),
        ("Scope. . . . . . 4", True),
        ("Scope\u2026\u2026\u2026\u2026\u2026\u2026 iv", True),
        ("Scope .... 4", False),
        ("And so on...", False),
        ("........ 4", False),
        ("Name ..............", False),
        ("Scope ........ to be written", False),
        ("version 1.2.3.4.5", False),
        ("", False),
    ],
)
def test_an_entry_has_a_title_a_row_of_dots_and_a_page(line: str, *, expected: bool) -> None:
    assert is_entry(line) is expected


@pytest.mark.parametrize(
    ("rich", "expected"),
    [
        ("Scope ......... 4", "Scope ... 4"),
        (f"{BOLD_TYPE}Scope{PLAIN} . . . . . {BOLD_TYPE}4{PLAIN}", f"{BOLD_TYPE}Scope{PLAIN} ... {BOLD_TYPE}4{PLAIN}"),
        (f"Scope {BOLD_TYPE}. . . . . {PLAIN}4", "Scope ... 4"),
        (f"{BOLD_TYPE}Scope . . . . . 4{PLAIN}", f"{BOLD_TYPE}Scope{PLAIN} ... {BOLD_TYPE}4{PLAIN}"),
    ],
)
def test_the_dots_are_plain_whatever_their_look(rich: str, expected: str) -> None:
    assert shortened(rich) == expected


def test_a_line_of_dots_costs_no_more_than_its_length() -> None:
    line = "Scope" + " ." * 200_000 + " 4x"
    begin = time.process_time()
    assert not is_entry(line + "i")
    assert is_entry(line[:-1])
    assert time.process_time() - begin < 1


def write_apart(canvas: Canvas, y: float, number: str, title: str, page: str) -> None:
    """Write an entry as LaTeX does: dots .8 em apart, and all else apart from them."""
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, y, number)
    canvas.drawString(85, y, title)
    if number.count("."):
        first = int(85 + stringWidth(title, "Helvetica", 10)) // 8 + 1
        for place in range(first, 61):
            canvas.drawString(8 * place, y, ".")
    canvas.drawRightString(510, y, page)


def test_dots_that_stand_apart_and_chapters_without_any_are_entries_too() -> None:
    def draw(canvas: Canvas) -> None:
        entries = (("1", "Harbours", "3"), ("1.1", "Old ones", "3"), ("1.2", "New ones, which are many", "9"))
        for line, entry in enumerate((*entries, ("2", "Pilots", "12"), ("2.1", "Of the sea", "12"))):
            write_apart(canvas, 700 - 14 * line, *entry)

    (found,) = laid_out(draw).blocks
    assert isinstance(found, ListBlock)
    assert [item.text for item in found.items] == [
        "1 Harbours ... 3",
        "1.1 Old ones ... 3",
        "1.2 New ones, which are many ... 9",
        "2 Pilots ... 12",
        "2.1 Of the sea ... 12",
    ]


def test_a_title_of_two_lines_is_one_entry() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas)
        write_entry(pen, "1.1", "Old ones", "3")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(pen.x, pen.y, "1.2")
        canvas.drawString(pen.x + 25, pen.y, "Harbours that nobody has seen for years, and")
        pen.y -= 13
        write_entry(pen, "", "those that were never built", "9", indent=25)
        write_entry(pen, "1.3", "New ones", "12")

    (found,) = laid_out(draw).blocks
    assert isinstance(found, ListBlock)
    assert [item.text for item in found.items] == [
        "1.1 Old ones ... 3",
        "1.2 Harbours that nobody has seen for years, and those that were never built ... 9",
        "1.3 New ones ... 12",
    ]


def test_entries_beside_another_column_are_entries_of_their_own() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas, x=50, width=230, top=760)
        for number, title, page in (("1", "Harbours", "3"), ("1.1", "Old ones", "3"), ("1.2", "New ones", "9")):
            write_entry(pen, number, title, page, width=230)
        canvas.drawString(50, pen.y, "2")
        canvas.drawString(75, pen.y, "Of pilots . .")
        canvas.drawRightString(280, pen.y, "12")
        pen.y -= 13
        write_entry(pen, "2.1", "Of the sea", "12", width=230)
        Pen(canvas, x=310, width=230, top=760).write(sentences(1, 1500))

    first = laid_out(draw).blocks[0]
    assert isinstance(first, ListBlock)
    assert [item.text for item in first.items] == [
        "1 Harbours ... 3",
        "1.1 Old ones ... 3",
        "1.2 New ones ... 9",
        "2 Of pilots ... 12",
        "2.1 Of the sea ... 12",
    ]


def test_a_page_full_of_dots_and_pages_costs_bounded_time() -> None:
    dots = [Segment(3.0 * at, 100, 3.0 * at + 2, 110, 10, ".") for at in range(20_000)]
    entries = [Segment(50, 200 + 12 * at, 300, 210 + 12 * at, 10, "Pilots ........ 4") for at in range(5_000)]
    pages = [Segment(280, 70_000 + 12 * at, 300, 70_010 + 12 * at, 10, "12") for at in range(5_000)]

    begin = time.process_time()
    assert len(with_entries_joined([*dots, *entries, *pages])) == 30_000
    assert time.process_time() - begin < 5
