from __future__ import annotations

import json
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.layout.granular import with_granular
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import Granularity, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.recognition import Word
from support.documents import HEIGHT, blank, make, table
from support.tasks import parsed

ROWS = (("Place", "Level"), ("Old mill", "2.41"), ("Harbour", "4.75"), ("Bridge", "3.02"))
FILE = "grounded_items.jsonl"


def columns(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(100, 700, "Two words")
    canvas.drawString(300, 700, "another column")
    canvas.drawString(100, 685, "below")
    canvas.drawString(-400, 600, "outside of the page")


def rows(content: bytes, *kinds: str) -> list[dict[str, Any]]:
    found = parsed(content, {"output_options": {"granular_bboxes": kinds}}).files[FILE]
    return [json.loads(line) for line in found.splitlines()]


def test_each_word_has_a_box_around_its_letters() -> None:
    (row,) = rows(make(columns), "word")
    assert [word["text"] for word in row["words"]] == ["Two", "words", "another", "column", "below"]
    first = row["words"][0]["bbox"]
    assert first["x"] == pytest.approx(100, abs=0.5)
    assert first["y"] < HEIGHT - 700 < first["y"] + first["h"]
    assert first["w"] == pytest.approx(18.9, abs=0.5)
    assert set(row) == {"page_number", "page_width", "page_height", "words"}


def test_a_line_ends_at_the_gap_between_columns() -> None:
    (row,) = rows(make(columns), "line")
    assert [line["text"] for line in row["lines"]] == ["Two words", "another column", "below"]


def test_each_cell_of_a_table_says_where_it_stands() -> None:
    (row,) = rows(make(table(ROWS, ruled=True)), "cell")
    cells = {(cell["row"], cell["column"]): cell for cell in row["cells"]}
    assert [cells[index, 0]["text"] for index in range(4)] == ["Place", "Old mill", "Harbour", "Bridge"]
    assert cells[1, 1]["bbox"]["x"] > cells[1, 0]["bbox"]["x"] + cells[1, 0]["bbox"]["w"]
    assert {cell["table"] for cell in row["cells"]} == {0}


def test_every_page_has_a_row() -> None:
    found = rows(make(columns, blank), "word", "line", "cell")
    assert [row["page_number"] for row in found] == [1, 2]
    assert found[1]["words"] == found[1]["lines"] == found[1]["cells"] == []


def test_without_the_option_there_is_no_such_file() -> None:
    assert FILE not in parsed(make(columns), {}).files


def test_recognised_words_are_joined_to_lines_alike() -> None:
    words = [Word("One", Box(10, 10, 30, 20)), Word("line", Box(34, 10, 50, 20)), Word("two", Box(10, 25, 30, 35))]
    page = LaidOutPage(1, 100, 100, 0, (), "", "engine")
    found = with_granular(page, words, ParseOptions(granular_bboxes=(Granularity.LINE,)))
    assert [(line.text, line.box) for line in found.lines] == [
        ("One line", Box(10, 10, 50, 20)),
        ("two", Box(10, 25, 30, 35)),
    ]
    assert found.words == ()
