"""Programs whose letters are spread over columns of one width are read as if a font of fixed pitch had set them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.word_spaces import with_spaces_found
from llamaparse_worker.model.blocks import CodeBlock, Paragraph
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage

SIZE, COLUMN, LEADING, LEFT = 10.0, 6.3, 12.0, 70.0
FONTS = (Font("CMR10"), Font("CMTT10", monospaced=True))
PROPORTIONAL, TYPEWRITER = range(len(FONTS))
NARROW, WIDE = "ijlt.,:;()[]' ", "mwMW"
PROGRAM = """static int sum_of(const int *values, size_t n)
{
    int total = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i] > 0 && !will(mmmm))
            total += values[i];
    }
    return total;
}"""
PROSE = ("A paragraph of text stands before the program, with letters as close as", "they usually are, and with words.")

Glyph = tuple[str, float, float, float]
"""A character, its left and right edge, and its baseline."""


def advance(one: str, font: int) -> float:
    if font == TYPEWRITER:
        return 0.525 * SIZE
    return (0.28 if one in NARROW else 0.8 if one in WIDE else 0.5) * SIZE


def in_columns(line: str, font: int, y: float) -> Iterator[Glyph]:
    """Set a line as ``columns=fixed`` does: each word in as many columns as it has letters, evenly spread."""
    for unit in re.finditer(r"\w+|[^\w\s]+", line):
        letters = unit.group()
        free = len(letters) * COLUMN - sum(advance(one, font) for one in letters)
        space = free / (len(letters) + 1)
        x = LEFT + unit.start() * COLUMN + space
        for one in letters:
            yield one, x, x + advance(one, font), y
            x += advance(one, font) + space


def as_usual(line: str, font: int, y: float, tracking: float = 0.0) -> Iterator[Glyph]:
    x = LEFT
    for one in line:
        yield one, x, x + advance(one, font), y
        x += advance(one, font) + tracking


def page_of(lines: Sequence[Iterator[Glyph]], fonts: Sequence[int]) -> RawPage:
    """Give a page of lines with one font each; what follows a wider gap has a space of no width before it."""
    text, boxes, of_fonts = "", list[tuple[float, float, float, float]](), list[int]()
    for line, font in zip(lines, fonts, strict=True):
        end = None
        for one, x0, x1, y in line:
            if end is not None and x0 - end > 0.1 * SIZE:
                text += " "
                boxes.append((x0, y, x0, y))
            text += one
            boxes.append((x0, y - 0.7 * SIZE, x1, y + 0.2 * SIZE))
            end = x1
        text += "\n"
        boxes.append((boxes[-1][2], boxes[-1][3], boxes[-1][2], boxes[-1][3]))
        of_fonts += [font] * (len(text) - len(of_fonts))
    return RawPage(
        number=1,
        width=600,
        height=800,
        rotation=0,
        text=text,
        boxes=np.array(boxes, np.float32).tobytes(),
        sizes=np.full(len(text), SIZE, np.float32).tobytes(),
        fonts=np.array(of_fonts, np.uint16).tobytes(),
        font_table=FONTS,
    )


def page_with(program: str, font: int) -> RawPage:
    lines = [as_usual(line, PROPORTIONAL, 100 + at * LEADING) for at, line in enumerate(PROSE)]
    below = 100 + (len(PROSE) + 1) * LEADING
    lines += [in_columns(line, font, below + at * LEADING) for at, line in enumerate(program.split("\n"))]
    return page_of(lines, [PROPORTIONAL] * len(PROSE) + [font] * (len(lines) - len(PROSE)))


@pytest.mark.parametrize("font", [PROPORTIONAL, TYPEWRITER])
def test_a_program_in_columns_is_code_with_its_spaces(font: int) -> None:
    page = with_spaces_found(page_with(PROGRAM, font))
    prose, program = lay_out(page).blocks
    assert isinstance(prose, Paragraph)
    assert prose.text == " ".join(PROSE)
    assert isinstance(program, CodeBlock)
    assert program.text == PROGRAM


def test_the_letters_take_a_column_each() -> None:
    page = with_spaces_found(page_with(PROGRAM, PROPORTIONAL))
    at = page.text.index("const")
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)[at : at + len("const")]
    lefts = LEFT + COLUMN * (PROGRAM.index("const") + np.arange(len("const")))
    assert boxes[:, 0] == pytest.approx(lefts)
    assert boxes[:, 2] == pytest.approx(lefts + COLUMN)


@pytest.mark.parametrize("tracking", [0.0, 0.8, 1.5])
def test_text_that_is_spaced_out_is_left_as_it_is(tracking: float) -> None:
    lines = [
        as_usual(line.replace(" ", ""), PROPORTIONAL, 100 + at * LEADING, tracking) for at, line in enumerate(PROSE * 4)
    ]
    page = page_of(lines, [PROPORTIONAL] * len(lines))
    assert with_spaces_found(page).font_table == FONTS


def test_a_few_words_in_columns_are_not_enough() -> None:
    page = page_with("int total = 0;", PROPORTIONAL)
    assert with_spaces_found(page).font_table == FONTS
