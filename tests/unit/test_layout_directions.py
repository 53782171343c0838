from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.bidi import reading_order, with_brackets_turned
from llamaparse_worker.layout.frames import Frame
from llamaparse_worker.model.blocks import Paragraph, Table
from llamaparse_worker.model.characters import Font, Trait
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, RawPage
from support.documents import HEIGHT, MARGIN, WIDTH, Pen, make, measurements, sentences

LIMITS = ReaderLimits(100, 4_000_000)
EM = 10.0

Placed = tuple[str, float, float]


def read(draw: Callable[[Canvas], None]) -> RawPage:
    with PdfReader().open(io.BytesIO(make(draw)), LIMITS) as document:
        return document.read(1)


def raw(placed: Sequence[Placed], *, advance: float = EM / 2, traits: bytes = b"") -> RawPage:
    """Characters with the place of their left bottom corner, as a reader gives them."""
    boxes = [(x, y - EM, x + (0 if text in " \n" else advance), y) for text, x, y in placed]
    return RawPage(
        number=1,
        width=WIDTH,
        height=HEIGHT,
        rotation=0,
        text="".join(text for text, _, _ in placed),
        boxes=np.array(boxes, np.float32).tobytes(),
        sizes=np.full(len(placed), EM, np.float32).tobytes(),
        fonts=np.zeros(len(placed), np.uint16).tobytes(),
        font_table=(Font("Any"),),
        traits=traits,
    )


def from_the_right(text: str, *, right: float = 500.0, y: float = 100.0) -> list[Placed]:
    return [(character, right - (index + 1) * EM / 2, y) for index, character in enumerate(text)]


def text_of(placed: Sequence[Placed]) -> str:
    return lay_out(raw([one for one in placed if one[0] != " "])).text


HEBREW = "שלתם עתלם"
ARABIC = "السلام عليكم"


@pytest.mark.parametrize("text", [HEBREW, ARABIC])
@pytest.mark.parametrize("order", ["as read", "as seen"])
def test_a_line_from_right_to_left_is_read_so_in_whichever_order_the_file_has_it(text: str, order: str) -> None:
    placed = from_the_right(text)
    assert text_of(placed if order == "as read" else placed[::-1]) == text


def test_lines_from_right_to_left_make_paragraphs_and_their_boxes_are_those_of_the_page() -> None:
    placed = from_the_right(HEBREW, y=100) + from_the_right(HEBREW, y=112)
    page = lay_out(raw(placed))
    assert page.text == f"{HEBREW} {HEBREW}"
    assert page.blocks[0].box == Box(500 - len(HEBREW) * EM / 2, 90, 500, 112)


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("abc", "abc"),
        ("גבא", "אבג"),
        ("גבא abc ת", "ת abc אבג"),
        ("2.5 בא", "אב 2.5"),
        ("בא 12:30 ג", "ג 12:30 אב"),
        (".גבא", "אבג."),
        ("a-b.org/x- בא", "אב a-b.org/x-"),
    ],
)
def test_numbers_and_foreign_words_keep_their_order(seen: str, read: str) -> None:
    found = "".join(seen[place] for place in reading_order(seen, right_to_left=seen != "abc"))
    assert found == read


@given(seen=st.text(alphabet="abאב 1.(-", max_size=30), right_to_left=st.booleans())
def test_every_character_is_read_exactly_once(seen: str, *, right_to_left: bool) -> None:
    assert sorted(reading_order(seen, right_to_left=right_to_left)) == list(range(len(seen)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [(")אב(", "(אב)"), ("]אב]", "[אב]"), ("(אב)", "(אב)"), ("1)", "1)"), ("(א) (ב)", "(א) (ב)")],
)
def test_brackets_face_each_other(text: str, expected: str) -> None:
    assert with_brackets_turned(text) == expected


def test_chinese_in_columns_is_read_downward_and_from_the_right() -> None:
    columns = ["春眠不覺曉處處聞啼鳥", "夜來風雨聲花落知多少"]
    placed = [
        (character, 400 - 16 * column, 100 + EM * row)
        for column, text in enumerate(columns)
        for row, character in enumerate(text)
    ]
    page = lay_out(raw(placed, advance=EM))
    assert page.text == "".join(columns)
    assert page.blocks[0].box == Box(384, 90, 410, 190)


def test_chinese_in_lines_is_read_as_lines() -> None:
    lines = ["春眠不覺曉處處聞啼鳥", "夜來風雨聲花落知多少"]
    placed = [
        (character, 100 + EM * at, 100 + 14 * row)
        for row, text in enumerate(lines)
        for at, character in enumerate(text)
    ]
    assert lay_out(raw(placed, advance=EM)).text == "".join(lines)


def turned(canvas: Canvas, degrees: int) -> None:
    """Let text drawn from here on read in another direction, on a page that is displayed as it is."""
    canvas.translate(WIDTH / 2, HEIGHT / 2)
    canvas.rotate(-degrees)
    canvas.translate(-WIDTH / 2, -HEIGHT / 2)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_set_sideways_is_read_as_if_it_lay_upright(degrees: int) -> None:
    rows = measurements(5)

    def draw(canvas: Canvas) -> None:
        turned(canvas, degrees)
        pen = Pen(canvas, MARGIN + 60, 300, 600).write(sentences(1, 500))
        canvas.setFont("Helvetica", 10)
        for index, row in enumerate(rows):
            for column, cell in enumerate(row):
                canvas.drawString(MARGIN + 60 + 90 * column, pen.y - 30 - 16 * index, cell)

    page = laid_out(draw)
    assert page.text.startswith(sentences(1, 500))
    assert [block.rows for block in page.blocks if isinstance(block, Table)] == [tuple(map(tuple, rows))]
    first = page.blocks[0].box
    assert (first.width < first.height) == (degrees != 180)


def laid_out(draw: Callable[[Canvas], None]) -> LaidOutPage:
    return lay_out(read(draw))


@pytest.mark.parametrize("degrees", [45, 90, 180, 270])
def test_a_stamp_in_another_direction_is_read_apart_from_the_text_that_it_crosses(degrees: int) -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, top=700).write(sentences(1, 2400))
        canvas.translate(300, 420)
        canvas.rotate(degrees)
        canvas.setFont("Helvetica", 30)
        canvas.drawString(0, 0, "DRAFT COPY")

    page = laid_out(draw)
    assert [block.text for block in page.blocks if isinstance(block, Paragraph)][-1] == "DRAFT COPY"
    assert page.text.startswith(sentences(1, 2400))


def test_a_page_with_nothing_but_a_diagonal_line_gives_that_line() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(300, 420)
        canvas.rotate(30)
        canvas.drawString(0, 0, "SAMPLE ONLY")

    assert laid_out(draw).text == "SAMPLE ONLY"


@pytest.mark.parametrize(
    ("degrees", "traits"),
    [(0, 0), (90, Trait.DOWNWARD), (180, Trait.BACKWARD), (270, Trait.DOWNWARD | Trait.BACKWARD), (30, Trait.DIAGONAL)],
)
@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_the_reader_tells_in_which_direction_the_displayed_page_reads(degrees: int, traits: int, rotation: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(rotation)
        turned(canvas, degrees)
        canvas.drawString(300, 400, "word")

    found = set(read(draw).traits) or {0}
    assert found == {traits if traits == Trait.DIAGONAL else (traits + rotation // 90) % 4}


def test_text_without_ink_is_told() -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(100, 700)
        text.setTextRenderMode(3)
        text.textLine("behind")
        canvas.drawText(text)

    assert set(read(draw).traits) == {int(Trait.HIDDEN)}


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@given(x=st.floats(0, 500), y=st.floats(0, 700), width=st.floats(0, 90), height=st.floats(0, 90))
def test_a_box_comes_back_from_its_frame(
    turn: int, x: float, y: float, width: float, height: float, *, mirrored: bool
) -> None:
    frame = Frame(600, 800, turn, mirrored=mirrored)
    within = frame.boxes(np.array([[x, y, x + width, y + height]], np.float32))[0].tolist()
    back = frame.back(Box(*within))
    assert (back.x0, back.y0, back.x1, back.y1) == pytest.approx((x, y, x + width, y + height), abs=0.02)
    assert within[0] <= within[2]
    assert within[1] <= within[3]


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ([("\u00b4", 20.0), ("S", 20.0)], "Ś"),
        ([("o", 20.0), ("¨", 20.0)], "ö"),
        ([("\u00b4", 20.0), ("\u0131", 20.0)], "í"),
        ([("a", 20.0), ("\u0301", 21.0)], "á"),
        ([("a", 20.0), ("\u00b4", 25.0)], "a\u00b4"),
    ],
)
def test_an_accent_over_a_letter_becomes_one_with_it(drawn: list[tuple[str, float]], read: str) -> None:
    assert text_of([(character, x, 100.0) for character, x in drawn]) == read
