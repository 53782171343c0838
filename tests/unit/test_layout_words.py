from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out, lay_out_with_words, lay_out_words
from llamaparse_worker.layout.skew import Skew
from llamaparse_worker.layout.words import with_words, without_doubles
from llamaparse_worker.model.blocks import Heading, ListBlock, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import PageReason, RawPage
from llamaparse_worker.model.recognition import Recognition, Word
from support.documents import make, prose
from support.recognised import HEIGHT, WIDTH, line, lines, quarter_turned, scanned, sloping

PROSE = (
    "The keeper of the lamps went up the stairs each evening",
    "and counted the ships that lay at the quay, for nobody",
    "else would have known how many there were; a book that",
    "was kept below the lamps holds all of these numbers.",
)
WHOLE = " ".join(PROSE)


def recognition(words: Iterable[Word], *, turn: int = 0, skew: float = 0.0) -> Recognition:
    return Recognition(tuple(words), "fake", turn, skew)


def page_words(*, close: bool = False) -> list[Word]:
    return [
        *line("The harbour light", 72, 100, 20, close=close),
        *lines(PROSE, 72, 130, close=close),
        *lines(("sea, sun or moon: no one can see more", *PROSE[1:]), 72, 200, close=close),
    ]


@pytest.mark.parametrize("close", [False, True], ids=["boxes of lines", "boxes of ink"])
def test_headings_are_told_by_size_whichever_boxes_an_engine_gives(close: bool) -> None:  # noqa: FBT001 - a parameter
    made = lay_out_words(scanned(), recognition(page_words(close=close)))
    (heading,) = (block for block in made.blocks if isinstance(block, Heading))
    assert heading.text == "The harbour light"
    assert [block.text for block in made.blocks if isinstance(block, Paragraph)] == [
        WHOLE,
        " ".join(("sea, sun or moon: no one can see more", *PROSE[1:])),
    ]
    assert made.body_size == pytest.approx(10, abs=1.0)
    assert heading.size == pytest.approx(20, rel=0.15)


@settings(max_examples=40)
@given(st.lists(st.floats(0.93, 1.07), min_size=12, max_size=12))
def test_heights_that_are_a_little_off_make_no_headings(factors: list[float]) -> None:
    words = [
        replace(word, box=Box(word.box.x0, word.box.y1 - factor * word.box.height, word.box.x1, word.box.y1))
        for index, factor in enumerate(factors)
        for word in line(PROSE[index % 4], 72, 100 + 13 * index)
    ]
    made = lay_out_words(scanned(), recognition(words))
    assert not any(isinstance(block, Heading) for block in made.blocks)
    assert len(made.text.split()) == len(words)


@settings(max_examples=40)
@given(st.lists(st.floats(0.75, 1.25), min_size=8, max_size=8))
def test_lines_of_ideographs_are_as_large_as_they_are_long(factors: list[float]) -> None:
    text = "海港的灯塔每晚由守灯人点亮他数过所有的船"
    words = [
        Word(text, Box(72, 106 + 16 * index - 6 * factor, 72 + 10 * len(text), 106 + 16 * index + 6 * factor), 0.9)
        for index, factor in enumerate(factors)
    ]
    made = lay_out_words(scanned(), recognition(words))
    assert made.body_size == pytest.approx(10, rel=0.01)
    assert not any(isinstance(block, Heading) for block in made.blocks)


def test_words_that_are_divided_at_the_end_of_a_line_are_joined() -> None:
    texts = ("The keeper of the lamps counted every single light-", "house that he could see from the upper gallery of")
    made = lay_out_words(scanned(), recognition(lines((*texts, *PROSE), 72, 100)))
    assert "every single lighthouse that" in made.text.replace("-", "")


def test_lists_are_lists() -> None:
    texts = ("• Lamps and their oil", "• Ropes of all kinds", "• Books for the numbers")
    made = lay_out_words(scanned(), recognition([*lines(PROSE, 72, 100), *lines(texts, 80, 180)]))
    (found,) = (block for block in made.blocks if isinstance(block, ListBlock))
    assert [item.text for item in found.items] == [text[2:] for text in texts]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_page_that_lies_on_its_side_reads_as_one_that_stands(turn: int) -> None:
    standing = lay_out_words(scanned(), recognition(page_words()))
    size = (HEIGHT, WIDTH) if turn % 2 else (WIDTH, HEIGHT)
    lying = lay_out_words(scanned(*size), recognition(quarter_turned(page_words(), turn), turn=turn))
    assert lying.text == standing.text
    assert [type(block) for block in lying.blocks] == [type(block) for block in standing.blocks]
    moved = quarter_turned([Word("", block.box) for block in standing.blocks], turn)
    for block, word in zip(lying.blocks, moved, strict=True):
        assert sides(block.box) == pytest.approx(sides(word.box), abs=0.2)


def sides(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1


@pytest.mark.parametrize("degrees", [-7.0, -2.0, 0.6, 2.0, 7.0])
def test_a_page_that_slopes_reads_as_one_that_does_not(degrees: float) -> None:
    level = lay_out_words(scanned(), recognition(page_words()))
    made = lay_out_words(scanned(), recognition(sloping(page_words(), degrees), skew=degrees))
    assert made.text == level.text
    assert [type(block) for block in made.blocks] == [type(block) for block in level.blocks]
    assert (made.width, made.height) == (WIDTH, HEIGHT)
    moved = sloping([Word("", block.box) for block in level.blocks], degrees)
    for block, word in zip(made.blocks, moved, strict=True):
        assert sides(block.box) == pytest.approx(sides(word.box), abs=3)


def test_words_in_the_corners_of_a_sloping_page_are_not_lost() -> None:
    corners = [
        Word("one", Box(1, 1, 20, 12)),
        Word("two", Box(570, 1, 594, 12)),
        Word("three", Box(1, 828, 30, 841)),
        Word("four", Box(570, 828, 594, 841)),
    ]
    for degrees in (-10.0, 10.0):
        made = lay_out_words(scanned(), recognition(corners, skew=degrees))
        everything = [made.text, *(getattr(block, "text", "") for edge in made.edges for block in edge.blocks)]
        assert sorted(" ".join(everything).split()) == ["four", "one", "three", "two"]


@settings(max_examples=40)
@given(st.floats(-15, 15), st.floats(150, 300), st.floats(200, 600), st.floats(20, 150), st.floats(6, 30))
def test_a_straightened_word_is_as_large_as_it_was(
    degrees: float, x: float, y: float, width: float, height: float
) -> None:
    (word,) = sloping([Word("word", Box(x, y, x + width, y + height))], degrees)
    skew = Skew(WIDTH, HEIGHT, degrees)
    _, (straight,) = skew.straight(scanned(), (word,))
    assert straight.box.width == pytest.approx(width, abs=0.1)
    assert straight.box.height == pytest.approx(height, abs=0.1)
    assert sides(skew.back(straight.box)) == pytest.approx(sides(word.box), abs=0.2)


def grid(xs: tuple[float, ...], ys: tuple[float, ...]) -> bytes:
    across = [(xs[0], y, xs[-1], y) for y in ys]
    down = [(x, ys[0], x, ys[-1]) for x in xs]
    return np.array(across + down, np.float32).tobytes()


ROWS = (("Ship", "Quay", "Tons"), ("Heron", "Upper", "120"), ("Old mill", "Lower", "2"), ("Sparrow", "Upper", "47"))


@pytest.mark.parametrize("turn", [0, 1])
def test_lines_of_a_scan_make_a_table_of_its_words(turn: int) -> None:
    xs, ys = (72.0, 200.0, 328.0, 456.0), tuple(100.0 + 20 * row for row in range(5))
    words = [
        word
        for y, row in zip(ys, ROWS, strict=False)
        for x, cell in zip(xs, row, strict=False)
        for word in line(cell, x + 4, y + 14)
    ]
    rules = grid(xs, ys)
    page = scanned(rules=rules)
    if turn:
        boxes = np.frombuffer(rules, np.float32).reshape(-1, 4)
        turned = np.stack((HEIGHT - boxes[:, 3], boxes[:, 0], HEIGHT - boxes[:, 1], boxes[:, 2]), axis=1)
        page = scanned(HEIGHT, WIDTH, turned.astype(np.float32).tobytes())
    made = lay_out_words(page, recognition(quarter_turned(words, turn), turn=turn))
    (table,) = (block for block in made.blocks if isinstance(block, Table))
    assert table.rows == ROWS


def spread_words() -> list[Word]:
    left = [*line("Of the lamps", 60, 90, 16), *lines(PROSE * 4, 60, 110)]
    right = [*line("Of the ships", 480, 90, 16), *lines(PROSE[::-1] * 4, 480, 110)]
    pairs = [*left, *right]
    return sorted(pairs, key=lambda word: (round(word.box.y1), word.box.x0))


def test_the_left_of_two_facing_pages_is_read_before_the_right() -> None:
    made = lay_out_words(scanned(842, 595), recognition(spread_words()))
    titles = [block.text for block in made.blocks if isinstance(block, Heading)]
    assert titles == ["Of the lamps", "Of the ships"]
    assert made.text.index("Of the ships") > made.text.rindex("holds all of these numbers") - 3000
    first, second = made.text.split("Of the ships")
    assert (first.count("The keeper"), second.count("The keeper")) == (4, 4)


def test_a_wide_table_is_not_taken_for_facing_pages() -> None:
    words = [
        word
        for row in range(30)
        for column, x in enumerate((60, 200, 480, 620))
        for word in line(f"{7 * row % 30}.{column}" if column else f"Ship {row}", x, 90 + 16 * row)
    ]
    made = lay_out_words(scanned(842, 595), recognition(words))
    tables = [block for block in made.blocks if isinstance(block, Table)]
    assert [len(table.rows[0]) for table in tables] == [4]


def test_arabic_words_are_read_from_the_right() -> None:
    words = [
        Word(text, Box(500 - 60 * place - 57, 100 + 14 * row, 500 - 60 * place, 112 + 14 * row))
        for row, texts in enumerate((("في", "الميناء", "سفينة"), ("كبيرة", "جدا", "اليوم")))
        for place, text in enumerate(texts)
    ]
    made = lay_out_words(scanned(), recognition(words))
    everything = " ".join([made.text, *(block.text for edge in made.edges for block in edge.blocks)])  # type: ignore[union-attr]
    assert sorted(everything.split()) == sorted(["في", "الميناء", "سفينة", "كبيرة", "جدا", "اليوم"])
    assert "في الميناء سفينة" in everything


def test_a_stamp_on_the_margin_stands_apart() -> None:
    stamp = Word("Received", Box(20, 300, 32, 380))
    made = lay_out_words(scanned(), recognition([*page_words(), stamp]))
    assert isinstance(made.blocks[-1], Paragraph)
    assert made.blocks[-1].text == "Received"


def digital() -> RawPage:
    with PdfReader().open(io.BytesIO(make(prose(1))), ReaderLimits(10, 10_000_000)) as document:
        return document.read(1)


def test_words_of_an_image_join_the_text_layer_where_they_stand() -> None:
    page = digital()
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    below = float(boxes[:, 3].max()) + 30
    added = lines(("What the figure says", "stands only in the figure"), 72, below)
    made = lay_out_with_words(page, recognition(added))
    assert made.engine == "text_layer"
    assert made.confidence == 0.9
    assert "What the figure says stands only in the figure" in made.text
    assert made.text.index("What the figure") > made.text.index("Section 1")


def test_a_chart_on_a_page_makes_no_headings_and_no_table() -> None:
    page = digital()
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    top = float(boxes[:, 3].max()) + 20
    chart = Box(72, top, 400, top + 150)
    labels = [
        *line("Visitors", 100, top + 10, 30),
        *(word for row in range(5) for word in line(f"{50 - 10 * row}%", 80, top + 50 + 18 * row)),
        *(word for place in range(4) for word in line(f"20{place + 10}", 120 + 60 * place, top + 140)),
        *line("Peak", 250, top + 68),
    ]
    before = lay_out(page)
    made = lay_out_with_words(replace(page, image_boxes=(chart,)), recognition(labels))
    assert made.blocks[: len(before.blocks)] == before.blocks
    (shown,) = made.blocks[len(before.blocks) :]
    assert isinstance(shown, Paragraph)
    assert sorted(shown.text.split()) == sorted(word.text for word in labels)
    assert made.text.endswith(shown.text)


def test_a_table_in_a_picture_is_one_where_the_picture_stands() -> None:
    page = digital()
    picture = Box(60, 20, 500, 70)
    rows = (("Place", "Level", "Flow"), ("Mill", "9.75", "3.1"), ("Bridge", "12.40", "0.8"))
    words = [
        word
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        for word in line(text, 80 + 120 * column, 24 + 16 * row)
    ]
    made = lay_out_with_words(replace(page, image_boxes=(picture,)), recognition(words))
    assert isinstance(made.blocks[0], Table)
    assert made.blocks[0].rows == rows
    assert made.blocks[1:] == lay_out(page).blocks


def test_words_that_the_text_layer_has_are_not_read_twice() -> None:
    page = digital()
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    places = np.flatnonzero(boxes[:, 2] > boxes[:, 0])
    x0, y0, x1, y1 = boxes[places[:5]].min(axis=0)[0], boxes[places[0]][1], boxes[places[4]][2], boxes[places[0]][3]
    double = Word("Double", Box(float(x0), float(y0), float(x1), float(y1)))
    assert without_doubles((double,), page) == ()
    assert "Double" not in lay_out_with_words(page, recognition([double])).text


def test_without_new_words_a_page_is_what_its_text_layer_makes_it() -> None:
    page = digital()
    assert with_words(page, ()) == page


def test_no_word_at_all_is_no_text() -> None:
    made = lay_out_words(scanned(), recognition([Word(" ", Box(1, 1, 2, 2)), Word("x", Box(5, 5, 5, 9))]))
    assert made.reason is PageReason.NO_TEXT


words = st.builds(
    lambda text, x, y, w, h: Word(text, Box(x, y, x + w, y + h)),
    st.text("abgß1.中ش", min_size=1, max_size=9),
    st.floats(-20, 600),
    st.floats(-20, 850),
    st.floats(0, 300),
    st.floats(0, 60),
)


@settings(max_examples=40)
@given(st.lists(words, max_size=30), st.integers(0, 3), st.sampled_from([0.0, 3.0, -40.0]))
def test_whatever_an_engine_gives_is_laid_out(found: list[Word], turn: int, skew: float) -> None:
    made = lay_out_words(scanned(), recognition(found, turn=turn, skew=skew))
    for block in made.blocks:
        assert block.box.x0 <= block.box.x1
        assert block.box.y0 <= block.box.y1
