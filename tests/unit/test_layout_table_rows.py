"""Which lines of a table are further lines of the cells above."""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.layout.columns import Strip
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_rows import row_groups

STARTS = (50.0, 200.0, 400.0)
LETTER_PT, PITCH_PT = 5.0, 12.0


def rows(*lines: Sequence[str], widest: Sequence[int] = (28, 38, 18)) -> list[list[str]]:
    """Give the texts of each row of lines that are evenly set; an empty text is an empty cell."""
    columns = [Strip(start, start + LETTER_PT * count) for start, count in zip(STARTS, widest, strict=True)]
    placed = [
        [
            Segment(x, 100 + PITCH_PT * at, x + LETTER_PT * len(text), 110 + PITCH_PT * at, 10, text)
            for x, text in zip(STARTS, line, strict=False)
            if text
        ]
        for at, line in enumerate(lines)
    ]
    return [[" ".join(one.text for one in line) for line in group] for group in row_groups(placed, columns)]


def test_where_every_line_has_a_label_each_is_a_row() -> None:
    found = rows(
        ("fast_and_without_any_questions", "nothing is asked about the page at all"),
        ("multimodal_with_pictures_to_see", "a picture of the page and its own text"),
        ("agentic_with_repairs_of_places", "the same and then pictures of places."),
    )

    assert [len(group) for group in found] == [1, 1, 1]


def test_a_label_that_breaks_off_goes_on_in_the_next_line() -> None:
    found = rows(
        ("FastAPI and then also Django /", "http", "request."),
        ("Flask and then Starlette too", "", "duration"),
        ("Cloud metrics of all kinds at", "varies", "all of them."),
    )

    assert found[0] == ["FastAPI and then also Django / http request.", "Flask and then Starlette too duration"]


def test_lines_without_a_label_belong_to_the_row_above() -> None:
    found = rows(("verdict", "nobody was asked about this page, as it"), ("", "is blank."), ("prompt", "the version."))

    assert [len(group) for group in found] == [2, 1]
